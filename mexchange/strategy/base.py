"""`Strategy`: the hooks by which a strategy hears of the world and the verbs by which it acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Unpack

import numpy as np

from mexchange.clock import nanoseconds
from mexchange.markets import Market, Number
from mexchange.records import SOURCE_SHIFT, CommandKind, OrderType, Side, TimeInForce
from mexchange.strategy.desk import Desk
from mexchange.strategy.parameters import take
from mexchange.strategy.terms import Terms, shape
from mexchange.strategy.views import Book, Fill, Order, OrderUpdate
from mexchange.strategy.waiting import News, NewsQueue, Timer
from mexchange.transport import Port, Trade

__all__ = ["Strategy"]

ALL_MARKETS = 65535
_NEW, _CANCEL, _AMEND = int(CommandKind.NEW), int(CommandKind.CANCEL), int(CommandKind.AMEND)
_CANCEL_ALL = int(CommandKind.CANCEL_ALL)
_GTC = int(TimeInForce.GTC)
_LIMIT, _BUY, _SELL = int(OrderType.LIMIT), Side.BUY, Side.SELL


_WIRING = ("_clock", "_desk", "_port", "_assets", "books", "home", "markets", "name", "rng")
"""What a strategy has only while it runs."""


class Strategy:
    """A strategy: public annotated attributes with a value are its parameters, checked when made.

    >>> class Joiner(Strategy):
    ...     "Joins the best bid, once."
    ...
    ...     size: int = 10
    ...
    ...     def on_book(self, book: Book) -> None:
    ...         if book.bid and not self.orders:
    ...             self.buy(book.bid, self.size, post_only=True)
    >>> Joiner(size=5)
    Joiner(size=5)
    >>> Joiner(sise=5)
    Traceback (most recent call last):
    mexchange.strategy.parameters.ParameterError: Joiner has no parameter 'sise'; did you mean
    'size'? It has: size

    **Hooks**, called only if a class has them: `on_start`, `on_book`, `on_trades`, `on_fill`,
    `on_order`, `on_stop`; timers by `every` and `at`; or a coroutine `async def run(self)`, which
    may `await self.sleep("1s")` and go `async for news in self.events()`.

    **Verbs**: `buy`, `sell`, `amend`, `cancel`, `cancel_all`. They return at once; the answer comes
    through `on_order` and `on_fill`, after the latency both ways.

    **What it sees** is as of the last message that arrived: `book`, `position`, `orders`,
    `balance`, `now`. Prices are ticks, quantities lots, money atoms.
    """

    name: str
    """Its name in the run; seeds `rng` and its latencies."""
    rng: np.random.Generator
    """Random numbers of its own. Round what is drawn before it becomes a price, size or time."""
    books: Sequence[Book]
    """The book of every market."""
    markets: Sequence[Market]
    """Ticks, lots and fees of every market."""
    home: int
    """The number of the market that the strategy was put on, the default everywhere."""
    _hooks: ClassVar[tuple[str, ...]] = ("on_book", "on_trades", "on_fill", "on_order", "run")

    _port: Port
    _sent: int
    _fill_hook: Callable[[Fill], object] | None
    _order_hook: Callable[[OrderUpdate], object] | None

    def __init__(self, **parameters: Any) -> None:
        self._parameters = take(type(self), parameters)
        for name, value in self._parameters.items():
            setattr(self, name, value)
        self._heard: NewsQueue | None = None
        self.check()

    def check(self) -> None:
        """Override to refuse parameters that do not fit together: raise ValueError."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters it was made with."""
        return dict(self._parameters)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._parameters.items())
        return f"{type(self).__name__}({values})"

    def __getattr__(self, name: str) -> Any:
        if name in _WIRING and self.__dict__.get("_port") is None:
            raise RuntimeError(f"{self!r} does not run yet; what it does first belongs in on_start")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # Hooks.

    def on_start(self) -> None:
        """The run begins; nothing has been seen yet."""

    def on_book(self, book: Book) -> None:
        """A book changed."""

    def on_trades(self, book: Book, trades: list[Trade]) -> None:
        """Trades happened in a market, all at one instant; called before `on_book`."""

    def on_fill(self, fill: Fill) -> None:
        """An own order traded."""

    def on_order(self, update: OrderUpdate) -> None:
        """Anything else happened to an own order: accepted, rejected, cancelled, expired …"""

    def on_stop(self) -> None:
        """The run has ended; what is sent now arrives nowhere."""

    async def run(self) -> None:
        """Override instead of, or beside, the other hooks."""

    # What it sees.

    @property
    def now(self) -> int:
        """The time in nanoseconds."""
        return self._clock.now_ns

    @property
    def book(self) -> Book:
        """The book of the home market."""
        return self.books[self.home]

    @property
    def market(self) -> Market:
        """The home market."""
        return self.markets[self.home]

    @property
    def position(self) -> int:
        """Lots bought less lots sold in the home market."""
        return self._desk.positions[self.home]

    @property
    def positions(self) -> Sequence[int]:
        """Lots bought less lots sold, by market number."""
        return self._desk.positions

    @property
    def orders(self) -> Mapping[int, Order]:
        """Own orders that live, by id; those on their way included."""
        return self._desk.orders

    @property
    def cash(self) -> int:
        """Atoms of the home market's quote asset, what orders hold included."""
        return self._desk.owned[self._assets[self.market.quote.name]]

    def balance(self, asset: int | str) -> tuple[int, int]:
        """(available, held) atoms of an asset; ValueError if there is no such asset."""
        if isinstance(asset, str):
            if asset not in self._assets:
                raise ValueError(f"no asset {asset!r}; there are: {', '.join(self._assets)}")
            asset = self._assets[asset]
        owned, held = self._desk.owned[asset], self._desk.held[asset]
        return owned - held, held

    # Verbs.

    def buy(
        self,
        price: Number | None,
        quantity: Number,
        *,
        post_only: bool = False,
        market: int | str | None = None,
        **terms: Unpack[Terms],
    ) -> Order:
        """Send an order to buy; without a price (None) a market order. Returns it, SENT.

        Raises TypeError for a float or an unknown term, ValueError for a text that is no number.
        """
        return self._place(_BUY, price, quantity, post_only, market, terms)

    def sell(
        self,
        price: Number | None,
        quantity: Number,
        *,
        post_only: bool = False,
        market: int | str | None = None,
        **terms: Unpack[Terms],
    ) -> Order:
        """Send an order to sell; see `buy`."""
        return self._place(_SELL, price, quantity, post_only, market, terms)

    def _place(
        self,
        side: Side,
        price: Number | None,
        quantity: Number,
        post_only: bool,
        market: int | str | None,
        terms: Terms,
    ) -> Order:
        number = self.home if market is None else self._number(market)
        form: tuple[int, ...]
        if not terms and type(price) is int and type(quantity) is int:
            # What most orders are, without the detour: see `Shape` for the fields.
            form = (price, quantity, 0, 0, 0, 0, 0, 0, 0, _LIMIT, _GTC, 0, int(post_only))
        else:
            form = shape(self.markets[number], price, quantity, post_only, terms)
        price, quantity, client, shown, trigger, offset, expiry, quote, worst, *rest = form
        kind, time_in_force, self_trade, flags = rest
        port = self._port
        self._sent = order_id = self._sent + 1
        order = Order(order_id, number, side, price, quantity, post_only, port.clock.now_ns)
        self._desk.orders[order_id] = order
        port.send(
            (order_id, client, price, quantity, shown, trigger, offset, expiry, quote, worst)
            + (port.account, number, 0, _NEW, side, kind, time_in_force, self_trade, flags, 0)
        )
        return order

    def cancel(self, order: Order) -> None:
        """Ask for an order to be cancelled."""
        self._ask(_CANCEL, order.market, order.id)

    def cancel_all(self, market: int | str | None = None) -> None:
        """Ask for all own orders to be cancelled, in one market or in all."""
        if not self._desk.orders:
            return
        self._ask(_CANCEL_ALL, ALL_MARKETS if market is None else self._number(market), 0)

    def amend(self, order: Order, price: Number = 0, quantity: Number = 0) -> None:
        """Ask for another price or total quantity; zero leaves one as it is."""
        form = shape(self.markets[order.market], price, quantity, False, {})
        self._ask(_AMEND, order.market, order.id, form.price, form.quantity, form.flags)

    def _ask(
        self,
        kind: int,
        market: int,
        order_id: int,
        price: int = 0,
        quantity: int = 0,
        flags: int = 0,
    ) -> None:
        port = self._port
        port.send(
            (order_id, 0, price, quantity, 0, 0, 0, 0, 0, 0)
            + (port.account, market, 0, kind, 0, 0, 0, 0, flags, 0)
        )

    def _number(self, market: int | str) -> int:
        if not isinstance(market, str):
            if not 0 <= market < len(self.markets):
                raise ValueError(f"no market {market}; there are {len(self.markets)}")
            return market
        names = [there.name for there in self.markets]
        if market not in names:
            raise ValueError(f"no market {market!r}; there are: {', '.join(names)}")
        return names.index(market)

    # Time.

    def every(
        self, period: int | str, call: Callable[[], object], first: int | str | None = None
    ) -> Timer:
        """Have `call` called every `period` (ns or a text as '100ms'), first after `first` of it.

        Raises ValueError for a period that is not positive.
        """
        step = nanoseconds(period)
        if step <= 0:
            raise ValueError(f"period {period!r} is not positive")
        timer, clock, port = Timer(), self._clock, self._port
        next_ns = clock.now_ns + (step if first is None else nanoseconds(first))

        def fire() -> None:
            nonlocal next_ns
            if timer.live and not port.closed:
                next_ns += step
                clock.call_at(next_ns, fire)
                try:
                    self._take_in()
                    call()
                except Exception as error:
                    port.failed(error)

        clock.call_at(next_ns, fire)
        return timer

    def at(self, time_ns: int, call: Callable[[], object]) -> Timer:
        """Have `call` called once at `time_ns`; ValueError if that is past."""
        timer = Timer()

        def due() -> None:
            self._take_in()
            call()

        def fire() -> None:
            if timer.live and not self._port.closed:
                self._port.guard(due)

        self._clock.call_at(time_ns, fire)
        return timer

    async def sleep(self, length: int | str) -> None:
        """Wait, within `run`; what arrived meanwhile is seen afterwards."""
        await self._clock.sleep_until(self._clock.now_ns + nanoseconds(length))
        self._take_in()

    def events(self) -> NewsQueue:
        """What arrives from now on, for `async for` within `run`: books, fills, order updates."""
        if self._heard is None:
            heard = self._heard = NewsQueue(self._clock)
            self._port.look()
            for book in self.books:
                book.look_through(None)
            self._port.listen(self._receive, Port.ALWAYS)
            self._fill_hook = _both(heard.put, self._fill_hook)
            self._order_hook = _both(heard.put, self._order_hook)
        return self._heard

    # Wiring.

    def connect(
        self, port: Port, desk: Desk, *, source: int, home: int, books: Sequence[Book],
        assets: Mapping[str, int], rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """For who runs it: put it on a port, before it starts.

        Its order ids are of `source`. Raises RuntimeError if it runs elsewhere already.
        """
        if "_port" in self.__dict__:
            raise RuntimeError(f"{self!r} has been run before; make a new one")
        self._port, self._desk, self._clock = port, desk, port.clock
        self.name, self.home, self.books, self.rng = port.name, home, books, rng
        self.markets = [book.market for book in books]
        self._assets, self._inbox = assets, port.inbox
        self._sent = (source << SOURCE_SHIFT) - 1
        mine = {
            name: getattr(type(self), name) is not getattr(Strategy, name) for name in self._hooks
        }
        self._book_hook = self.on_book if mine["on_book"] else None
        self._trades_hook = self.on_trades if mine["on_trades"] else None
        self._fill_hook = self.on_fill if mine["on_fill"] else None
        self._order_hook = self.on_order if mine["on_order"] else None
        self.has_run = mine["run"]
        wants = Port.OWN if mine["on_fill"] or mine["on_order"] else Port.NEVER
        if mine["on_book"] or mine["on_trades"]:
            wants = Port.ALWAYS
        port.listen(self._receive, wants)
        for book in books:
            book.look_through(port.sight)

    def _receive(self) -> None:
        """Messages have arrived."""
        try:
            self._take_in()
        except Exception as error:
            self._port.failed(error)

    def _take_in(self) -> None:
        """Take in every message that has arrived by now, and call the hooks."""
        inbox, books, now_ns = self._inbox, self.books, self._clock.now_ns
        self._port.look()
        while inbox and inbox[0][0] <= now_ns:
            _, updates, rows = inbox.popleft()
            for update in updates:
                books[update.market].take(update)
            if rows is not None:
                self._desk.read(rows, self._fill_hook, self._order_hook)
            if self._trades_hook is not None:
                for update in updates:
                    if update.trades is not None:
                        self._trades_hook(books[update.market], update.trades)
            if self._book_hook is not None:
                for update in updates:
                    self._book_hook(books[update.market])
            if self._heard is not None and updates:
                self._heard.put(*[books[update.market] for update in updates])


def _both(
    first: Callable[[News], object], second: Callable[[Any], object] | None
) -> Callable[[News], object]:
    def call(news: News) -> None:
        first(news)
        if second is not None:
            second(news)

    return call
