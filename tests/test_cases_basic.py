"""Cases of exchange-core and Liquibook: limit orders, IOC, FOK, holds, replacing, stops."""

from __future__ import annotations

import pytest

from mexchange.exchange import Exchange
from mexchange.markets import Asset, Market
from mexchange.records import OrderType, Side, TimeInForce
from mexchange.testing.desk import A, B, C, Desk, told, trades

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
BASE = """
                 | 201000 | 28#8 32#9
                 | 200954 | 10#10
                 |  81600 | 100#1
                 |  81599 | 50#2 25#3
           40#4  |  81593 |
        20#5 1#6 |  81590 |
           20#7  |  81200 |
       12#11 1#12|  10000 |
           2#13  |   9136 |
"""


@pytest.fixture(params=["reference", "kernel"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk(engine: str) -> Desk:
    return Desk(engine)


@pytest.fixture
def base(desk: Desk) -> Desk:
    desk.build(BASE)
    desk.shows(BASE)
    return desk


def changed(*lines: tuple[str, str]) -> str:
    """The base book with some lines replaced; an empty replacement takes the line away."""
    table = BASE
    for old, new in lines:
        assert old in table
        table = table.replace(old, new)
    return "\n".join(line for line in table.splitlines() if line.strip())


# exchange-core: one base book


def test_an_ioc_takes_a_part_of_the_first_order(base: Desk) -> None:
    events = base.sell(10, 1, time_in_force=IOC)
    assert told(events) == "ACCEPTED TRADE"
    assert trades(events) == [(10, 81593, 4)]
    base.shows(changed(("40#4", "30#4")))


def test_an_ioc_takes_a_whole_level(base: Desk) -> None:
    assert trades(base.sell(40, 1, time_in_force=IOC)) == [(40, 81593, 4)]
    base.shows(changed(("           40#4  |  81593 |", "")))
    assert base.exchange.best()[0] == 81590


def test_an_ioc_takes_levels_and_queues_in_order(base: Desk) -> None:
    events = base.buy(175, 400000, time_in_force=IOC)
    assert trades(events) == [(50, 81599, 2), (25, 81599, 3), (100, 81600, 1)]
    assert base.exchange.best()[2] == 200954
    for gone in (1, 2, 3):
        assert told(base.exchange.cancel(A, gone)) == "REJECTED/UNKNOWN_ORDER"


def test_a_budget_that_is_just_enough_fills_whole(base: Desk) -> None:
    budget = 81599 * 75 + 81600 * 100 + 200954 * 5
    events = base.buy(180, type=OrderType.MARKET, time_in_force=FOK, quote_quantity=budget)
    assert [quantity for quantity, *_ in trades(events)] == [50, 25, 100, 5]
    assert base.exchange.balance(B, "EUR") == (10**12 - budget, 0)


def test_a_budget_one_short_is_rejected_whole(base: Desk) -> None:
    budget = 81599 * 75 + 81600 * 100 + 200954 * 5 - 1
    events = base.buy(180, type=OrderType.MARKET, time_in_force=FOK, quote_quantity=budget)
    assert told(events) == "REJECTED/FOK_NOT_FILLABLE"
    base.shows(BASE)


@pytest.mark.parametrize(
    ("more", "outcome"), [(0, "ACCEPTED TRADE TRADE"), (1, "REJECTED/FOK_NOT_FILLABLE")]
)
def test_proceeds_that_are_required(base: Desk, more: int, outcome: str) -> None:
    proceeds = 81593 * 40 + 81590 * 20 + more
    events = base.sell(60, type=OrderType.MARKET, time_in_force=FOK, quote_quantity=proceeds)
    assert told(events) == outcome


def test_what_is_left_of_a_limit_order_becomes_the_best_bid(base: Desk) -> None:
    events = base.buy(77, 81599, order_id=90)
    assert told(events) == "ACCEPTED TRADE TRADE RESTED"
    assert trades(events) == [(50, 81599, 2), (25, 81599, 3)]
    base.shows(changed(("                 |  81599 | 50#2 25#3", "2#90 | 81599 |")))


def test_a_limit_order_that_fills_rests_nowhere(base: Desk) -> None:
    events = base.buy(77, 81600)
    assert trades(events) == [(50, 81599, 2), (25, 81599, 3), (2, 81600, 1)]
    base.shows(changed(("100#1", "98#1"), ("                 |  81599 | 50#2 25#3", "")))


def test_an_order_that_is_moved_through_the_spread_trades(base: Desk) -> None:
    base.buy(20, 81200, order_id=83)
    base.shows(changed(("20#7  |", "20#7 20#83 |")))
    events = base.exchange.amend(B, 83, price=81602)
    assert told(events) == "PULLED AMENDED TRADE"
    assert trades(events) == [(20, 81599, 2)]
    base.shows(changed(("50#2", "30#2")))
    assert told(base.exchange.cancel(B, 83)) == "REJECTED/UNKNOWN_ORDER"


def test_orders_that_do_not_exist(base: Desk) -> None:
    for events in (
        base.exchange.cancel(B, 5291),
        base.exchange.amend(B, 5291, price=81602),
        base.exchange.reduce(B, 5291, 1),
    ):
        assert told(events) == "REJECTED/UNKNOWN_ORDER"
    base.shows(BASE)


@pytest.mark.parametrize("quantity", [0, -1, -(1 << 63)])
def test_reducing_by_nothing_or_less(base: Desk, quantity: int) -> None:
    assert told(base.exchange.reduce(A, 7, quantity)) == "REJECTED/INVALID_QUANTITY"
    base.shows(BASE)


def test_an_id_in_use(base: Desk) -> None:
    assert told(base.buy(1, 5, order_id=7)) == "REJECTED/DUPLICATE_ORDER_ID"
    base.shows(BASE)


def test_an_id_stays_used_when_its_order_is_gone(base: Desk) -> None:
    base.exchange.cancel(A, 7)
    assert told(base.buy(1, 5, order_id=7)) == "REJECTED/DUPLICATE_ORDER_ID"


# exchange-core: holds and refunds; one lot is 100,000 atoms of ETH, a tick on it 10 of XBT


def ether(engine: str) -> Exchange:
    market = Market(
        Asset("ETH", 5), Asset("XBT", 1), tick=1, lot=1, max_price=1 << 20, max_quantity=1 << 20
    )
    assert (market.base_per_lot, market.quote_per_lot_tick) == (100_000, 10)
    exchange = Exchange(market, engine)
    for _ in range(3):
        exchange.open_account()
    return exchange


def test_a_bid_waits_for_enough_money(engine: str) -> None:
    exchange = ether(engine)
    exchange.deposit(A, "XBT", 2_000_000)
    assert told(exchange.submit(A, 0, Side.BUY, 7, 30000)) == "REJECTED/INSUFFICIENT_FUNDS"
    assert exchange.balance(A, "XBT") == (2_000_000, 0)
    assert len(exchange.orders()) == 0
    exchange.deposit(A, "XBT", 100_000)
    assert told(exchange.submit(A, 0, Side.BUY, 7, 30000)) == "ACCEPTED"
    assert exchange.balance(A, "XBT") == (0, 2_100_000)
    assert exchange.levels(0, Side.BUY).tolist() == [[30000, 7, 1]]


def test_holds_follow_the_price_and_improvement_is_released(engine: str) -> None:
    exchange = ether(engine)
    exchange.deposit(A, "XBT", 94_000_000)
    exchange.deposit(B, "ETH", 100_000_000)
    exchange.submit(A, 0, Side.BUY, 500, 18500, order_id=1)
    assert exchange.balance(A, "XBT") == (1_500_000, 92_500_000)
    exchange.amend(A, 1, price=17500)
    assert exchange.balance(A, "XBT") == (6_500_000, 87_500_000)
    events = exchange.submit(B, 0, Side.SELL, 1000, 16900)
    assert trades(events) == [(500, 17500, 1)]
    assert exchange.balance(A, "XBT") == (6_500_000, 0)
    assert exchange.balance(A, "ETH") == (50_000_000, 0)
    assert exchange.balance(B, "XBT") == (87_500_000, 0)
    assert exchange.best() == (0, 0, 16900, 500)
    exchange.check()


# Liquibook: market, IOC, FOK, replace


def test_a_market_order_walks_the_book(desk: Desk) -> None:
    desk.build("| 12520 | 300#2 \n | 12510 | 200#1")
    events = desk.buy(500, type=OrderType.MARKET, time_in_force=IOC)
    assert trades(events) == [(200, 12510, 1), (300, 12520, 2)]
    assert desk.exchange.balance(B, "EUR")[0] == 10**12 - 6_258_000
    desk.shows("")


def test_an_ioc_leaves_what_is_beyond_its_price(desk: Desk) -> None:
    book = "| 1252 | 100#3\n | 1251 | 100#2\n{}100#4 | 1249 |\n 100#5 | 1248 |"
    desk.build(book.format("| 1250 | 100#1\n"))
    events = desk.buy(300, 1250, time_in_force=IOC)
    assert told(events) == "ACCEPTED TRADE EXPIRED/IOC_REMAINDER"
    assert events["quantity"].tolist() == [300, 100, 200]
    assert desk.exchange.balance(B, "EUR") == (10**12 - 125_000, 0)
    desk.shows(book.format(""))


def test_a_fok_that_can_be_filled(desk: Desk) -> None:
    desk.build("| 1252 | 100#3\n | 1251 | 100#2\n | 1250 | 400#1")
    events = desk.buy(500, 1251, time_in_force=FOK)
    assert trades(events) == [(400, 1250, 1), (100, 1251, 2)]
    assert desk.exchange.balance(B, "EUR") == (10**12 - 625_100, 0)
    desk.shows("| 1252 | 100#3")


def test_a_larger_size(desk: Desk) -> None:
    desk.build("| 1252 | 300#4\n | 1251 | 200#3\n 100#1 | 1250 |\n 100#2 | 1249 |")
    assert told(desk.exchange.amend(A, 1, quantity=125)) == "PULLED AMENDED RESTED"
    desk.shows("| 1252 | 300#4\n | 1251 | 200#3\n 125#1 | 1250 |\n 100#2 | 1249 |")


def test_taking_away_more_than_is_open_cancels(desk: Desk) -> None:
    desk.build("| 1252 | 300#1 200#2")
    desk.buy(200, 1252)
    events = desk.exchange.reduce(A, 1, 150)
    assert told(events) == "CANCELLED/REQUESTED"
    assert (events["quantity"][0], events["left"][0]) == (100, 0)
    desk.shows("| 1252 | 200#2")


def test_a_new_price_that_crosses(desk: Desk) -> None:
    desk.build("| 1254 | 200#4\n | 1253 | 300#3\n 140#1@3 | 1251 |\n 120#2 | 1252 |")
    assert trades(desk.exchange.amend(C, 1, price=1253)) == [(140, 1253, 3)]
    desk.shows("| 1254 | 200#4\n | 1253 | 160#3\n 120#2 | 1252 |")


# Liquibook: stops


def test_stops_of_both_sides_fire_at_their_prices(desk: Desk) -> None:
    desk.trade_at(55)
    desk.build("| 57 | 100#1\n 100#2 | 53 |")
    waits = {"type": OrderType.STOP}
    assert told(desk.buy(100, trigger_price=56, order_id=3, **waits)) == "ACCEPTED"
    assert told(desk.sell(100, trigger_price=54, order_id=4, **waits)) == "ACCEPTED"
    desk.sell(1000, 56, account=A)
    events = desk.buy(1000, 56, account=C)
    assert told(events) == "ACCEPTED TRADE TRIGGERED TRADE"
    assert trades(events)[1] == (100, 57, 1)
    assert (desk.exchange.last_price(), len(desk.exchange.orders(B))) == (57, 1)
    desk.buy(1000, 54, account=A)
    events = desk.sell(1000, 54, account=C)
    assert told(events) == "ACCEPTED TRADE TRIGGERED TRADE"
    assert trades(events)[1] == (100, 53, 2)
    assert (desk.exchange.last_price(), len(desk.exchange.orders())) == (53, 0)


def test_a_stop_at_the_last_price_fires_at_once(desk: Desk) -> None:
    desk.trade_at(55)
    desk.build("| 57 | 100#1")
    events = desk.buy(10, type=OrderType.STOP, trigger_price=55)
    assert told(events) == "ACCEPTED TRIGGERED TRADE"
    desk.shows("| 57 | 90#1")
