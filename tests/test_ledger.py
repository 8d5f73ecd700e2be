"""Double entry: postings sum to zero, and give the engine's balances to the atom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange import Asset, Exchange, Fees, Market, Side
from mexchange.digest import BALANCE_ROW
from mexchange.engine import Kernel
from mexchange.ledger import POSTING, Bucket, Cause, assets_of, balances, check, postings
from mexchange.records import EVENT, EventKind
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import PROFILES, awkward_markets

MARKET = Market(
    Asset("KCN", 2), Asset("EUR", 4), tick="0.01", lot="0.01", fees=(Fees(-100, 1_000),)
)


def traded() -> tuple[Exchange, np.ndarray]:
    """Alice pays in 100 EUR and buys 1.50 KCN at 10.00 of Bob's 2.00; both orders are limits."""
    exchange = Exchange(MARKET, engine="reference")
    alice, bob = exchange.open_account(), exchange.open_account()
    events = [
        exchange.deposit(alice, "EUR", "100"),
        exchange.deposit(bob, "KCN", "5"),
        exchange.submit(bob, 0, Side.SELL, "2", "10"),
        exchange.submit(alice, 0, Side.BUY, "1.5", "10.20"),
        exchange.cancel(bob, int(exchange.orders(bob)["order_id"][0])),
        exchange.withdraw(alice, "EUR", "1"),
    ]
    return exchange, np.concatenate(events)


def entries_of(rows: np.ndarray, sequence: int) -> list[tuple[int, str, str, str, int]]:
    """The postings of one event as (account, asset, bucket, cause, atoms)."""
    assets = assets_of([MARKET])
    return [
        (
            int(row["account"]),
            assets[row["asset"]].name,
            Bucket(row["bucket"]).name.lower(),
            Cause(row["cause"]).name.lower(),
            int(row["amount"]),
        )
        for row in rows[rows["sequence"] == sequence]
    ]


def test_a_trade_moves_base_quote_fees_and_holds() -> None:
    _, events = traded()
    (trade,) = events["sequence"][events["kind"] == EventKind.TRADE]
    assert entries_of(postings(events, [MARKET]), trade) == [
        (1, "KCN", "available", "trade", 150),
        (2, "KCN", "available", "trade", -150),
        (1, "EUR", "available", "trade", -150_000),
        (2, "EUR", "available", "trade", 150_000),
        (1, "EUR", "available", "fee", -150),
        (0, "EUR", "available", "fee", 150),
        (2, "EUR", "available", "fee", 15),
        (0, "EUR", "available", "fee", -15),
        # She held 1.50 × 10.20 and the worst fee on it; nothing is left to hold.
        (1, "EUR", "available", "hold", 153_153),
        (1, "EUR", "held", "hold", -153_153),
        (2, "KCN", "available", "hold", 150),
        (2, "KCN", "held", "hold", -150),
    ]


def test_money_comes_from_outside_and_goes_there() -> None:
    exchange, events = traded()
    rows = postings(events, [MARKET])
    assert entries_of(rows, events["sequence"][0]) == [
        (1, "EUR", "available", "deposit", 1_000_000),
        (1, "EUR", "external", "deposit", -1_000_000),
    ]
    assert entries_of(rows, events["sequence"][-1]) == [
        (1, "EUR", "available", "withdrawal", -10_000),
        (1, "EUR", "external", "withdrawal", 10_000),
    ]
    check(rows)
    np.testing.assert_array_equal(balances(rows), exchange.engine.balance_rows())


def test_nothing_gives_nothing() -> None:
    rows = postings(np.empty(0, EVENT), [MARKET])
    assert rows.dtype == POSTING
    assert len(rows) == 0
    check(rows)
    assert balances(rows).dtype == BALANCE_ROW


def test_money_out_of_nothing_is_found() -> None:
    _, events = traded()
    rows = postings(events, [MARKET])
    wrong = np.flatnonzero(rows["sequence"] == 6)[0]
    rows["amount"][wrong] += 7
    asset = rows["asset"][wrong]
    with pytest.raises(AssertionError, match=f"event 6 creates 7 atoms of asset {asset}"):
        check(rows)


def agrees(engine: ReferenceEngine | Kernel, events: np.ndarray) -> None:
    """All that must be true of the postings of all events of an engine."""
    rows = postings(events, engine.markets)
    check(rows)
    assert (rows["amount"] != 0).all()
    assert (np.diff(rows["sequence"]) >= 0).all()
    np.testing.assert_array_equal(balances(rows), engine.balance_rows())
    outside = np.zeros(len(engine.assets), np.int64)
    external = rows[rows["bucket"] == Bucket.EXTERNAL]
    np.add.at(outside, external["asset"], external["amount"])
    inside = np.zeros(len(engine.assets), np.int64)
    owned = engine.balance_rows()
    np.add.at(inside, owned["asset"], owned["available"] + owned["held"])
    np.testing.assert_array_equal(inside, -outside)


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 1 << 30), st.integers(1, 3))
def test_the_ledger_has_the_balances_of_the_engine(profile: str, seed: int, markets: int) -> None:
    engine = ReferenceEngine(awkward_markets(markets))
    agrees(engine, engine.step(random_commands(engine.markets, 120, seed, profile)))


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_ledger_has_the_balances_of_the_kernel(profile: str) -> None:
    engine = Kernel(awkward_markets(3))
    agrees(engine, engine.step(random_commands(engine.markets, 5_000, 11, profile)))


def test_parts_of_a_stream_add_up() -> None:
    engine = ReferenceEngine(awkward_markets(2))
    events = engine.step(random_commands(engine.markets, 600, 5, "orderly"))
    whole = postings(events, engine.markets)
    cut = len(events) // 2
    parts = [postings(part, engine.markets) for part in (events[:cut], events[cut:])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
