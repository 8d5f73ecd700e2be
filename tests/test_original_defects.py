"""What the Rust exchange of the same name got wrong, as far as orders and balances go."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
from numba import config

from mexchange.engine import Kernel
from mexchange.exchange import Exchange
from mexchange.markets import Asset, Fees, Market
from mexchange.records import (
    CommandKind,
    EventKind,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    commands,
)
from mexchange.testing.desk import FUNDS, A, B, C, Desk, told, trades

IOC = TimeInForce.IOC


@pytest.fixture(params=["reference", "kernel"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_price_improvement_is_released_with_the_fill_that_caused_it(engine: str) -> None:
    desk = Desk(engine, fees=Fees(1000, 2000))
    desk.build("| 120 | 50#3\n | 110 | 30#2\n | 100 | 20#1")
    for bought, cost in ((20, 2_000 + 4), (30, 3_300 + 7), (30, 3_600 + 8)):
        before, _ = desk.exchange.balance(B, "EUR")
        events = desk.buy(bought, 150)
        assert told(events) == "ACCEPTED TRADE"
        assert desk.exchange.balance(B, "EUR") == (before - cost, 0)
        assert events["hold"].sum() == 0
    desk.shows("| 120 | 20#3")


def test_a_bid_filled_in_parts_releases_everything(engine: str) -> None:
    desk = Desk(engine, fees=Fees(777, 1234))
    desk.build("1000#1 | 99 |")
    for lots in (1, 7, 500, 3, 489):
        desk.sell(lots, 90)
        desk.exchange.check()
    assert desk.exchange.balance(A, "EUR")[1] == 0
    fee = -(-1000 * 99 * 777 // 1_000_000)
    assert desk.exchange.balance(A, "EUR")[0] == FUNDS - 99_000 - fee
    desk.shows("")


def test_market_buys_reckon_with_the_prices_of_the_book(engine: str) -> None:
    desk = Desk(engine, funds=0)
    desk.exchange.deposit(A, "KCN", 10)
    desk.exchange.deposit(B, "EUR", 19_999)
    desk.build("| 10000 | 10#1")
    market = {"type": OrderType.MARKET, "time_in_force": IOC}
    assert told(desk.buy(2, **market)) == "REJECTED/INSUFFICIENT_FUNDS"
    assert desk.exchange.balance(B, "EUR") == (19_999, 0)
    desk.exchange.deposit(B, "EUR", 1)
    assert told(desk.buy(2, **market)) == "ACCEPTED TRADE"
    assert desk.exchange.balance(B, "EUR") == (0, 0)


def test_a_trade_and_its_settlement_are_one_step(engine: str) -> None:
    # There is no moment after a match at which settling could still fail: the event of the trade
    # says all that moved, and balances follow from it.
    desk = Desk(engine, fees=Fees(500, 1500))
    desk.build("| 100 | 30#1")
    before = [desk.exchange.balance(account, "EUR") for account in (0, A, B)]
    event = desk.buy(20, 105)[1]
    after = [desk.exchange.balance(account, "EUR") for account in (0, A, B)]
    worth = int(event["price"] * event["quantity"])
    fees = int(event["fee"]), int(event["maker_fee"])
    assert sum(after[0]) == sum(before[0]) + sum(fees)
    assert sum(after[1]) == sum(before[1]) + worth - fees[1]
    assert sum(after[2]) == sum(before[2]) - worth - fees[0]
    desk.exchange.check()


def test_fees_are_posted(engine: str) -> None:
    desk = Desk(engine, fees=Fees(1000, 1000))
    desk.build("| 100 | 1000#1")
    event = desk.buy(1000, 100)[1]
    assert (event["fee"], event["maker_fee"]) == (100, 100)
    assert desk.exchange.balance(0, "EUR") == (200, 0)
    assert desk.exchange.balance(A, "EUR") == (FUNDS + 100_000 - 100, 0)
    assert desk.exchange.balance(B, "EUR") == (FUNDS - 100_000 - 100, 0)


def test_small_fills_do_not_multiply_rounding(engine: str) -> None:
    desk = Desk(engine, fees=Fees(0, 1000))
    desk.build("| 100 | " + " ".join(f"1#{number}" for number in range(1, 31)))
    events = desk.buy(30, 100)
    assert events["fee"].sum() == 3
    assert desk.exchange.balance(0, "EUR") == (3, 0)


def test_rebates_are_paid_out_of_the_takers_fee(engine: str) -> None:
    desk = Desk(engine, fees=Fees(-500, 1000))
    desk.build("| 100 | 1000#1")
    event = desk.buy(1000, 100)[1]
    assert (event["fee"], event["maker_fee"]) == (100, -50)
    assert desk.exchange.balance(0, "EUR") == (50, 0)


def test_the_same_pair_may_trade_twice_in_a_nanosecond(engine: str) -> None:
    desk = Desk(engine)
    desk.build("| 100 | 10#1")
    events = np.concatenate([desk.buy(1, 100, order_id=2), desk.buy(1, 100, order_id=3)])
    again = events[events["kind"] == EventKind.TRADE]
    assert len(set(again["time_ns"].tolist())) == 1
    assert len(set(again["sequence"].tolist())) == 2
    assert events["sequence"].tolist() == list(
        range(events["sequence"][0], events["sequence"][0] + 4)
    )


@pytest.mark.parametrize("mode", [mode for mode in SelfTrade if mode != SelfTrade.NONE])
def test_prices_that_cross_do_not_match_oneself(engine: str, mode: SelfTrade) -> None:
    desk = Desk(engine)
    desk.build("| 100 | 10#1")
    events = desk.buy(10, 101, account=A, self_trade=mode)
    assert trades(events) == []
    assert desk.exchange.last_price() == 0
    desk.exchange.check()


def test_a_market_orders_remainder_is_announced(engine: str) -> None:
    desk = Desk(engine)
    desk.build("| 100 | 10#1", account=C)
    events = desk.buy(25, type=OrderType.MARKET, time_in_force=IOC)
    assert told(events) == "ACCEPTED TRADE EXPIRED/NO_LIQUIDITY"
    assert events["quantity"].tolist() == [25, 10, 15]


def crowded(orders: int) -> Kernel:
    """A kernel with that many bids, spread over a hundred prices."""
    kernel = Kernel([Market(Asset("KCN", 0), Asset("EUR", 0), tick=1, lot=1)])
    kernel.step(commands(1, kind=CommandKind.OPEN_ACCOUNT, account=1))
    kernel.step(commands(1, kind=CommandKind.DEPOSIT, account=1, asset=1, quantity=1 << 50))
    numbers = np.arange(orders)
    kernel.step(
        commands(
            orders, kind=CommandKind.NEW, account=1, order_id=numbers,
            price=1 + numbers % 100, quantity=1, side=Side.BUY,
        )
    )  # fmt: skip
    return kernel


def seconds_to_cancel(orders: int, cancels: int = 1000) -> float:
    kernel = crowded(orders)
    every = np.arange(cancels) * (orders // cancels)
    batch = commands(cancels, kind=CommandKind.CANCEL, account=1, order_id=every)
    start = perf_counter()
    events = kernel.step(batch)
    taken = perf_counter() - start
    assert (events["kind"] == EventKind.CANCELLED).all()
    return taken


@pytest.mark.skipif(config.DISABLE_JIT, reason="asks how fast the compiled kernel is")
def test_cancelling_does_not_search() -> None:
    # A search through queues would be a thousand times slower in the larger book.
    few = min(seconds_to_cancel(1_000) for _ in range(5))
    many = min(seconds_to_cancel(200_000) for _ in range(3))
    assert many < 50 * few + 0.01


def test_every_unit_can_be_withdrawn_when_all_is_done(engine: str) -> None:
    desk = Desk(engine, fees=Fees(123, 456))
    desk.build("| 101 | 7#2\n 5/20#1 | 99 |")
    desk.buy(3, 101)
    desk.sell(9, 98)
    desk.exchange.cancel_all(A)
    exchange: Exchange = desk.exchange
    for account in (A, B, C, 0):
        for asset in ("KCN", "EUR"):
            available, held = exchange.balance(account, asset)
            assert held == 0
            if available:
                assert told(exchange.withdraw(account, asset, available)) == "WITHDRAWN"
    assert len(exchange.engine.balance_rows()) == 0
    exchange.check()
