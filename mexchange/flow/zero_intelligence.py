"""Zero intelligence: limit orders, market orders and cancels as independent Poisson processes.

After Cont, Stoikov & Talreja, "A stochastic model for order book dynamics", Operations Research 58
(2010): limit orders arrive at a distance of i ticks from the opposite best price at a rate that
falls as a power of i, market orders at a rate of their own, and each standing order is cancelled at
a rate that depends on its distance.

There is a list of orders for every price, modulo a power of two beyond the reach. `WEIGHT` is the
rate of cancels of all of them, in units of the one at distance 1: it is summed anew when the touch
has moved and kept up to date in between (exactly: all terms are multiples of 2^-40). A cancel draws
a distance by its share in it, then one of the orders there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from mexchange.engine.compiling import compiled, inlined
from mexchange.engine.ids import find
from mexchange.flow.base import Sized
from mexchange.flow.draws import below, pareto, quantised, uniform
from mexchange.flow.layout import (
    BUY,
    SELL,
    Flow,
    after,
    anybody,
    cancel,
    pick,
    place,
    roomier,
    size_of,
    take,
)
from mexchange.records import Commands
from mexchange.strategy.parameters import Range

__all__ = ["ZeroIntelligence", "act"]

LIMITS, MARKETS, CANCELS, DISTANCE, REACH, WALKS = 3, 4, 5, 6, 7, 8
PRICES, WEIGHT, BID, ASK, PROFILE = 9, 10, 11, 12, 16
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
            PRICES: float(self._prices),
        }  # fmt: skip
        profile = {PROFILE + i: self._cancel_share(i + 1) for i in range(NEAR)}
        return {**super().columns(), **own, **profile}

    @property
    def _prices(self) -> int:
        """Prices told apart: the first power of two that is not below the reach."""
        return 1 << (self.reach - 1).bit_length()

    @property
    def lists(self) -> int:
        """One for every price told apart, of bids and then of asks."""
        return 2 * self._prices

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
        return quantised(arrivals / (self.cancel_rate * self._cancel_share(distance)))

    def remember(self, f: Flow, first: int, orders: Commands) -> Flow:
        """Take on orders that were placed for it at the opening; its lists begin at `first`."""
        prices = self._prices
        for side, price, order_id in orders[["side", "price", "order_id"]].tolist():
            where = first + side * prices + (price & (prices - 1))
            f.orders[where, f.counts[where]] = order_id
            f.counts[where] += 1
            f.head["longest"] = max(f.head["longest"][0], f.counts[where])
            if f.head["longest"] == f.orders.shape[1]:
                f = roomier(f)
        return f


@compiled
def _distance(f: Flow, i: int) -> int:
    """Ticks from the opposite best at which a limit order is put."""
    reach = f.p[i, REACH]
    while True:
        distance = pareto(f.rows[i], f.p[i, DISTANCE])
        if distance < reach + 1.0:
            return int(distance)


@inlined
def _list_at(f: Flow, i: int, side: int, distance: int) -> int:
    """The list of the orders of a side that stand at a distance (or one multiple of all prices)."""
    prices = int(f.p[i, PRICES])
    price = f.head[0]["bid"] + distance if side == SELL else f.head[0]["ask"] - distance
    return f.rows[i]["list"] + side * prices + (price & (prices - 1))


@inlined
def _share(f: Flow, i: int, distance: int) -> float:
    """The rate of cancels at a distance, relative to that at 1."""
    return float(f.p[i, PROFILE + min(max(distance, 1), NEAR) - 1])


@compiled
def _weigh(f: Flow, i: int) -> None:
    """Sum the rate of cancels over all orders if the touch has moved."""
    p, h = f.p[i], f.head[0]
    if p[BID] == h["bid"] and p[ASK] == h["ask"]:
        return
    p[BID], p[ASK] = float(h["bid"]), float(h["ask"])
    weight, far = 0.0, 0
    for side in range(2):
        for distance in range(1, int(p[PRICES]) + 1):
            count = f.counts[_list_at(f, i, side, distance)]
            if distance <= NEAR:
                weight += count * p[PROFILE + distance - 1]
            else:
                far += count
    p[WEIGHT] = weight + far * p[PROFILE + NEAR - 1]


@compiled
def _withdraw(f: Flow, s: Any, i: int) -> bool:
    """Cancel one of the orders, the more rarely the further out it stands."""
    p = f.p[i]
    left = uniform(f.rows[i]) * p[WEIGHT]
    distance, side = 0, SELL
    while left >= 0.0:
        side = 1 - side
        if side == BUY:
            distance += 1
        if distance > p[PRICES]:
            return False
        left -= f.counts[_list_at(f, i, side, distance)] * _share(f, i, distance)
    where = _list_at(f, i, side, distance)
    before = f.counts[where]
    at = pick(f, s, i, where)
    if at >= 0:
        # Orders that the price has left far behind share their lists with nearer ones.
        o = s.orders[find(s, f.orders[where, at])]
        away = o["price"] - f.head[0]["bid"] if side == SELL else f.head[0]["ask"] - o["price"]
        if away > distance and uniform(f.rows[i]) * _share(f, i, distance) >= _share(f, i, away):
            return False
        cancel(f, s, where, at)
    p[WEIGHT] -= (before - f.counts[where]) * _share(f, i, distance)
    return at >= 0


@compiled
def _leave(f: Flow, i: int) -> bool:
    """Leave a limit order somewhere."""
    p, row, h = f.p[i], f.rows[i], f.head[0]
    side = below(row, 2)
    distance = _distance(f, i)
    price = h["bid"] + distance if side == SELL else h["ask"] - distance
    if not place(f, i, _list_at(f, i, side, distance), side, price, size_of(f, i)):
        return False
    p[WEIGHT] += _share(f, i, distance)
    return True


@compiled
def act(f: Flow, s: Any, i: int) -> bool:
    """One arrival: write a command, or find that nothing is to be done; set the next alarm."""
    p, row = f.p[i], f.rows[i]
    _weigh(f, i)
    total = p[LIMITS] + p[MARKETS] + p[CANCELS] * p[WEIGHT]
    which = uniform(row) * total
    if which < p[LIMITS]:
        wrote = _leave(f, i)
    elif which < p[LIMITS] + p[MARKETS]:
        side = below(row, 2)
        wrote = take(f, s, anybody(f, row), side, size_of(f, i), p[WALKS] > 0.0)
    else:
        wrote = _withdraw(f, s, i)
    row["a_ns"] = after(f, row, p[LIMITS] + p[MARKETS] + p[CANCELS] * p[WEIGHT])
    return bool(wrote)
