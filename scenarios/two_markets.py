"""An arbitrageur ties two markets that share an asset: KCN/EUR and KCN/EURC."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from mexchange.simulation import Agent
from mexchange.strategy import Range
from scenarios._pair import gap_bps, pair, profit
from scenarios._reading import rounded
from strategies import Arbitrageur

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["run"]

HALF_HOUR_NS = 1_800_000_000_000


def run(
    seed: int = 1,
    duration_ns: int = HALF_HOUR_NS,
    progress: bool = False,
    *,
    edge_bps: Annotated[float, Range(0, 1_000)] = 1.0,
    size: Annotated[Decimal, Range(above=0)] = Decimal(5),
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(1_000),
    news: Annotated[float, Range(0, 100)] = 1.0,
) -> Result:
    """Run the two markets with and without the arbitrageur; the result is that with it.

    In each market the price follows news of its own, which are forgotten within minutes: apart,
    they wander apart and back. `extra["gap"]` says how far the mids were from each other in both
    runs, in basis points, and `extra["arbitrageur"]` what it was paid for holding them together: in
    euros, the coin at par. (`pnl` elsewhere values the coin by what KCN costs in it.)
    """
    apart = pair([], seed=seed, title="two markets, apart", news=news).run(duration_ns)
    tying = Arbitrageur(edge_bps=edge_bps, size=size, max_position=max_position)
    world = pair([Agent(tying, "arbitrageur")], seed=seed, title="two markets", news=news)
    result = world.run(duration_ns, progress=progress)
    gaps = {"tied": describe(gap_bps(result)), "apart": describe(gap_bps(apart))}
    paid = rounded(
        {
            "profit": profit(result, "arbitrageur"),
            "fills": result.fills.filter(agent="arbitrageur").height,
            "position": tying.positions[0] * float(tying.market.lot),
        }
    )
    result.extra |= {"gap": gaps, "arbitrageur": paid}
    return result


def describe(gap: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """Mean, median, 99th percentile and most of a gap, and how often it is above 5 bps."""
    return rounded(
        {
            "mean_bps": float(np.mean(gap)),
            "median_bps": float(np.median(gap)),
            "p99_bps": float(np.quantile(gap, 0.99)),
            "most_bps": float(np.max(gap)),
            "above_5_bps": float(np.mean(gap > 5)),
        }
    )
