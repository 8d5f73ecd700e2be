"""Made-up samples for measures of realism: series whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from mexchange.analytics.realism.sample import SECOND, Sample, Tape, Top

__all__ = [
    "MINUTE",
    "NOBODY",
    "NO_BOOK",
    "SECOND",
    "book",
    "moving",
    "of_returns",
    "of_tape",
    "taken",
]

MINUTE = 60 * SECOND
PRICE = 1e9
"""In ticks; so many that rounding a price to a tick does nothing to a return."""


def moving(returns: Any, step_ns: int) -> Top:
    """A book whose mid makes these log returns, one at the end of each step."""
    mid = np.rint(PRICE * np.exp(np.append(0.0, np.cumsum(returns)))).astype(np.int64)
    one = np.ones(len(mid), np.int64)
    return Top(np.arange(len(mid)) * step_ns, mid - 1, one, mid + 1, one)


def taken(times: Any, signs: Any, sizes: Any = 1) -> Tape:
    """Trades at these times in nanoseconds, each a market order of its own."""
    times = np.asarray(times, np.int64)
    filled = [np.broadcast_to(np.asarray(x, np.int64), times.shape) for x in (100, sizes, signs)]
    return Tape(times, np.arange(len(times)), *filled)


NOBODY = taken([], [])
"""No trades."""
NO_BOOK = Top(*[np.empty(0, np.int64)] * 5)
"""No best bid and ask."""


def of_returns(returns: Any, step_ns: int, tape: Tape = NOBODY) -> Sample:
    """A sample whose mid makes these log returns."""
    return Sample("made", 0, len(returns) * step_ns, moving(returns, step_ns), tape)


def of_tape(tape: Tape, **more: Any) -> Sample:
    """A sample of trades alone, and what else is named."""
    return Sample("made", 0, int(tape.time_ns[-1]) + 1, NO_BOOK, tape, **more)


def book(rows: list[tuple[int, int, int, int]], step_ns: int = SECOND) -> Sample:
    """A sample with these rows of bid, its quantity, ask, its quantity, one after each step."""
    columns = np.array(rows, np.int64).T
    top = Top(np.arange(len(rows)) * step_ns, *columns)
    return Sample("made", 0, len(rows) * step_ns, top, NOBODY)
