"""What the stylised facts are measured on: top of book, trades, placements; of a run or a feed.

A `Sample` is plain arrays, so a simulated market and a recorded one go through the very same
formulas. Prices are in ticks and quantities in lots of whatever market it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mexchange.data.depth import CHANGE, DepthBuilder
from mexchange.records import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mexchange.analytics.result import Result
    from mexchange.data.binance import Recording
    from mexchange.records import Events

__all__ = ["Levels", "Parents", "Placements", "Sample", "Tape", "Top", "of_events", "of_recording"]

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
PIECE = 1 << 20
WORKER = "metaorder"
PAUSE_NS = 3_600 * SECOND
CADENCE_NS = 100 * MILLISECOND
"""Changes of levels are counted as a depth stream of this cadence would tell them."""


@dataclass(frozen=True, slots=True, eq=False)
class Top:
    """Best bid and ask at the end of each instant that changed them, arrays of shape [rows].

    Both sides are there; times rise strictly. A row stands until the next.
    """

    time_ns: Int64
    bid: Int64
    bid_quantity: Int64
    ask: Int64
    ask_quantity: Int64

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Trades, arrays of shape [trades]: `sign` is 1 where the aggressor bought, else -1.

    `match_ms` is the exchange's millisecond, by which trades belong to one market order.
    """

    time_ns: Int64
    match_ms: Int64
    price: Int64
    quantity: Int64
    sign: Int64

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """Limit orders that came to rest: how many ticks behind the best of their own side they stood.

    `offset` is 0 at the best, and negative where the order improved it.
    """

    time_ns: Int64
    offset: Int64


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Changes of levels of the book; `wiped` is True where nothing was left of the level."""

    time_ns: Int64
    wiped: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Parents:
    """Orders that were worked in pieces: from first to last trade, side (1 buy) and lots traded."""

    start_ns: Int64
    end_ns: Int64
    sign: Int64
    quantity: Int64

    def __len__(self) -> int:
        return len(self.start_ns)


@dataclass(frozen=True, eq=False)
class Sample:
    """What was seen of one market from `start_ns` to `end_ns`; None where a source lacks it."""

    name: str
    start_ns: int
    end_ns: int
    top: Top
    tape: Tape
    placements: Placements | None = None
    levels: Levels | None = None
    parents: Parents | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end_ns - self.start_ns) / SECOND

    @cached_property
    def mid(self) -> Floats:
        """The mid in ticks, one for each row of `top`."""
        mid: Floats = (self.top.bid + self.top.ask) / 2
        return mid

    def mid_at(self, times: Int64, *, before: bool = False) -> Floats:
        """The mid in ticks that stood at (or right before) these times; NaN before the first."""
        place = np.searchsorted(self.top.time_ns, times, side="left" if before else "right") - 1
        if not len(self.top):
            return np.full(len(times), np.nan)
        return np.where(place >= 0, self.mid[np.maximum(place, 0)], np.nan)

    def returns(self, step_ns: int) -> tuple[Int64, Floats]:
        """Log returns of the mid over steps of time: when each step begins, and its return."""
        if not len(self.top):
            return np.empty(0, np.int64), np.empty(0)
        first = max(self.start_ns, int(self.top.time_ns[0]))
        edges = np.arange(first, self.end_ns + 1, step_ns)
        return edges[:-1], np.diff(np.log(self.mid_at(edges)))

    @cached_property
    def orders(self) -> Tape:
        """Market orders: trades of one side in one millisecond of the exchange, put together."""
        tape = self.tape
        if not len(tape):
            return tape
        starts = np.flatnonzero(
            np.concatenate([[True], (np.diff(tape.match_ms) != 0) | (np.diff(tape.sign) != 0)])
        )
        return Tape(
            tape.time_ns[starts],
            tape.match_ms[starts],
            tape.price[starts],
            np.add.reduceat(tape.quantity, starts),
            tape.sign[starts],
        )


def top_of(time_ns: Int64, bid: Any, bid_quantity: Any, ask: Any, ask_quantity: Any) -> Top:
    """Rows as they came, without those that lasted no time, are one-sided or changed nothing."""
    columns = [np.asarray(c, np.int64) for c in (bid, bid_quantity, ask, ask_quantity)]
    kept = np.append(np.diff(time_ns) > 0, True) if len(time_ns) else np.empty(0, np.bool_)
    kept = kept & (columns[0] > 0) & (columns[2] > 0)
    time_ns, columns = time_ns[kept], [column[kept] for column in columns]
    if len(time_ns):
        moved = np.append(True, np.any([np.diff(column) != 0 for column in columns], axis=0))
        time_ns, columns = time_ns[moved], [column[moved] for column in columns]
    return Top(time_ns, *columns)


def of_recording(recording: Recording, name: str = "") -> Sample:
    """The sample of a Binance recording: best bid and ask, trades, changes of levels.

    Times are of the local clock, which all streams share. A level-2 feed tells nothing of orders.
    """
    quotes, trades, diffs = recording.quotes, recording.trades, recording.diffs
    order = np.argsort(quotes.local_ns, kind="stable")
    top = top_of(
        quotes.local_ns[order],
        *(
            column[order]
            for column in (quotes.bid, quotes.bid_quantity, quotes.ask, quotes.ask_quantity)
        ),
    )
    tape = Tape(trades.local_ns, trades.trade_ms, trades.price, trades.quantity, trades.sign)
    counts = np.diff(diffs.ends, prepend=0)
    levels = Levels(np.repeat(diffs.local_ns, counts), diffs.levels["quantity"] == 0)
    times = [part for part in (quotes.local_ns, trades.local_ns) if len(part)]
    start, end = min(int(t.min()) for t in times), max(int(t.max()) for t in times)
    return Sample(name or recording.symbol, start, end, top, tape, None, levels)


def of_result(result: Result, market: int = 0, name: str = "") -> Sample:
    """The sample of one market of a run.

    Metaorders are those of accounts whose name begins with `metaorder`, where there are such, else
    of all accounts.
    """
    workers = [number for number, agent in result.accounts.items() if agent.startswith(WORKER)]
    return of_events(
        result.records,
        market=market,
        start_ns=result.start_ns,
        name=name or result.title,
        workers=np.array(workers) if workers else None,
    )


def of_events(
    events: Events | Mapping[str, Any],
    *,
    market: int = 0,
    start_ns: int = 0,
    end_ns: int | None = None,
    name: str = "run",
    workers: Int64 | None = None,
) -> Sample:
    """The sample of one market from its events, in their order.

    Args:
        events: an array of `EVENT`, or its columns by name (as of a saved frame).
        start_ns, end_ns: what is outside builds the book but is not part of the sample.
        workers: the accounts whose runs of market orders are metaorders; default: all.
    """
    time_ns, kind = np.asarray(events["time_ns"]), np.asarray(events["kind"])
    used = (kind == EventKind.TRADE) | (np.asarray(events["displayed"]) != 0)
    at = np.flatnonzero(used & (np.asarray(events["market"]) == market))
    columns = {
        field: np.asarray(events[field])[at].astype(np.int64)
        for field in ("time_ns", "kind", "side", "price", "quantity", "displayed", "account")
    }
    end = int(time_ns.max(initial=start_ns)) if end_ns is None else end_ns
    best = _best(columns)
    before = np.concatenate([np.zeros((1, 4), np.int64), best[:-1]])
    inside = (columns["time_ns"] >= start_ns) & (columns["time_ns"] <= end)
    top = _top(columns["time_ns"], best, start_ns, end)
    traded = inside & (columns["kind"] == EventKind.TRADE)
    tape = Tape(
        columns["time_ns"][traded],
        columns["time_ns"][traded] // MILLISECOND,
        columns["price"][traded],
        columns["quantity"][traded],
        1 - 2 * columns["side"][traded],
    )
    return Sample(
        name, start_ns, end, top, tape,
        placements=_placements(columns, before, inside),
        parents=_parents(columns, traded, workers),
        levels=_levels(columns, start_ns, end),
    )  # fmt: skip


def _change(columns: Mapping[str, Int64]) -> npt.NDArray[np.void]:
    """What each event changes of the book; a trade changes the maker's side, which is the other."""
    result = np.empty(len(columns["kind"]), CHANGE)
    of_maker = np.isin(columns["kind"], (EventKind.TRADE, EventKind.PREVENTED))
    result["side"] = columns["side"] ^ of_maker
    result["price"], result["displayed"] = columns["price"], columns["displayed"]
    return result


