"""Background flow as a whole: deterministic, replayable, never at odds with the engine's rules."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mexchange import Asset, EventKind, Exchange, Market, Side
from mexchange.exchange import OWN_SOURCE
from mexchange.flow import (
    Background,
    Fundamental,
    Hawkes,
    Ingredient,
    Metaorders,
    Pace,
    TouchRefill,
    ZeroIntelligence,
)
from mexchange.strategy import ParameterError
from mexchange.testing.flow import MARKET, World

SECOND = 10**9


def everything() -> list[Ingredient]:
    """One of each, lively."""
    return [
        ZeroIntelligence(limit_rate=20, market_rate=1, cancel_rate=0.4, size_exponent=2, size=5),
        Hawkes(),
        Metaorders(impact=0.2, size_exponent=1.5),
        TouchRefill(lean=0.2, depth=50, flee=5),
        Fundamental(),
        Pace(),
    ]


@pytest.fixture(scope="module")
def played() -> World:
    return World(everything()).run(300 * SECOND)


def test_the_seed_decides_everything(played: World) -> None:
    again = World(everything()).run(300 * SECOND)
    other = World(everything(), seed=2).run(300 * SECOND)
    assert again.exchange.digest() == played.exchange.digest() != other.exchange.digest()
    assert again.commands.tobytes() == played.commands.tobytes()
    assert again.events.tobytes() == played.events.tobytes()


@pytest.mark.parametrize("step_ns", [7 * SECOND, 123_456_789])
def test_how_time_is_cut_changes_nothing(played: World, step_ns: int) -> None:
    cut = World(everything()).run(300 * SECOND, step_ns)
    assert cut.commands.tobytes() == played.commands.tobytes()
    assert cut.events.tobytes() == played.events.tobytes()


def test_the_log_replayed_gives_the_same(played: World) -> None:
    replayed = Exchange(MARKET)
    events = b"".join(part.tobytes() for part in replayed.stream(played.commands))
    assert replayed.digest() == played.exchange.digest()
    assert events == played.events.tobytes()


def test_the_engine_is_sound_and_refuses_nothing(played: World) -> None:
    played.exchange.check()
    kinds = played.events["kind"]
    assert (kinds == EventKind.TRADE).sum() > 300
    assert (kinds == EventKind.CANCELLED).sum() > 1_000
    assert not (kinds == EventKind.REJECTED).any()
    assert (np.diff(played.commands["time_ns"]) >= 0).all()
    assert set(played.commands["order_id"] >> 32) == {0, OWN_SOURCE - 1}


def test_without_jit_it_is_the_same() -> None:
    code = (
        "from tests.test_flow import *\n"
        "market = World(everything()).run(20 * SECOND)\n"
        "print(market.exchange.digest(), len(market.commands))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "NUMBA_DISABLE_JIT": off},
            cwd=os.path.dirname(os.path.dirname(__file__)),  # noqa: PTH120
            capture_output=True, text=True, check=True,
        ).stdout
        for off in ("0", "1")
    }  # fmt: skip
    assert len(digests) == 1


def test_pieces_hold_whole_instants_and_are_the_readers_own() -> None:
    market = World([ZeroIntelligence(limit_rate=2e5, market_rate=2e4, cancel_rate=400)])
    market.run(2 * SECOND)
    parts = [part for part, _ in market.log[2:]]
    assert len(parts) > 10
    for earlier, later in pairwise(parts):
        assert earlier["time_ns"][-1] < later["time_ns"][0]
        assert not np.shares_memory(earlier, later)


def test_everything_that_could_run_out_grows() -> None:
    """Slots, ids and events of the engine, and the flow's own lists and buffers."""
    orders = ZeroIntelligence(limit_rate=2e5, market_rate=100.0, cancel_rate=2.0, reach=2)
    market = World([orders, Hawkes(base=(0, 0, 2e4, 2e4, 0, 0))])
    market.run(SECOND // 4)
    assert len(market.exchange.orders()) > 1 << 16
    market.exchange.check()
    replayed = Exchange(MARKET)
    for _ in replayed.stream(market.commands):
        pass
    assert replayed.digest() == market.exchange.digest()


def test_it_stops_after_the_instant_that_concerns_a_watched_account() -> None:
    market = World([*everything()])
    own = market.exchange.open_account()
    market.exchange.deposit(own, "KCN", 10**12)
    _, _, ask, _ = market.exchange.best(0)
    market.exchange.submit(own, 0, Side.SELL, 1, ask, time_ns=0)
    watched = np.zeros(market.exchange.accounts, np.bool_)
    watched[own] = True
    stops = 0
    while market.flow.next_ns <= 600 * SECOND:
        for commands, events in market.flow.advance(600 * SECOND, watched):
            mine = (events["account"] == own) | (
                (events["maker_account"] == own) & (events["kind"] == EventKind.TRADE)
            )
            if mine.any():
                stops += 1
                assert set(events["time_ns"][mine]) == {commands["time_ns"][-1]}
                assert market.flow.next_ns > commands["time_ns"][-1]
        market.exchange.submit(own, 0, Side.SELL, 1, market.exchange.best(0)[2])
    assert stops > 3


def test_it_reacts_to_what_others_do() -> None:
    market = World([ZeroIntelligence(market_rate=0), TouchRefill(delay="5ms")]).run(SECOND)
    own = market.exchange.open_account()
    market.exchange.deposit(own, "EUR", 10**15)
    _, _, ask, quantity = market.exchange.best(0)
    market.exchange.submit(own, 0, Side.BUY, quantity, ask, time_ns=SECOND)
    bid, _, ask, _ = market.exchange.best(0)
    assert ask - bid > 1
    market.run(SECOND + 200_000_000)
    events = market.log[-1][1]
    bid, _, ask, _ = market.exchange.best(0)
    assert ask - bid == 1
    assert SECOND < events["time_ns"][0] < SECOND + 50_000_000


def test_two_markets_have_flows_of_their_own() -> None:
    other = Market(Asset("ABC", 8), MARKET.quote)
    exchange = Exchange([MARKET, other])
    flows = [
        Background(everything(), market=name, accounts=20, name=name, price=50)
        for name in ("KCN/EUR", "ABC/EUR")
    ]
    parts = [part for flow in flows for part, _ in flow.connect(exchange, 0, 1)]
    assert {max(part["order_id"]) >> 32 for part in parts} == {0, OWN_SOURCE - 1, OWN_SOURCE - 2}
    nobody = np.zeros(exchange.accounts, np.bool_)
    for time_ns in range(SECOND, 60 * SECOND, SECOND):
        for flow in flows:
            for commands, _ in flow.advance(time_ns, nobody):
                assert len(set(commands["market"])) == 1
    assert exchange.best(0) != exchange.best(1)
    assert not set(flows[0].accounts) & set(flows[1].accounts)
    exchange.check()


def test_accounts_are_named_and_have_enough() -> None:
    market = World([Metaorders(funds=3), ZeroIntelligence()], accounts=5, name="crowd")
    names = list(market.flow.accounts.values())
    assert names[:5] == [f"crowd {k}" for k in range(1, 6)]
    assert names[5:] == [f"metaorders {k} of crowd" for k in range(1, 4)]
    for account in market.flow.accounts:
        assert market.exchange.balance(account, "KCN")[0] > 10**6 * MARKET.base_per_lot


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ZeroIntelligence(limit_rate=-1), "limit_rate = -1 is wrong: it must be at least"),
        (lambda: ZeroIntelligence(size=50, largest=10), "largest 10 is smaller than size 50"),
        (lambda: ZeroIntelligence(reach=1.5), "whole number"),  # type: ignore[arg-type]
        (lambda: Hawkes(matrix=((0.5,) * 6,) * 6), "spectral radius of matrix is 3.000"),
        (lambda: Hawkes(matrix=((0.1,) * 5,) * 6), "six|6 rows"),
        (lambda: Hawkes(base=(1.0,)), "base is not 6 rates"),
        (lambda: Metaorders(shortest=10, longest=5), "longest 5 is below shortest 10"),
        (lambda: TouchRefill(delay="soon"), "'soon' is no length of time"),
        (lambda: TouchRefill(delay="0ns"), "at least 1 ns"),
        (lambda: Pace(times=(60.0,)), "as many of both"),
        (lambda: Pace(times=(1.0,), sigmas=(0.5,)), "at least two steps"),
        (lambda: Pace(sigmas=(9.0, 0.1, 0.1)), "not all in 0"),
        (lambda: Fundamental(full=0), "full = 0 is wrong: it must be more than 0"),
    ],
)
def test_a_wrong_ingredient_says_what_is_wrong(make: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        make()


def test_a_wrong_background_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="give it some"):
        Background([])
    with pytest.raises(TypeError, match="no ingredient"):
        Background(["zero"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="at most one Pace"):
        Background([Pace(), Pace()])
    with pytest.raises(ValueError, match="accounts 0 is not in"):
        Background(everything(), accounts=0)
    with pytest.raises(ValueError, match="no market 'KCN/USD'; there are: KCN/EUR"):
        World(everything(), market="KCN/USD")
    with pytest.raises(ValueError, match="no market 3; there are 1"):
        World(everything(), market=3)
    with pytest.raises(ValueError, match="not a whole multiple of the tick"):
        World(everything(), price="100.005")
    with pytest.raises(ValueError, match="not inside the prices"):
        World(everything(), price="0.01")
    with pytest.raises(ValueError, match=r"would open with 13,470,913 orders.*cancel_rate"):
        World([ZeroIntelligence(limit_rate=1e5, cancel_rate=0.01)])
    with pytest.raises(TypeError, match="runs on the kernel"):
        next(iter(Background(everything()).connect(Exchange(MARKET, engine="reference"), 0, 1)))
    market = World(everything())
    with pytest.raises(ValueError, match="connected already"):
        market.flow.connect(market.exchange, 0, 1)
