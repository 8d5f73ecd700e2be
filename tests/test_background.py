"""Background flow runs beside strategies, and how far it runs ahead of them changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mexchange import (
    Asset,
    CommandKind,
    ConstantLatency,
    EventKind,
    Exchange,
    LogNormalLatency,
    Market,
    Side,
)
from mexchange.exchange import OWN_SOURCE
from mexchange.latency import Bursts, generator
from mexchange.records import SOURCE_SHIFT, Command, Commands, OrderType, commands
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Book, Fill, Strategy
from mexchange.transport import Applied, Background

MARKET = Market(Asset("KCN"), Asset("EUR"))
FUNDS = {"EUR": 10**17, "KCN": 10**15}
MS = 1_000_000
TRADED = (EventKind.TRADE, EventKind.PREVENTED)


class Noise:
    """Limit and market orders around the touch, one by one, at random times."""

    def __init__(self, name: str = "noise", source: int = OWN_SOURCE - 1) -> None:
        self.name = name
        self.first = source << SOURCE_SHIFT
        self.accounts: Mapping[int, str] = {}
        self.next_ns = 0
        self.advances = self.instants = 0

    def connect(self, exchange: Exchange, start_ns: int, seed: int) -> list[Applied]:
        self.exchange, self.rng = exchange, generator(seed, f"flow/{self.name}")
        account = exchange.accounts
        self.accounts = {account: self.name}
        batch = commands(5, account=account, time_ns=start_ns)
        batch["kind"] = [CommandKind.OPEN_ACCOUNT, *[CommandKind.DEPOSIT] * 2, 1, 1]
        batch["asset"][2], batch["quantity"] = 1, [0, 10**15, 10**17, 100, 100]
        batch["side"][4], batch["price"][3:] = Side.SELL, [9_990, 10_010]
        batch["order_id"][3:] = self.first + np.arange(2)
        self.sent = self.first + 1
        self._wait(start_ns)
        return [(batch, exchange.step(batch))]

    def _wait(self, now_ns: int) -> None:
        # Often at the same times as others.
        self.next_ns = now_ns + 50_000 * int(self.rng.integers(0, 9))

    def _command(self, time_ns: int) -> Commands:
        side = int(self.rng.integers(0, 2))
        bid, _, ask, _ = self.exchange.best(0)
        away = int(self.rng.integers(1, 12))
        price = (bid or 9_990) + away if side else (ask or 10_010) - away
        self.sent += 1
        taking = self.rng.random() < 0.2
        return Command(
            kind=CommandKind.NEW, time_ns=time_ns, account=next(iter(self.accounts)),
            order_id=self.sent, side=1 - side if taking else side, price=0 if taking else price,
            type=OrderType.MARKET if taking else OrderType.LIMIT, time_in_force=int(taking),
            quantity=int(self.rng.integers(1, 20)),
        )  # fmt: skip

    def advance(self, until_ns: int, watched: npt.NDArray[np.bool_]) -> Iterator[Applied]:
        self.advances += 1
        assert self.next_ns <= until_ns, "nothing to do is nothing to be asked for"
        assert len(watched) == self.exchange.accounts
        concerned = False
        while self.next_ns <= until_ns and not concerned:
            now_ns, parts = self.next_ns, []
            while self.next_ns == now_ns:
                sent = self._command(now_ns)
                parts.append((sent, self.exchange.step(sent)))
                self._wait(now_ns)
            batch, events = (np.concatenate(column) for column in zip(*parts, strict=True))
            self.instants += 1
            makers = events[np.isin(events["kind"], TRADED)]["maker_account"]
            concerned = bool(watched[events["account"]].any() or watched[makers].any())
            yield batch, events


class Quoter(Strategy):
    """Wakes up by its timer only, and crosses the spread now and then."""

    def on_start(self) -> None:
        self.every("10ms", self.quote)
        self.seen: list[tuple[Any, ...]] = []

    def quote(self) -> None:
        book = self.book
        self.seen.append((self.now, book.bid, book.bid_quantity, book.ask, book.ask_quantity))
        self.seen.append((book.last, book.time_ns, *book.levels(Side.BUY, 3)))
        self.cancel_all()
        if book.bid and book.ask:
            self.buy(book.bid, 30)
            self.sell(book.ask - int(self.rng.integers(0, 2)), 30)


class Refiller(Quoter):
    """Hears of its own orders too, and reacts to each fill."""

    def on_fill(self, fill: Fill) -> None:
        send = self.buy if fill.side == Side.BUY else self.sell
        if len(self.orders) < 5:
            send(fill.price, fill.quantity)


class Follower(Strategy):
    """Hears of every instant."""

    def on_book(self, book: Book) -> None:
        if book.time_ns % 7 == 0 and book.bid and self.rng.random() < 0.05:
            self.buy(book.bid, 2)


class Sleeper(Strategy):
    """A coroutine."""

    async def run(self) -> None:
        while True:
            await self.sleep(1 + int(self.rng.integers(0, 20 * MS)))
            self.buy(self.book.bid or 9_990, 1)


class Listener(Strategy):
    """A coroutine that begins to hear of every instant in the middle."""

    async def run(self) -> None:
        self.seen: list[tuple[int, ...]] = []
        await self.sleep("15ms")
        self.buy(self.book.bid, 20)
        await self.sleep("25ms")
        async for news in self.events():
            book = self.book
            self.seen.append((self.now, book.bid, book.bid_quantity, book.ask, book.last))
            if isinstance(news, Fill):
                self.buy(news.price - 3, 5)


class Deaf(Strategy):
    """Does nothing and hears nothing."""


class Hearing(Strategy):
    """Does nothing, but could at every instant, right away: it keeps flow on a short leash."""

    def on_book(self, book: Book) -> None:
        pass


def recorded() -> Commands:
    """Orders of account 1 from the setup, at times at which background flow acts too."""
    flow = commands(300, kind=CommandKind.NEW, account=1, quantity=3)
    flow["time_ns"] = 100_000 * np.arange(1, 301)
    flow["order_id"], flow["side"] = np.arange(1, 301), np.arange(300) % 2
    flow["price"] = np.where(flow["side"], 10_003, 9_997)
    return flow


def setup() -> Commands:
    batch = commands(3, account=1, kind=CommandKind.DEPOSIT, asset=[0, 0, 1])
    batch["kind"][0], batch["quantity"][1:] = CommandKind.OPEN_ACCOUNT, [10**15, 10**17]
    return batch


def world(
    *strategies: Strategy, last: Strategy, flows: int = 1, latency: Any = None, **options: Any
) -> tuple[Simulation, list[Noise]]:
    noises = [Noise(f"noise {n}", OWN_SOURCE - 1 - n) for n in range(flows)]
    simulation = Simulation(
        MARKET,
        [*strategies, Agent(last, "last", latency=ConstantLatency(1))],
        funds=FUNDS,
        latency=latency or LogNormalLatency("2ms"),
        background=noises,
        **options,
    )
    return simulation, noises


@pytest.mark.parametrize("latency", [ConstantLatency("1ms"), LogNormalLatency("500us", sigma=1.0)])
@pytest.mark.parametrize("flows", [1, 2])
@pytest.mark.parametrize(
    "kinds",
    [
        [Quoter],
        [Refiller],
        [Quoter, Refiller],
        [Follower, Quoter],
        [Sleeper, Refiller],
        [Listener, Quoter],
    ],
)
def test_how_far_flow_runs_ahead_changes_nothing(
    kinds: list[type[Strategy]], flows: int, latency: Any
) -> None:
    check_leashes(kinds, flows, latency)


@pytest.mark.parametrize("kinds", [[Quoter, Refiller], [Follower, Sleeper]])
def test_nor_does_it_where_the_exchange_takes_its_time(kinds: list[type[Strategy]]) -> None:
    check_leashes(kinds, 2, LogNormalLatency("500us"), processing="150us")


@pytest.mark.parametrize("kinds", [[Quoter, Refiller], [Listener, Sleeper]])
def test_nor_does_it_where_delays_come_in_bursts(kinds: list[type[Strategy]]) -> None:
    model = Bursts(LogNormalLatency("200us"), every="10ms", lasts="10ms", factor=20)
    check_leashes(kinds, 1, model)


def check_leashes(kinds: list[type[Strategy]], flows: int, latency: Any, **options: Any) -> None:
    """Flow that may run far ahead gives the same as flow that is held back at every instant."""
    runs = []
    for last in (Deaf, Hearing):
        strategies = [kind() for kind in kinds]
        simulation, noises = world(
            *strategies, last=last(), flows=flows, latency=latency, **options
        )
        result = simulation.run("120ms")
        simulation.exchange.check()
        seen = [strategy.seen for strategy in strategies if hasattr(strategy, "seen")]
        runs.append(
            (result.digest, result.records.tobytes(), np.array(result.commands).tobytes(), seen)
        )
        if flows == 1:
            assert noises[0].instants > 300
            on_a_leash = noises[0].advances == noises[0].instants
            assert on_a_leash or last is Deaf
            assert not on_a_leash or last is Hearing or {Follower, Listener} & {*kinds}
    assert runs[0] == runs[1]


class Napper(Quoter):
    """Looks once in a long while."""

    def on_start(self) -> None:
        self.seen = []
        self.at(self.now + 90 * MS, self.quote)


def test_shortening_the_tape_changes_nothing() -> None:
    runs = []
    for rows in (1 << 20, 8):
        strategies = [Quoter(), Napper(), Listener()]
        simulation, _ = world(*strategies, last=Deaf())
        simulation.transport.least_rows = simulation.transport._tape_limit = rows
        result = simulation.run("120ms")
        last = [(s.book.time_ns, s.book.bid, s.book.levels(Side.SELL)) for s in strategies]
        runs.append((result.digest, [strategy.seen for strategy in strategies], last))
        assert (len(simulation.transport.tape) < 300) == (rows == 8)
    assert runs[0] == runs[1]


def test_flow_stands_between_recorded_flow_and_strategies() -> None:
    class Sniper(Strategy):
        def on_start(self) -> None:
            self.every("100us", lambda: self.buy(9_000, 1))

    simulation, _ = world(
        Sniper(), last=Deaf(), flows=2, latency=ConstantLatency("200us"),
        setup=setup(), flow=[recorded()], accounts={1: "recorded"},
    )  # fmt: skip
    result = simulation.run("30ms")
    assert result.accounts == dict(
        enumerate(["house", "recorded", "noise 0", "noise 1", "Sniper", "last"])
    )
    assert result.commands is not None
    ran = result.commands[result.commands["time_ns"] > 0]
    times, accounts = ran["time_ns"].astype(int), ran["account"].astype(int)
    assert (np.diff(times) >= 0).all()
    together = np.diff(times) == 0
    assert together.sum() > 200
    assert (np.diff(accounts)[together] >= 0).all(), "not in the order of accounts at one instant"
    assert set(accounts.tolist()) == {1, 2, 3, 4}


def test_flow_stops_at_what_concerns_a_strategy_that_listens_to_itself() -> None:
    ran = []
    for kind in (Quoter, Refiller):
        simulation, (noise,) = world(kind(), last=Deaf(), latency=ConstantLatency("1ms"))
        simulation.run("100ms")
        ran.append(noise.advances)
    assert 10 <= ran[0] < 30
    assert ran[1] > ran[0]


def test_the_protocol_is_what_the_noise_does() -> None:
    flow: Background = Noise()
    assert flow.next_ns == 0
