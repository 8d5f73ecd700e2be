"""A trader without an opinion: it takes and it leaves, at random."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from mexchange.clock import nanoseconds
from mexchange.records import SelfTrade, Side
from mexchange.strategy import Duration, Range, Strategy
from strategies.common import bound, lots, room, take

__all__ = ["RandomTrader"]


class RandomTrader(Strategy):
    """Acts with probability `activity` every `period`: a market or a limit order, on either side.

    It is a limit order with probability `limit_share`, which then stands 1 to `most_offset_bps`
    basis points from the mid on its own side. At most `max_open` of them stand: one more replaces
    the oldest. All orders are 1 to `most_units` times `unit` of the base asset. A side that could
    bring its position beyond `max_position` is not taken.
    """

    period: Duration = "75ms"
    activity: Annotated[float, Range(0, 1)] = 0.6
    limit_share: Annotated[float, Range(0, 1)] = 0.5
    most_offset_bps: Annotated[int, Range(1, 9_999)] = 30
    unit: Annotated[Decimal, Range(above=0)] = Decimal(1)
    most_units: Annotated[int, Range(1)] = 2
    max_open: Annotated[int, Range(1)] = 3
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(25)

    def on_start(self) -> None:
        """Begin at a random part of a period, so that not all traders act at once."""
        self._unit, self._most = lots(self, self.unit), bound(self, self.max_position)
        self.every(
            self.period, self.turn, first=1 + int(self.rng.random() * nanoseconds(self.period))
        )

    def turn(self) -> None:
        """Act, perhaps."""
        draw = self.rng.random
        if draw() >= self.activity:
            return
        side = Side.BUY if draw() < 0.5 else Side.SELL
        quantity = self._unit * (1 + int(draw() * self.most_units))
        if quantity > room(self, side, self._most):
            return
        if draw() < self.limit_share:
            self._leave(side, quantity, 1 + int(draw() * self.most_offset_bps))
        else:
            take(self, side, quantity)

    def _leave(self, side: Side, quantity: int, offset_bps: int) -> None:
        """A limit order, `offset_bps` away from the mid."""
        twice_mid = self.book.mid2
        if not twice_mid:
            return
        open_orders = [order for order in self.orders.values() if order.price]
        if len(open_orders) >= self.max_open:
            self.cancel(open_orders[0])
        away = max(1, twice_mid * offset_bps // 20_000)
        price = (twice_mid + 1) // 2 + away if side else twice_mid // 2 - away
        if price > 0:
            send = self.sell if side else self.buy
            send(price, quantity, self_trade=SelfTrade.EXPIRE_MAKER)
