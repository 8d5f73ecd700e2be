"""What comes out of a run: its events, and everything that follows from them as Polars frames."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mexchange.analytics import microstructure
from mexchange.analytics.attribution import attribution
from mexchange.analytics.frames.book import book_frame
from mexchange.analytics.frames.inventory import inventory_frame
from mexchange.analytics.frames.money import (
    Positions,
    ledger_frame,
    position_frame,
    position_rows,
)
from mexchange.analytics.frames.orders import order_frame
from mexchange.analytics.frames.source import Source
from mexchange.analytics.frames.trading import event_frame, fill_frame, trade_frame
from mexchange.analytics.frames.worth import Times, agent_frame, equity_frame
from mexchange.analytics.microstructure.markouts import HORIZONS
from mexchange.analytics.microstructure.spreads import effective_spreads, spreads
from mexchange.analytics.notebook import in_short
from mexchange.analytics.performance import performance
from mexchange.analytics.plots import Plots
from mexchange.analytics.saving import save_frames
from mexchange.ledger import check
from mexchange.markets import Market
from mexchange.records import Commands, EventKind, Events

__all__ = ["Result"]

SECOND = 1_000_000_000


class Result:
    """The events of a run and what follows from them, each frame made when it is first asked for.

    Frames: `events`, `orders`, `trades`, `fills`, `book`, `equity`, `positions`, `ledger`,
    `agents`, `inventory` and `attribution`; docs/results.md says what is in each of their columns.
    Measures: `candles`, `spreads`, `depth`, `imbalance`, `order_flow`, `markouts`, `fill_times`,
    `queue_positions`, `order_statistics` and `performance`; docs/analytics.md defines them. `plot`
    draws it all. Names are Polars enums, spelled
    as in `mexchange.records`. Times are integer nanoseconds; `price` and `quantity` are floats in
    the units of their market; what ends in `_atoms` is exact. Money without a unit is in the first
    market's quote asset.

    `records` and `commands` are the arrays as they were given; `extra` is what a run has to tell
    besides (a backtest its `divergence`).

    >>> from mexchange import Asset, Exchange, Side
    >>> exchange = Exchange(Market(Asset("KCN", 2), Asset("EUR", 4)), engine="reference")
    >>> alice = exchange.open_account()
    >>> events = exchange.deposit(alice, "EUR", "9"), exchange.submit(alice, 0, Side.BUY, "1", "9")
    >>> result = Result(exchange.markets, np.concatenate(events), accounts={alice: "Alice"})
    >>> result.orders.select("agent", "side", "price", "status").rows()
    [('Alice', 'BUY', 9.0, 'open')]
    """

    def __init__(
        self,
        markets: Sequence[Market],
        events: Events,
        *,
        commands: Commands | None = None,
        accounts: Mapping[int, str] | None = None,
        start_ns: int = 0,
        seed: int = 0,
        parameters: Mapping[str, Any] | None = None,
        digest: str = "",
        title: str = "mExchange",
        extra: Mapping[str, Any] | None = None,
        initial: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        """Take what a run leaves.

        Args:
            markets: those of the exchange, in its order; at least one.
            events: all events, an array of `EVENT` by sequence. It is kept, not copied.
            commands: what was sent, if that is of interest.
            accounts: the name of the agent of each account; 0 is the house. Accounts that are not
                named are called by their number, and equal names are told apart by it.
            start_ns: when the run began. What happened before prepared it.
            seed: of the run's randomness.
            parameters: what the run was told, for people to read.
            digest: of the state at the end.
            title: a line that says what this was.
            extra: what else there is to tell; `focus` names the agent that a report is about.
            initial: best bid and ask (ticks) by market number, to value assets at before the book
                has two sides.
        """
        self.markets = tuple(markets)
        self.records = events
        self.commands = commands
        self.start_ns = int(start_ns)
        self.seed = seed
        self.parameters = dict(parameters or {})
        self.digest = digest
        self.title = title
        self.extra = dict(extra or {})
        self.source = Source(self.markets, events, dict(accounts or {}), self.start_ns, initial)

    @property
    def accounts(self) -> dict[int, str]:
        """The name of the agent of each account."""
        return dict(enumerate(self.source.names.agents))

    @property
    def end_ns(self) -> int:
        """When the last event happened."""
        return max(self.source.scan.end_ns, self.start_ns)

    @property
    def unit(self) -> str:
        """The asset that money is counted in: the first market's quote asset."""
        return self.markets[0].quote.name

    # Frames.

    @cached_property
    def events(self) -> pl.DataFrame:
        """Every event with all its fields, in ticks, lots and atoms: large, and seldom needed."""
        return pl.concat(self._event_frames())

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row an order: what it asked for and what became of it."""
        return order_frame(self.source.pieces, self.source.names, self.source.units)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row a trade."""
        return trade_frame(self.source.traded, self.source.names, self.source.units)

    @cached_property
    def fills(self) -> pl.DataFrame:
        """Two rows a trade: its maker's, then its taker's."""
        return fill_frame(self.source.traded, self.source.names, self.source.units)

    @cached_property
    def book(self) -> pl.DataFrame:
        """One row for each change of a market's best bid or ask."""
        return book_frame(self.source.scan.best, self.source.names, self.source.units)

    @cached_property
    def positions(self) -> pl.DataFrame:
        """What an account had of an asset after each event that moved it."""
        return pl.concat(self._position_frames())

    @cached_property
    def equity(self) -> pl.DataFrame:
        """What all that an account had was worth over time."""
        times = Times(
            (self.source.scan.best, self.source.traded, self.source.scan.paid), self.start_ns
        )
        rows = position_rows(self.source.moves)
        return equity_frame(
            rows, self.source.moves, self.source.marks, self.source.names, self.source.units, times
        )

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """Double entry: postings that sum to zero for each event and asset."""
        return pl.concat(self._ledger_frames())

    @cached_property
    def agents(self) -> pl.DataFrame:
        """The figures of each account but the house, the busiest first."""
        return agent_frame(
            self.equity,
            self.fills,
            self.source.moves,
            self.markets,
            self.source.marks,
            self.source.units,
        )

    # Measures, each a frame. What costs time and has no parameters is computed once.

    @cached_property
    def inventory(self) -> pl.DataFrame:
        """What each account had bought less what it had sold, after each of its fills."""
        return inventory_frame(self.source.traded, self.source.names, self.source.units)

    @cached_property
    def attribution(self) -> pl.DataFrame:
        """Where each account's result came from in each market, adding up to the last atom."""
        return attribution(self.source)

    @cached_property
    def queue_positions(self) -> pl.DataFrame:
        """How much stood ahead of a resting order when it came and when it was hit, by fill."""
        return microstructure.queue_positions(self)

    @cached_property
    def fill_times(self) -> pl.DataFrame:
        """How long each accepted order waited for its first fill, or in vain."""
        return microstructure.fill_times(self)

    @cached_property
    def order_statistics(self) -> pl.DataFrame:
        """What became of each agent's orders, and how many messages it sent for each fill."""
        return microstructure.order_statistics(self)

    @cached_property
    def spreads(self) -> pl.DataFrame:
        """Quoted, effective and realised spread and mean depth of each market."""
        quoted, paid = spreads(self), effective_spreads(self)
        return quoted.join(paid, on="market", how="left", maintain_order="left")

    def candles(self, interval: int | str, market: str | int | None = None) -> pl.DataFrame:
        """Open, high, low, close and volume of every interval (ns, or a text as '1m').

        Intervals without a trade are there, with null prices and zero volume. Raises ValueError for
        an interval that is no length of time, and for an unknown market.
        """
        return microstructure.candles(self, interval, market)

    def depth(
        self, levels: int = 10, every: int | str = "1s", market: str | int | None = None
    ) -> pl.DataFrame:
        """The best `levels` of both sides at the end of every interval; raises as `candles`."""
        return microstructure.depth(self, levels, every, market)

    def imbalance(
        self, levels: int = 5, every: int | str = "1s", market: str | int | None = None
    ) -> pl.DataFrame:
        """How much more is bid for than offered, (B − A) / (B + A); raises as `candles`."""
        return microstructure.imbalance(self, levels, every, market)

    def order_flow(
        self, interval: int | str = "1s", market: str | int | None = None
    ) -> pl.DataFrame:
        """The imbalance of order flow (Cont, Kukanov & Stoikov 2014); raises as `candles`."""
        return microstructure.order_flow_imbalance(self, interval, market)

    def markouts(
        self,
        horizons: Sequence[float] = HORIZONS,
        by: Sequence[str] = ("agent", "role"),
    ) -> pl.DataFrame:
        """How far the mid went in favour of fills, in basis points, some seconds after them."""
        return microstructure.markouts(self, horizons, by)

    def performance(
        self,
        agent: str | None = None,
        *,
        interval: int | str | None = None,
        level: float = 0.95,
        samples: int = 1_000,
    ) -> pl.DataFrame:
        """Returns, risk and their ratios of one agent or of all, with intervals at `level`.

        Raises ValueError for an unknown agent, an interval that does not fit into the run, and a
        level outside 0 … 1. `mexchange.analytics.performance` says what is what.
        """
        return performance(self, agent, interval=interval, level=level, samples=samples)

    @property
    def plot(self) -> Plots:
        """Draws what a report shows: `plot()` all of it, `plot.equity()` one panel."""
        return Plots(self)

    # Frames that may be larger than memory, in pieces.

    def _event_frames(self) -> Iterator[pl.DataFrame]:
        yield event_frame(self.records[:0], self.source.names)
        for piece in self.source.pieces():
            yield event_frame(piece, self.source.names)

    def _ledger_frames(self) -> Iterator[pl.DataFrame]:
        for part in self.source.postings():
            yield ledger_frame(part, self.source.names)

    def _position_frames(self) -> Iterator[pl.DataFrame]:
        positions = Positions()
        for part in self.source.postings():
            yield position_frame(positions.add(part), self.source.names, self.source.units)

    # In short.

    def check(self) -> None:
        """Raise AssertionError, naming an event, if the ledger does not balance to the atom."""
        for part in self.source.postings():
            check(part)

    def summary(self) -> dict[str, Any]:
        """The figures one looks at first, ready for JSON; money in `unit`, volume counted once."""
        agents = self.agents
        figures = ("pnl", "equity", "drawdown", "fills", "volume", "maker_share", "fees")
        kinds = self.source.scan.kinds
        return {
            "title": self.title,
            "markets": [market.name for market in self.markets],
            "unit": self.unit,
            "seed": self.seed,
            "digest": self.digest,
            "seconds": (self.end_ns - self.start_ns) / SECOND,
            "events": len(self.records),
            "orders": int(kinds[EventKind.ACCEPTED]),
            "rejected": int(kinds[EventKind.REJECTED]),
            "trades": int(kinds[EventKind.TRADE]),
            "volume": _rounded(float(agents["volume"].sum()) / 2),
            "fees": _rounded(float(agents["fees"].sum())),
            "agents": {
                row["agent"]: {name: _rounded(row[name]) for name in (*figures, "inventory")}
                for row in agents.iter_rows(named=True)
            },
            **{
                name: value
                for name, value in self.extra.items()
                if name != "focus" and _is_plain(value)
            },
        }

    def save(self, folder: Path | str) -> Path:
        """Write each frame as `<name>.parquet` and the summary as `summary.json`; the folder.

        Raises OSError if that cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        streamed = {
            "events": self._event_frames,
            "positions": self._position_frames,
            "ledger": self._ledger_frames,
        }
        for name in FRAMES:
            # What may be larger than memory is made and written piece by piece, and not kept.
            parts = streamed.get(name)
            if parts is None or name in self.__dict__:
                save_frames([getattr(self, name)], folder / f"{name}.parquet")
            else:
                save_frames(parts(), folder / f"{name}.parquet")
        text = json.dumps(self.summary(), indent=2, allow_nan=False)
        (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
        return folder

    def __repr__(self) -> str:
        names = ", ".join(market.name for market in self.markets)
        return (
            f"<Result {self.title!r}: {names}; {len(self.records):,} events, "
            f"{len(self.source.traded):,} trades, {len(self.accounts) - 1} agents; "
            f"seed {self.seed}, digest {self.digest[:8] or 'unknown'}>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the run in a line and its agents in a table."""
        return in_short(self, FRAMES, MEASURES)


FRAMES = (
    "events", "orders", "trades", "fills", "book", "equity", "positions", "ledger", "agents",
)  # fmt: skip
MEASURES = (
    "attribution", "candles()", "depth()", "fill_times", "imbalance()", "inventory", "markouts()",
    "order_flow()", "order_statistics", "performance()", "queue_positions", "spreads",
)  # fmt: skip


def _rounded(value: float | None) -> float | int | None:
    """A figure without the noise of floats; None if there is none."""
    if value is None or isinstance(value, int):
        return value
    return round(value, 8) if np.isfinite(value) else None


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold a value as it is."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(inner) for name, inner in value.items())
    if isinstance(value, float):
        return bool(np.isfinite(value))
    return value is None or isinstance(value, str | int)
