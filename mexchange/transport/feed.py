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

__all__ = ["Feed", "Moment", "Row", "Trade", "Update", "rows"]

Row = tuple[int, ...]
"""An event as a tuple, its fields in the order of `EVENT`."""

_EVENT = Struct("<16q2I2H8BI")
assert _EVENT.size == EVENT.itemsize, "one event is unpacked as the record is laid out"
_NAMES = EVENT.names
assert _NAMES is not None

SEQUENCE, TIME, PRICE, QUANTITY, DISPLAYED, EXPIRY = map(
    _NAMES.index, ("sequence", "time_ns", "price", "quantity", "displayed", "expiry_ns")
)
ACCOUNT, MAKER_ACCOUNT, MARKET, KIND, SIDE = map(
    _NAMES.index, ("account", "maker_account", "market", "kind", "side")
)
_TRADE, _PREVENTED, _ACCEPTED = EventKind.TRADE, EventKind.PREVENTED, EventKind.ACCEPTED


def rows(events: Events) -> Iterator[Row]:
    """Events as tuples of Python integers."""
    return _EVENT.iter_unpack(events)


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

    `bids` and `asks` map each price (ticks) that changed to what is displayed there now (lots);
    `bid`, `bid_quantity`, `ask`, `ask_quantity` are the best of the book, zeros where it is empty;
    `last` is the price of the last trade, 0 before the first. `time_ns` is the exchange's time.
    """

    __slots__ = (
        "_trade_rows",
        "_trades",
        "ask",
        "ask_quantity",
        "asks",
        "bid",
        "bid_quantity",
        "bids",
        "last",
        "market",
        "time_ns",
    )

    def __init__(
        self,
        market: int,
        time_ns: int,
        bids: dict[int, int],
        asks: dict[int, int],
        best: tuple[int, int, int, int],
        last: int,
        trade_rows: list[Row],
    ) -> None:
        self.market = market
        self.time_ns = time_ns
        self.bids = bids
        self.asks = asks
        self.bid, self.bid_quantity, self.ask, self.ask_quantity = best
        self.last = last
        self._trade_rows = trade_rows
        self._trades: list[Trade] | None = None

    @property
    def trades(self) -> list[Trade]:
        """The trades of this instant, in their order; made when first asked for, shared by all."""
        if self._trades is None:
            self._trades = [
                Trade(r[TIME], r[SEQUENCE], r[MARKET], r[PRICE], r[QUANTITY], Side(r[SIDE]))
                for r in self._trade_rows
            ]
        return self._trades

    @property
    def traded(self) -> bool:
        """Whether there are trades."""
        return bool(self._trade_rows)


class Moment(NamedTuple):
    """All that happened at one instant: public updates, and rows by the account they concern."""

    time_ns: int
    updates: list[Update]
    private: dict[int, list[Row]]


class _Book:
    """One market as the feed knows it.

    A price stays in `bids` or `asks` with a quantity of zero until it surfaces in its heap, so each
    price is in its heap exactly once, however often its level comes and goes.
    """

    __slots__ = (
        "ask_heap", "asks", "asks_changed", "bid_heap", "bids", "bids_changed", "last", "market",
        "trades",
    )  # fmt: skip

    def __init__(self, market: int) -> None:
        self.market = market
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.bid_heap: list[int] = []
        self.ask_heap: list[int] = []
        self.bids_changed: dict[int, int] = {}
        self.asks_changed: dict[int, int] = {}
        self.trades: list[Row] = []
        self.last = 0

    def best(self) -> tuple[int, int, int, int]:
        """Best bid and ask with their quantities."""
        levels, heap = self.bids, self.bid_heap
        while heap and not levels[-heap[0]]:
            del levels[-heappop(heap)]
        bid = -heap[0] if heap else 0
        bid_quantity = levels[bid] if heap else 0
        levels, heap = self.asks, self.ask_heap
        while heap and not levels[heap[0]]:
            del levels[heappop(heap)]
        if heap:
            return bid, bid_quantity, heap[0], levels[heap[0]]
        return bid, bid_quantity, 0, 0

    def update(self, time_ns: int) -> Update:
        """What changed since the last update."""
        update = Update(
            self.market,
            time_ns,
            self.bids_changed,
            self.asks_changed,
            self.best(),
            self.last,
            self.trades,
        )
        self.bids_changed, self.asks_changed, self.trades = {}, {}, []
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
        return [
            Update(
                book.market,
                time_ns,
                {price: lots for price, lots in book.bids.items() if lots},
                {price: lots for price, lots in book.asks.items() if lots},
                book.best(),
                book.last,
                [],
            )
            for book in self._books
        ]

    def read(self, events: Events) -> list[Moment]:
        """The moments of the next events of the exchange."""
        books, accounts = self._books, self.accounts
        moments: list[Moment] = []
        self.expiries = []
        now_ns = -1
        touched: dict[int, _Book] = {}
        private: dict[int, list[Row]] = {}
        for row in _EVENT.iter_unpack(events):
            if row[TIME] != now_ns:
                if now_ns >= 0:
                    updates = [book.update(now_ns) for book in touched.values()]
                    moments.append(Moment(now_ns, updates, private))
                    touched, private = {}, {}
                now_ns = row[TIME]
            kind, side, account = row[KIND], row[SIDE], row[ACCOUNT]
            if kind == _TRADE or kind == _PREVENTED:  # noqa: PLR1714, SIM109 - Twice as fast.
                # What is displayed belongs to the maker, who stands on the other side.
                side ^= 1
                maker = row[MAKER_ACCOUNT]
                if maker in accounts and maker != account:
                    private.setdefault(maker, []).append(row)
                if kind == _TRADE:
                    book = touched[row[MARKET]] = books[row[MARKET]]
                    book.trades.append(row)
                    book.last = row[PRICE]
            elif kind == _ACCEPTED and row[EXPIRY]:
                self.expiries.append(row[EXPIRY])
            if account in accounts:
                private.setdefault(account, []).append(row)
            displayed = row[DISPLAYED]
            if displayed:
                book = touched[row[MARKET]] = books[row[MARKET]]
                price = row[PRICE]
                if side:
                    levels, changed = book.asks, book.asks_changed
                    if price not in levels:
                        heappush(book.ask_heap, price)
                        levels[price] = 0
                else:
                    levels, changed = book.bids, book.bids_changed
                    if price not in levels:
                        heappush(book.bid_heap, -price)
                        levels[price] = 0
                displayed += levels[price]
                levels[price] = displayed
                changed[price] = displayed
        if now_ns >= 0:
            updates = [book.update(now_ns) for book in touched.values()]
            moments.append(Moment(now_ns, updates, private))
        return moments
