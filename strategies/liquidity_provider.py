"""A slow, deep maker that gives the book its depth."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, floor
from typing import Annotated

from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from mexchange.strategy.indicators import EMA
from strategies.common import bound, lots, others_mid, show

__all__ = ["LiquidityProvider"]


class LiquidityProvider(Strategy):
    """Shows `levels` orders on either side, `spread_bps` apart, around a slow average of the mid.

    Every `period` the average goes `follow` of the way to the mid (weights 0.95 and 0.05). Best
    quotes stand `spread_bps` apart and so do the levels behind them, each of `size` units of the
    base asset. Orders keep their place in the queue until the average has moved by `requote_bps`.

    Unlike the bot it is named after, it follows the mid of others' orders and not its own, quotes
    only after it has seen one and post-only, holds no more than `max_inventory` either way, and
    withdraws while the mid is more than `retreat_bps` from its average: who is so slow is in the
    way of a market that runs.
    """

    period: Duration = "500ms"
    levels: Annotated[int, Range(1, 50)] = 5
    spread_bps: Annotated[float, Range(above=0, below=400)] = 10.0
    size: Annotated[Decimal, Range(above=0)] = Decimal(2)
    follow: Annotated[float, Range(above=0, high=1)] = 0.05
    requote_bps: Annotated[float, Range(0)] = 1.0
    max_inventory: Annotated[Decimal, Range(above=0)] = Decimal(100)
    retreat_bps: Annotated[float, Range(above=0)] = 50.0

    def on_start(self) -> None:
        """Wait for the first period."""
        self._lots, self._most = lots(self, self.size), bound(self, self.max_inventory)
        self._slow = EMA(alpha=self.follow)
        self._centre = 0.0
        self.every(self.period, self.quote)

    def quote(self) -> None:
        """Bring the quotes to where they should be, or take them away."""
        mid = others_mid(self)
        slow = self._slow.update(mid) if mid else self._slow.value
        if not slow > 0:
            return
        bip = slow / 10_000
        if abs(slow - self._centre) > self.requote_bps * bip:
            self._centre = slow
        runs = bool(mid) and abs(mid - slow) > self.retreat_bps * bip
        show(self, {} if runs else self._wanted(self.spread_bps * bip), self._most)

    def _wanted(self, step: float) -> dict[tuple[Side, int], int]:
        """Side, price and lots of every quote, those that inventory allows."""
        wanted = {}
        for level in range(self.levels):
            away = max((level + 0.5) * step, level + 0.5)
            added = (level + 1) * self._lots
            if self.position + added <= self._most:
                wanted[Side.BUY, max(1, floor(self._centre - away))] = self._lots
            if self.position - added >= -self._most:
                wanted[Side.SELL, ceil(self._centre + away)] = self._lots
        return wanted
