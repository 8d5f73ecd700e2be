"""Where the result of trading came from, to the last atom.

With p the price of a fill, m the mid that the incoming order met and q what was bought (negative:
sold), each account's result in a market falls apart into

    spread       Σ q (m − p)        what fills were better than the mid; negative for takers
    inventory    Σ L (m' − m)       what was held (L, from trading) gained as the mid moved on
    fees         − Σ fee            less rebates
    pnl          = spread + inventory + fees

which is the usual decomposition of a market maker's revenue (Menkveld, "High frequency trading and
the new market makers", Journal of Financial Markets 16, 2013). Besides there is what had been
brought along:

    endowment    what deposits of the base asset gained as the mid moved on
    transfers    deposits less withdrawals, base at the mid of their moment
    equity       = pnl + endowment + transfers

A mid may lie between two ticks, where an odd number of lots is worth half an atom too much for
integers. So holdings have a value V = ⌊atoms × mid⌋ in whole atoms of the quote asset, and every
part is a difference of such values: `spread` of those at a fill, `inventory` of those from one fill
to the next. The parts then add up exactly, whatever was rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.ledger import Bucket, Cause
from mexchange.records import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mexchange.analytics.frames.columns import Ints
    from mexchange.analytics.frames.source import Source

__all__ = ["PARTS", "Path", "attribution", "over_time", "paths"]

PARTS = ("spread", "inventory", "fees", "pnl", "endowment", "transfers", "equity")
LIMIT = float(1 << 62)


def attribution(source: Source) -> pl.DataFrame:
    """One row for each account and market that it traded in or paid into, the house included.

    Columns: account, agent, market, each of `PARTS` in the market's quote asset, and the same as
    exact integers (spread_atoms and so on). What was paid in of an asset counts in the first
    market that has it. Where each asset but one quote asset is traded in one market only, the
    `equity` of an account's rows sums up to what it owns.
    """
    rows = [row for market in range(len(source.markets)) for row in _rows(source, market)]
    columns = list(zip(*rows, strict=True)) or [()] * (2 + len(PARTS))
    account, market = (np.array(column, np.int64) for column in columns[:2])
    # What was brought along may be worth more than 64 bits of atoms can say.
    atoms = dict(zip(PARTS, columns[2:], strict=True))
    quote = source.units.quote[market]
    return pl.DataFrame(
        {
            "account": account.astype(np.uint32),
            "agent": source.names.of_agents(account),
            "market": source.names.of_markets(market),
        }
        | {
            name: source.units.amounts(np.array(values, np.float64), quote)
            for name, values in atoms.items()
        }
        | {f"{name}_atoms": pl.Series(values, dtype=pl.Int128) for name, values in atoms.items()}
    )


@dataclass(frozen=True)
class Path:
    """What trading made of one account in one market, fill by fill: arrays [fills].

    `held` is the inventory after each fill (lots). `spread`, `cash` and `fees` (quote atoms) are
    sums up to and with it: what fills were better than the mid, what was received, what was paid.
    """

    sequence: Ints
    time_ns: Ints
    held: Ints
    spread: Ints
    cash: Ints
    fees: Ints


def paths(source: Source, market: int) -> dict[int, Path]:
    """The path of every account that traded in a market."""
    value = _Value(source, market)
    return {account: path for account, (path, _) in _walked(source, value).items()}


def over_time(source: Source, market: int, account: int, times: Ints) -> pl.DataFrame:
    """The parts of one account's result in one market as they stood at these times.

    Columns: time_ns, and spread, inventory, fees and pnl in the market's quote asset.
    """
    value = _Value(source, market)
    path = paths(source, market).get(account)
    sums = dict.fromkeys(("spread", "cash", "fees", "held"), np.zeros(len(times), np.int64))
    if path is not None:
        place = np.searchsorted(path.time_ns, times, side="right") - 1
        for name in sums:
            sums[name] = np.where(place >= 0, getattr(path, name)[np.maximum(place, 0)], 0)
    worth = value.of_lots(sums["held"], value.marks(source.until(times)))
    pnl = sums["cash"] + worth - sums["fees"]
    parts = {
        "spread": sums["spread"],
        "inventory": sums["cash"] + worth - sums["spread"],
        "fees": -sums["fees"],
        "pnl": pnl,
    }
    quote = int(source.units.quote[market])
    amounts = {name: source.units.amounts(atoms, quote) for name, atoms in parts.items()}
    return pl.DataFrame({"time_ns": times} | amounts)


def _walked(source: Source, value: _Value) -> dict[int, tuple[Path, int]]:
    """The path of each account, and what its inventory gained."""
    traded = value.traded
    met = np.maximum(_arrivals(traded) - 1, source.scan.opening)
    marks = value.marks(met)
    # Two fills a trade, the maker's first.
    account = np.stack([traded["maker_account"], traded["account"]], axis=1).reshape(-1)
    signed = np.where(traded["side"] == Side.BUY, traded["quantity"], -traded["quantity"])
    lots = np.stack([-signed, signed], axis=1).reshape(-1)
    fee = np.stack([traded["maker_fee"], traded["fee"]], axis=1).reshape(-1)
    place = np.repeat(np.arange(len(traded)), 2)
    paid = lots * traded["price"][place] * value.unit
    order = np.argsort(account, kind="stable")
    edges = np.flatnonzero(np.diff(account[order], prepend=-1))
    found = {}
    for rows in np.split(order, edges[1:]) if len(order) else ():
        held = np.cumsum(lots[rows])
        mark = marks[place[rows]]
        after, before = value.of_lots(held, mark), value.of_lots(held - lots[rows], mark)
        following = np.append(mark[1:], value.marks(value.end)[0])
        inventory = value.of_lots(held, following) - after
        path = Path(
            traded["sequence"][place[rows]],
            traded["time_ns"][place[rows]],
            held,
            np.cumsum(after - before - paid[rows]),
            np.cumsum(-paid[rows]),
            np.cumsum(fee[rows]),
        )
        found[int(account[rows[0]])] = path, int(inventory.sum())
    return found


def _rows(source: Source, market: int) -> list[tuple[int, ...]]:
    """Account, market and `PARTS` in atoms of everybody who has a part in a market."""
    value = _Value(source, market)
    walked = _walked(source, value)
    brought = _brought(source, value, {account: path for account, (path, _) in walked.items()})
    income = int(value.traded["fee"].sum() + value.traded["maker_fee"].sum())
    mark = int(value.marks(value.end)[0])
    rows: list[tuple[int, ...]] = []
    for account in sorted({*walked, *brought, *([0] if income else [])}):
        spread = inventory = fees = held = 0
        if account in walked:
            path, inventory = walked[account]
            spread, fees = int(path.spread[-1]), -int(path.fees[-1])
            held = int(path.held[-1]) * value.per_lot
        fees += income if account == 0 else 0
        had, worth, cash = brought.get(account, (0, 0, 0))
        gained = value.of_atoms(had + held, mark) - value.of_atoms(held, mark) - worth
        pnl, transfers = spread + inventory + fees, cash + worth
        parts = spread, inventory, fees, pnl, gained, transfers, pnl + gained + transfers
        rows.append((account, market, *parts))
    return rows


def _brought(
    source: Source, value: _Value, walked: Mapping[int, Path]
) -> dict[int, tuple[int, int, int]]:
    """Of each account, all in atoms: the base it paid in, what that was worth then, and the quote.

    Without an asset that an earlier market has.
    """
    units, moves, market = source.units, source.moves, value.market
    base, quote = int(units.base[market]), int(units.quote[market])
    paid = moves[np.isin(moves["cause"], (Cause.DEPOSIT, Cause.WITHDRAWAL))]
    paid = paid[paid["bucket"] == Bucket.AVAILABLE]
    earlier = {*units.base[:market].tolist(), *units.quote[:market].tolist()}
    paid = paid[np.isin(paid["asset"], [asset for asset in (base, quote) if asset not in earlier])]
    marks = value.marks(np.maximum(paid["sequence"], source.scan.opening))
    found: dict[int, tuple[int, int, int]] = {}
    for row, mark in zip(paid.tolist(), marks.tolist(), strict=True):
        sequence, _, amount, account, asset = row[:5]
        had, worth, cash = found.get(account, (0, 0, 0))
        if asset == quote:
            found[account] = had, worth, cash + amount
            continue
        before = had
        if account in walked:
            path = walked[account]
            place = int(np.searchsorted(path.sequence, sequence, side="right")) - 1
            before += int(path.held[place]) * value.per_lot if place >= 0 else 0
        gained = value.of_atoms(before + amount, mark) - value.of_atoms(before, mark)
        found[account] = had + amount, worth + gained, cash
    return found


class _Value:
    """What the base of a market is worth in whole quote atoms, at marks in half ticks."""

    def __init__(self, source: Source, market: int) -> None:
        self.market = market
        self.traded = source.traded[source.traded["market"] == market]
        self.per_lot = source.markets[market].base_per_lot
        self.unit = source.markets[market].quote_per_lot_tick
        self._at, self._marks = source.marks.half_ticks(market)
        most = float(self.traded["quantity"].sum()) * float(self._marks.max(initial=0)) * self.unit
        self._kind: Any = np.int64 if most < LIMIT else object
        self.end = np.array([np.iinfo(np.int64).max])

    def marks(self, sequences: Ints) -> Ints:
        """The mark after each of these events; the first one before there is any, 0 without."""
        if not len(self._at):
            return np.zeros(len(sequences), np.int64)
        place = np.searchsorted(self._at, sequences, side="right") - 1
        found: Ints = self._marks[np.maximum(place, 0)]
        return found

    def of_lots(self, lots: Ints, marks: Ints) -> Ints:
        """⌊lots × mark⌋ in quote atoms; computed in Python's integers where 64 bits are few."""
        product = lots.astype(self._kind) * marks * self.unit // 2
        return product.astype(np.int64)

    def of_atoms(self, atoms: int, mark: int) -> int:
        """The same of one amount of base atoms."""
        return int(atoms) * int(mark) * self.unit // (2 * self.per_lot)


def _arrivals(traded: npt.NDArray[np.void]) -> Ints:
    """For each trade the sequence of the first of the same incoming order's."""
    begins = np.ones(len(traded), np.bool_)
    same = np.ones(max(len(traded) - 1, 0), np.bool_)
    for name in ("order_id", "time_ns"):
        same &= traded[name][1:] == traded[name][:-1]
    begins[1:] = ~same
    sequence = traded["sequence"]
    found: Ints = sequence[begins][np.cumsum(begins) - 1] if len(traded) else sequence
    return found
