"""The first scenario that anybody runs: lively, sound, and the same every time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mexchange import EventKind, Result
from mexchange.simulation import Simulation
from scenarios import quickstart

MINUTES = 10


@pytest.fixture(scope="module")
def played() -> tuple[Simulation, Result]:
    simulation = quickstart.simulation(seed=1)
    return simulation, simulation.run(quickstart.HOUR_NS * MINUTES // 60)


def test_it_is_lively_on_both_sides(played: tuple[Simulation, Result]) -> None:
    _, result = played
    sides = result.trades.group_by("aggressor").len().rows()
    assert len(sides) == 2
    assert min(count for _, count in sides) > 50 * MINUTES
    spread = result.book["ask"] - result.book["bid"]
    assert spread.null_count() < 0.02 * len(spread)
    assert 0.01 <= spread.median() < 0.30  # type: ignore[operator]


def test_everybody_trades(played: tuple[Simulation, Result]) -> None:
    simulation, result = played
    fills = dict(result.fills.group_by("agent").len().rows())
    assert min(fills[name] for name in simulation.accounts.values() if name != "house") > 10
    makers = result.fills.filter(pl.col("agent").cast(str) == "maker")
    assert makers["side"].n_unique() == 2


def test_nobody_runs_out_of_money_or_breaks_a_rule(played: tuple[Simulation, Result]) -> None:
    simulation, _ = played
    events = np.concatenate(simulation.transport.events)
    rejected = (events["kind"] == EventKind.REJECTED).sum()
    assert rejected < 0.01 * len(events)
    for agent in simulation.agents:
        most = agent.strategy.parameters.get("max_position")
        most = most or agent.strategy.parameters["max_inventory"]
        assert abs(agent.strategy.position) * agent.strategy.market.lot <= most
    simulation.exchange.check()


def test_inventories_stay_in_their_bounds_all_the_time(played: tuple[Simulation, Result]) -> None:
    simulation, result = played
    for agent in simulation.agents:
        most = agent.strategy.parameters.get("max_position")
        most = float(most or agent.strategy.parameters["max_inventory"])
        mine = result.fills.filter(pl.col("agent").cast(str) == agent.name)
        signed = pl.when(pl.col("side").cast(str).str.to_lowercase() == "buy")
        path = mine.select(signed.then("quantity").otherwise(-pl.col("quantity")).cum_sum())
        assert path.to_series().abs().max() <= most + 1e-9  # type: ignore[operator]


def test_the_seed_decides_everything() -> None:
    minute = quickstart.HOUR_NS // 60
    digests = [quickstart.run(seed, minute).digest for seed in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]


def test_money_is_neither_made_nor_lost(played: tuple[Simulation, Result]) -> None:
    simulation, result = played
    exchange = simulation.exchange
    for asset in exchange.assets:
        owned = sum(sum(exchange.balance(n, asset.name)) for n in range(exchange.accounts))
        paid_in = quickstart.FUNDS[asset.name] * (exchange.accounts - 1)
        assert asset.amount(owned) == paid_in
    sums = result.ledger.group_by("sequence", "asset").agg(pl.col("amount_atoms").sum())
    assert (sums["amount_atoms"] == 0).all()
