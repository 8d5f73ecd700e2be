"""A slowly varying pace: the volatility regime of a market, as a change of time.

Everything that a flow does is timed in seconds of its own, and the pace says how many of them pass
in a second: exp of a sum of Ornstein-Uhlenbeck processes of different speeds. Volatility, volume
and cancels rise and fall together, and a few processes whose time scales are spread evenly over
orders of magnitude give absolute returns the slowly falling autocorrelation of real markets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mexchange.clock import nanoseconds
from mexchange.engine.compiling import compiled
from mexchange.flow.base import Ingredient
from mexchange.flow.draws import below, exp, quantised
from mexchange.flow.layout import NEVER_NS, Flow
from mexchange.flow.touch_refill import TouchRefill
from mexchange.strategy.parameters import Range

__all__ = ["Pace", "act"]

STEP_NS, COUNT, LOWEST, HIGHEST = 3, 4, 5, 6
KEEP, KICK, STATE, MOST = 16, 32, 48, 16
REACTS = TouchRefill.kind


@dataclass(frozen=True)
class Pace(Ingredient):
    """The pace at which all others of a flow live; a flow has at most one.

    Its logarithm is the sum of processes that relax within `times` seconds each and have the
    standard deviations `sigmas`, stepped once every `step`. Its mean is 1, and it is kept between
    `lowest` and `highest`. Reaction times do not depend on it.
    """

    kind: ClassVar[int] = 5

    times: tuple[float, ...] = (60.0, 600.0, 6000.0)
    sigmas: tuple[float, ...] = (0.4, 0.4, 0.4)
    step: str = "1s"
    lowest: Annotated[float, Range(above=0, high=1)] = 0.05
    highest: Annotated[float, Range(1, 1000)] = 20.0

    def check(self) -> None:
        """As many times as sigmas, none shorter than a step."""
        step_s = nanoseconds(self.step) / 1e9
        if step_s <= 0:
            raise self.wrong(f"step {self.step!r} is no length of time")
        if not 1 <= len(self.times) <= MOST or len(self.times) != len(self.sigmas):
            raise self.wrong(f"times and sigmas are not 1 to {MOST} numbers each, as many of both")
        if not all(time >= 2 * step_s for time in self.times):
            raise self.wrong(f"times {self.times!r} are not all at least two steps of {self.step}")
        if not all(0 <= sigma <= 3 for sigma in self.sigmas):
            raise self.wrong(f"sigmas {self.sigmas!r} are not all in 0 … 3")

    def columns(self) -> dict[int, float]:
        """What is kept and what is added in a step, by process."""
        step_s = nanoseconds(self.step) / 1e9
        own = {
            STEP_NS: float(nanoseconds(self.step)), COUNT: float(len(self.times)),
            LOWEST: self.lowest, HIGHEST: self.highest,
        }  # fmt: skip
        for k, (time, sigma) in enumerate(zip(self.times, self.sigmas, strict=True)):
            keep = 1 - step_s / time
            own[KEEP + k] = quantised(keep)
            own[KICK + k] = quantised(sigma * (1 - keep * keep) ** 0.5)
            own[STATE + k] = 0.0
        # The mean of the exponential is 1 when the mean of the exponent is minus half its variance.
        own[STATE + MOST] = quantised(-sum(sigma * sigma for sigma in self.sigmas) / 2)
        return own


@compiled
def act(f: Flow, i: int) -> bool:
    """One step; what is left of every wait is stretched or squeezed."""
    row, p, h = f.rows[i], f.p[i], f.head[0]
    log = p[STATE + MOST]
    for k in range(int(p[COUNT])):
        kick = p[KICK + k] if below(row, 2) == 1 else -p[KICK + k]
        p[STATE + k] = p[STATE + k] * p[KEEP + k] + kick
        log += p[STATE + k]
    pace = min(max(exp(log), p[LOWEST]), p[HIGHEST])
    stretch = h["pace"] / pace
    h["pace"] = pace
    for j in range(f.rows.shape[0]):
        other = f.rows[j]
        if other["kind"] != REACTS:
            other["a_ns"] = _stretched(other["a_ns"], h["now_ns"], stretch)
        other["b_ns"] = _stretched(other["b_ns"], h["now_ns"], stretch)
    row["a_ns"] = h["now_ns"] + int(p[STEP_NS])
    return False


@compiled
def _stretched(alarm_ns: int, now_ns: int, by: float) -> int:
    if alarm_ns >= NEVER_NS >> 1:
        return alarm_ns
    return now_ns + int((alarm_ns - now_ns) * by)
