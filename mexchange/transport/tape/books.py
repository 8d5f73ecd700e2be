"""`Tape`: what the public sees of a market as it happens; `Books`: the markets at a time of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mexchange.records import Events
from mexchange.transport.tape.reading import COLUMNS, TIME, best, roll, scan

__all__ = ["NOTHING", "Books", "Tape", "Top"]

Ints = npt.NDArray[np.int64]
DEPTH = 64
"""For how many levels a side has room at first."""
ROWS = 1 << 12


class Top(NamedTuple):
    """The best of a book, in ticks and lots: zeros where there is nothing.

    `last` is the price of the last trade, `time_ns` when the book last changed.
    """

    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int
    last: int
    time_ns: int


NOTHING = Top(0, 0, 0, 0, 0, 0)


class Books:
    """The books of all markets at one time.

    `levels[2 * market + side, :counts[2 * market + side]]` are the levels of a side as (key, lots),
    the best one last; the key is the price, negative for asks. `marks[market]` is (last, time_ns).
    """

    __slots__ = ("counts", "levels", "marks")

    def __init__(self, levels: Ints, counts: Ints, marks: Ints) -> None:
        self.levels, self.counts, self.marks = levels, counts, marks

    def copy(self) -> Books:
        """The same, which does not change any more."""
        return Books(self.levels.copy(), self.counts.copy(), self.marks.copy())

    def top(self, market: int) -> Top:
        """The best of a market."""
        return Top(*best(self.levels, self.counts, self.marks, market))

    def side(self, market: int, side: int, depth: int | None = None) -> list[tuple[int, int]]:
        """Price and lots of the best `depth` levels (default: all), best first."""
        book = 2 * market + side
        count = int(self.counts[book])
        first = 0 if depth is None else max(count - depth, 0)
        sign = -1 if side else 1
        levels = self.levels[book, first:count][::-1].tolist()
        return [(sign * key, lots) for key, lots in levels]

    def quantity(self, market: int, side: int, price: int) -> int:
        """What is displayed at a price."""
        book = 2 * market + side
        levels = self.levels[book, : self.counts[book]]
        key = -price if side else price
        at = int(np.searchsorted(levels[:, 0], key))
        return int(levels[at, 1]) if at < len(levels) and levels[at, 0] == key else 0


class Tape:
    """Public changes and trades of all markets in their order, as far back as they are kept.

    One set of books goes along it, forward and back, to wherever somebody looks: those who look
    at about the same time, from different distances, cost the few rows between them.
    """

    def __init__(self, markets: int) -> None:
        self._rows: Ints = np.zeros((ROWS, COLUMNS), np.int64)
        self._found: Ints = np.zeros((2, ROWS), np.int64)
        self._count = self._at = 0
        self._at_ns = -1
        self._ends: Ints = np.zeros((markets, 2), np.int64)
        self._books = Books(
            np.zeros((2 * markets, DEPTH, 2), np.int64),
            np.zeros(2 * markets, np.int64),
            np.zeros((markets, 2), np.int64),
        )

    def __len__(self) -> int:
        """How many rows it keeps."""
        return self._count

    def add(self, events: Events, owners: npt.NDArray[np.bool_]) -> tuple[list[int], list[int]]:
        """Append what is public of the next events.

        Returns which of them concern accounts marked in `owners`, and the expiry times of orders
        that were accepted.
        """
        count = self._count
        if count + len(events) > len(self._rows):
            rows = np.zeros((2 * (count + len(events)), COLUMNS), np.int64)
            rows[:count] = self._rows[:count]
            self._rows = rows
        if len(events) > self._found.shape[1]:
            self._found = np.zeros((2, 2 * len(events)), np.int64)
        found = self._found
        self._count, mine, timed = scan(events, owners, self._rows, count, self._ends, found)
        return (
            found[0, :mine].tolist() if mine else [],
            found[1, :timed].tolist() if timed else [],
        )

    def rows(self, first: int) -> list[list[int]]:
        """The rows from the `first` one on."""
        rows: list[list[int]] = self._rows[first : self._count].tolist()
        return rows

    def rows_after(self, time_ns: int) -> list[list[int]]:
        """The rows of what happened after a time."""
        times = self._rows[: self._count, TIME]
        return self.rows(int(np.searchsorted(times, time_ns, "right")))

    def at(self, time_ns: int) -> Books:
        """The books as they were at a time, valid until the next call.

        Nothing of that time or before it may be added later.
        """
        if time_ns != self._at_ns:
            books = self._books
            while True:
                at = roll(
                    self._rows, self._count, self._at, time_ns,
                    books.levels, books.counts, books.marks,
                )  # fmt: skip
                if at >= 0:
                    break
                self._at = -1 - at
                books.levels = np.concatenate([books.levels, np.zeros_like(books.levels)], axis=1)
            self._at, self._at_ns = at, time_ns
        return self._books

    def time_of(self, row: int) -> int:
        """When something happened."""
        return int(self._rows[row, TIME])

    def drop(self, time_ns: int) -> None:
        """Forget how it came to the books of a time; nobody may look at earlier ones."""
        gone = int(np.searchsorted(self._rows[: self._count, TIME], time_ns, "right"))
        if self._at < gone:
            self.at(time_ns)
        left = self._count - gone
        self._rows[:left] = self._rows[gone : self._count]
        self._count, self._at = left, self._at - gone
