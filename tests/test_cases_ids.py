"""Ids of orders: pages of them fill and are given back, counters leap, nothing is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from mexchange.engine import Kernel
from mexchange.exchange import OWN_SOURCE, Exchange
from mexchange.markets import Asset, Market
from mexchange.records import (
    CommandKind,
    Commands,
    EventKind,
    Reason,
    Side,
    commands,
    order_id,
)
from mexchange.reference import ReferenceEngine
from mexchange.testing.desk import B, Desk, told

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
PAGE = 4096
LEAP = 1 << 20
LAST = (1 << 32) - 1


@pytest.fixture(params=["reference", "kernel"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[ReferenceEngine, Kernel])
def bare(request: pytest.FixtureRequest) -> Kernel | ReferenceEngine:
    """An engine on which account 1 has money."""
    engine: Kernel | ReferenceEngine = request.param([Market(Asset("KCN"), Asset("EUR"))])
    engine.step(commands(1, kind=CommandKind.OPEN_ACCOUNT, account=1))
    engine.step(commands(1, kind=CommandKind.DEPOSIT, account=1, asset=1, quantity=1 << 60))
    return engine


def bids(ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Commands:
    return commands(
        len(ids), kind=CommandKind.NEW, account=1, order_id=ids, price=1, quantity=1, side=Side.BUY
    )


def test_ids_of_full_pages_stay_used(bare: Kernel | ReferenceEngine) -> None:
    ids = np.arange(3 * PAGE)
    assert (bare.step(bids(ids))["kind"] == EventKind.ACCEPTED).all()
    shuffled = np.random.default_rng(1).permutation(ids)
    cancels = commands(len(ids), kind=CommandKind.CANCEL, account=1, order_id=shuffled)
    assert (bare.step(cancels)["kind"] == EventKind.CANCELLED).all()
    assert (bare.step(bids(ids))["reason"] == Reason.DUPLICATE_ORDER_ID).all()
    assert (bare.step(cancels)["reason"] == Reason.UNKNOWN_ORDER).all()
    bare.check()
    others = ids[: 2 * PAGE] + order_id(7, 0)
    assert (bare.step(bids(others))["kind"] == EventKind.ACCEPTED).all()
    assert (bare.step(bids(ids + 3 * PAGE))["kind"] == EventKind.ACCEPTED).all()
    assert (bare.step(bids(ids))["reason"] == Reason.DUPLICATE_ORDER_ID).all()
    assert len(bare.order_rows()) == 5 * PAGE
    bare.check()


def test_counters_may_leap_to_their_end(bare: Kernel | ReferenceEngine) -> None:
    ids = np.arange(LEAP - 1, LAST + 1, LEAP)
    assert (bare.step(bids(ids))["kind"] == EventKind.ACCEPTED).all()
    assert bare.step(bids(np.array([LAST])))["reason"].tolist() == [Reason.DUPLICATE_ORDER_ID]
    assert bare.step(bids(ids - 1))["kind"].tolist() == [EventKind.ACCEPTED] * len(ids)
    bare.check()
    cancels = commands(len(ids), kind=CommandKind.CANCEL, account=1, order_id=ids)
    assert (bare.step(cancels)["kind"] == EventKind.CANCELLED).all()
    bare.check()


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (-1, "REJECTED/INVALID_ORDER_ID"),
        (-(1 << 63), "REJECTED/INVALID_ORDER_ID"),
        (1 << 48, "REJECTED/INVALID_ORDER_ID"),
        ((1 << 48) - 1, "REJECTED/INVALID_ORDER_ID"),
        (LEAP, "REJECTED/INVALID_ORDER_ID"),
        (LEAP - 1, "ACCEPTED"),
        (0, "ACCEPTED"),
        (order_id(65534, 0), "ACCEPTED"),
        (order_id(65535, LEAP - 1), "ACCEPTED"),
    ],
)
def test_first_ids(engine: str, number: int, outcome: str) -> None:
    assert told(Desk(engine).buy(1, 5, order_id=number)) == outcome


def test_a_refused_order_uses_no_id_up(engine: str) -> None:
    desk = Desk(engine)
    desk.exchange.withdraw(B, "EUR", desk.exchange.balance(B, "EUR")[0])
    refused = desk.buy(1, 5, order_id=LEAP - 1, client_order_id=4)
    assert told(refused) == "REJECTED/INSUFFICIENT_FUNDS"
    assert told(desk.buy(1, 5, order_id=LEAP)) == "REJECTED/INVALID_ORDER_ID"
    desk.exchange.deposit(B, "EUR", 5)
    assert told(desk.buy(1, 5, order_id=LEAP - 1, client_order_id=4)) == "ACCEPTED"


def test_client_ids_are_remembered_when_orders_are_gone(engine: str) -> None:
    desk = Desk(engine)
    for number in range(1, 1001):
        assert told(desk.buy(1, 5, client_order_id=number << 40)) == "ACCEPTED"
    first = desk.exchange.orders()["order_id"][0]
    desk.exchange.cancel_all(B)
    for number in (1, 500, 1000):
        events = desk.buy(1, 5, client_order_id=number << 40)
        assert told(events) == "REJECTED/DUPLICATE_CLIENT_ORDER_ID"
        assert events["maker_order_id"][0] == first + number - 1
    assert told(desk.buy(1, 5, client_order_id=1001 << 40)) == "ACCEPTED"
    assert told(desk.buy(1, 5, client_order_id=-1)) == "REJECTED/INVALID_ORDER_ID"


def test_own_ids_go_on_after_a_restore() -> None:
    desk = Desk("kernel")
    for _ in range(3):
        desk.buy(1, 5)
    restored = Exchange.restore(desk.exchange.snapshot())
    events = restored.submit(B, 0, Side.BUY, 1, 5)
    assert events["order_id"][0] == order_id(OWN_SOURCE, 3)
    assert told(events) == "ACCEPTED"
