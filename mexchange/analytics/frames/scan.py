"""One pass over all events, in pieces, that keeps what most frames are made of.

A long run leaves far more events than fit well into memory, as an array mapped from disk. Few of
them say what was traded or who paid in; most only move the book. So everything that is asked for
first (figures, equity, the report) is made from what this pass keeps, and what needs every event
works through pieces of it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mexchange.analytics.frames.book import BestRows
from mexchange.records import EVENT, EventKind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mexchange.records import Events

__all__ = ["PIECE", "Scan", "pieces"]

PIECE = 1 << 18
"""So many events, 40 MB of them, are looked at at a time."""


def pieces(records: Events, size: int = 0) -> Iterator[Events]:
    """The events in order, `size` (default: `PIECE`) at a time; nothing is copied."""
    size = size or PIECE
    for first in range(0, len(records), size):
        yield np.asarray(records[first : first + size])


class Scan:
    """What one pass finds.

    Attributes:
        kinds: how many events of each kind, int64 [16].
        reasons: how many rejections for each reason, int64.
        traded: all trades, an array of `EVENT`.
        paid: all deposits and withdrawals, likewise.
        best: an array of `mexchange.analytics.frames.book.BEST`.
        accounts: one more than the highest account that takes part; at least 1.
        end_ns: the time of the last event.
        opening: the sequence of the last event at or before the start, 0 if there is none.
    """

    def __init__(self, records: Events, start_ns: int) -> None:
        self.kinds = np.zeros(max(EventKind) + 1, np.int64)
        self.reasons = np.zeros(max(Reason) + 1, np.int64)
        self.accounts, self.end_ns, self.opening = 1, 0, 0
        best, traded, paid = BestRows(), [np.empty(0, EVENT)], [np.empty(0, EVENT)]
        for piece in pieces(records):
            kind = np.ascontiguousarray(piece["kind"])
            self.kinds += np.bincount(kind, minlength=len(self.kinds))
            refused = kind == EventKind.REJECTED
            self.reasons += np.bincount(piece["reason"][refused], minlength=len(self.reasons))
            for name in ("account", "maker_account"):
                most = int(piece[name].max(initial=0, where=~refused))
                self.accounts = max(self.accounts, most + 1)
            traded.append(piece[kind == EventKind.TRADE])
            paid.append(piece[(kind == EventKind.DEPOSITED) | (kind == EventKind.WITHDRAWN)])
            best.add(piece)
            self._time(piece, start_ns)
        self.traded, self.paid, self.best = _joined(traded), _joined(paid), best.rows()

    def _time(self, piece: Events, start_ns: int) -> None:
        times = np.ascontiguousarray(piece["time_ns"])
        self.end_ns = max(self.end_ns, int(times.max()))
        before = int(np.searchsorted(times, start_ns, side="right"))
        if before:
            self.opening = int(piece["sequence"][before - 1])


def _joined(parts: list[npt.NDArray[np.void]]) -> Events:
    """One array of many; by bytes, since NumPy would compare the fields of each part."""
    return np.frombuffer(bytearray().join([part.tobytes() for part in parts]), EVENT)
