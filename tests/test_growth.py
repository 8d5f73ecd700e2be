"""Sizes beyond what a new kernel has room for, and single commands with very many events."""

from __future__ import annotations

import numpy as np
import pytest

from mexchange.engine import Kernel
from mexchange.markets import Asset, Fees, Market
from mexchange.records import (
    CommandKind,
    Commands,
    EventKind,
    OrderType,
    Side,
    TimeInForce,
    commands,
)
from mexchange.reference import ReferenceEngine

MANY = 70_000
MARKET = Market(Asset("KCN", 0), Asset("EUR", 0), tick=1, lot=1, fees=(Fees(10, 20),))


def funded(accounts: int = 2) -> Commands:
    numbers = np.arange(1, accounts + 1)
    opened = commands(accounts, kind=CommandKind.OPEN_ACCOUNT, account=numbers)
    paid = commands(2 * accounts, kind=CommandKind.DEPOSIT, quantity=1 << 45)
    paid["account"], paid["asset"] = np.repeat(numbers, 2), np.tile([0, 1], accounts)
    return np.concatenate([opened, paid])


def orders(count: int, **fields: object) -> Commands:
    batch = commands(count, kind=CommandKind.NEW, account=1, quantity=1, **fields)
    batch["order_id"] = np.arange(count)
    return batch


def one(kind: CommandKind = CommandKind.NEW, **fields: object) -> Commands:
    return commands(1, kind=kind, order_id=1 << 32, account=2, **fields)


def both(*parts: Commands) -> tuple[Kernel, np.ndarray[tuple[int], np.dtype[np.void]]]:
    """The kernel and its last events, after it did what the reference did."""
    kernel, reference = Kernel([MARKET]), ReferenceEngine([MARKET])
    for part in (funded(), *parts):
        events = kernel.step(part)
        assert events.tobytes() == reference.step(part).tobytes()
    assert kernel.digest() == reference.digest()
    kernel.check()
    return kernel, events


def test_a_taker_meets_very_many_makers() -> None:
    asks = orders(MANY, side=Side.SELL, price=100)
    kernel, events = both(asks, one(quantity=MANY + 5, price=100))
    assert len(events) == MANY + 2
    assert kernel.best(0) == (100, 5, 0, 0)


def test_very_many_orders_are_cancelled_at_once() -> None:
    bids = orders(MANY, side=Side.BUY, price=np.arange(MANY) % 30_000 + 1)
    cancel = commands(1, kind=CommandKind.CANCEL_ALL, account=1, market=65535)
    kernel, events = both(bids, cancel)
    assert events["order_id"].tolist() == list(range(MANY))
    assert kernel.orders == 0


def test_very_many_orders_expire_at_once() -> None:
    times = np.random.default_rng(1).permutation(MANY) // 3 + 1
    bids = orders(MANY, side=Side.BUY, price=50, time_in_force=TimeInForce.GTD, expiry_ns=times)
    _, events = both(bids, commands(1, kind=CommandKind.TICK, time_ns=MANY))
    assert (events["kind"] == EventKind.EXPIRED).all()
    assert events["order_id"].tolist() == np.lexsort((np.arange(MANY), times)).tolist()


def test_very_many_stops_fire_at_once() -> None:
    asks = orders(MANY, side=Side.SELL, price=100)
    stops = orders(MANY, side=Side.BUY, type=OrderType.STOP, trigger_price=100)
    stops["account"] = 2
    stops["order_id"] += 1 << 33
    kernel, events = both(asks, stops, one(quantity=1, price=100))
    assert (events["kind"] == EventKind.TRIGGERED).sum() == MANY
    assert (events["kind"] == EventKind.TRADE).sum() == MANY
    assert events["reason"][-1] != 0
    assert kernel.orders == 0


def test_very_many_prices() -> None:
    # Far apart, so that each stands in a leaf of its own.
    asks = orders(MANY // 4, side=Side.SELL, price=1 + np.arange(MANY // 4) * 4001)
    far = one(quantity=MANY, price=MARKET.max_price, time_in_force=TimeInForce.IOC)
    sweep = one(quantity=9000, price=1 + 9000 * 4001)
    kernel, _ = both(asks, sweep)
    assert kernel.best(0)[2] == 1 + 9000 * 4001
    both(asks, far)


@pytest.mark.parametrize("accounts", [1023, 1024, 5000])
def test_very_many_accounts(accounts: int) -> None:
    engines = Kernel([MARKET]), ReferenceEngine([MARKET])
    batch = funded(accounts)
    bids = orders(accounts, side=Side.BUY, price=7, client_order_id=5)
    bids["account"] = np.arange(1, accounts + 1)
    results = [engine.step(np.concatenate([batch, bids])).tobytes() for engine in engines]
    assert results[0] == results[1]
    assert engines[0].digest() == engines[1].digest()
    engines[0].check()


def test_very_many_markets() -> None:
    euro = Asset("EUR", 0)
    markets = [Market(Asset(f"A{n}", 0), euro, tick=1, lot=1) for n in range(700)]
    kernel, reference = Kernel(markets), ReferenceEngine(markets)
    bids = orders(7000, side=Side.BUY, price=9, market=np.arange(7000) % 700)
    for part in (funded(), bids):
        assert kernel.step(part).tobytes() == reference.step(part).tobytes()
    assert kernel.digest() == reference.digest()
    assert Kernel.restore(kernel.snapshot()).digest() == kernel.digest()
    kernel.check()
