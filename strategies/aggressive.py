"""A taker that pushes one way for a while, and then perhaps the other."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from mexchange.records import Side
from mexchange.strategy import Duration, Range, Strategy
from strategies.common import bound, lots, room, take

__all__ = ["Aggressive"]


class Aggressive(Strategy):
    """Sends market orders one way for `least_turns` to `most_turns` turns, then draws the way anew.

    In a turn, one every `period`, it acts with probability `activity`, with 1 to `most_units` times
    `unit` of the base asset. It sends nothing that could bring its position beyond `max_position`.
    """

    period: Duration = "50ms"
    activity: Annotated[float, Range(0, 1)] = 0.7
    unit: Annotated[Decimal, Range(above=0)] = Decimal(1)
    most_units: Annotated[int, Range(1)] = 3
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(20)
    least_turns: Annotated[int, Range(1)] = 50
    most_turns: Annotated[int, Range(1)] = 200

    def check(self) -> None:
        """The bounds of the turns must be in order."""
        if self.least_turns > self.most_turns:
            raise ValueError(
                f"least_turns {self.least_turns} is above most_turns {self.most_turns}"
            )

    def on_start(self) -> None:
        """Wait for the first turn."""
        self._unit, self._most = lots(self, self.unit), bound(self, self.max_position)
        self._turns = 0
        self._side = Side.BUY
        self.every(self.period, self.turn)

    def turn(self) -> None:
        """Act, perhaps."""
        draw = self.rng.random
        if self._turns == 0:
            self._side = Side.BUY if draw() < 0.5 else Side.SELL
            span = self.most_turns - self.least_turns + 1
            self._turns = self.least_turns + int(draw() * span)
        self._turns -= 1
        if draw() >= self.activity:
            return
        quantity = self._unit * (1 + int(draw() * self.most_units))
        if quantity <= room(self, self._side, self._most):
            take(self, self._side, quantity)
