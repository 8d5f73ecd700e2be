"""The exchange takes its time: one command after another, and a flood makes everybody wait."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange import Asset, CommandKind, ConstantLatency, Market, TimeInForce
from mexchange.records import Commands, commands
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Fill, OrderUpdate, Strategy
from mexchange.transport.processing import Processing

MARKET = Market(Asset("KCN"), Asset("EUR"))
FUNDS = {"EUR": 10**17, "KCN": 10**15}
US, MS = 1_000, 1_000_000


class Sender(Strategy):
    """Sends so many orders at a time, and notes when it hears of each."""

    at_us: int = 0
    count: int = 1

    def on_start(self) -> None:
        self.heard: list[int] = []
        self.at(self.at_us * US, self.go)

    def go(self) -> None:
        for n in range(self.count):
            self.buy(9_000 + n, 1)

    def on_order(self, update: OrderUpdate) -> None:
        if update.kind.name == "ACCEPTED":
            self.heard.append(self.now // US)


def sent(*strategies: Strategy, **options: Any) -> Simulation:
    simulation = Simulation(
        MARKET,
        strategies,
        funds=FUNDS,
        latency=ConstantLatency("100us"),
        engine="reference",
        **options,
    )
    simulation.run("10ms")
    return simulation


def test_a_message_is_served_whole_and_others_wait_for_it() -> None:
    first, second, later = Sender(count=10), Sender(at_us=5), Sender(at_us=1_000, count=2)
    simulation = sent(first, second, later, processing="2us")
    assert first.heard == [220] * 10
    # It arrives at 105 while the first is served until 120.
    assert second.heard == [222]
    assert later.heard == [1_204] * 2
    (batch,) = [part for part in simulation.transport.commands if len(part) == 10]
    assert set(batch["time_ns"].tolist()) == {120 * US}
    assert simulation.exchange.time_ns == 1_104 * US


def test_without_it_nothing_takes_time() -> None:
    sender = Sender(count=10)
    sent(sender)
    assert sender.heard == [200] * 10


def test_messages_of_one_instant_are_served_in_the_order_that_is_drawn() -> None:
    senders = [Sender() for _ in range(20)]
    sent(*senders, processing="1us")
    heard = [sender.heard[0] for sender in senders]
    assert sorted(heard) == list(range(201, 221))
    assert heard != sorted(heard)


def flood(count: int, each_ns: int) -> Commands:
    setup = commands(count, account=1, kind=CommandKind.NEW, quantity=1, price=5_000)
    setup["order_id"] = np.arange(count)
    setup["time_ns"] = MS + each_ns * np.arange(count)
    return setup


def test_a_flood_of_flow_delays_everybody() -> None:
    """A thousand commands a millisecond for half of it, of 2 us each: half as fast as they come."""
    opened = commands(2, account=1, kind=CommandKind.OPEN_ACCOUNT)
    opened["kind"][1], opened["asset"][1], opened["quantity"][1] = CommandKind.DEPOSIT, 1, 10**17
    senders = [Sender(at_us=at) for at in (0, 1_150, 1_400, 2_500)]
    simulation = sent(*senders, setup=opened, flow=[flood(500, US)], processing="2us")
    waits = [sender.heard[0] - sender.at_us - 200 for sender in senders]
    # At 1,250 us 251 commands have come, of which the last is done at 1,502; then its own 2 us.
    assert waits == [2, 254, 504, 2]
    assert (np.diff(np.concatenate(simulation.transport.events)["time_ns"]) >= 0).all()


@given(
    times=st.lists(st.integers(0, 50), min_size=1, max_size=30).map(sorted),
    each=st.integers(1, 9),
    cut=st.integers(0, 30),
)
def test_occupying_in_one_piece_is_occupying_one_by_one(
    times: list[int], each: int, cut: int
) -> None:
    flow = commands(len(times), time_ns=times)
    free = 0
    for time in times:
        free = max(free, time) + each
    server = Processing(each)
    server.occupy(flow[:cut])
    server.occupy(flow[cut:])
    server.enter(0, commands(1).tobytes())
    assert server.next_ns == free + each


class Taker(Strategy):
    """Buys at once when it sees something offered."""

    def on_book(self, book: Any) -> None:
        if book.ask and not self.orders:
            self.buy(book.ask, 1, time_in_force=TimeInForce.IOC)

    def on_start(self) -> None:
        self.fills = 0

    def on_fill(self, fill: Fill) -> None:
        self.fills += 1


class Offerer(Strategy):
    """Offers one lot a millisecond."""

    def on_start(self) -> None:
        self.every("1ms", lambda: self.sell(10_000, 1))


def test_the_nearest_is_served() -> None:
    near, far = Taker(), Taker()
    Simulation(
        MARKET,
        [
            Offerer(),
            Agent(near, "near", latency=ConstantLatency("10us")),
            Agent(far, "far", latency=ConstantLatency("300us")),
        ],
        funds=FUNDS,
        processing="1us",
        engine="reference",
    ).run("100ms")
    assert near.fills > 95
    assert far.fills == 0


@pytest.mark.parametrize(("given_", "words"), [("-1us", "no length"), (-1, "is negative")])
def test_a_time_that_is_none_is_refused(given_: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sent(processing=given_)
