"""Equity over time, and each agent's figures, in units of the first market's quote asset."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.analytics.frames.columns import Ints, extremes
from mexchange.ledger import Bucket, Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mexchange.analytics.frames.book import Marks
    from mexchange.analytics.frames.columns import Floats, Names, Units
    from mexchange.ledger import Postings
    from mexchange.markets import Market

__all__ = ["Times", "agent_frame", "equity_frame"]

SAMPLES = 20_000
"""At most about this many rows an account."""
SAMPLES_IN_ALL = 4_000_000


class Times:
    """When each of some events happened; what was before the run began counts as its beginning."""

    def __init__(self, events: Iterable[npt.NDArray[np.void]], start_ns: int) -> None:
        events = list(events)
        self._sequences, place = np.unique(
            np.concatenate([part["sequence"] for part in events]), return_index=True
        )
        times = np.concatenate([part["time_ns"] for part in events])
        self._times: Ints = np.maximum(times[place], start_ns)

    def of(self, sequences: Ints) -> Ints:
        """The times of these events."""
        place = np.searchsorted(self._sequences, sequences, side="right") - 1
        return self._times[np.maximum(place, 0)]


def equity_frame(
    positions: npt.NDArray[np.void],
    entries: Postings,
    marks: Marks,
    names: Names,
    units: Units,
    times: Times,
) -> pl.DataFrame:
    """What all that an account has was worth, whenever a mark or the account's money changed.

    `pnl` is what trading made of it: the worth of all that it got and gave in trades, fees
    included, but for what it brought along. Long series are thinned, but the highest and lowest
    `pnl` of every stretch stay.
    """
    accounts = list(_groups(positions["account"]))
    worth = _Worth(entries, marks, units, times, len(accounts))
    parts = [worth.of(positions[place]) for place in accounts]
    empty = np.empty(0, np.int64)
    account = [np.full(len(part[0]), positions["account"][place][0])
               for part, place in zip(parts, accounts, strict=True)]  # fmt: skip
    owner = np.concatenate([empty, *account])
    columns = [np.concatenate([empty, *(part[n] for part in parts)]) for n in range(3)]
    return pl.DataFrame(
        {
            "time_ns": columns[0],
            "account": owner.astype(np.uint32),
            "agent": names.of_agents(owner),
            "equity": columns[1].astype(np.float64),
            "pnl": columns[2].astype(np.float64),
        }
    )


class _Worth:
    """The equity of one account after another."""

    def __init__(
        self, entries: Postings, marks: Marks, units: Units, times: Times, accounts: int
    ) -> None:
        self._marks, self._units, self._times = marks, units, times
        transfers = np.isin(entries["cause"], (Cause.DEPOSIT, Cause.WITHDRAWAL))
        paid = entries[transfers & (entries["bucket"] == Bucket.AVAILABLE)]
        self._paid = paid[np.lexsort((paid["asset"], paid["account"]))]
        self._paid_keys = _key(self._paid)
        self._limit = min(SAMPLES, max(100, SAMPLES_IN_ALL // max(accounts, 1)))
        self._thinned: dict[tuple[int, ...], Ints] = {}

    def of(self, positions: npt.NDArray[np.void]) -> tuple[Ints, Floats, Floats]:
        """Times, equity and result of trading, from all positions of one account."""
        held = [positions[place] for place in _groups(positions["asset"])]
        moved = [rows["sequence"][_changes(rows["available"] + rows["held"])] for rows in held]
        first = min(int(sequences[0]) for sequences in moved)
        marked = self._marked(tuple(int(rows["asset"][0]) for rows in held))
        at = np.unique(np.concatenate([*moved, np.maximum(marked, first)]))
        time = self._times.of(at)
        last = np.append(np.diff(time) != 0, True)
        at, time = at[last], time[last]
        equity, pnl = np.zeros(len(at)), np.zeros(len(at))
        for rows in held:
            asset = int(rows["asset"][0])
            total, paid = self._holdings(rows, at)
            value = self._marks.value(asset, at)
            equity += self._units.amounts(total, asset) * value
            pnl += self._units.amounts(total - paid, asset) * value
        kept = extremes(pnl, self._limit)
        return time[kept], equity[kept], pnl[kept]

    def _holdings(self, rows: npt.NDArray[np.void], at: Ints) -> tuple[Ints, Ints]:
        """What the account had of one asset at these events, and what it had paid in until then."""
        place = np.searchsorted(rows["sequence"], at, side="right") - 1
        total = np.where(place >= 0, (rows["available"] + rows["held"])[place], 0)
        key = _key(rows[:1])
        paid = self._paid[slice(*np.searchsorted(self._paid_keys, [key[0], key[0] + 1]))]
        sums = np.append(0, np.cumsum(paid["amount"]))
        return total, sums[np.searchsorted(paid["sequence"], at, side="right")]

    def _marked(self, assets: tuple[int, ...]) -> Ints:
        """Events at which the worth of these assets changed, thinned."""
        if assets not in self._thinned:
            series = self._marks.changes(assets)
            places = [extremes(price, self._limit // len(series)) for _, price in series]
            kept = [at[place] for (at, _), place in zip(series, places, strict=True)]
            self._thinned[assets] = np.unique(np.concatenate([np.empty(0, np.int64), *kept]))
        return self._thinned[assets]


def _key(rows: npt.NDArray[np.void]) -> Ints:
    """Account and asset in one number."""
    key: Ints = rows["account"].astype(np.int64) << 16 | rows["asset"]
    return key


def _groups(values: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Stretches of equal values."""
    edges = np.flatnonzero(_changes(values)).tolist()
    for first, last in pairwise([*edges, len(values)]):
        yield slice(first, last)


