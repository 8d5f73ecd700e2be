"""Market making with the best trade-off between spread and inventory, by a model of both."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor, log1p, sqrt
from typing import Annotated

from mexchange.clock import nanoseconds
from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from mexchange.strategy.indicators import EMA
from strategies.common import bound, lots, others_mid, show

__all__ = ["AvellanedaStoikov"]

SECOND = 1_000_000_000


class AvellanedaStoikov(Strategy):
    """Quotes around the price at which it is indifferent to its inventory.

    M. Avellaneda and S. Stoikov, High-frequency trading in a limit order book, Quantitative Finance
    8 (2008), 217-224. With the mid s in ticks, an inventory of q times `size` of the base asset, a
    risk aversion γ = `gamma` (per tick), a volatility of σ ticks per root of a second and T - t
    seconds to go,

        reservation price   r = s - q γ σ² (T - t)
        spread              δ = γ σ² (T - t) + (2 / γ) log(1 + γ / k)

    and it shows a bid at r - δ/2 and an ask at r + δ/2. k = `kappa` (per tick) says how fast fills
    become rarer away from the mid, as exp(-k times the distance). Both are of one size.

    s is the mid of everybody else's orders. σ² is estimated from the book: an average of squared
    changes of s from one `period` to the next, of which each new one counts `forget`. The `horizon`
    runs down as in the paper and then begins anew; if it is `rolling` it is always ahead, which is
    what a maker who never closes has.

    The model knows no bound. Beside it, `max_inventory` is one; and a quote that should stand more
    than `widest_bps` from the mid is not shown. After a jump the variance would put it there, to be
    filled at any price by whoever sweeps the book. Quotes stay where they are (and in their queue)
    while they should move by no more than `requote_ticks`.
    """

    gamma: Annotated[float, Range(above=0)] = 0.01
    kappa: Annotated[float, Range(above=0)] = 0.3
    horizon: Duration = "1m"
    rolling: bool = True
    size: Annotated[Decimal, Range(above=0)] = Decimal(1)
    max_inventory: Annotated[Decimal, Range(above=0)] = Decimal(30)
    widest_bps: Annotated[float, Range(above=0, below=10_000)] = 100.0
    period: Duration = "100ms"
    forget: Annotated[float, Range(above=0, high=1)] = 0.01
    requote_ticks: Annotated[int, Range(0)] = 1

    def on_start(self) -> None:
        """Wait for the first period."""
        self._lots, self._most = lots(self, self.size), bound(self, self.max_inventory)
        self._squares = EMA(alpha=self.forget)
        self._period_s = nanoseconds(self.period) / SECOND
        self._horizon_ns = nanoseconds(self.horizon)
        self._start_ns = self.now
        self._mid = 0.0
        self._quotes: dict[Side, int] = {}
        self.every(self.period, self.quote)

    @property
    def volatility(self) -> float:
        """σ: the estimate in ticks per root of a second, NaN before the second look."""
        return sqrt(self._squares.value / self._period_s)

    def quote(self) -> None:
        """Bring both quotes to where they should be."""
        mid, before = others_mid(self), self._mid
        if not mid:
            return
        self._mid = mid
        if not before:
            return
        self._squares.update((mid - before) ** 2)
        bid, ask = self.best_quotes(mid, self.position / self._lots, self._left())
        widest = mid * self.widest_bps / 10_000
        wanted = {}
        for side, price in ((Side.BUY, bid), (Side.SELL, ask)):
            stays = self._quotes.get(side, 0)
            if abs(price - stays) > self.requote_ticks:
                stays = self._quotes[side] = price
            position = -self.position if side else self.position
            if position + self._lots <= self._most and abs(stays - mid) <= widest and stays > 0:
                wanted[side, stays] = self._lots
        show(self, wanted, self._most)

    def best_quotes(self, mid: float, inventory: float, left: float) -> tuple[int, int]:
        """Bid and ask in ticks, by the formulas; `inventory` in sizes, `left` in seconds."""
        risk = self.gamma * self._squares.value / self._period_s * left
        reservation = mid - inventory * risk
        spread = risk + 2 / self.gamma * log1p(self.gamma / self.kappa)
        # A logarithm may differ in its last bit from machine to machine; a price must not.
        half = round(spread / 2, 6)
        return floor(reservation - half), ceil(reservation + half)

    def _left(self) -> float:
        """T - t in seconds."""
        gone = 0 if self.rolling else (self.now - self._start_ns) % self._horizon_ns
        return (self._horizon_ns - gone) / SECOND
