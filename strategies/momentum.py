"""A taker that goes with the trend."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from mexchange.strategy.indicators import EMA
from strategies.common import bound, lots, take

__all__ = ["Momentum"]


class Momentum(Strategy):
    """Buys when a fast average of the mid is above a slow one, sells when it is below.

    Every `period` it looks at the mid. Its averages are exponential, of `fast` and `slow` looks.
    Once they are `threshold_bps` apart it wants a position of `max_position` that way, and gets
    there by market orders of at most `size` units of the base asset, one a look. When they come
    together to `close_bps` it wants none. It waits until it has looked `slow` times, and while a
    side of the book is empty.
    """

    period: Duration = "1s"
    fast: Annotated[int, Range(1)] = 10
    slow: Annotated[int, Range(2)] = 40
    threshold_bps: Annotated[float, Range(above=0)] = 3.0
    close_bps: Annotated[float, Range(0)] = 1.0
    size: Annotated[Decimal, Range(above=0)] = Decimal(1)
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(10)

    def check(self) -> None:
        """Fast must be faster than slow, and a position closed nearer than it is opened."""
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} is not below slow {self.slow}")
        if self.close_bps >= self.threshold_bps:
            raise ValueError(
                f"close_bps {self.close_bps} is not below threshold_bps {self.threshold_bps}"
            )

    def on_start(self) -> None:
        """Wait for the first look."""
        self._lots, self._most = lots(self, self.size), bound(self, self.max_position)
        self._fast, self._slow = EMA(self.fast), EMA(self.slow)
        self._looks = self._wanted = 0
        self.every(self.period, self.look)

    def look(self) -> None:
        """Learn the mid, and go some of the way to the position that is wanted."""
        mid = self.book.mid2 / 2
        if not mid:
            return
        self._looks += 1
        apart_bps = (self._fast.update(mid) / self._slow.update(mid) - 1) * 10_000
        if self._looks < self.slow:
            return
        if abs(apart_bps) > self.threshold_bps:
            self._wanted = self._most if apart_bps > 0 else -self._most
        elif abs(apart_bps) < self.close_bps:
            self._wanted = 0
        missing = self._wanted - self.position
        if missing and not self.orders:
            take(self, Side.BUY if missing > 0 else Side.SELL, min(self._lots, abs(missing)))
