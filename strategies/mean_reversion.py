"""A taker that bets on the way back when the price has gone far from its mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from mexchange.strategy.indicators import Window
from strategies.common import bound, lots, room, take

__all__ = ["MeanReversion"]


class MeanReversion(Strategy):
    """Sells when the mid is far above its mean of late, buys when it is far below.

    Every `period` it looks at the mid, whose mean and standard deviation it keeps over the last
    `window` looks. Where the mid is more than `threshold` deviations away, it sends with
    probability `activity` a market order of 1 to `most_units` times `unit` of the base asset
    against it. Back within `close_at` deviations it unwinds what it has, as much at a time.

    Unlike the bot it is named after, it takes its profit, never goes beyond `max_position`, and
    neither acts nor learns while a side of the book is empty or before its window is full.
    """

    period: Duration = "500ms"
    window: Annotated[int, Range(2)] = 120
    threshold: Annotated[float, Range(above=0)] = 2.5
    close_at: Annotated[float, Range(0)] = 0.5
    activity: Annotated[float, Range(0, 1)] = 0.5
    unit: Annotated[Decimal, Range(above=0)] = Decimal(1)
    most_units: Annotated[int, Range(1)] = 4
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(20)

    def check(self) -> None:
        """What is opened at one distance must be closed at a smaller one."""
        if self.close_at >= self.threshold:
            raise ValueError(f"close_at {self.close_at} is not below threshold {self.threshold}")

    def on_start(self) -> None:
        """Wait for the first look."""
        self._unit, self._most = lots(self, self.unit), bound(self, self.max_position)
        self._seen = Window(self.window)
        self.every(self.period, self.look)

    def look(self) -> None:
        """Learn the mid, and act on it, perhaps."""
        mid = self.book.mid2 / 2
        if not mid:
            return
        mean, deviation = self._seen.update(mid), self._seen.deviation
        if not deviation > 0:
            return
        score = (mid - mean) / deviation
        quantity = self._unit * (1 + int(self.rng.random() * self.most_units))
        if abs(score) > self.threshold:
            side = Side.SELL if score > 0 else Side.BUY
            quantity = min(quantity, room(self, side, self._most))
            if quantity and self.rng.random() < self.activity:
                take(self, side, quantity)
        elif abs(score) <= self.close_at and self.position and not self.orders:
            side = Side.SELL if self.position > 0 else Side.BUY
            take(self, side, min(quantity, abs(self.position)))
