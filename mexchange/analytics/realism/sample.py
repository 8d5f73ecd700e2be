"""What the stylised facts are measured on: top of book, trades, placements; of a run or a feed.

A `Sample` is plain arrays, so a simulated market and a recorded one go through the very same
formulas. Prices are in ticks and quantities in lots of whatever market it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Levels", "Parents", "Placements", "Sample", "Tape", "Top", "top_of"]

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


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
