"""KCN against two euros, that of a bank and a coin that stands for it, traded by two crowds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mexchange.analytics.microstructure.quotes import Quotes
from mexchange.latency import Latency, LogNormalLatency
from mexchange.markets import Asset, Fees, Market
from mexchange.simulation import Agent, Simulation
from scenarios._crowd import crowd

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mexchange.analytics.result import Result

__all__ = ["FEE_BPS", "FUNDS", "PAIR", "gap_bps", "pair", "profit"]

FEE_BPS = 0.1
FEES = (Fees(maker_ppm=0, taker_ppm=round(100 * FEE_BPS)),)
PAIR = tuple(
    Market(Asset("KCN"), Asset(quote), tick="0.01", lot="0.01", fees=FEES)
    for quote in ("EUR", "EURC")
)
FUNDS = {"EUR": "1000000", "EURC": "1000000", "KCN": "10000"}
STEP_NS = 100_000_000


def pair(
    agents: Sequence[Agent],
    *,
    seed: int,
    title: str,
    news: float,
    latency: Latency | None = None,
) -> Simulation:
    """Two markets of one asset with a crowd each, and agents between them."""
    return Simulation(
        PAIR,
        agents,
        funds=FUNDS,
        latency=latency or LogNormalLatency("1ms", sigma=0.5),
        seed=seed,
        background=[
            crowd(number, news=news, forgotten=0.01, name=f"crowd {market.quote}")
            for number, market in enumerate(PAIR)
        ],
        title=title,
    )


def gap_bps(result: Result) -> npt.NDArray[np.float64]:
    """How far the mids of the two markets are apart, every tenth of a second, in basis points."""
    times = np.arange(result.start_ns + STEP_NS, result.end_ns, STEP_NS)
    first, second = (Quotes(result, number).mid_at(times) for number in range(2))
    gap: npt.NDArray[np.float64] = np.abs(first / second - 1) * 10_000
    return gap[np.isfinite(gap)]


def profit(result: Result, agent: str) -> float:
    """What an agent's fills brought in euros, the coin taken at par and fees paid.

    The KCN that it was left with, which is little or nothing, counts at the last prices.
    """
    fills = result.fills.filter(agent=agent)
    if fills.is_empty():
        return 0.0
    sign = np.where(fills["side"].to_numpy() == "BUY", 1.0, -1.0)
    bought = sign * fills["quantity"].to_numpy()
    left = float(bought.sum())
    paid = float(bought @ fills["price"].to_numpy()) + float(fills["fee"].sum())
    return left * float(result.trades["price"][-1]) - paid
