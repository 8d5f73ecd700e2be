"""Touch-refilling liquidity: makers who close a wide spread and stand behind a thin queue.

In a market of large ticks the spread is one tick nearly always: when a queue at the touch is gone,
somebody steps into the gap within milliseconds. On which side he steps in decides whether the price
has moved. Makers also leave: a quote that the value has gone through is withdrawn sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from mexchange.clock import nanoseconds
from mexchange.engine.compiling import compiled
from mexchange.engine.ids import find
from mexchange.engine.layout import SELLS
from mexchange.flow.base import Sized
from mexchange.flow.draws import exponential, uniform
from mexchange.flow.layout import (
    BUY,
    NEVER_NS,
    SELL,
    Flow,
    after,
    cancel,
    pick,
    place,
    shown,
    size_of,
)
from mexchange.strategy.parameters import Range

__all__ = ["TouchRefill", "act", "look"]

DELAY_NS, FOLLOW, LEAN, DEPTH, CANCELS, FLEE, BID, ASK = 3, 4, 5, 6, 7, 8, 9, 10


@dataclass(frozen=True)
class TouchRefill(Sized):
    """Makers who watch the touch, with a reaction time of `delay` in the mean (exponential).

    If the spread is wider than a tick they improve one side by a tick. They follow the move that
    opened it (a new bid after the ask was emptied) with probability 1/2 + `follow` + `lean` ×
    (value - mid), where the value is that of a `Fundamental` ingredient, or else the mid. If a best
    queue shows less than `depth` lots they add to it, unless the value has gone through it. Their
    orders are cancelled `cancel_rate` times a second each, `flee` times as often where the value
    has gone through the price.
    """

    kind: ClassVar[int] = 3

    delay: str = "20ms"
    follow: Annotated[float, Range(-0.5, 0.5)] = 0.2
    lean: Annotated[float, Range(0, 10)] = 0.0
    depth: Annotated[int, Range(0, 10_000_000)] = 0
    cancel_rate: Annotated[float, Range(above=0, high=1e6)] = 0.05
    flee: Annotated[float, Range(1, 1000)] = 1.0

    def check(self) -> None:
        """The delay is a length of time."""
        super().check()
        try:
            length = nanoseconds(self.delay)
        except ValueError as error:
            raise self.wrong(str(error)) from None
        if length < 1:
            raise self.wrong(f"delay {self.delay!r} is not at least 1 ns")

    def columns(self) -> dict[int, float]:
        """Delay, leanings, depth, cancels."""
        own = {
            DELAY_NS: float(nanoseconds(self.delay)), FOLLOW: self.follow, LEAN: self.lean,
            DEPTH: float(self.depth), CANCELS: self.cancel_rate, FLEE: self.flee,
        }  # fmt: skip
        return {**super().columns(), **own}

    def alarms(self, start_ns: int) -> tuple[int, int]:
        """Nothing to do until something is seen."""
        return NEVER_NS, start_ns


@compiled
def look(f: Flow, s: Any, i: int) -> None:
    """After any change of the book: set the alarm if there is something to mend."""
    row, p, h = f.rows[i], f.p[i], f.head[0]
    if row["a_ns"] != NEVER_NS:
        return
    wide = h["ask"] - h["bid"] > 1
    if not wide:
        p[BID], p[ASK] = float(h["bid"]), float(h["ask"])
    if wide or _thin(f, s, i, BUY) or _thin(f, s, i, SELL):
        row["a_ns"] = h["now_ns"] + 1 + int(exponential(row) * p[DELAY_NS])


@compiled
def _thin(f: Flow, s: Any, i: int, side: int) -> bool:
    """Whether a best queue is short and nothing speaks against joining it."""
    p, h = f.p[i], f.head[0]
    if p[DEPTH] <= 0.0 or shown(f, s, side) >= p[DEPTH]:
        return False
    return bool(h["value"] >= h["bid"] if side == BUY else h["value"] <= h["ask"])


@compiled
def _mend(f: Flow, s: Any, i: int) -> bool:
    """Close the spread by a tick, or join a short queue."""
    row, p, h = f.rows[i], f.p[i], f.head[0]
    where = row["list"]
    if h["ask"] - h["bid"] > 1:
        moved = h["bid"] - p[BID] + (h["ask"] - p[ASK])
        mid = 0.5 * (h["bid"] + h["ask"])
        upwards = 0.5 + p[LEAN] * (h["value"] - mid)
        if moved > 0.0:
            upwards += p[FOLLOW]
        elif moved < 0.0:
            upwards -= p[FOLLOW]
        if uniform(row) < upwards:
            return bool(place(f, i, where, BUY, h["bid"] + 1, size_of(f, i)))
        return bool(place(f, i, where, SELL, h["ask"] - 1, size_of(f, i)))
    bid_short, ask_short = _thin(f, s, i, BUY), _thin(f, s, i, SELL)
    if bid_short and (not ask_short or uniform(row) < 0.5):
        return bool(place(f, i, where, BUY, h["bid"], size_of(f, i)))
    if ask_short:
        return bool(place(f, i, where, SELL, h["ask"], size_of(f, i)))
    return False


@compiled
def _leave(f: Flow, s: Any, i: int) -> bool:
    """Cancel one of their orders, perhaps."""
    row, p = f.rows[i], f.p[i]
    where = row["list"]
    at = pick(f, s, i, where)
    if at < 0:
        return False
    o = s.orders[find(s, f.orders[where, at])]
    beyond = f.head[0]["value"] - o["price"]
    if int(o["bits"]) & SELLS == 0:
        beyond = -beyond
    if beyond <= 0.0 and uniform(row) * p[FLEE] >= 1.0:
        return False
    return bool(cancel(f, s, where, at))


@compiled
def act(f: Flow, s: Any, i: int) -> bool:
    """Mend the touch or leave, whichever alarm rings."""
    row, p = f.rows[i], f.p[i]
    if row["a_ns"] <= row["b_ns"]:
        row["a_ns"] = NEVER_NS
        return bool(_mend(f, s, i))
    wrote = _leave(f, s, i)
    row["b_ns"] = after(f, row, p[CANCELS] * p[FLEE] * max(f.counts[row["list"]], 1))
    return bool(wrote)
