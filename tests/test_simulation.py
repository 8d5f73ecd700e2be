"""The same run every time, nobody sees the future, and what happened is all there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mexchange import (
    EVENT,
    Asset,
    CommandKind,
    ConstantLatency,
    EventKind,
    LogNormalLatency,
    Market,
    Result,
    Side,
    TimeInForce,
)
from mexchange.records import Commands, commands
from mexchange.simulation import Agent, Simulation, streaming
from mexchange.strategy import Book, Fill, Strategy, Trade
from strategies import MarketMaker, RandomTrader

MARKET = Market(Asset("KCN"), Asset("EUR"))
FUNDS = {"EUR": Decimal(1_000_000), "KCN": Decimal(1_000)}
MS = 1_000_000


def opened(account: int = 1) -> Commands:
    """Account, money, and one order on each side."""
    setup = commands(5, account=account)
    setup["kind"] = [CommandKind.OPEN_ACCOUNT, *[CommandKind.DEPOSIT] * 2, *[CommandKind.NEW] * 2]
    setup["asset"][2] = 1
    setup["quantity"] = [0, 10**16, 10**17, 100, 100]
    setup["side"][4] = Side.SELL
    setup["price"][3:] = 9_990, 10_010
    setup["order_id"][4] = 1
    return setup


def recorded(count: int = 3_000, seed: int = 5, *, expiring: bool = False) -> Commands:
    """Random orders of account 1, some at equal times, some that expire."""
    draw = np.random.default_rng(seed)
    flow = commands(count, kind=CommandKind.NEW, account=1)
    flow["time_ns"] = np.cumsum(draw.integers(0, 3, count) * draw.integers(1, 300_000, count))
    flow["order_id"] = np.arange(2, count + 2)
    flow["side"] = draw.integers(0, 2, count)
    away = np.where(flow["side"] == Side.BUY, -1, 1) * draw.integers(-3, 12, count)
    flow["price"] = 10_000 + away
    flow["quantity"] = draw.integers(1, 50, count)
    if expiring:
        flow["time_in_force"] = draw.choice([TimeInForce.GTC, TimeInForce.GTD], count)
        later = flow["time_ns"] + draw.integers(1, 50 * MS, count)
        flow["expiry_ns"] = np.where(flow["time_in_force"] == TimeInForce.GTD, later, 0)
    return flow


class Sleeper(Strategy):
    """A coroutine that trades now and then."""

    async def run(self) -> None:
        while True:
            await self.sleep(1 + int(self.rng.random() * 40 * MS))
            side = self.sell if self.position > 0 else self.buy
            side(self.book.bid or 9_990, 5)


def agents() -> list[Strategy]:
    traders = [RandomTrader(period="30ms"), RandomTrader(period="30ms")]
    return [MarketMaker(period="20ms"), *traders, Sleeper()]


def world(seed: int = 1, *, flow: Any = None, **options: Any) -> Simulation:
    return Simulation(
        MARKET,
        agents(),
        funds=FUNDS,
        seed=seed,
        latency=LogNormalLatency("500us"),
        setup=opened(),
        flow=flow,
        accounts={1: "recorded"},
        engine="reference",
        **options,
    )


def run(simulation: Simulation, length: str = "2s", **options: Any) -> tuple[str, bytes]:
    """Digest and all events."""
    result = simulation.run(length, **options)
    simulation.exchange.check()
    return result.digest, np.concatenate(simulation.transport.events).tobytes()


def test_the_same_seed_gives_the_same_run() -> None:
    first = run(world())
    assert run(world()) == first
    assert run(world(seed=2)) != first


def test_a_bar_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    first = run(world(title="a world"))
    assert run(world(title="a world"), progress=True) == first
    shown = capsys.readouterr()
    assert not shown.out
    assert "a world" in shown.err
    assert "0:00:02 of 0:00:02" in shown.err
    assert "events/s" in shown.err


def test_both_engines_give_the_same_run() -> None:
    first = run(world(flow=[recorded(300)]), "200ms")
    simulation = Simulation(
        MARKET,
        agents(),
        funds=FUNDS,
        latency=LogNormalLatency("500us"),
        setup=opened(),
        flow=[recorded(300)],
    )
    assert run(simulation, "200ms") == first


@pytest.mark.parametrize("expiring", [False, True])
def test_how_flow_is_cut_does_not_matter(expiring: bool) -> None:
    flow = recorded(expiring=expiring)
    whole = world(flow=[flow])
    first = run(whole)
    assert run(world(flow=[flow[:1], flow[:0], flow[1:700], flow[700:]])) == first
    single = world(flow=[flow[n : n + 1] for n in range(len(flow))])
    assert run(single) == first
    assert len(single.transport.events) > len(whole.transport.events) or expiring


def test_flow_meets_strategies_as_if_commands_came_one_by_one() -> None:
    """No command of the flow goes ahead of one that an agent sent to arrive before it."""
    simulation = world(flow=[recorded()])
    run(simulation)
    batches = simulation.transport.commands
    every = np.concatenate(batches)
    assert (np.diff(every["time_ns"]) >= 0).all()
    assert max(map(len, batches)) > 1
    accounts = every["account"]
    assert (accounts == 1).sum() > 1000
    assert (accounts > 1).sum() > 100
    same = np.flatnonzero(np.diff(every["time_ns"][5:]) == 0) + 5
    for n in same[accounts[same] != accounts[same + 1]]:
        assert accounts[n] == 1 or accounts[n + 1] != 1, "recorded flow is first at equal times"


def test_flow_that_goes_back_in_time_is_refused() -> None:
    flow = recorded(10)
    with pytest.raises(ValueError, match="recorded flow goes back in time"):
        world(flow=[flow[5:], flow[:5]]).run("1s")
    with pytest.raises(ValueError, match="recorded flow goes back in time"):
        world(flow=[flow], start_ns=10**12).run("1s")


class Watcher(Strategy):
    """Notes when it hears of what, and takes from the book at random."""

    def on_start(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.filled: list[tuple[int, Fill]] = []

    def on_book(self, book: Book) -> None:
        self.heard.append((self.now, book.time_ns))
        if len(self.heard) % 50 == 0:
            self.buy(None, 3)

    def on_trades(self, book: Book, trades: list[Trade]) -> None:
        self.heard.extend((self.now, trade.time_ns) for trade in trades)

    def on_fill(self, fill: Fill) -> None:
        self.filled.append((self.now, fill))


def watched(latency: Any, **options: Any) -> tuple[Watcher, Simulation]:
    watcher = Watcher()
    simulation = Simulation(
        MARKET,
        [watcher],
        funds=FUNDS,
        latency=latency,
        setup=opened(),
        flow=[recorded()],
        engine="reference",
        **options,
    )
    simulation.run("1s")
    return watcher, simulation


def test_nobody_sees_what_has_not_arrived() -> None:
    watcher, _ = watched(ConstantLatency("1ms", "7ms"))
    assert len(watcher.heard) > 1000
    assert {now - then for now, then in watcher.heard} == {7 * MS}
    assert {now - fill.time_ns for now, fill in watcher.filled} == {7 * MS}
    assert min(fill.time_ns - fill.order.sent_ns for _, fill in watcher.filled) == 1 * MS


def test_messages_of_one_line_do_not_overtake_each_other() -> None:
    watcher, simulation = watched(LogNormalLatency("3ms", sigma=1.5))
    heard = [then for _, then in watcher.heard]
    assert heard == sorted(heard)
    delays = {now - then for now, then in watcher.heard}
    assert len(delays) > 100
    every = np.concatenate(simulation.transport.commands)
    sent = every["order_id"][every["account"] == 2]
    assert len(sent) > 10
    assert (np.diff(sent[sent > 0]) > 0).all()


def test_acting_late_changes_nothing_that_happened_before() -> None:
    """Causality: what strategies do from a time on leaves all events before it as they were."""
    quiet, loud = (np.concatenate(s.transport.events) for s in (loner(None), loner(500)))
    before = [events[events["time_ns"] < 500 * MS] for events in (quiet, loud)]
    assert before[0].tobytes() == before[1].tobytes()
    assert len(before[0]) > 1000
    assert quiet.tobytes() != loud.tobytes()


def loner(at_ms: int | None) -> Simulation:
    class Once(Strategy):
        def on_start(self) -> None:
            if at_ms is not None:
                self.at(at_ms * MS, lambda: self.buy(None, 200))

    simulation = Simulation(
        MARKET, [Once()], funds=FUNDS, setup=opened(), flow=[recorded()], engine="reference"
    )
    simulation.run("1s")
    return simulation


def test_nobody_is_always_first() -> None:
    """Of two agents who always arrive together, each comes first about half of the time."""

    class Sniper(Strategy):
        def on_start(self) -> None:
            self.every("1ms", lambda: self.buy(9_000, 1))

    simulation = Simulation(MARKET, [Sniper(), Sniper()], funds=FUNDS, engine="reference")
    simulation.run("400ms")
    orders = np.concatenate(simulation.transport.commands)
    orders = orders[orders["kind"] == CommandKind.NEW]
    firsts = [int(a["account"]) for a, b in pairwise(orders) if a["time_ns"] == b["time_ns"]]
    assert 150 < firsts.count(1) < 250


def test_who_else_is_there_does_not_change_my_chances() -> None:
    alone = world()
    rng = alone.agents[0].strategy.rng.random(3).tolist()
    other = Simulation(
        MARKET,
        [RandomTrader(), Agent(MarketMaker(), "MarketMaker")],
        funds=FUNDS,
        engine="reference",
    )
    assert other.agents[1].strategy.rng.random(3).tolist() == rng


def test_the_result_is_that_of_the_run() -> None:
    simulation = world(title="a world", parameters={"note": "x"})
    result = simulation.run("2s")
    assert isinstance(result, Result)
    assert (result.title, result.seed) == ("a world", 1)
    assert result.digest == simulation.exchange.digest()
    assert result.parameters["note"] == "x"
    assert result.parameters["agents"]["MarketMaker"]["levels"] == 3
    names = ["house", "recorded", "MarketMaker", "RandomTrader-1", "RandomTrader-2"]
    names.append("Sleeper")
    assert simulation.accounts == dict(enumerate(names))
    assert len(result.events) == sum(map(len, simulation.transport.events))
    trades = sum((part["kind"] == EventKind.TRADE).sum() for part in simulation.transport.events)
    assert len(result.trades) == trades > 50
    sums = result.ledger.group_by("sequence", "asset").agg(pl.col("amount_atoms").sum())[
        "amount_atoms"
    ]
    assert sums.n_unique() == 1
    assert sums[0] == 0
    assert np.concatenate(simulation.transport.events).dtype == EVENT


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Simulation(MARKET, [Watcher()]), ValueError, r"Watcher has no funds; give funds="),
        (lambda: world(setup=None), TypeError, "multiple values"),
        (lambda: two("a", "a"), ValueError, "two agents are called 'a'"),
        (lambda: two("a", "b", {"USD": 1}), ValueError, "no asset 'USD'"),
        (lambda: two("a", "b", {"EUR": -1}), ValueError, "INVALID_AMOUNT"),
        (lambda: world().run(0), ValueError, "duration 0 is not positive"),
        (lambda: world().run("1 hour"), ValueError, "no length of time"),
        (lambda: again(world()), RuntimeError, "has been run; make a new one"),
        (lambda: same(Watcher()), RuntimeError, "has been run before; make a new one"),
    ],
)
def test_what_does_not_fit_is_refused(
    make: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


def two(first: str, second: str, funds: Any = None) -> Simulation:
    agents = [Agent(Watcher(), first), Agent(Watcher(), second)]
    return Simulation(MARKET, agents, funds=funds or FUNDS, engine="reference")


def again(simulation: Simulation) -> None:
    simulation.run("1ms")
    simulation.run("1ms")


def same(watcher: Watcher) -> None:
    for _ in range(2):
        Simulation(MARKET, [watcher], funds=FUNDS, engine="reference").run("1ms")


def kept(simulation: Simulation, **options: Any) -> tuple[Result, bytes, bytes]:
    result = simulation.run("500ms", **options)
    assert result.commands is not None
    return result, result.records.tobytes(), result.commands.tobytes()


def test_what_is_streamed_to_disk_is_what_is_kept_in_memory(tmp_path: Path) -> None:
    memory, *expected = kept(world(flow=[recorded()]))
    assert not isinstance(memory.records, np.memmap)
    streamed, *found = kept(world(flow=[recorded()]), out=tmp_path / "run")
    assert isinstance(streamed.records, np.memmap)
    assert found == expected
    assert streamed.digest == memory.digest
    assert (tmp_path / "run" / "events.bin").read_bytes() == expected[0]
    assert (tmp_path / "run" / "commands.bin").read_bytes() == expected[1]
    assert streamed.trades.equals(memory.trades)
    assert streamed.summary() == memory.summary()
    # Another run into the same folder takes nothing from the result of the first.
    with streaming(tmp_path / "run"):
        again, *second = kept(world(seed=2))
        third = kept(world(seed=2))[0]
    assert second != expected
    assert (tmp_path / "run" / "events.bin").read_bytes() == again.records.tobytes() == second[0]
    assert streamed.records.tobytes() == expected[0]
    assert (tmp_path / "run" / "run-2" / "events.bin").read_bytes() == third.records.tobytes()
    assert not isinstance(kept(world())[0].records, np.memmap)


def test_what_is_not_kept_happened_all_the_same() -> None:
    result = world(flow=[recorded()], keep=False).run("500ms")
    assert result.digest == world(flow=[recorded()]).run("500ms").digest
    assert len(result.records) == 0
    assert result.trades.is_empty()
    assert result.summary()["trades"] == 0


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    with pytest.raises(OSError, match="file"):
        world().run("1ms", out=tmp_path / "file")
