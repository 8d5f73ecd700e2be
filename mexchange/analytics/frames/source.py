"""What all frames and measures of a run are made of, each part made when it is first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mexchange.analytics.frames.book import Marks
from mexchange.analytics.frames.columns import Names, Units
from mexchange.analytics.frames.scan import Scan, pieces
from mexchange.ledger import Postings, postings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mexchange.analytics.frames.columns import Ints
    from mexchange.markets import Market
    from mexchange.records import Events

__all__ = ["Source"]


class Source:
    """The events of a run with the names and units of what they are about.

    `initial` is the best bid and ask (ticks) by market number, to value assets at before the book
    has two sides.
    """

    def __init__(
        self,
        markets: Sequence[Market],
        records: Events,
        accounts: Mapping[int, str],
        start_ns: int,
        initial: Mapping[int, tuple[int, int]] | None,
    ) -> None:
        self.markets, self.records, self.start_ns = markets, records, start_ns
        self.units = Units(markets)
        self._accounts, self._initial = accounts, initial

    @cached_property
    def scan(self) -> Scan:
        """What one pass over all events finds."""
        return Scan(self.records, self.start_ns)

    @property
    def traded(self) -> Events:
        """All trades."""
        return self.scan.traded

    @cached_property
    def names(self) -> Names:
        """What accounts, markets and assets are called."""
        return Names(self.markets, self._accounts, self.scan.accounts)

    @cached_property
    def moves(self) -> Postings:
        """The postings of trades, fees, deposits and withdrawals: all that changes what one has."""
        moving = np.concatenate([self.scan.paid, self.scan.traded])
        return postings(moving, self.markets, holds=False)

    @cached_property
    def marks(self) -> Marks:
        """What assets were worth."""
        return Marks(
            self.markets, self.scan.best, self.traded, self.units,
            initial=self._initial, opening=self.scan.opening,
        )  # fmt: skip

    def until(self, times: Ints) -> Ints:
        """The last event up to each of these times, of those that moved a book or an account."""
        sequence, time_ns = self._timeline
        place = np.searchsorted(time_ns, times, side="right") - 1
        return (
            np.where(place >= 0, sequence[np.maximum(place, 0)], 0) if len(sequence) else 0 * times
        )

    @cached_property
    def _timeline(self) -> tuple[Ints, Ints]:
        scan = self.scan
        parts = scan.best, scan.traded, scan.paid
        sequence = np.concatenate([part["sequence"] for part in parts])
        time_ns = np.concatenate([part["time_ns"] for part in parts])
        order = np.argsort(sequence, kind="stable")
        return sequence[order], time_ns[order]

    def pieces(self) -> Iterator[Events]:
        """All events, so many at a time."""
        return pieces(self.records)

    def postings(self) -> Iterator[Postings]:
        """All postings, in pieces; at least one, which may be empty."""
        yield postings(self.records[:0], self.markets)
        for piece in self.pieces():
            yield postings(piece, self.markets)
