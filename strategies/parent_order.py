"""A large order worked in slices, and what that cost: what TWAP and VWAP have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from mexchange.clock import nanoseconds
from mexchange.records import EventKind, Side, TimeInForce
from mexchange.strategy import (
    Book,
    Duration,
    Fill,
    Length,
    OrderUpdate,
    ParameterError,
    Range,
    Strategy,
    Trade,
)

__all__ = ["ParentOrder"]

SECOND = 1_000_000_000
WAIT_NS = 10_000_000
"""How long it waits for a book with two sides before it looks again."""


class ParentOrder(Strategy, ABC):
    """Buys or sells (`side`) a `quantity` of the base asset over `horizon`, in `slices`.

    It arrives `start` after the run begins, or as soon as the book has two sides; the mid of that
    moment is the arrival price, by which it is judged. At the beginning of each slice it brings the
    order to where a schedule says it should be at the slice's end: by market orders, or, with
    `patience`, by first resting at its own side's best for that share of the slice and then taking
    what did not come. With a `limit_price` it takes nothing beyond that.

    What a slice could not get, a later one catches up; at the horizon the last rest is taken. It
    never sends what could bring it beyond `quantity`: it reckons with all that is still open, and
    takes the rest of an order only once it has heard how that ended. `report` says what it cost.

    Override `due` with a schedule.
    """

    side: Literal["buy", "sell"] = "buy"
    quantity: Annotated[Decimal, Range(above=0)] = Decimal(20)
    horizon: Duration = "10m"
    slices: Annotated[int, Range(1, 100_000)] = 20
    start: Annotated[str, Length(zero=True)] = "0s"
    patience: Annotated[float, Range(0, below=1)] = 0.0
    limit_price: Annotated[Decimal, Range(above=0)] | None = None

    def check(self) -> None:
        """A slice must have a length."""
        if nanoseconds(self.horizon) < self.slices:
            raise ValueError(f"a horizon of {self.horizon} has no {self.slices} slices")

    @abstractmethod
    def due(self, elapsed: int) -> float:
        """The share of the order that should be done when slice number `elapsed` ends."""

    def on_start(self) -> None:
        """Wait for the start."""
        try:
            self._total = int(self.market.lots(self.quantity))
            self._limit = self.market.ticks(self.limit_price) if self.limit_price else None
        except ValueError as error:
            raise ParameterError(f"{type(self).__name__}: {error}") from None
        self._side = Side.BUY if self.side == "buy" else Side.SELL
        self._sign = 1 if self.side == "buy" else -1
        self._slice_ns = nanoseconds(self.horizon) // self.slices
        self._arrival2 = self._arrival_ns = self._end_ns = self._end2 = 0
        self._target = self._children = 0
        self._taking = False
        self._made = self._paid = self._fees = 0
        self._market_lots = self._market_paid = 0
        self._done_ns = 0
        self.at(self.now + nanoseconds(self.start), self._arrive)

    @property
    def filled(self) -> int:
        """Lots done."""
        return abs(self.position)

    def _arrive(self) -> None:
        if not self.book.mid2:
            self.at(self.now + WAIT_NS, self._arrive)
            return
        self._arrival2, self._arrival_ns = self.book.mid2, self.now
        self._slice(0)
        for elapsed in range(1, self.slices):
            self.at(self.now + elapsed * self._slice_ns, partial(self._slice, elapsed))
        self.at(self.now + nanoseconds(self.horizon), self._end)

    def _slice(self, elapsed: int) -> None:
        share = 1.0 if elapsed == self.slices - 1 else self.due(elapsed)
        self._target = max(self._target, min(self._total, round(self._total * share)))
        best = self.book.ask if self._side else self.book.bid
        if self.patience and best:
            self._taking = False
            self._rest(best)
            self.at(self.now + round(self.patience * self._slice_ns), self._take)
        else:
            self._take()

    def _end(self) -> None:
        self._end_ns, self._end2 = self.now, self.book.mid2
        self._target = self._total
        self._take()

    def _missing(self) -> int:
        """Lots that should be done and are neither done nor open."""
        return self._target - self.filled - sum(order.left for order in self.orders.values())

    def _rest(self, best: int) -> None:
        """Wait at the best price of the own side, or at the limit if that is further away."""
        if self._limit is not None:
            best = max(best, self._limit) if self._side else min(best, self._limit)
        self._send(best, post_only=True)

    def _take(self) -> None:
        """Take what is missing; orders that rest are cancelled first, and their end awaited."""
        self._taking = True
        for order in list(self.orders.values()):
            if order.post_only:
                self.cancel(order)
        self._send(self._limit, time_in_force=TimeInForce.IOC)

    def _send(self, price: int | None, **terms: Any) -> None:
        missing = self._missing()
        if missing > 0:
            self._children += 1
            (self.sell if self._side else self.buy)(price, missing, **terms)

    def on_order(self, update: OrderUpdate) -> None:
        """The rest of a resting order has come back: take it."""
        if self._taking and update.order.post_only and update.kind == EventKind.CANCELLED:
            self._send(self._limit, time_in_force=TimeInForce.IOC)

    def on_fill(self, fill: Fill) -> None:
        """Enter it into the report."""
        self._paid += fill.price * fill.quantity
        self._fees += fill.fee
        self._made += fill.quantity * fill.is_maker
        self._done_ns = fill.time_ns

    def on_trades(self, book: Book, trades: list[Trade]) -> None:
        """What the market did from arrival to horizon is what the order is compared with."""
        if book.number == self.home and self._arrival_ns and not self._end_ns:
            for trade in trades:
                self._market_lots += trade.quantity
                self._market_paid += trade.price * trade.quantity

    @property
    def report(self) -> dict[str, Any]:
        """What the order cost, in basis points: positive is worse than what it is compared with.

        `slippage_bps` is the average price against the mid at arrival, `fees_bps` the fees against
        what was paid, `vwap_slippage_bps` the average price against the market's from arrival to
        horizon (own trades included). `shortfall_bps` counts what was not done too, at the mid at
        the horizon (A. Perold, The implementation shortfall, 1988). Prices and quantities are in
        units of the market. None where there is nothing to say.
        """
        tick, lot = float(self.market.tick), float(self.market.lot)
        filled, arrival = self.filled, self._arrival2 / 2
        average = self._paid / filled if filled else None
        vwap = self._market_paid / self._market_lots if self._market_lots else None
        paid = self._paid * self.market.quote_per_lot_tick
        moved = self._end2 / 2 - arrival if self._end2 else 0.0
        slippage = self._beyond(average, arrival)
        shortfall = None
        if arrival:
            missed = self._sign * moved / arrival * 10_000 * (self._total - filled)
            shortfall = ((slippage or 0.0) * filled + missed) / self._total
        told = {
            "side": self.side,
            "quantity": self._total * lot,
            "filled": filled * lot,
            "arrival_price": arrival * tick if arrival else None,
            "average_price": average * tick if average else None,
            "slippage_bps": slippage,
            "shortfall_bps": shortfall,
            "fees_bps": self._fees / paid * 10_000 if paid else None,
            "market_vwap": vwap * tick if vwap else None,
            "vwap_slippage_bps": self._beyond(average, vwap),
            "participation": filled / self._market_lots if self._market_lots else None,
            "maker_share": self._made / filled if filled else None,
            "child_orders": self._children,
            "seconds": (self._done_ns - self._arrival_ns) / SECOND if filled else None,
        }
        # What floats add beyond this is noise.
        return {n: round(v, 8) if isinstance(v, float) else v for n, v in told.items()}

    def _beyond(self, price: float | None, standard: float | None) -> float | None:
        """How much worse than a standard a price is, in basis points."""
        if not price or not standard:
            return None
        return self._sign * (price / standard - 1) * 10_000
