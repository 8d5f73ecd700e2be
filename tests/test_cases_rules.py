"""Cases of Binance and Phoenix: own orders, amending, trailing stops, refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexchange.exchange import Exchange
from mexchange.markets import Asset, Market
from mexchange.records import OrderType, SelfTrade, Side, TimeInForce
from mexchange.testing.desk import A, B, C, Desk, told, trades

# A hash of client order ids wraps around on purpose, of which NumPy warns where it is interpreted.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


@pytest.fixture(params=["reference", "kernel"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk(engine: str) -> Desk:
    return Desk(engine)


# Self-trade prevention: all orders belong to A, makers carry no mode. Quantities times ten.


def test_without_a_mode_an_account_trades_with_itself(desk: Desk) -> None:
    desk.build("10#1 | 10 |")
    events = desk.sell(10, 10, account=A)
    assert trades(events) == [(10, 10, 1)]
    assert desk.exchange.balance(A, "KCN") == (10**12, 0)
    assert desk.exchange.balance(A, "EUR") == (10**12, 0)
    desk.shows("")


def test_expire_maker(desk: Desk) -> None:
    desk.build("12#1 | 12 |\n 13#2 | 11 |\n 81#3 | 10 |")
    events = desk.sell(30, 10, account=A, order_id=4, self_trade=SelfTrade.EXPIRE_MAKER)
    ended = "EXPIRED/SELF_TRADE"
    assert told(events) == f"ACCEPTED {ended} {ended} {ended} RESTED"
    assert events["order_id"].tolist() == [4, 1, 2, 3, 4]
    assert events["quantity"].tolist() == [30, 12, 13, 81, 30]
    desk.shows("| 10 | 30#4")


def test_expire_both(desk: Desk) -> None:
    desk.build("10#1 | 10 |")
    events = desk.sell(30, 10, account=A, order_id=2, self_trade=SelfTrade.EXPIRE_BOTH)
    assert told(events) == "ACCEPTED EXPIRED/SELF_TRADE EXPIRED/SELF_TRADE"
    assert events["order_id"].tolist() == [2, 1, 2]
    assert events["quantity"].tolist() == [30, 10, 30]
    desk.shows("")


def test_expire_taker(desk: Desk) -> None:
    desk.build("10#1@2 4#2 | 10 |")
    events = desk.sell(30, 10, account=A, order_id=3, self_trade=SelfTrade.EXPIRE_TAKER)
    assert told(events) == "ACCEPTED TRADE EXPIRED/SELF_TRADE"
    assert events["quantity"].tolist() == [30, 10, 20]
    desk.shows("4#2 | 10 |")


def test_a_market_order_that_expires_the_only_maker(desk: Desk) -> None:
    desk.build("10#1 | 10 |")
    events = desk.sell(
        10,
        account=A,
        type=OrderType.MARKET,
        time_in_force=IOC,
        self_trade=SelfTrade.EXPIRE_MAKER,
    )
    assert told(events) == "ACCEPTED EXPIRED/SELF_TRADE EXPIRED/NO_LIQUIDITY"
    desk.shows("")


def test_decrement(desk: Desk) -> None:
    desk.build("60#1 | 20 |")
    events = desk.sell(20, 20, account=A, self_trade=SelfTrade.DECREMENT)
    assert told(events) == "ACCEPTED PREVENTED"
    prevented = events[1]
    assert (prevented["quantity"], prevented["left"], prevented["maker_left"]) == (20, 0, 40)
    assert desk.exchange.last_price() == 0
    desk.shows("40#1 | 20 |")
    assert desk.exchange.balance(A, "EUR") == (10**12 - 800, 800)


@pytest.mark.parametrize("account", [A, B])
def test_post_only_does_not_take(desk: Desk, account: int) -> None:
    desk.build("| 100 | 5#1")
    events = desk.buy(1, 100, account=account, post_only=True)
    assert told(events) == "REJECTED/POST_ONLY_WOULD_CROSS"
    desk.shows("| 100 | 5#1")
    assert told(desk.buy(1, 99, account=account, post_only=True, order_id=2)) == "ACCEPTED"
    desk.shows("| 100 | 5#1\n 1#2 | 99 |")


def test_an_order_that_aborts_at_an_own_maker_changes_nothing(desk: Desk) -> None:
    desk.build("5#1 | 100 |")
    events = desk.sell(10, 100, account=A, time_in_force=FOK, self_trade=SelfTrade.EXPIRE_TAKER)
    assert told(events) == "REJECTED/FOK_NOT_FILLABLE"
    desk.shows("5#1 | 100 |")


# Amending keeps the place, another order does not


QUEUE = "100#1@1 550#2@2 400#3@3 | 87000 |\n 200#4@1 | 86999 |"


@pytest.mark.parametrize("by", ["amend", "reduce"])
def test_less_keeps_the_place(desk: Desk, by: str) -> None:
    desk.build(QUEUE)
    if by == "amend":
        assert told(desk.exchange.amend(B, 2, quantity=500)) == "AMENDED"
    else:
        assert told(desk.exchange.reduce(B, 2, 50)) == "REDUCED"
    desk.shows("100#1 500#2 400#3 | 87000 |\n 200#4 | 86999 |")
    assert desk.exchange.balance(B, "EUR") == (10**12 - 500 * 87000, 500 * 87000)


def test_another_order_stands_at_the_back(desk: Desk) -> None:
    desk.build(QUEUE)
    desk.exchange.cancel(B, 2)
    desk.buy(500, 87000, order_id=5)
    desk.shows("100#1 400#3 500#5 | 87000 |\n 200#4 | 86999 |")


def test_a_market_order_for_more_than_there_is(desk: Desk) -> None:
    desk.build("| 101 | 3#2\n | 100 | 1#1")
    events = desk.buy(6, type=OrderType.MARKET, time_in_force=IOC)
    assert told(events) == "ACCEPTED TRADE TRADE EXPIRED/NO_LIQUIDITY"
    assert (events["quantity"][-1], events["left"][-1]) == (2, 0)


# Trailing stops


@pytest.mark.parametrize(
    ("side", "activation", "bips", "limit", "prices", "last"),
    [
        (Side.BUY, 44_000, 500, 45_000, [37_000, 45_000, 46_000, 42_000], 44_100),
        (Side.SELL, 39_000, 1000, 38_000, [41_500, 39_000, 37_000, 41_000], 36_900),
    ],
)
def test_a_trailing_stop_tracks_from_its_activation(
    desk: Desk, side: Side, activation: int, bips: int, limit: int, prices: list[int], last: int
) -> None:
    # Where the source's market jumps over the activation, it means a trade right at it.
    desk.trade_at(40_000)
    events = desk.exchange.submit(
        B, 0, side, 5, limit, type=OrderType.TRAILING_STOP_LIMIT,
        trigger_price=activation, trailing_offset=bips, trail_bips=True, order_id=9,
    )  # fmt: skip
    assert told(events) == "ACCEPTED"
    for price in [prices[0], activation, *prices[1:]]:
        desk.trade_at(price)
        assert desk.exchange.orders(B)["displayed"].tolist() == [0], price
    beyond = 1 if side == Side.BUY else -1
    desk.trade_at(last - beyond)
    assert desk.exchange.orders(B)["displayed"].tolist() == [0]
    desk.trade_at(last)
    assert desk.exchange.orders(B)["displayed"].tolist() == [5]
    desk.shows(f"5#9 | {limit} |" if side == Side.BUY else f"| {limit} | 5#9")


# Refusals


def test_a_client_order_id_in_use(desk: Desk) -> None:
    desk.buy(1, 5, order_id=7, client_order_id=77)
    events = desk.buy(1, 5, order_id=8, client_order_id=77)
    assert told(events) == "REJECTED/DUPLICATE_CLIENT_ORDER_ID"
    assert events["maker_order_id"][0] == 7
    assert told(desk.buy(1, 5, account=C, order_id=8, client_order_id=77)) == "ACCEPTED"


@pytest.mark.parametrize(
    ("price", "quantity", "outcome"),
    [
        ("100.05", "1", "ACCEPTED"),
        ("100.055", "1", "REJECTED/OFF_TICK"),
        (Decimal("100.05"), Decimal("1.01"), "REJECTED/OFF_LOT"),
        ("100.0500000000000000000000000001", "1", "REJECTED/OFF_TICK"),
        ("100.05", "1.000000000001", "REJECTED/OFF_LOT"),
    ],
)
def test_decimals_that_do_not_fit(
    engine: str, price: Decimal | str, quantity: Decimal | str, outcome: str
) -> None:
    exchange = Exchange(Market(Asset("KCN"), Asset("EUR"), tick="0.05", lot="0.1"), engine)
    account = exchange.open_account()
    exchange.deposit(account, "EUR", "1000")
    assert told(exchange.submit(account, 0, Side.BUY, quantity, price)) == outcome


@pytest.mark.parametrize("time_in_force", [IOC, FOK])
def test_an_iceberg_has_to_rest(desk: Desk, time_in_force: TimeInForce) -> None:
    events = desk.buy(10, 5, display_quantity=2, time_in_force=time_in_force)
    assert told(events) == "REJECTED/INVALID_COMBINATION"


def test_a_limit_maker_that_would_cross(desk: Desk) -> None:
    desk.build("| 100 | 5#1")
    assert told(desk.buy(1, 101, post_only=True)) == "REJECTED/POST_ONLY_WOULD_CROSS"
    assert (
        told(desk.buy(1, 101, post_only=True, time_in_force=IOC)) == "REJECTED/INVALID_COMBINATION"
    )
    desk.shows("| 100 | 5#1")
