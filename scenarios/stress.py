"""Ten thousand agents in one market, each with an account, a line and chances of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mexchange.latency import LogNormalLatency
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Duration, Range
from scenarios._crowd import crowd
from scenarios.quickstart import FUNDS, MARKET
from strategies import MarketMaker, RandomTrader

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["run", "simulation"]

FIVE_MINUTES_NS = 300_000_000_000


def simulation(agents: int = 10_000, period: str = "30s", seed: int = 1) -> Simulation:
    """The crowd, a market maker in ten thousand, and otherwise random traders."""
    makers = max(1, agents // 1_000)
    traders = agents - makers
    return Simulation(
        MARKET,
        [
            *(
                Agent(MarketMaker(period="1s", spread_bps=4), f"maker {n + 1}")
                for n in range(makers)
            ),
            *(Agent(RandomTrader(period=period), f"trader {n + 1}") for n in range(traders)),
        ],
        funds=FUNDS,
        latency=LogNormalLatency("5ms", sigma=0.5),
        seed=seed,
        background=[crowd()],
        title=f"stress: {agents:,} agents in KCN/EUR",
    )


def run(
    seed: int = 1,
    duration_ns: int = FIVE_MINUTES_NS,
    progress: bool = False,
    *,
    agents: Annotated[int, Range(1, 60_000)] = 10_000,
    period: Duration = "30s",
) -> Result:
    """Let random traders, each acting now and then, meet one market maker in a thousand.

    `extra["stress"]` says how many of the agents traded, and how many events there were for each
    simulated second.
    """
    result = simulation(agents, period, seed).run(duration_ns, progress=progress)
    names = result.fills["agent"].unique().cast(str)
    result.extra["stress"] = {
        "agents": agents,
        "traded": int(names.str.contains("^(maker|trader) ").sum()),
        "events_per_simulated_second": round(len(result.records) / (duration_ns / 1e9), 1),
    }
    return result