def _best(columns: Mapping[str, Int64]) -> Int64:
    """Ask price and quantity, bid price and quantity after each event: int64 [events, 4]."""
    change = _change(columns)
    builder = DepthBuilder(change["price"])
    rows = np.empty((len(change), 4), np.int64)
    for first in range(0, len(change), PIECE):
        piece = change[first : first + PIECE]
        ends = np.arange(1, len(piece) + 1)
        rows[first : first + PIECE] = builder.rows(piece, ends, 1)[:, 0]
    return rows


def _top(time_ns: Int64, best: Int64, start_ns: int, end_ns: int) -> Top:
    """The top of book inside the sample; what stood when it begins is its first row."""
    top = top_of(time_ns, best[:, 2], best[:, 3], best[:, 0], best[:, 1])
    first = max(0, int(np.searchsorted(top.time_ns, start_ns, side="right")) - 1)
    last = int(np.searchsorted(top.time_ns, end_ns, side="right"))
    columns = [
        column[first:last]
        for column in (top.bid, top.bid_quantity, top.ask, top.ask_quantity)
    ]  # fmt: skip
    return Top(np.maximum(top.time_ns[first:last], start_ns), *columns)


def _placements(columns: Mapping[str, Int64], before: Int64, inside: Bools) -> Placements:
    """How far behind the best of their side orders came to rest, as it was before them."""
    rests = np.isin(columns["kind"], (EventKind.ACCEPTED, EventKind.RESTED))
    rested = inside & rests & (columns["displayed"] > 0)
    buys = columns["side"][rested] == 0
    best = np.where(buys, before[rested, 2], before[rested, 0])
    offset = np.where(buys, 1, -1) * (best - columns["price"][rested])
    known = best > 0
    return Placements(columns["time_ns"][rested][known], offset[known])


