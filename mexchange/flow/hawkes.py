"""Hawkes arrivals: every event makes further ones, of its own kind and of others, more likely.

Six kinds of event excite one another through exponential kernels. With branching n[k][j] the
intensity of kind k is

    λ_k(t) = base_k + Σ_j n[k][j] · decay · Σ_{events of j before t} exp(-decay · (t - t_event)),

so that an event of kind j has on average n[k][j] children of kind k. With one decay for all, the
excitation of each kind is one number that shrinks between events and jumps at them (Ozaki 1979),
and arrivals are drawn by thinning (Ogata 1981): exact, since the intensity only falls until the
next event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from mexchange.engine.compiling import compiled
from mexchange.flow.base import Sized
from mexchange.flow.draws import exp, pareto, uniform
from mexchange.flow.layout import Flow, after, anybody, cancel, pick, place, size_of, take
from mexchange.strategy.parameters import Range

__all__ = ["EVENTS", "Hawkes", "act", "branching"]

EVENTS = ("buy", "sell", "bid", "ask", "cancel bid", "cancel ask")
"""What arrives: takers of each side, limit orders and cancels of each side."""
DIMENSION = len(EVENTS)
DECAY, DISTANCE, REACH, WAIT, BOUND = 3, 4, 5, 6, 7
BASE, EXCITED, MATRIX = 16, 24, 32


def branching(own: float = 0.5, other: float = 0.05) -> tuple[tuple[float, ...], ...]:
    """A matrix in which each event has `own` children of its kind and `other` of each other."""
    kinds = range(DIMENSION)
    return tuple(tuple(own if k == j else other for j in kinds) for k in kinds)


@dataclass(frozen=True)
class Hawkes(Sized):
    """Traders who act because others did.

    `base` are the rates per second at which each of `EVENTS` comes by itself; `matrix[k][j]` is how
    many events of kind k one of kind j brings about in the mean, soon after it: at a rate that
    falls with exp(-decay · seconds). Takers take no more than the best level; limit orders stand i
    ticks from the opposite best with P(i ≥ k) = k^-distance_exponent, up to `reach` ticks; cancels
    pick any order of the ingredient on their side.

    Raises ParameterError if the matrix is not six by six, or if its spectral radius is 1 or more:
    then the number of events would explode.
    """

    kind: ClassVar[int] = 1

    base: tuple[float, ...] = (0.1, 0.1, 0.5, 0.5, 0.4, 0.4)
    matrix: tuple[tuple[float, ...], ...] = branching()
    decay: Annotated[float, Range(above=0, high=1e6)] = 5.0
    distance_exponent: Annotated[float, Range(above=0, high=20)] = 1.5
    reach: Annotated[int, Range(1, 100_000)] = 1000

    def check(self) -> None:
        """Six base rates, a six by six matrix, a stationary process."""
        super().check()
        if len(self.base) != DIMENSION or not all(0 <= rate <= 1e6 for rate in self.base):
            raise self.wrong(f"base is not {DIMENSION} rates of at least 0: {self.base!r}")
        rows = [len(row) for row in self.matrix]
        if rows != [DIMENSION] * DIMENSION or not all(n >= 0 for row in self.matrix for n in row):
            raise self.wrong(f"matrix is not {DIMENSION} rows of {DIMENSION} numbers of at least 0")
        if self.radius >= 1:
            raise self.wrong(f"the spectral radius of matrix is {self.radius:.3f}, not below 1")

    @property
    def lists(self) -> int:
        """One of bids, one of asks."""
        return 2

    @property
    def radius(self) -> float:
        """The spectral radius of the matrix: the share of events that have a parent."""
        return float(max(abs(np.linalg.eigvals(np.array(self.matrix)))))

    @property
    def rates(self) -> list[float]:
        """The stationary rate of each event, (1 - matrix)^-1 · base."""
        identity = np.eye(DIMENSION)
        solved = np.linalg.solve(identity - np.array(self.matrix), np.array(self.base))
        return [float(rate) for rate in solved]

    def columns(self) -> dict[int, float]:
        """Rates, the matrix, and the excitation it has in the mean."""
        own = {DECAY: self.decay, DISTANCE: self.distance_exponent, REACH: float(self.reach)}
        own |= {BASE + k: float(rate) for k, rate in enumerate(self.base)}
        own |= {
            MATRIX + j * DIMENSION + k: float(self.matrix[k][j])
            for k in range(DIMENSION)
            for j in range(DIMENSION)
        }
        return {**super().columns(), **own}


@compiled
def _intensity(f: Flow, i: int) -> float:
    total = 0.0
    for k in range(DIMENSION):
        total += f.p[i, BASE + k] + f.p[i, EXCITED + k]
    return total


@compiled
def _arrive(f: Flow, s: Any, i: int, event: int) -> bool:
    """What an event does."""
    row, h = f.rows[i], f.head[0]
    side = event & 1
    where = row["list"] + side
    if event < 2:
        return bool(take(f, s, anybody(f, row), side, size_of(f, i), False))
    if event >= 4:
        at = pick(f, s, i, where)
        return bool(cancel(f, s, where, at)) if at >= 0 else False
    distance = pareto(row, f.p[i, DISTANCE])
    while distance >= f.p[i, REACH] + 1.0:
        distance = pareto(row, f.p[i, DISTANCE])
    price = h["bid"] + int(distance) if side else h["ask"] - int(distance)
    return bool(place(f, i, where, side, price, size_of(f, i)))


@compiled
def act(f: Flow, s: Any, i: int) -> bool:
    """One candidate of the thinning: accepted or not; set the next alarm.

    The time that has passed since the last is kept in units of pace 1, so that a change of pace
    stretches everything.
    """
    p, row = f.p[i], f.rows[i]
    shrink = exp(-p[DECAY] * p[WAIT])
    for k in range(DIMENSION):
        p[EXCITED + k] *= shrink
    which = uniform(row) * p[BOUND]
    event = -1
    for k in range(DIMENSION if p[BOUND] > 0.0 else 0):
        which -= p[BASE + k] + p[EXCITED + k]
        if which < 0.0:
            event = k
            break
    wrote = False
    if event >= 0:
        for k in range(DIMENSION):
            p[EXCITED + k] += p[DECAY] * p[MATRIX + event * DIMENSION + k]
        wrote = _arrive(f, s, i, event)
    _next(f, i)
    return wrote


@compiled
def _next(f: Flow, i: int) -> None:
    """Draw the next candidate at the intensity of now, which is an upper bound until then."""
    p, row = f.p[i], f.rows[i]
    bound = _intensity(f, i)
    row["a_ns"] = after(f, row, bound)
    p[WAIT] = (row["a_ns"] - f.head[0]["now_ns"]) * 1e-9 * f.head[0]["pace"]
    p[BOUND] = bound
