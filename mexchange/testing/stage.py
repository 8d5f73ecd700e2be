"""A small market in which a strategy is tried: who quotes what a test says, and one run of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from mexchange.latency import ConstantLatency
from mexchange.markets import Asset, Fees, Market, Number
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Strategy

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["FUNDS", "MARKET", "SECOND_MARKET", "Ladder", "Quotes", "fills_of", "play"]

MARKET = Market(Asset("KCN"), Asset("EUR"), tick="0.01", lot="0.01", fees=(Fees(0, 100),))
SECOND_MARKET = Market(Asset("KCN"), Asset("EURX"), tick="0.01", lot="0.05", fees=(Fees(0, 100),))
FUNDS = {"EUR": Decimal(500_000), "KCN": Decimal(200)}
MS = 1_000_000


class Quotes(Strategy):
    """Replaces its two orders at set times: rows of a time in ms, a bid and an ask (0: none)."""

    def __init__(self, rows: Sequence[tuple[int, int, int]], size: int = 10_000) -> None:
        super().__init__()
        self._rows, self._size = rows, size

    def on_start(self) -> None:
        """Wait for each row."""
        for time_ms, bid, ask in self._rows:
            self.at(time_ms * MS, partial(self.put, bid, ask))

    def put(self, bid: int, ask: int) -> None:
        """Replace what stands."""
        self.cancel_all()
        if bid:
            self.buy(bid, self._size)
        if ask:
            self.sell(ask, self._size)


class Ladder(Strategy):
    """A deep book that does not move: 2 KCN a tick, from 99.90 down and from 100.10 up."""

    levels: int = 50

    def on_start(self) -> None:
        """Place everything at once."""
        for level in range(self.levels):
            self.buy(9_990 - level, 200)
            self.sell(10_010 + level, 200)


def play(
    *agents: Strategy | Agent,
    length: str = "1m",
    seed: int = 1,
    markets: Market | Sequence[Market] = MARKET,
    funds: Mapping[str, Number] = FUNDS,
) -> Result:
    """Run agents, a millisecond away, over the reference engine, and check its books."""
    simulation = Simulation(
        markets,
        agents,
        funds=funds,
        latency=ConstantLatency("1ms"),
        seed=seed,
        engine="reference",
    )
    result = simulation.run(length)
    simulation.exchange.check()
    return result


def fills_of(result: Result, agent: str) -> pl.DataFrame:
    """The fills of one agent; none if it has no account."""
    return result.fills.filter(pl.col("agent").cast(str) == agent)
