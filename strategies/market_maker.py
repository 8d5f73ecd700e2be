"""A market maker that quotes both sides around what others quote."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor
from typing import Annotated

from mexchange.clock import nanoseconds
from mexchange.records import Side
from mexchange.strategy import Range, Strategy

__all__ = ["MarketMaker"]


class MarketMaker(Strategy):
    """Quotes both sides around the mid of everybody else's orders, skewed against its inventory.

    Its idea of the price goes `follow` of the way to that mid every `period`. The best quotes stand
    `spread_bps` apart, further levels half of that behind one another, each of `size` units of the
    base asset (rounded to lots, at least one). Inventory moves all of them the other way: by a
    whole spread when it is `max_inventory`, where the quotes that would add to it also end. Quotes
    that have become wrong are replaced, after a fill or when the centre has moved by more than
    `requote_bps`. The others keep their place in the queue.
    """

    spread_bps: Annotated[float, Range(above=0, below=10_000)] = 8.0
    levels: Annotated[int, Range(1, 50)] = 3
    size: Annotated[Decimal, Range(above=0)] = Decimal(1)
    max_inventory: Annotated[Decimal, Range(above=0)] = Decimal(30)
    period: str = "100ms"
    requote_bps: Annotated[float, Range(0)] = 1.0
    follow: Annotated[float, Range(above=0, high=1)] = 0.3

    def check(self) -> None:
        """The period must be a length of time."""
        nanoseconds(self.period)

    def on_start(self) -> None:
        """Wait for the first period."""
        lot = Decimal(self.market.lot)
        self._lots = max(1, round(self.size / lot))
        self._most = max(self._lots, int(self.max_inventory / lot))
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
        wanted = self._wanted(half)
        for order in list(self.orders.values()):
            if wanted.pop((order.side, order.price), None) is None:
                self.cancel(order)
        for side, price in wanted:
            send = self.sell if side else self.buy
            send(price, self._lots, post_only=True)

    def _wanted(self, half: float) -> dict[tuple[Side, int], bool]:
        """Side and price of every quote, those that inventory allows."""
        wanted = {}
        for level in range(1, self.levels + 1):
            lots = level * self._lots
            bid, ask = floor(self._centre - level * half), ceil(self._centre + level * half)
            if self.position + lots <= self._most and bid > 0:
                wanted[Side.BUY, bid] = True
            if self.position - lots >= -self._most:
                wanted[Side.SELL, ask] = True
        return wanted

    def _estimate(self) -> bool:
        """Follow the mid of others' orders, from a trade if need be; whether there is a price."""
        own: dict[int, int] = {}
        for order in self.orders.values():
            own[order.price] = own.get(order.price, 0) + order.left
        bid, ask = self._others(Side.BUY, own), self._others(Side.SELL, own)
        if bid and ask:
            mid = (bid + ask) / 2
            self._fair += (mid - self._fair) * (self.follow if self._fair else 1)
        elif not self._fair:
            self._fair = float(self.book.last)
        return self._fair > 0

    def _others(self, side: Side, own: dict[int, int]) -> int:
        """The best price at which somebody else shows an order, 0 if nobody does."""
        book = self.book
        price, shown = (book.ask, book.ask_quantity) if side else (book.bid, book.bid_quantity)
        if shown > own.get(price, 0):
            return price
        for price, shown in book.levels(side, len(own) + 1):
            if shown > own.get(price, 0):
                return price
        return 0
