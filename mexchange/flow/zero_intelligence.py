"""Zero intelligence: limit orders, market orders and cancels as independent Poisson processes.

After Cont, Stoikov & Talreja, "A stochastic model for order book dynamics", Operations Research 58
(2010): limit orders arrive at a distance of i ticks from the opposite best price at a rate that
falls as a power of i, market orders at a rate of their own, and each standing order is cancelled at
a rate that depends on its distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from mexchange.engine.compiling import compiled
from mexchange.engine.ids import find
from mexchange.engine.layout import SELLS
from mexchange.flow.base import Sized
from mexchange.flow.draws import below, pareto, quantised, uniform
from mexchange.flow.layout import Flow, after, anybody, cancel, pick, place, size_of, take
from mexchange.strategy.parameters import Range

__all__ = ["ZeroIntelligence", "act"]

LIMITS, MARKETS, CANCELS, DISTANCE, REACH, WALKS, PROFILE = 3, 4, 5, 6, 7, 8, 16
NEAR = 64
"""Cancel rates are tabulated for so many ticks; further out the last one holds."""


@dataclass(frozen=True)
class ZeroIntelligence(Sized):
    """Traders without memory or opinion.

    `limit_rate` and `market_rate` are orders a second, both sides together. A limit order stands i
    ticks from the opposite best with P(i ≥ k) = k^-distance_exponent, up to `reach` ticks. An order
    i ticks away is cancelled `cancel_rate` × i^-cancel_exponent times a second. Market orders walk
    the book if `walks`, and else take no more than the best level.
    """

    kind: ClassVar[int] = 0

    limit_rate: Annotated[float, Range(0, 1e7)] = 10.0
    market_rate: Annotated[float, Range(0, 1e7)] = 1.0
    cancel_rate: Annotated[float, Range(above=0, high=1e6)] = 0.1
    cancel_exponent: Annotated[float, Range(0, 5)] = 0.5
    distance_exponent: Annotated[float, Range(above=0, high=20)] = 1.5
    reach: Annotated[int, Range(1, 100_000)] = 1000
    walks: bool = True

    def columns(self) -> dict[int, float]:
        """Rates, and the profile of cancels relative to distance 1."""
        own = {
            LIMITS: self.limit_rate, MARKETS: self.market_rate, CANCELS: self.cancel_rate,
            DISTANCE: self.distance_exponent, REACH: float(self.reach), WALKS: float(self.walks),
        }  # fmt: skip
        profile = {PROFILE + i: self._cancel_share(i + 1) for i in range(NEAR)}
        return {**super().columns(), **own, **profile}

    def _cancel_share(self, distance: int) -> float:
        return quantised(min(distance, NEAR) ** -self.cancel_exponent)

    def share_at(self, distance: int) -> float:
        """Which share of the limit orders comes in at this distance."""
        if not 1 <= distance <= self.reach:
            return 0.0
        tail = (self.reach + 1) ** -self.distance_exponent
        here, next_one = (i**-self.distance_exponent for i in (distance, distance + 1))
        return float((here - next_one) / (1 - tail))

    def standing_at(self, distance: int) -> float:
        """How many orders of a side stand at a distance when arrivals and cancels balance."""
        arrivals = self.limit_rate / 2 * self.share_at(distance)
        return arrivals / (self.cancel_rate * self._cancel_share(distance))


@compiled
def _distance(f: Flow, i: int) -> int:
    """Ticks from the opposite best at which a limit order is put."""
    reach = f.p[i, REACH]
    while True:
        distance = pareto(f.rows[i], f.p[i, DISTANCE])
        if distance < reach + 1.0:
            return int(distance)


@compiled
def _withdraw(f: Flow, s: Any, i: int) -> bool:
    """Cancel one of the orders, the more rarely the further out it stands."""
    where = f.rows[i]["list"]
    at = pick(f, s, i, where)
    if at < 0:
        return False
    o = s.orders[find(s, f.orders[where, at])]
    sells = int(o["bits"]) & SELLS
    distance = o["price"] - f.head[0]["bid"] if sells else f.head[0]["ask"] - o["price"]
    column = PROFILE + min(max(distance, 1), NEAR) - 1
    if uniform(f.rows[i]) >= f.p[i, column]:
        return False
    return bool(cancel(f, s, where, at))


@compiled
def act(f: Flow, s: Any, i: int) -> bool:
    """One arrival: write a command, or find that nothing is to be done; set the next alarm."""
    p, row, h = f.p[i], f.rows[i], f.head[0]
    where = row["list"]
    total = p[LIMITS] + p[MARKETS] + p[CANCELS] * f.counts[where]
    which = uniform(row) * total
    wrote = False
    if which < p[LIMITS]:
        side = below(row, 2)
        distance = _distance(f, i)
        price = h["bid"] + distance if side else h["ask"] - distance
        wrote = place(f, i, where, side, price, size_of(f, i))
    elif which < p[LIMITS] + p[MARKETS]:
        side = below(row, 2)
        wrote = take(f, s, anybody(f, row), side, size_of(f, i), p[WALKS] > 0.0)
    else:
        wrote = _withdraw(f, s, i)
    row["a_ns"] = after(f, row, p[LIMITS] + p[MARKETS] + p[CANCELS] * f.counts[where])
    return wrote