def _changes(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before; true of the first."""
    changed = np.ones(len(values), np.bool_)
    changed[1:] = values[1:] != values[:-1]
    return changed


def agent_frame(
    equity: pl.DataFrame,
    fills: pl.DataFrame,
    entries: Postings,
    markets: Sequence[Market],
    marks: Marks,
    units: Units,
) -> pl.DataFrame:
    """The figures of each account but the house, the busiest first."""
    pnl = pl.col("pnl")
    worth = equity.group_by("account", "agent", maintain_order=True).agg(
        pl.col("equity").last(),
        pnl.last(),
        (pnl.cum_max() - pnl).max().alias("drawdown"),
    )
    rate = _rates(fills, markets, marks, units)
    value = pl.col("price") * pl.col("quantity") * pl.col("rate")
    trading = (
        fills.with_columns(rate.alias("rate"))
        .group_by("account")
        .agg(
            pl.len().alias("fills"),
            value.sum().alias("volume"),
            value.filter(pl.col("role") == "maker").sum().alias("made"),
            (pl.col("fee") * pl.col("rate")).sum().alias("fees"),
        )
    )
    return (
        worth.join(trading, on="account", how="left")
        .join(_inventory(entries, units), on="account", how="left")
        .filter(pl.col("account") != 0)
        .with_columns(pl.col("fills", "volume", "made", "fees", "inventory").fill_null(0))
        .with_columns(
            pl.when(pl.col("volume") > 0)
            .then(pl.col("made") / pl.col("volume"))
            .alias("maker_share")
        )
        .sort("volume", "account", descending=[True, False])
        .select(
            "account", "agent", "equity", "pnl", "drawdown", "fills", "volume", "maker_share",
            "fees", "inventory",
        )
    )  # fmt: skip


def _rates(fills: pl.DataFrame, markets: Sequence[Market], marks: Marks, units: Units) -> pl.Series:
    """What a unit of the quote asset of each fill was worth."""
    rates = np.ones(fills.height)
    sequence = fills["sequence"].to_numpy()
    for number, market in enumerate(markets):
        if units.quote[number] != units.quote[0]:
            own = (fills["market"] == market.name).to_numpy()
            rates[own] = marks.value(int(units.quote[number]), sequence[own])
    return pl.Series(rates)


def _inventory(entries: Postings, units: Units) -> pl.DataFrame:
    """What trading changed of each account's holdings of the first market's base asset."""
    asset = int(units.base[0])
    moved = entries[(entries["asset"] == asset) & (entries["cause"] == Cause.TRADE)]
    accounts, place = np.unique(moved["account"], return_inverse=True)
    total = np.zeros(len(accounts), np.int64)
    np.add.at(total, place, moved["amount"])
    return pl.DataFrame({"account": accounts, "inventory": units.amounts(total, asset)})
