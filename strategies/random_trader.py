"""A trader without an opinion: it takes and it leaves, at random."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from mexchange.clock import nanoseconds
from mexchange.records import SelfTrade, Side
from mexchange.strategy import Range, Strategy

__all__ = ["RandomTrader"]


class RandomTrader(Strategy):
    """Acts with probability `activity` every `period`: a market or a limit order, on either side.

    A limit order stands 1 to `most_offset_bps` basis points from the mid on its own side. At most
    `max_open` orders stand: one more replaces the oldest. All are 1 to `most_units` times `unit` of
    the base asset. A side that could bring its position beyond `max_position` is not taken.
    """

    period: str = "75ms"
    activity: Annotated[float, Range(0, 1)] = 0.6
    limit_share: Annotated[float, Range(0, 1)] = 0.5
    most_offset_bps: Annotated[int, Range(1, 9_999)] = 30
    unit: Annotated[Decimal, Range(above=0)] = Decimal(1)
    most_units: Annotated[int, Range(1)] = 2
    max_open: Annotated[int, Range(1)] = 3
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(25)

    def check(self) -> None:
        """The period must be a length of time."""
        nanoseconds(self.period)

    def on_start(self) -> None:
        """Begin at a random part of a period, so that not all traders act at once."""
        lot = Decimal(self.market.lot)
        self._unit = max(1, round(self.unit / lot))
        self._most = int(self.max_position / lot)
        self.every(
            self.period, self.turn, first=1 + int(self.rng.random() * nanoseconds(self.period))
        )

    def turn(self) -> None:
        """Act, perhaps."""
        draw = self.rng.random
        if draw() >= self.activity:
            return
        side = Side.BUY if draw() < 0.5 else Side.SELL
        lots = self._unit * (1 + int(draw() * self.most_units))
        if self._beyond(side, lots):
            return
        if draw() < self.limit_share:
            self._leave(side, lots, 1 + int(draw() * self.most_offset_bps))
        else:
            send = self.sell if side else self.buy
            send(None, lots, self_trade=SelfTrade.EXPIRE_MAKER)

    def _beyond(self, side: Side, lots: int) -> bool:
        """Whether `lots` more, with all that is open on that side, could be too many."""
        lots += sum(order.left for order in self.orders.values() if order.side == side)
        return abs(self.position + (-lots if side else lots)) > self._most

    def _leave(self, side: Side, lots: int, offset_bps: int) -> None:
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
            send(price, lots, self_trade=SelfTrade.EXPIRE_MAKER)
