"""Where players play: a function that makes a simulation with them in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mexchange.flow import Background, Fundamental, Metaorders, TouchRefill, ZeroIntelligence
from mexchange.latency import ConstantLatency
from mexchange.markets import Asset, Fees, Market
from mexchange.simulation import Agent, Simulation

__all__ = ["World", "crowd"]

World = Callable[[int, Sequence[Agent]], Simulation]
"""From a seed and the players to a simulation, ready to start, in which they all are."""

MARKET = Market(
    Asset("KCN", 8),
    Asset("EUR", 8),
    tick="0.01",
    lot="0.01",
    fees=(Fees(maker_ppm=0, taker_ppm=100),),
)
FUNDS = {"EUR": "10000000", "KCN": "100000"}


def crowd(seed: int, players: Sequence[Agent]) -> Simulation:
    """KCN/EUR around 100 EUR, traded by a hundred accounts of compiled background flow.

    A spread of one or two ticks, about five KCN traded a second, takers pay one basis point.
    Players have ten million EUR and a hundred thousand KCN and are a millisecond away.
    """
    flow = Background(
        [
            ZeroIntelligence(
                limit_rate=10, market_rate=2, cancel_rate=0.1, cancel_exponent=0,
                distance_exponent=0.2, reach=100, size=50, size_exponent=1.6, largest=2_000,
            ),
            Metaorders(rate=0.5, size=30, size_exponent=1.6, largest=500),
            Fundamental(rate=8, margin=1, full=4, news_rate=0.5, jump=1, size=100),
            TouchRefill(delay="500ms", size=50, lean=0.1, cancel_rate=0.3, flee=20),
        ],
        accounts=100,
    )  # fmt: skip
    return Simulation(
        MARKET,
        players,
        funds=FUNDS,
        latency=ConstantLatency("1ms"),
        seed=seed,
        background=[flow],
        title="a crowd in KCN/EUR",
    )
