"""Every update of the public, one by one, for those who listen to each.

A `Feed` reads the rows of the tape in their order and makes of each instant one `Update` for every
market that changed. In simulation it stands once beside the exchange, and what it says travels from
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from mexchange.records import Side
from mexchange.transport.tape import Books

__all__ = ["Change", "Feed", "Trade", "Update"]

Change = tuple[int, int, int]
"""Side, price (ticks) and what is displayed there now (lots)."""

_SIDES = (Side.BUY, Side.SELL)


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


class _Book:
    """One market as the feed knows it.

    A price stays in `bids` or `asks` with a quantity of zero until it surfaces in its heap, so each
    price is in its heap exactly once, however often its level comes and goes.
    """

    __slots__ = (
        "ask", "ask_heap", "ask_quantity", "asks", "bid", "bid_heap", "bid_quantity", "bids",
        "changes", "last", "market", "touched", "trades",
    )  # fmt: skip

    def __init__(self, market: int, books: Books) -> None:
        self.market = market
        self.bids = dict(books.side(market, Side.BUY))
        self.asks = dict(books.side(market, Side.SELL))
        self.bid_heap = [-price for price in self.bids]
        self.ask_heap = list(self.asks)
        heapify(self.bid_heap)
        heapify(self.ask_heap)
        self.bid, self.bid_quantity, self.ask, self.ask_quantity, self.last, _ = books.top(market)
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
    """Reads rows of the tape, from where the books stand on."""

    def __init__(self, books: Books, markets: int) -> None:
        self._books = [_Book(market, books) for market in range(markets)]

    def snapshot(self, time_ns: int) -> list[Update]:
        """Everything that is displayed now, for who was not there before; one update a market."""
        updates = []
        for book in self._books:
            bids: list[Change] = [(0, price, lots) for price, lots in book.bids.items() if lots]
            asks: list[Change] = [(1, price, lots) for price, lots in book.asks.items() if lots]
            updates.append(Update(book, time_ns, bids + asks))
        return updates

    def read(self, rows: list[list[int]]) -> Iterator[tuple[int, list[Update]]]:
        """Each instant of the next rows of the tape with its updates; to be read to the end."""
        books = self._books
        touched: list[_Book] = []
        now_ns = -1
        for time_ns, number, price, change, quantity, sequence, _, _ in rows:
            if time_ns != now_ns:
                if touched:
                    yield now_ns, [book.update(now_ns) for book in touched]
                    touched = []
                now_ns = time_ns
            book = books[number >> 1]
            if not book.touched:
                book.touched = True
                touched.append(book)
            if quantity:
                side = _SIDES[1 - (number & 1)]
                trade = Trade(time_ns, sequence, book.market, price, quantity, side)
                if book.trades is None:
                    book.trades = [trade]
                else:
                    book.trades.append(trade)
                book.last = price
            if change:
                book.change(number & 1, price, change)
        if touched:
            yield now_ns, [book.update(now_ns) for book in touched]
