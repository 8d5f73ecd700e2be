"""Volume-weighted average price: as much as the market does, when it does it."""

from __future__ import annotations

import numpy as np

from mexchange.strategy import Book, Trade
from strategies.parent_order import ParentOrder

__all__ = ["VWAP"]


class VWAP(ParentOrder):
    """Works `quantity` on `side` over `horizon` in proportion to the market's volume, in `slices`.

    `curve` says how the volume falls on the horizon: relative volumes of equally long parts, as
    "3,2,1,1,2,3". Without one it learns: after each slice it is done with the share that the volume
    since arrival has in that volume and what is to be expected until the horizon, at the rate of
    all trades of others that it has seen, those before its `start` included. So a `start` later
    than 0s gives it something to learn from; knowing nothing, it goes by time.

    `start`, `patience` and `limit_price` are those of every parent order: when it arrives, for
    which share of a slice it rests at the best price before it takes, and what it does not go
    beyond. `report` has the slippage against arrival, and that against the market's VWAP.
    """

    curve: str = ""

    def check(self) -> None:
        """The curve must be numbers, none negative and one at least positive."""
        super().check()
        try:
            volumes = [float(part) for part in self.curve.split(",")] if self.curve else [1.0]
        except ValueError:
            volumes = []
        if not volumes or min(volumes) < 0 or not 0 < sum(volumes) < float("inf"):
            raise ValueError(f"curve {self.curve!r} is not like '3,2,1,1,2,3'")
        self._done_by = np.cumsum([0.0, *volumes]) / sum(volumes)

    def on_start(self) -> None:
        """Watch, and wait for the start."""
        super().on_start()
        self._seen = 0
        self._seen_before = 0
        self._watching_ns = self.now

    def on_trades(self, book: Book, trades: list[Trade]) -> None:
        """Learn how much is traded."""
        super().on_trades(book, trades)
        if book.number == self.home:
            self._seen += sum(trade.quantity for trade in trades)

    def due(self, elapsed: int) -> float:
        """By the curve, or by what has been seen."""
        if self.curve:
            parts = np.linspace(0, 1, len(self._done_by))
            return float(np.interp((elapsed + 1) / self.slices, parts, self._done_by))
        if elapsed == 0:
            self._seen_before = self._seen
        others = self._seen - self.filled
        since = others - self._seen_before
        watched_ns = self.now - self._watching_ns
        if not others or not watched_ns:
            return (elapsed + 1) / self.slices
        expected = others / watched_ns * self._slice_ns
        done = since + expected
        return done / (since + expected * (self.slices - elapsed))
