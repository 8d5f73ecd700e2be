"""Time-weighted average price: the same amount in every slice."""

from __future__ import annotations

from strategies.parent_order import ParentOrder

__all__ = ["TWAP"]


class TWAP(ParentOrder):
    """Works `quantity` on `side` evenly over `horizon`: as much in each of its `slices`.

    With one slice it is a sweep: all at once. `start`, `patience` and `limit_price` are those of
    every parent order: when it arrives, for which share of a slice it rests at the best price
    before it takes, and what it does not go beyond. `report` has the slippage against arrival.
    """

    def due(self, elapsed: int) -> float:
        """In proportion to time."""
        return (elapsed + 1) / self.slices