def _parents(columns: Mapping[str, Int64], traded: Bools, workers: Int64 | None) -> Parents:
    """Metaorders: runs of at least two trades of one side that one account took.

    So they are told from accounts in exchanges' data too (Sato and Kanazawa 2024). A pause of more
    than an hour ends one.
    """
    if workers is not None:
        traded = traded & np.isin(columns["account"], workers)
    order = np.argsort(columns["account"][traded], kind="stable")
    account, side, time_ns, quantity = (
        columns[name][traded][order] for name in ("account", "side", "time_ns", "quantity")
    )
    if not len(account):
        return Parents(*[np.empty(0, np.int64)] * 4)
    breaks = (np.diff(account) != 0) | (np.diff(side) != 0) | (np.diff(time_ns) > PAUSE_NS)
    starts = np.flatnonzero(np.append(True, breaks))
    lasts = np.append(starts[1:], len(account)) - 1
    worked = time_ns[lasts] > time_ns[starts]
    parents = (time_ns[starts], time_ns[lasts], 1 - 2 * side[starts])
    total = np.add.reduceat(quantity, starts)
    order = np.argsort(time_ns[lasts][worked], kind="stable")
    return Parents(*(column[worked][order] for column in (*parents, total)))


def _levels(columns: Mapping[str, Int64], start_ns: int, end_ns: int) -> Levels:
    """Levels that changed within each tenth of a second, and whether anything was left of them."""
    change = _change(columns)
    moved = np.flatnonzero(change["displayed"])
    slot = columns["time_ns"][moved] // CADENCE_NS
    side, price = change["side"][moved], change["price"][moved]
    order = np.lexsort((slot, price, side))
    side, price, slot = side[order], price[order], slot[order]
    total = np.cumsum(change["displayed"][moved][order])
    # The running sum within a level is what it shows; other levels come before it in the sum.
    fresh = np.append(True, (np.diff(price) != 0) | (np.diff(side) != 0))[: len(side)]
    starts = np.flatnonzero(fresh)
    base = np.append(0, total)[starts]
    total = total - np.repeat(base, np.diff(np.append(starts, len(total))))
    last = np.append(fresh[1:], True)[: len(side)]
    last = last | np.append(np.diff(slot) != 0, True)[: len(side)]
    time_ns = slot[last] * CADENCE_NS
    inside = (time_ns >= start_ns) & (time_ns <= end_ns)
    return Levels(time_ns[inside], total[last][inside] == 0)
