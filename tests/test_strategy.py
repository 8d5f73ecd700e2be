"""What a strategy is made with, what it can do and what it hears."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest

from mexchange import Asset, ConstantLatency, EventKind, Fees, Market, OrderType, Reason, Side
from mexchange.records import CommandKind
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import (
    Book,
    Fill,
    News,
    Order,
    OrderUpdate,
    ParameterError,
    Range,
    Status,
    Strategy,
    Trade,
)

MARKET = Market(Asset("KCN"), Asset("EUR"), tick="0.01", lot="0.01", fees=(Fees(0, 1000),))
FUNDS = {"EUR": Decimal(10_000), "KCN": Decimal(100)}
MS = 1_000_000


class Sample(Strategy):
    """Parameters of every type."""

    size: int = 4
    share: Annotated[float, Range(0, 1)] = 0.5
    amount: Annotated[Decimal, Range(above=0)] = Decimal("0.1")
    side: Literal["buy", "sell"] = "buy"
    limit: int | None = None
    fast: bool = False
    _hidden: int = 7
    undecided: int


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sise": 1}, "has no parameter 'sise'; did you mean 'size'? It has: size, share"),
        ({"zzz": 1}, "has no parameter 'zzz'. It has: size, share, amount, side, limit, fast"),
        ({"_hidden": 1}, "has no parameter '_hidden'"),
        ({"undecided": 1}, "has no parameter 'undecided'"),
        ({"size": 1.5}, "size = 1.5 is wrong: it must be a whole number (int)"),
        ({"size": True}, "must be a whole number"),
        ({"size": "4"}, "must be a whole number"),
        ({"share": 1.01}, "must be at least 0 and at most 1"),
        ({"share": float("nan")}, "must be a finite number"),
        ({"amount": 0.1}, "must be an exact number: a Decimal, an int or a text"),
        ({"amount": "x"}, "must be an exact number"),
        ({"amount": 0}, "must be more than 0"),
        ({"side": "both"}, "must be one of 'buy', 'sell'"),
        ({"limit": "1"}, "must be a whole number (int) or None"),
        ({"fast": 1}, "must be True or False"),
    ],
)
def test_a_wrong_parameter_is_refused_in_words_that_teach(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        Sample(**given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parameters_are_as_given_or_as_declared() -> None:
    made = Sample(size=9, amount="2.5", share=1)
    assert (made.size, made.amount, made.share, made.side) == (9, Decimal("2.5"), 1.0, "buy")
    assert list(made.parameters) == ["size", "share", "amount", "side", "limit", "fast"]
    assert repr(made).startswith("Sample(size=9, share=1.0, amount=Decimal('2.5')")
    assert Sample.size == 4


def test_check_refuses_what_does_not_fit_together() -> None:
    class Fussy(Strategy):
        low: int = 1
        high: int = 2

        def check(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    with pytest.raises(ValueError, match="low is above high"):
        Fussy(low=3)


def test_a_strategy_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="belongs in on_start"):
        Sample().buy(100, 1)


class Script(Strategy):
    """Does what a test says, and keeps what it hears."""

    def on_start(self) -> None:
        self.heard: list[tuple[int, Any]] = []

    def plan(self, after_ms: int, call: Callable[[], object]) -> Script:
        self._plans = [*getattr(self, "_plans", []), (after_ms * MS, call)]
        return self

    def connect(self, *args: Any, **kwargs: Any) -> None:
        super().connect(*args, **kwargs)
        for at, call in getattr(self, "_plans", []):
            self.at(at, call)

    def on_book(self, book: Book) -> None:
        self.heard.append((self.now, (book.bid, book.ask)))

    def on_trades(self, book: Book, trades: list[Trade]) -> None:
        assert book is self.book
        self.heard.append((self.now, trades))

    def on_fill(self, fill: Fill) -> None:
        self.heard.append((self.now, fill))

    def on_order(self, update: OrderUpdate) -> None:
        self.heard.append((self.now, (update.kind, update.reason, update.order.status)))

    def of(self, kind: type) -> list[Any]:
        return [what for _, what in self.heard if isinstance(what, kind)]


def play(
    *scripts: Strategy, length: str = "1s", markets: Any = MARKET, fails: bool = False
) -> Simulation:
    simulation = Simulation(
        markets,
        [Agent(script, f"s{n}") for n, script in enumerate(scripts)],
        funds=FUNDS,
        latency=ConstantLatency("2ms", "3ms"),
        engine="reference",
    )
    result = simulation.run(length)
    simulation.exchange.check()
    assert ("failures" in result.extra) == fails, result.extra
    return simulation


def test_an_order_is_answered_after_the_latency_both_ways() -> None:
    script = Script()
    script.plan(10, lambda: script.buy(10_000, 100))
    play(script)
    at = 15 * MS
    accepted = (EventKind.ACCEPTED, Reason.NONE, Status.OPEN)
    assert script.heard == [(at, accepted), (at, (10_000, 0))]
    (order,) = script.orders.values()
    assert (order.left, order.live, order.sent_ns) == (100, True, 10 * MS)
    # What is held covers the worst fee.
    assert script.balance("EUR") == (9_899_90_000_000, 100_10_000_000)


def test_a_trade_is_heard_by_both_with_role_price_and_fee() -> None:
    maker, taker = Script(), Script()
    maker.plan(1, lambda: maker.sell("100.00", "2"))
    taker.plan(20, lambda: taker.buy("101", "0.5"))
    simulation = play(maker, taker)
    (made,), (took,) = maker.of(Fill), taker.of(Fill)
    assert (made.side, made.price, made.quantity, made.fee) == (Side.SELL, 10_000, 50, 0)
    assert (made.is_maker, took.is_maker) == (True, False)
    assert (took.side, took.price, took.fee) == (Side.BUY, 10_000, 5_000_000)
    assert took.order.status == Status.FILLED
    assert not taker.orders
    assert (maker.position, taker.position) == (-50, 50)
    assert taker.cash == FUNDS["EUR"] * 10**8 - 50 * 10**8 - 5_000_000
    for account, script in ((1, maker), (2, taker)):
        for asset in ("EUR", "KCN"):
            assert script.balance(asset) == simulation.exchange.balance(account, asset)
    ((trade,),) = maker.of(list)
    assert (trade.price, trade.quantity, trade.side) == (10_000, 50, Side.BUY)


def test_market_stop_and_iceberg_orders_follow_from_their_terms() -> None:
    script = Script()
    script.plan(1, lambda: script.sell(10_000, 100, display_quantity=10))
    script.plan(20, lambda: script.buy(None, 30))
    script.plan(40, lambda: script.buy(None, 5, trigger_price=10_100))
    script.plan(41, lambda: script.sell(9_000, 5, trailing_offset="0.50"))
    simulation = play(script)
    types = [int(part["type"][0]) for part in simulation.transport.commands[-4:]]
    assert types == [
        OrderType.LIMIT,
        OrderType.MARKET,
        OrderType.STOP,
        OrderType.TRAILING_STOP_LIMIT,
    ]
    assert script.book.ask_quantity == 10
    assert script.position == 0


def test_amend_cancel_and_cancel_all() -> None:
    script = Script()
    kept: list[Order] = []
    script.plan(1, lambda: kept.extend(script.buy(9_900 + n, 100) for n in range(3)))
    script.plan(20, lambda: script.amend(kept[0], 9_800, 50))
    script.plan(30, lambda: script.cancel(kept[1]))
    script.plan(40, script.cancel_all)
    script.plan(60, script.cancel_all)
    simulation = play(script)
    assert (kept[0].price, kept[0].quantity) == (9_800, 50)
    assert [order.status for order in kept] == [Status.CANCELLED] * 3
    assert [order.reason for order in kept] == [Reason.REQUESTED] * 3
    assert not script.orders
    assert script.balance("EUR")[1] == 0
    assert len(simulation.transport.commands[-1]) == 1, "nothing is sent where nothing is open"
    assert int(simulation.transport.commands[-1]["time_ns"][0]) == 42 * MS


def test_a_rejected_order_says_why() -> None:
    script = Script()
    script.plan(1, lambda: script.buy(10_000, 200_000))
    script.plan(2, lambda: script.buy("99.999", 1))
    script.plan(3, lambda: script.sell(10_000, "0.001"))
    play(script)
    rejected = [what for what in script.of(tuple) if what[0] == EventKind.REJECTED]
    assert [reason for _, reason, _ in rejected] == [
        Reason.INSUFFICIENT_FUNDS,
        Reason.OFF_TICK,
        Reason.OFF_LOT,
    ]
    assert {status for _, _, status in rejected} == {Status.REJECTED}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.buy(99.99, 1), TypeError, "is a float; give an int"),
        (lambda s: s.buy(100, 1, colour="red"), TypeError, "an order has no 'colour'"),
        (lambda s: s.buy(100, 1, market="KCN/USD"), ValueError, "no market 'KCN/USD'; there are"),
        (lambda s: s.buy(100, 1, market=1), ValueError, "no market 1"),
        (lambda s: s.buy(1 << 70, 1), ValueError, "cannot hold these numbers"),
        (lambda s: s.balance("USD"), ValueError, "no asset 'USD'; there are: KCN, EUR"),
        (lambda s: s.every(0, print), ValueError, "is not positive"),
        (lambda s: s.every("soon", print), ValueError, "no length of time"),
    ],
)
def test_a_mistake_in_a_strategy_ends_it_with_words(
    call: Callable[[Strategy], object], error: type[Exception], words: str
) -> None:
    script = Script()
    script.plan(1, lambda: call(script))
    script.plan(2, lambda: script.buy(1, 1))
    simulation = play(script, fails=True)
    last = simulation.players[0].failure.strip().splitlines()[-1]
    assert last.startswith(f"{error.__name__}: ")
    assert re.search(words, last)
    sent = simulation.transport.commands[-1]
    assert sent["kind"].tolist() == [CommandKind.CANCEL_ALL]
    assert sent["time_ns"].tolist() == [3 * MS]


def test_timers_keep_their_period_and_stop_when_cancelled() -> None:
    seen: list[int] = []

    class Ticker(Strategy):
        def on_start(self) -> None:
            self.timer = self.every("100ms", self.tick, first="30ms")

        def tick(self) -> None:
            seen.append(self.now // MS)
            if len(seen) == 4:
                self.timer.cancel()

    play(Ticker())
    assert seen == [30, 130, 230, 330]


def test_a_coroutine_sleeps_and_hears() -> None:
    seen: list[tuple[int, News]] = []

    class Runner(Strategy):
        async def run(self) -> None:
            await self.sleep("10ms")
            self.sell(10_000, 10)
            async for news in self.events():
                seen.append((self.now // MS, news))  # noqa: PERF401 - The time is that of each.

    other = Script()
    other.plan(30, lambda: other.buy(10_000, 4))
    runner = Runner()
    play(runner, other)
    kinds = [(at, type(news).__name__) for at, news in seen]
    assert kinds == [(15, "OrderUpdate"), (15, "Book"), (35, "Fill"), (35, "Book")]
    assert runner.position == -4


def test_a_strategy_on_another_market_trades_there() -> None:
    second = Market(Asset("ABC"), Asset("EUR"))
    script = Script()
    script.plan(1, lambda: script.buy(100, 5))
    script.plan(2, lambda: script.buy(100, 7, market="KCN/EUR"))
    simulation = Simulation(
        [MARKET, second],
        [Agent(script, market="ABC/EUR")],
        funds=FUNDS,
        engine="reference",
    )
    simulation.run("1s")
    assert (script.book.market, script.book.bid_quantity) == (second, 5)
    assert script.books[0].bid_quantity == 7


def test_the_book_that_is_seen_is_the_book_that_is() -> None:
    script = Script()
    for n in range(6):
        script.plan(n, lambda n=n: script.buy(9_900 - n % 3, 10 + n))  # type: ignore[misc]
        script.plan(n, lambda n=n: script.sell(10_000 + n % 4, 20 + n))  # type: ignore[misc]
    simulation = play(script)
    for side in Side:
        levels = simulation.exchange.levels(0, side)[:, :2]
        assert script.book.levels(side) == [tuple(level) for level in levels.tolist()]
        assert script.book.levels(side, 2) == script.book.levels(side)[:2]
    assert (script.book.spread, script.book.mid2) == (100, 19_900)
    assert script.book.quantity(Side.BUY, 9_899) == 11 + 14
    assert repr(script.book) == "<Book KCN/EUR: 0.23 @ 99.00 / 0.44 @ 100.00>"
