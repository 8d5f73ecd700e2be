"""What a strategy sees: the book, its orders, its fills. All of it as of its last message."""

from __future__ import annotations

from enum import IntEnum
from heapq import nlargest, nsmallest
from typing import NamedTuple

from mexchange.markets import Market
from mexchange.records import EventKind, Reason, Side
from mexchange.transport import Feed, Update

__all__ = ["Book", "Fill", "Order", "OrderUpdate", "Status"]


class Status(IntEnum):
    """How far an order has come. Up to OPEN it lives; what comes after is the end."""

    SENT = 0
    OPEN = 1
    FILLED = 2
    CANCELLED = 3
    EXPIRED = 4
    REJECTED = 5


class Order:
    """An order of one's own, as far as one has heard of it.

    `price` is in ticks (0: a market order), `quantity` (the total), `left` and `filled` in lots.
    `reason` says why it was rejected or ended.
    """

    __slots__ = (
        "filled", "id", "left", "market", "post_only", "price", "quantity", "reason", "sent_ns",
        "side", "status",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        market: int,
        side: Side,
        price: int,
        quantity: int,
        post_only: bool,
        sent_ns: int,
    ) -> None:
        self.id = number
        self.market = market
        self.side = side
        self.price = price
        self.quantity = quantity
        self.left = quantity
        self.filled = 0
        self.post_only = post_only
        self.sent_ns = sent_ns
        self.status = Status.SENT
        self.reason = Reason.NONE

    @property
    def live(self) -> bool:
        """Whether it has not ended: it is on its way, rests or waits for its trigger."""
        return self.status <= Status.OPEN

    def __repr__(self) -> str:
        price = self.price or "market"
        state = f"{self.status.name.lower()} {self.filled}/{self.quantity}"
        return f"<Order {self.id}: {self.side.name.lower()} {self.quantity} @ {price}, {state}>"


class Fill(NamedTuple):
    """A trade of one's own: ticks, lots, and the fee in atoms of the quote asset."""

    time_ns: int
    order: Order
    market: int
    side: Side
    price: int
    quantity: int
    fee: int
    is_maker: bool


class OrderUpdate(NamedTuple):
    """Anything but a fill that happened to an order of one's own.

    `kind` is ACCEPTED, RESTED, CANCELLED, EXPIRED, TRIGGERED, AMENDED, REDUCED, PREVENTED or
    REJECTED. A REJECTED with an order that lives on is that of an amendment or a cancel.
    """

    time_ns: int
    order: Order
    kind: EventKind
    reason: Reason


class Book:
    """The book of one market, rebuilt from the updates that have arrived.

    `bid`, `ask`, `last` are in ticks, `bid_quantity`, `ask_quantity` in lots; 0 where there is
    none. `time_ns` is the exchange's time of the last change.
    """

    __slots__ = ("_asks", "_bids", "_update", "market", "number")

    def __init__(self, number: int, market: Market) -> None:
        self.number = number
        self.market = market
        self._update = Feed(number + 1).snapshot(0)[number]
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def take(self, update: Update) -> None:
        """Follow an update."""
        self._update = update
        for side, price, lots in update.changes:
            levels = self._asks if side else self._bids
            if lots:
                levels[price] = lots
            else:
                levels.pop(price, None)

    @property
    def bid(self) -> int:
        """The best bid."""
        return self._update.bid

    @property
    def bid_quantity(self) -> int:
        """What is displayed at the best bid."""
        return self._update.bid_quantity

    @property
    def ask(self) -> int:
        """The best ask."""
        return self._update.ask

    @property
    def ask_quantity(self) -> int:
        """What is displayed at the best ask."""
        return self._update.ask_quantity

    @property
    def last(self) -> int:
        """The price of the last trade."""
        return self._update.last

    @property
    def time_ns(self) -> int:
        """When the book last changed, by the exchange's clock."""
        return self._update.time_ns

    @property
    def mid2(self) -> int:
        """Bid plus ask, which is twice the mid and always a whole number; 0 unless both exist."""
        update = self._update
        return update.bid + update.ask if update.bid and update.ask else 0

    @property
    def spread(self) -> int:
        """Ask minus bid; 0 unless both exist."""
        update = self._update
        return update.ask - update.bid if update.bid and update.ask else 0

    def quantity(self, side: Side, price: int) -> int:
        """What is displayed at a price, in lots."""
        return (self._asks if side else self._bids).get(price, 0)

    def levels(self, side: Side, depth: int | None = None) -> list[tuple[int, int]]:
        """Price and displayed lots of the best `depth` levels (default: all), best first."""
        levels = (self._asks if side else self._bids).items()
        if depth is None:
            return sorted(levels, reverse=not side)
        return nsmallest(depth, levels) if side else nlargest(depth, levels)

    def __repr__(self) -> str:
        def shown(price: int, lots: int) -> str:
            return f"{self.market.quantity(lots)} @ {self.market.price(price)}" if price else "–"

        bid, ask = shown(self.bid, self.bid_quantity), shown(self.ask, self.ask_quantity)
        return f"<Book {self.market.name}: {bid} / {ask}>"
