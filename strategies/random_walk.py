"""A trader that believes in a price of its own, which wanders."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor
from typing import Annotated

from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from strategies.common import bound, lots, others_mid, show

__all__ = ["RandomWalk"]


class RandomWalk(Strategy):
    """Quotes around a price that walks by itself, and takes the market along.

    Every `period` its price takes a step of `step_bps`, with probability `momentum` the same way as
    the step before. It quotes `size` units of the base asset on either side, `spread_bps` apart;
    a quote that reaches what others show takes it.

    Unlike the bot it is named after, it never strays further than `tether_bps` from the mid of
    others (so that its price cannot end at zero), sends no quote that could bring its position
    beyond `max_inventory`, cannot trade with itself, and does not quote before it has seen a mid.
    """

    period: Duration = "200ms"
    momentum: Annotated[float, Range(0, 1)] = 0.65
    step_bps: Annotated[float, Range(above=0, below=1_000)] = 1.0
    spread_bps: Annotated[float, Range(above=0, below=10_000)] = 10.0
    tether_bps: Annotated[float, Range(above=0, below=5_000)] = 30.0
    size: Annotated[Decimal, Range(above=0)] = Decimal(1)
    max_inventory: Annotated[Decimal, Range(above=0)] = Decimal(30)

    def on_start(self) -> None:
        """Wait for the first step."""
        self._lots, self._most = lots(self, self.size), bound(self, self.max_inventory)
        self._price = 0.0
        self._way = 1 if self.rng.random() < 0.5 else -1
        self.every(self.period, self.step)

    def step(self) -> None:
        """Take a step, and quote around where it leads."""
        if self.rng.random() >= self.momentum:
            self._way = -self._way
        mid = others_mid(self)
        if mid:
            price = (self._price or mid) * (1 + self._way * self.step_bps / 10_000)
            tether = mid * self.tether_bps / 10_000
            self._price = min(max(price, mid - tether), mid + tether)
        elif not self._price:
            return
        half = max(self._price * self.spread_bps / 20_000, 0.5)
        bid, ask = max(1, floor(self._price - half)), ceil(self._price + half)
        wanted = {(Side.BUY, bid): self._lots, (Side.SELL, ask): self._lots}
        for quote in list(wanted):
            if self._is_full(quote[0]):
                del wanted[quote]
        show(self, wanted, self._most, post_only=False)

    def _is_full(self, side: Side) -> bool:
        """Whether a quote on this side could fill beyond the bound, with nothing else open."""
        position = -self.position if side else self.position
        return position + self._lots > self._most
