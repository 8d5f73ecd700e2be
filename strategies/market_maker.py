"""A market maker that quotes both sides around what others quote."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor
from typing import Annotated

from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from strategies.common import bound, lots, others_mid, show

__all__ = ["MarketMaker"]


class MarketMaker(Strategy):
    """Quotes both sides around the mid of everybody else's orders, skewed against its inventory.

    Its idea of the price goes `follow` of the way to that mid every `period`. The best quotes stand
    `spread_bps` apart, the `levels` half of that behind one another, each of `size` units of the
    base asset (rounded to lots, at least one). Inventory moves all of them the other way: by a
    whole spread when it is `max_inventory`, where the quotes that would add to it also end. Quotes
    that have become wrong are replaced, after a fill or when the centre has moved by more than
    `requote_bps`. The others keep their place in the queue.
    """

    spread_bps: Annotated[float, Range(above=0, below=10_000)] = 8.0
    levels: Annotated[int, Range(1, 50)] = 3
    size: Annotated[Decimal, Range(above=0)] = Decimal(1)
    max_inventory: Annotated[Decimal, Range(above=0)] = Decimal(30)
    period: Duration = "100ms"
    requote_bps: Annotated[float, Range(0)] = 1.0
    follow: Annotated[float, Range(above=0, high=1)] = 0.3

    def on_start(self) -> None:
        """Wait for the first period."""
        self._lots = lots(self, self.size)
        self._most = max(self._lots, bound(self, self.max_inventory))
        self._fair = 0.0
        self._centre = 0.0
        self.every(self.period, self.quote)

    def quote(self) -> None:
        """Bring the quotes to where they should be."""
        if not self._estimate():
            return
        half = max(self._fair * self.spread_bps / 20_000, 0.5)
        centre = self._fair - self.position / self._most * half * 2
        if abs(centre - self._centre) > self._fair * self.requote_bps / 10_000:
            self._centre = centre
        show(self, self._wanted(half), self._most)

    def _wanted(self, half: float) -> dict[tuple[Side, int], int]:
        """Side, price and lots of every quote, those that inventory allows."""
        wanted = {}
        for level in range(1, self.levels + 1):
            added = level * self._lots
            bid, ask = floor(self._centre - level * half), ceil(self._centre + level * half)
            if self.position + added <= self._most and bid > 0:
                wanted[Side.BUY, bid] = self._lots
            if self.position - added >= -self._most:
                wanted[Side.SELL, ask] = self._lots
        return wanted

    def _estimate(self) -> bool:
        """Follow the mid of others' orders, from a trade if need be; whether there is a price."""
        mid = others_mid(self)
        if mid:
            self._fair += (mid - self._fair) * (self.follow if self._fair else 1)
        elif not self._fair:
            self._fair = float(self.book.last)
        return self._fair > 0
