"""The same strategy at different distances: who is near gets nearly all there is."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl

from mexchange.clock import nanoseconds
from mexchange.latency import LogNormalLatency
from mexchange.simulation import Agent
from mexchange.strategy import Duration, ParameterError, Range
from scenarios._pair import pair, profit
from strategies import Arbitrageur

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["distances", "run"]

HALF_HOUR_NS = 1_800_000_000_000


def distances(near: str, far: str, racers: int) -> list[int]:
    """Latencies one way in nanoseconds, from near to far, each the same multiple of the last.

    >>> distances("100us", "10ms", 3)
    [100000, 1000000, 10000000]
    """
    first, last = nanoseconds(near), nanoseconds(far)
    if racers == 1:
        return [first]
    return [round(first * (last / first) ** (n / (racers - 1))) for n in range(racers)]


def run(
    seed: int = 1,
    duration_ns: int = HALF_HOUR_NS,
    progress: bool = False,
    *,
    near: Duration = "100us",
    far: Duration = "10ms",
    racers: Annotated[int, Range(1, 50)] = 4,
    jitter: Annotated[float, Range(0, 2)] = 0.2,
    edge_bps: Annotated[float, Range(0, 1_000)] = 1.0,
    size: Annotated[Decimal, Range(above=0)] = Decimal(5),
    news: Annotated[float, Range(0, 100)] = 1.0,
) -> Result:
    """Let equal arbitrageurs race between two markets; only their distances differ.

    `jitter` is the sigma of their log-normal latencies. `extra["race"]` has for each what it was
    paid, how often it tried and which share of its immediate orders came in time, after
    E. Budish, P. Cramton and J. Shim, The high-frequency trading arms race (2015).
    """
    if nanoseconds(far) < nanoseconds(near):
        raise ParameterError(f"latency_race: far {far} is nearer than near {near}")
    agents, lengths = [], distances(near, far, racers)
    for place, length in enumerate(lengths, 1):
        strategy = Arbitrageur(edge_bps=edge_bps, size=size, max_position=1_000)
        latency = LogNormalLatency(length, sigma=jitter)
        agents.append(Agent(strategy, f"racer {place}", latency=latency))
    world = pair(agents, seed=seed, title="latency race", news=news)
    result = world.run(duration_ns, progress=progress)
    names = [agent.name for agent in agents]
    race: dict[str, dict[str, Any]] = {
        name: {"latency_us": length / 1000} for name, length in zip(names, lengths, strict=True)
    }
    for name, row in race.items():
        row |= {"profit": round(profit(result, name), 4), **hits(result, name)}
    result.extra["race"] = race
    return result


def hits(result: Result, agent: str) -> dict[str, Any]:
    """How many immediate limit orders an agent sent, and which share traded at all."""
    sent = result.orders.filter(agent=agent, type="LIMIT", time_in_force="IOC")
    share = sent.select((pl.col("filled") > 0).mean()).item() if sent.height else None
    return {"tries": sent.height, "in_time": None if share is None else round(share, 4)}
