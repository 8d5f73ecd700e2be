"""What a strategy waits for: timers, and news in a coroutine."""

from __future__ import annotations

from collections import deque

import trio

from mexchange.clock import Clock
from mexchange.strategy.views import Book, Fill, OrderUpdate

__all__ = ["News", "NewsQueue", "Timer"]

News = Book | Fill | OrderUpdate
"""What `Strategy.events` yields."""


class Timer:
    """What `every` and `at` return: `cancel` stops it."""

    __slots__ = ("live",)

    def __init__(self) -> None:
        self.live = True

    def cancel(self) -> None:
        """It will not be called any more."""
        self.live = False


class NewsQueue:
    """What `Strategy.events` returns: an endless queue for `async for`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: deque[News] = deque()
        self._arrived = trio.Event()

    def put(self, *news: News) -> None:
        """Add news, and wake who waits."""
        self._queue.extend(news)
        self._arrived.set()
        self._clock.woke()

    def __aiter__(self) -> NewsQueue:
        return self

    async def __anext__(self) -> News:
        while not self._queue:
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self._queue.popleft()
