"""The face of the exchange: names, decimals, what is refused how, and what can be read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from mexchange.exchange import OWN_SOURCE, Exchange
from mexchange.markets import Asset, Fees, Market
from mexchange.records import EventKind, OrderType, Side, TimeInForce, order_id
from mexchange.testing.commands import random_commands
from mexchange.testing.desk import told
from mexchange.testing.profiles import awkward_markets

COIN, TOKEN, EURO = Asset("KCN", 4), Asset("TOK", 2), Asset("EUR", 4)
MARKETS = (
    Market(COIN, EURO, tick="0.05", lot="0.1", fees=(Fees(1000, 2000), Fees())),
    Market(TOKEN, EURO, tick="0.01", lot="0.01"),
)


@pytest.fixture(params=["reference", "kernel"])
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """Two markets; accounts 1 and 2 have 1000 of each asset."""
    made = Exchange(MARKETS, request.param)
    for _ in range(2):
        account = made.open_account()
        for asset in made.assets:
            made.deposit(account, asset.name, 1000 * 10**asset.scale)
    return made


def test_names_and_numbers(exchange: Exchange) -> None:
    assert [exchange.market(name) for name in ("KCN/EUR", "TOK/EUR", 1)] == [0, 1, 1]
    assert [asset.name for asset in exchange.assets] == ["KCN", "EUR", "TOK"]
    assert exchange.asset("TOK") == exchange.asset(2) == 2
    assert exchange.accounts == 3
    with pytest.raises(ValueError, match=r"no market 'X/Y'; there are: KCN/EUR, TOK/EUR"):
        exchange.market("X/Y")
    with pytest.raises(ValueError, match=r"no asset 'X'; there are: KCN, EUR, TOK"):
        exchange.asset("X")


def test_decimals_and_units_mean_the_same(exchange: Exchange) -> None:
    for quantity, price in (("1.5", "100.05"), (Decimal("1.5"), Decimal("100.05")), (15, 2001)):
        exchange.submit(1, "KCN/EUR", Side.BUY, quantity, price)
    rows = exchange.orders(1)
    assert rows["price"].tolist() == [2001] * 3
    assert rows["quantity"].tolist() == [15] * 3
    assert exchange.levels("KCN/EUR", Side.BUY).tolist() == [[2001, 45, 3]]
    assert exchange.best("KCN/EUR") == (2001, 45, 0, 0)
    assert len(exchange.orders(2)) == 0


def test_every_field_of_an_order_arrives(exchange: Exchange) -> None:
    exchange.submit(
        1, 0, Side.SELL, "30", "90", time_in_force=TimeInForce.GTD, order_id=5,
        client_order_id=6, post_only=True, display_quantity="0.5", expiry_ns=99,
    )  # fmt: skip
    exchange.submit(
        1, 1, Side.BUY, "2", "1.50", type=OrderType.TRAILING_STOP_LIMIT, trigger_price="1.20",
        trailing_offset="0.03", self_trade=4, order_id=7,
    )  # fmt: skip
    exchange.submit(
        2, 1, Side.SELL, 200, type=OrderType.TRAILING_STOP, trailing_offset=250, trail_bips=True,
        protection_price=Decimal("0.5"), order_id=8,
    )  # fmt: skip
    ask, trailing, market = exchange.orders()
    assert (ask["display_quantity"], ask["displayed"], ask["expiry_ns"]) == (5, 5, 99)
    assert (ask["flags"], ask["client_order_id"], ask["quantity"]) == (1, 6, 300)
    assert (trailing["trigger_price"], trailing["trailing_offset"]) == (120, 3)
    assert (trailing["self_trade"], trailing["price"], trailing["side"]) == (4, 150, 0)
    assert (market["flags"], market["trailing_offset"], market["protection_price"]) == (2, 250, 50)


def test_a_quote_quantity_is_an_amount(exchange: Exchange) -> None:
    exchange.submit(1, 0, Side.SELL, "5", "100")
    terms: dict[str, Any] = {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC}
    events = exchange.submit(2, 0, Side.BUY, 0, quote_quantity="200.4", **terms)
    assert told(events) == "ACCEPTED TRADE EXPIRED/QUOTE_SPENT"
    assert exchange.amount(2, "KCN") == Decimal(1002)
    assert exchange.amount(2, "EUR") == Decimal("799.6")
    assert exchange.amount(0, "EUR") == Decimal("0.6")
    with pytest.raises(ValueError, match="smallest unit of EUR"):
        exchange.submit(2, 0, Side.BUY, 0, quote_quantity="0.00001", **terms)


@pytest.mark.parametrize(
    ("terms", "outcome"),
    [
        ({"price": "100.01"}, "OFF_TICK"),
        ({"quantity": "0.05"}, "OFF_LOT"),
        ({"display_quantity": "0.05"}, "OFF_LOT"),
        ({"type": OrderType.STOP_LIMIT, "trigger_price": "0.01"}, "OFF_TICK"),
        ({"price": 0, "protection_price": "0.01", "type": OrderType.MARKET}, "OFF_TICK"),
        ({"price": "0"}, "INVALID_PRICE"),
        ({"quantity": -1}, "INVALID_QUANTITY"),
        ({"account": 9}, "UNKNOWN_ACCOUNT"),
        ({"account": 0}, "UNKNOWN_ACCOUNT"),
        ({"market": 2, "quantity": 1, "price": 1}, "UNKNOWN_MARKET"),
        ({"quantity": "99999"}, "INSUFFICIENT_FUNDS"),
        ({"time_ns": 5}, "TIME_WENT_BACK"),
    ],
)
def test_orders_are_refused_by_events(
    exchange: Exchange, terms: dict[str, Any], outcome: str
) -> None:
    exchange.tick(10)
    order: dict[str, Any] = {
        "account": 1,
        "market": 0,
        "side": Side.BUY,
        "quantity": "1",
        "price": "100",
    }
    events = exchange.submit(**(order | terms))
    assert told(events) == f"REJECTED/{outcome}"
    assert exchange.time_ns == 10


def test_ids_are_given_and_taken(exchange: Exchange) -> None:
    first = order_id(OWN_SOURCE, 0)
    refused = exchange.submit(1, 0, Side.BUY, "99999", "100")
    assert refused["order_id"][0] == first
    assert exchange.submit(1, 0, Side.BUY, "1", "100")["order_id"][0] == first
    assert exchange.submit(1, 0, Side.BUY, "1", "100")["order_id"][0] == first + 1
    assert exchange.submit(1, 0, Side.BUY, "1", "100", order_id=3)["order_id"][0] == 3
    assert told(exchange.cancel(1, first)) == "CANCELLED/REQUESTED"
    assert told(exchange.cancel(2, 3)) == "REJECTED/NOT_OWNER"


def test_amend_and_reduce_with_decimals(exchange: Exchange) -> None:
    exchange.submit(1, "TOK/EUR", Side.BUY, "10", "1.00", order_id=1)
    assert told(exchange.amend(1, 1, price="1.01", quantity="9.5")) == "PULLED AMENDED RESTED"
    assert exchange.best("TOK/EUR") == (101, 950, 0, 0)
    assert told(exchange.reduce(1, 1, "0.25")) == "REDUCED"
    assert exchange.best("TOK/EUR") == (101, 925, 0, 0)
    assert told(exchange.amend(1, 1, price="1.001")) == "REJECTED/OFF_TICK"
    assert told(exchange.reduce(1, 1, "0.001")) == "REJECTED/OFF_LOT"
    assert told(exchange.amend(1, 99, price="1.01")) == "REJECTED/UNKNOWN_ORDER"


def test_cancel_all_in_one_market_or_in_all(exchange: Exchange) -> None:
    for market in (0, 1, 0):
        exchange.submit(1, market, Side.BUY, 10, 100)
    exchange.submit(2, 0, Side.BUY, 10, 100)
    assert told(exchange.cancel_all(1, "TOK/EUR")) == "CANCELLED/REQUESTED"
    assert told(exchange.cancel_all(1)) == "CANCELLED/REQUESTED CANCELLED/REQUESTED"
    assert told(exchange.cancel_all(1)) == ""
    assert told(exchange.cancel_all(1, 7)) == "REJECTED/UNKNOWN_MARKET"
    assert len(exchange.orders()) == 1


def test_money_in_and_out(exchange: Exchange) -> None:
    assert told(exchange.deposit(1, "EUR", "0.5")) == "DEPOSITED"
    assert exchange.balance(1, "EUR") == (10_005_000, 0)
    assert told(exchange.withdraw(1, "EUR", Decimal("1000.5001"))) == "REJECTED/INSUFFICIENT_FUNDS"
    assert told(exchange.withdraw(1, "EUR", 10_005_000)) == "WITHDRAWN"
    assert exchange.amount(1, "EUR") == 0
    assert told(exchange.deposit(1, 7, 5)) == "REJECTED/UNKNOWN_ASSET"
    assert told(exchange.deposit(7, "EUR", 5)) == "REJECTED/UNKNOWN_ACCOUNT"
    assert told(exchange.deposit(1, "EUR", 1 << 62)) == "REJECTED/INVALID_AMOUNT"
    with pytest.raises(ValueError, match="smallest unit of EUR"):
        exchange.deposit(1, "EUR", "0.00001")


def test_tiers(exchange: Exchange) -> None:
    assert told(exchange.set_tier(2, 1)) == "TIER_SET"
    assert told(exchange.set_tier(2, 16)) == "REJECTED/INVALID_TIER"
    exchange.submit(1, 0, Side.SELL, 10, 2000)
    assert exchange.submit(2, 0, Side.BUY, 10, 2000)["fee"].tolist() == [0, 0]
    assert exchange.open_account(tier=15) == 3
    with pytest.raises(ValueError, match="fee tier 16 does not exist"):
        exchange.open_account(tier=16)


def test_the_house_keeps_what_rounding_may_give_back(exchange: Exchange) -> None:
    exchange.deposit(0, "EUR", 5)
    for _ in range(3):
        exchange.submit(1, 0, Side.BUY, 10, 100)
    assert told(exchange.withdraw(0, "EUR", 3)) == "REJECTED/INSUFFICIENT_FUNDS"
    assert told(exchange.withdraw(0, "EUR", 2)) == "WITHDRAWN"


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.submit(1, 0, Side.BUY, 1 << 63, 5),
        lambda e: e.submit(1, 0, Side.BUY, 1, 5, order_id=1 << 63),
        lambda e: e.submit(1, -1, Side.BUY, 1, 5),
        lambda e: e.submit(-1, 0, Side.BUY, 1, 5),
        lambda e: e.submit(1, 0, 300, 1, 5),
        lambda e: e.cancel(1, 1 << 63),
        lambda e: e.deposit(1 << 32, "EUR", 5),
        lambda e: e.balance(9, "EUR"),
        lambda e: e.balance(1, 9),
        lambda e: e.best(2),
        lambda e: e.levels(-1, Side.BUY),
        lambda e: e.last_price("X/Y"),
    ],
)
def test_numbers_that_no_field_holds(exchange: Exchange, call: Callable[[Exchange], Any]) -> None:
    digest = exchange.digest()
    with pytest.raises(ValueError, match=r".+"):
        call(exchange)
    assert exchange.digest() == digest


def test_floats_are_refused(exchange: Exchange) -> None:
    price: Any = 100.0
    with pytest.raises(TypeError, match="give a Decimal"):
        exchange.submit(1, 0, Side.BUY, "1", price)
    with pytest.raises(TypeError, match="give a Decimal"):
        exchange.deposit(1, "EUR", price)


def test_orders_that_expire(exchange: Exchange) -> None:
    terms: dict[str, Any] = {"time_in_force": TimeInForce.GTD}
    exchange.submit(1, 0, Side.BUY, 10, 100, expiry_ns=20, order_id=2, **terms)
    exchange.submit(1, 0, Side.BUY, 10, 100, expiry_ns=15, order_id=3, time_ns=9, **terms)
    assert told(exchange.tick(14)) == ""
    events = exchange.tick(20)
    assert told(events) == "EXPIRED/TIME_PASSED EXPIRED/TIME_PASSED"
    assert events["order_id"].tolist() == [3, 2]
    assert events["time_ns"].tolist() == [20, 20]


def test_stream_and_step_are_the_same(exchange: Exchange) -> None:
    kind = "kernel" if type(exchange.engine).__name__ == "Kernel" else "reference"
    commands = random_commands(awkward_markets(2), 500, 3)
    one, other = (Exchange(awkward_markets(2), kind) for _ in range(2))
    parts = [part.copy() for part in one.stream(commands, 64)]
    assert np.concatenate(parts).tobytes() == other.step(commands).tobytes()
    assert (one.digest(), one.sequence) == (other.digest(), other.sequence)
    assert sum(part["kind"].size for part in parts) == one.sequence


def test_events_belong_to_the_caller(exchange: Exchange) -> None:
    first = exchange.submit(1, 0, Side.BUY, 10, 100)
    kept = first.copy()
    exchange.submit(1, 0, Side.SELL, 5, 100)
    assert first.tobytes() == kept.tobytes()
    assert first["kind"].tolist() == [EventKind.ACCEPTED]


def test_a_look_at_it(exchange: Exchange) -> None:
    assert repr(exchange) == "<Exchange KCN/EUR – / –, TOK/EUR – / –; 3 accounts>"
    exchange.submit(1, 0, Side.BUY, 10, 100)
    exchange.submit(1, 0, Side.SELL, 10, 101)
    assert repr(exchange) == "<Exchange KCN/EUR 5.00 / 5.05, TOK/EUR – / –; 3 accounts>"
    exchange.submit(2, 0, Side.BUY, 10, 101)
    assert exchange.last_price("KCN/EUR") == 101
    exchange.check()


@pytest.mark.parametrize("engine", ["reference", "kernel"])
@pytest.mark.parametrize(
    ("markets", "message"),
    [
        ((), "at least one market"),
        ((MARKETS[0], MARKETS[0]), "KCN/EUR is given twice"),
        ((MARKETS[0], Market(TOKEN, Asset("EUR", 8))), "EUR is given with two scales"),
    ],
)
def test_markets_that_do_not_go_together(
    engine: str, markets: tuple[Market, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Exchange(markets, engine)


def test_an_engine_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="kernel, reference"):
        Exchange(MARKETS, "numpy")
