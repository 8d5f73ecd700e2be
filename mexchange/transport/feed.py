"""From events to what the public sees of a market, and to what concerns one account only.

A `Feed` reads the exchange's events in their order and makes of each instant one `Update` for every
market that changed. It knows nothing but these events, so it can stand anywhere: in simulation it
stands once beside the exchange, and what it says travels from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from struct import Struct
from typing import NamedTuple

from mexchange.records import EVENT, EventKind, Events, Side

__all__ = ["Change", "Feed", "Moment", "Row", "Trade", "Update"]

Row = tuple[int, ...]
"""An event as a tuple, its fields in the order of `EVENT`."""
Change = tuple[int, int, int]
"""Side, price (ticks) and what is displayed there now (lots)."""

_CODES = {"i8": "q", "u4": "I", "u2": "H", "u1": "B"}
_NAMES = EVENT.names
assert _NAMES is not None


def _struct(*names: str) -> Struct:
    """What unpacks only the fields `names` of an event, which must be in their order."""
    form, end = "<", 0
    for name in names:
        kind, offset = EVENT.fields[name][:2]  # type: ignore[index]
        form += f"{offset - end}x" + _CODES[kind.str[1:]]
        end = offset + kind.itemsize
    return Struct(f"{form}{EVENT.itemsize - end}x")


_EVENT = _struct(*_NAMES)
_PUBLIC = _struct(
    "time_ns", "price", "displayed", "expiry_ns", "account", "maker_account", "market", "kind",
    "side",
)  # fmt: skip
_SIZE = EVENT.itemsize
_SEQUENCE, _QUANTITY = map(_NAMES.index, ("sequence", "quantity"))
_SIDES = (Side.BUY, Side.SELL)
_TRADE, _PREVENTED, _ACCEPTED = EventKind.TRADE, EventKind.PREVENTED, EventKind.ACCEPTED


class Trade(NamedTuple):
    """A trade as the public sees it: ticks, lots, and the side of the aggressor."""

    time_ns: int
    sequence: int
    market: int
    price: int
    quantity: int
    side: Side


class Update:
    """What changed in one market at one instant.

    `changes` are the prices at which the displayed quantity changed, in the order of the changes;
    `bid`, `bid_quantity`, `ask`, `ask_quantity` are the best of the book, zeros where it is empty;
    `last` is the price of the last trade, 0 before the first. `time_ns` is the exchange's time.
    """

    __slots__ = (
        "ask", "ask_quantity", "bid", "bid_quantity", "changes", "last", "market", "time_ns",
        "trades",
    )  # fmt: skip

    def __init__(self, book: _Book, time_ns: int, changes: list[Change]) -> None:
        self.market = book.market
        self.time_ns = time_ns
        self.changes = changes
        self.bid = book.bid
        self.bid_quantity = book.bid_quantity
        self.ask = book.ask
        self.ask_quantity = book.ask_quantity
        self.last = book.last
        self.trades: list[Trade] | None = book.trades
        """The trades of this instant in their order; None if there are none."""


Moment = tuple[int, list[Update], dict[int, list[Row]]]
"""All that happened at one instant: its time, public updates, rows by the account they concern."""


class _Book:
    """One market as the feed knows it.

    A price stays in `bids` or `asks` with a quantity of zero until it surfaces in its heap, so each
    price is in its heap exactly once, however often its level comes and goes.
    """

    __slots__ = (
        "ask", "ask_heap", "ask_quantity", "asks", "bid", "bid_heap", "bid_quantity", "bids",
        "changes", "last", "market", "touched", "trades",
    )  # fmt: skip

    def __init__(self, market: int) -> None:
        self.market = market
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.bid_heap: list[int] = []
        self.ask_heap: list[int] = []
        self.bid = self.bid_quantity = self.ask = self.ask_quantity = self.last = 0
        self.changes: list[Change] = []
        self.trades: list[Trade] | None = None
        self.touched = False

    def change(self, side: int, price: int, displayed: int) -> None:
        """Enter a change of what is displayed at a price."""
        if side:
            levels = self.asks
            if price in levels:
                displayed += levels[price]
            else:
                heappush(self.ask_heap, price)
            levels[price] = displayed
            if price <= self.ask or not self.ask:
                heap = self.ask_heap
                while heap and not levels[heap[0]]:
                    del levels[heappop(heap)]
                self.ask = heap[0] if heap else 0
                self.ask_quantity = levels[self.ask] if heap else 0
        else:
            levels = self.bids
            if price in levels:
                displayed += levels[price]
            else:
                heappush(self.bid_heap, -price)
            levels[price] = displayed
            if price >= self.bid:
                heap = self.bid_heap
                while heap and not levels[-heap[0]]:
                    del levels[-heappop(heap)]
                self.bid = -heap[0] if heap else 0
                self.bid_quantity = levels[self.bid] if heap else 0
        self.changes.append((side, price, displayed))

    def update(self, time_ns: int) -> Update:
        """What changed since the last update."""
        update = Update(self, time_ns, self.changes)
        self.changes, self.trades, self.touched = [], None, False
        return update


class Feed:
    """Reads events; `accounts` are those whose own events are wanted (grow it at will)."""

    def __init__(self, markets: int) -> None:
        self._books = [_Book(market) for market in range(markets)]
        self.accounts: dict[int, None] = {}
        self.expiries: list[int] = []
        """Expiry times of orders accepted by the last `read`, zeros left out."""

    def snapshot(self, time_ns: int) -> list[Update]:
        """Everything that is displayed now, for who was not there before; one update a market."""
        updates = []
        for book in self._books:
            bids: list[Change] = [(0, price, lots) for price, lots in book.bids.items() if lots]
            asks: list[Change] = [(1, price, lots) for price, lots in book.asks.items() if lots]
            updates.append(Update(book, time_ns, bids + asks))
        return updates

    def read(self, events: Events) -> Iterator[Moment]:
        """The moments of the next events of the exchange, those in which something was to see.

        They must be read to their end.
        """
        books, accounts, packed = self._books, self.accounts, events.tobytes()
        expiries = self.expiries = []
        touched: list[_Book] = []
        private: dict[int, list[Row]] = {}
        now_ns, at = -1, -_SIZE
        for (
            time_ns,
            price,
            displayed,
            expiry_ns,
            account,
            maker,
            market,
            kind,
            side,
        ) in _PUBLIC.iter_unpack(packed):
            at += _SIZE
            if time_ns != now_ns:
                if touched or private:
                    yield now_ns, [book.update(now_ns) for book in touched], private
                    touched, private = [], {}
                now_ns = time_ns
            row: Row | None = None
            if kind == _TRADE or kind == _PREVENTED:  # noqa: PLR1714, SIM109 - Twice as fast.
                # What is displayed belongs to the maker, who stands on the other side.
                side ^= 1
                row = _EVENT.unpack_from(packed, at)
                if maker in accounts and maker != account:
                    private.setdefault(maker, []).append(row)
                if kind == _TRADE:
                    book = books[market]
                    if not book.touched:
                        book.touched = True
                        touched.append(book)
                    trade = Trade(
                        time_ns, row[_SEQUENCE], market, price, row[_QUANTITY], _SIDES[side ^ 1]
                    )
                    if book.trades is None:
                        book.trades = [trade]
                    else:
                        book.trades.append(trade)
                    book.last = price
            elif expiry_ns and kind == _ACCEPTED:
                expiries.append(expiry_ns)
            if account in accounts:
                private.setdefault(account, []).append(row or _EVENT.unpack_from(packed, at))
            if displayed:
                book = books[market]
                if not book.touched:
                    book.touched = True
                    touched.append(book)
                book.change(side, price, displayed)
        if touched or private:
            yield now_ns, [book.update(now_ns) for book in touched], private
