"""The book level by level, rebuilt from the `displayed` changes of events.

Summing the changes by side and price gives what the book shows; this does it compiled and reads the
best levels off at as many moments as are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mexchange.engine.compiling import entry
from mexchange.records import EventKind, Events

__all__ = ["CHANGE", "DepthBuilder", "changes"]

Int64 = npt.NDArray[np.int64]

CHANGE = np.dtype([("side", "i8"), ("price", "i8"), ("displayed", "i8")])
"""One change of a level: side 0 is the bids."""


def changes(events: Events, places: Any = slice(None)) -> npt.NDArray[np.void]:
    """The level that each event changes and by how much: `CHANGE` [events].

    A trade changes the maker's side, which is the other one. `places` chooses events.
    """
    kind = events["kind"][places]
    result = np.empty(len(kind), CHANGE)
    of_maker = (kind == EventKind.TRADE) | (kind == EventKind.PREVENTED)
    result["side"] = events["side"][places] ^ of_maker
    result["price"] = events["price"][places]
    result["displayed"] = events["displayed"][places]
    return result


class DepthBuilder:
    """A book of one market by levels, at any of `prices` (in ticks).

    It begins empty. `prices` are those that changes will name, if they are known beforehand; others
    are taken in as they come.
    """

    def __init__(self, prices: Int64 | Sequence[int] = ()) -> None:
        self._prices = np.unique(np.asarray(prices, np.int64))
        count = max(1, len(self._prices))
        self._shown = np.zeros((2, count), np.int64)
        self._best = np.array([0, count - 1])

    def _admit(self, prices: Int64) -> None:
        """Let changes name these prices too."""
        known = np.union1d(self._prices, prices.astype(np.int64))
        if len(known) == len(self._prices):
            return
        shown = np.zeros((2, len(known)), np.int64)
        place = np.searchsorted(known, self._prices)
        shown[:, place] = self._shown[:, : len(place)]
        self._best = place[self._best] if len(place) else np.array([0, len(known) - 1])
        self._prices, self._shown = known, shown

    def levels(self, side: int) -> tuple[Int64, Int64]:
        """The prices of a side at which something is shown, ascending, and how much."""
        shown = np.flatnonzero(self._shown[side, : len(self._prices)])
        return self._prices[shown], self._shown[side, shown]

    def rows(self, changes: npt.NDArray[np.void], ends: Int64, depth: int) -> Int64:
        """Apply changes and read the book off on the way.

        Args:
            changes: `CHANGE` [changes], in their order.
            ends: int64 [rows], ascending; row `k` is read after the first `ends[k]` changes.
            depth: how many levels of each side.

        Returns int64 [rows, depth, 4]: ask price, ask quantity, bid price, bid quantity; zeros
        where there is no level.
        """
        result = np.zeros((len(ends), depth, 4), np.int64)
        self._admit(changes["price"])
        moving = np.flatnonzero(changes["displayed"])
        rank = np.searchsorted(self._prices, changes["price"][moving])
        _rows(
            self._prices,
            self._shown,
            self._best,
            np.ascontiguousarray(changes["side"][moving]),
            rank,
            np.ascontiguousarray(changes["displayed"][moving]),
            np.searchsorted(moving, ends),
            result,
        )
        return result

    def before(self, changes: npt.NDArray[np.void]) -> Int64:
        """Apply changes; what the level of each showed before it: int64 [changes]."""
        result = np.zeros(len(changes), np.int64)
        self._admit(changes["price"])
        _before(
            self._shown,
            self._best,
            np.ascontiguousarray(changes["side"]),
            np.searchsorted(self._prices, changes["price"]),
            np.ascontiguousarray(changes["displayed"]),
            result,
        )
        return result


@entry
def _before(shown: Any, best: Any, side: Any, rank: Any, displayed: Any, result: Any) -> None:
    """Apply the changes and keep what was shown at their level before each."""
    for at in range(len(side)):
        result[at] = shown[side[at], rank[at]]
        shown[side[at], rank[at]] += displayed[at]
        if side[at] == 0:
            best[0] = max(best[0], rank[at])
        else:
            best[1] = min(best[1], rank[at])


@entry
def _rows(
    prices: Any,
    shown: Any,
    best: Any,
    side: Any,
    rank: Any,
    displayed: Any,
    ends: Any,
    result: Any,
) -> None:
    """Apply the changes; before each end write the best levels. `best` may lag behind empties."""
    depth = result.shape[1]
    top = len(prices) - 1
    done = 0
    for row in range(len(ends) + 1):
        until = ends[row] if row < len(ends) else len(side)
        while done < until:
            at = rank[done]
            shown[side[done], at] += displayed[done]
            if side[done] == 0:
                best[0] = max(best[0], at)
            else:
                best[1] = min(best[1], at)
            done += 1
        if row == len(ends):
            break
        while best[0] > 0 and shown[0, best[0]] == 0:
            best[0] -= 1
        while best[1] < top and shown[1, best[1]] == 0:
            best[1] += 1
        level, at = 0, best[1]
        while level < depth and at <= top:
            if shown[1, at] != 0:
                result[row, level, 0] = prices[at]
                result[row, level, 1] = shown[1, at]
                level += 1
            at += 1
        level, at = 0, best[0]
        while level < depth and at >= 0:
            if shown[0, at] != 0:
                result[row, level, 2] = prices[at]
                result[row, level, 3] = shown[0, at]
                level += 1
            at -= 1
