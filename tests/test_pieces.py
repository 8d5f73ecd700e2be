"""A run in pieces is the same run, wherever it is cut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mexchange import LogNormalLatency, Simulation, Strategy
from scenarios import quickstart
from strategies import MarketMaker, RandomTrader

MS = 1_000_000


class Stopped(Strategy):
    """Notes what it is told of the run."""

    def on_start(self) -> None:
        self.heard = ["start"]

    def on_stop(self) -> None:
        self.heard.append("stop")


class Sleeper(Strategy):
    """A coroutine."""

    async def run(self) -> None:
        await self.sleep("1s")


def world(*more: Strategy) -> Simulation:
    return Simulation(
        quickstart.MARKET,
        [MarketMaker(period="20ms"), RandomTrader(period="20ms"), *more],
        funds=quickstart.FUNDS,
        latency=LogNormalLatency("1ms"),
        setup=quickstart.seed_book(),
        engine="reference",
    )


@pytest.mark.parametrize("pieces", [[2_000 * MS], [700 * MS + 1, 1_300 * MS - 1], [50 * MS] * 40])
def test_pieces_give_the_whole(pieces: list[int]) -> None:
    whole = world()
    expected = whole.run("2s")
    cut = world()
    cut.start()
    for piece in pieces:
        cut.advance(piece)
    result = cut.finish()
    assert result.digest == expected.digest
    assert np.array_equal(result.records, expected.records)
    assert cut.clock.now_ns == whole.clock.now_ns


def test_a_strategy_hears_of_the_start_and_the_end_once() -> None:
    strategy = Stopped()
    simulation = world(strategy)
    simulation.start()
    simulation.advance("10ms")
    simulation.advance("10ms")
    assert strategy.heard == ["start"]
    simulation.finish()
    assert strategy.heard == ["start", "stop"]


def begin(simulation: Simulation) -> None:
    simulation.start()


def end(simulation: Simulation) -> None:
    simulation.start()
    simulation.finish()


@pytest.mark.parametrize(
    ("before", "call", "words"),
    [
        (None, lambda s: s.advance("1s"), "after start"),
        (None, lambda s: s.finish(), "after start"),
        (begin, lambda s: s.start(), "has been run"),
        (begin, lambda s: s.run("1s"), "has been run"),
        (end, lambda s: s.advance("1s"), "before finish"),
        (end, lambda s: s.finish(), "once"),
        (end, lambda s: s.run("1s"), "has been run"),
    ],
)
def test_the_order_of_calls_is_held(
    before: Callable[[Simulation], None] | None, call: Callable[[Simulation], object], words: str
) -> None:
    simulation = world()
    if before is not None:
        before(simulation)
    with pytest.raises(RuntimeError, match=words):
        call(simulation)


def test_a_piece_has_a_length_and_no_coroutines() -> None:
    simulation = world(Sleeper())
    simulation.start()
    with pytest.raises(ValueError, match="not positive"):
        simulation.advance(0)
    with pytest.raises(RuntimeError, match="Sleeper is a coroutine"):
        simulation.advance("1s")
