"""Two market makers in one market: quotes by a fixed spread against quotes by a model of risk."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl

from mexchange.analytics.microstructure import markouts
from mexchange.latency import LogNormalLatency
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Duration, Range
from scenarios._crowd import crowd
from scenarios._reading import figures, rounded
from scenarios.quickstart import MARKET
from strategies import AvellanedaStoikov, MarketMaker

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["MAKERS", "run", "simulation"]

HOUR_NS = 3_600_000_000_000
MAKERS = ("fixed spread", "Avellaneda-Stoikov")


def simulation(
    fixed: MarketMaker, model: AvellanedaStoikov, seed: int = 1, news: float = 1.0
) -> Simulation:
    """The crowd and the two makers, equally far away."""
    return Simulation(
        MARKET,
        [Agent(fixed, MAKERS[0]), Agent(model, MAKERS[1])],
        funds={"EUR": "1000000", "KCN": "10000"},
        latency=LogNormalLatency("1ms", sigma=0.5),
        seed=seed,
        background=[crowd(news=news)],
        title="market maker duel: KCN/EUR",
    )


def run(
    seed: int = 1,
    duration_ns: int = HOUR_NS,
    progress: bool = False,
    *,
    size: Annotated[Decimal, Range(above=0)] = Decimal(1),
    max_inventory: Annotated[Decimal, Range(above=0)] = Decimal(30),
    period: Duration = "100ms",
    spread_bps: Annotated[float, Range(above=0, below=1_000)] = 1.5,
    gamma: Annotated[float, Range(above=0)] = 0.01,
    kappa: Annotated[float, Range(above=0)] = 1.0,
    horizon: Duration = "1m",
    news: Annotated[float, Range(0, 100)] = 0.5,
) -> Result:
    """Let both quote orders of `size`, as often and with as much room for inventory.

    `extra["duel"]` has the figures of each: PnL and what it came with, the mean of the inventory's
    size over time, and markouts: how far the mid had gone for (or against) a fill right after it,
    and after 1 and 10 seconds, in basis points.
    """
    alike: dict[str, Any] = {"size": size, "max_inventory": max_inventory, "period": period}
    fixed = MarketMaker(spread_bps=spread_bps, levels=1, requote_bps=0.5, **alike)
    model = AvellanedaStoikov(gamma=gamma, kappa=kappa, horizon=horizon, **alike)
    result = simulation(fixed, model, seed, news).run(duration_ns, progress=progress)
    duel = figures(result, *MAKERS)
    for maker, row in duel.items():
        row["mean_inventory"] = round(mean_inventory(result, maker), 2)
    for row in markouts(result, (0.0, 1.0, 10.0), by=["agent"]).iter_rows(named=True):
        if row["agent"] in duel:
            duel[row["agent"]] |= rounded({f"markout_{row['horizon']:g}s_bps": row["bps"]}, 3)
    result.extra["duel"] = duel
    return result


def mean_inventory(result: Result, agent: str) -> float:
    """The size of what trading changed of the base asset, in the mean over time."""
    own = result.fills.filter(agent=agent).select(
        "time_ns",
        pl.when(pl.col("side") == "BUY")
        .then("quantity")
        .otherwise(-pl.col("quantity"))
        .cum_sum()
        .abs(),
    )
    if own.is_empty():
        return 0.0
    stood = pl.col("time_ns").shift(-1).fill_null(result.end_ns) - pl.col("time_ns")
    total = own.select((pl.nth(1) * stood).sum()).item()
    return float(total) / max(result.end_ns - result.start_ns, 1)
