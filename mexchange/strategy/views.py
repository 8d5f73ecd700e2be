"""What a strategy sees: the book, its orders, its fills. All of it as of its last message."""

from __future__ import annotations

from enum import IntEnum
from heapq import nlargest, nsmallest
from typing import NamedTuple

from mexchange.markets import Market
from mexchange.records import EventKind, Reason, Side
from mexchange.transport import NOTHING, Sight, Top, Update

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
    """The book of one market, as far as news of it has arrived.

    `bid`, `ask`, `last` are in ticks, `bid_quantity`, `ask_quantity` in lots; 0 where there is
    none. `time_ns` is the exchange's time of the last change.
    """

    __slots__ = ("_asks", "_bids", "_seen_ns", "_sight", "_top", "market", "number")

    def __init__(self, number: int, market: Market, sight: Sight | None = None) -> None:
        self.number = number
        self.market = market
        self._top: Top | Update = NOTHING
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._sight = sight
        self._seen_ns = -1

    def look_through(self, sight: Sight | None) -> None:
        """See the market through a sight; without one by updates, on from what was seen."""
        if sight is None and self._sight is not None:
            self._bids = dict(self.levels(Side.BUY))
            self._asks = dict(self.levels(Side.SELL))
            self._top = self.top
        self._sight = sight

    def take(self, update: Update) -> None:
        """Follow an update."""
        self._top = update
        for side, price, lots in update.changes:
            levels = self._asks if side else self._bids
            if lots:
                levels[price] = lots
            else:
                levels.pop(price, None)

    @property
    def top(self) -> Top | Update:
        """All that is best, at once."""
        sight = self._sight
        if sight is not None and sight.seen_ns != self._seen_ns:
            self._top = sight.top(self.number)
            self._seen_ns = sight.seen_ns
        return self._top

    @property
    def bid(self) -> int:
        """The best bid."""
        return self.top.bid

    @property
    def bid_quantity(self) -> int:
        """What is displayed at the best bid."""
        return self.top.bid_quantity

    @property
    def ask(self) -> int:
        """The best ask."""
        return self.top.ask

    @property
    def ask_quantity(self) -> int:
        """What is displayed at the best ask."""
        return self.top.ask_quantity

    @property
    def last(self) -> int:
        """The price of the last trade."""
        return self.top.last

    @property
    def time_ns(self) -> int:
        """When the book last changed, by the exchange's clock."""
        return self.top.time_ns

    @property
    def mid2(self) -> int:
        """Bid plus ask, which is twice the mid and always a whole number; 0 unless both exist."""
        top = self.top
        return top.bid + top.ask if top.bid and top.ask else 0

    @property
    def spread(self) -> int:
        """Ask minus bid; 0 unless both exist."""
        top = self.top
        return top.ask - top.bid if top.bid and top.ask else 0

    def quantity(self, side: Side, price: int) -> int:
        """What is displayed at a price, in lots."""
        if self._sight is not None:
            return self._sight.books().quantity(self.number, side, price)
        return (self._asks if side else self._bids).get(price, 0)

    def levels(self, side: Side, depth: int | None = None) -> list[tuple[int, int]]:
        """Price and displayed lots of the best `depth` levels (default: all), best first."""
        if self._sight is not None:
            return self._sight.books().side(self.number, side, depth)
        levels = (self._asks if side else self._bids).items()
        if depth is None:
            return sorted(levels, reverse=not side)
        return nsmallest(depth, levels) if side else nlargest(depth, levels)

    def __repr__(self) -> str:
        def shown(price: int, lots: int) -> str:
            return f"{self.market.quantity(lots)} @ {self.market.price(price)}" if price else "–"

        bid, ask = shown(self.bid, self.bid_quantity), shown(self.ask, self.ask_quantity)
        return f"<Book {self.market.name}: {bid} / {ask}>"
