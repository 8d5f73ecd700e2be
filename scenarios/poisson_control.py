"""The negative control: a market of Poisson arrivals without memory, which no real one is like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mexchange.flow import Background, ZeroIntelligence
from mexchange.simulation import Simulation
from mexchange.strategy import Range
from scenarios.quickstart import HOUR_NS, MARKET

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["run", "simulation"]


def simulation(seed: int = 1, activity: float = 1.0) -> Simulation:
    """The world, ready to run: zero intelligence, nobody else, all orders of one size.

    Nothing but chance decides: signs do not persist, arrivals do not cluster, and volatility stays
    what it is. A measure of realism that likes this market measures nothing.
    """
    return Simulation(
        MARKET,
        [],
        seed=seed,
        background=[
            Background(
                [
                    ZeroIntelligence(
                        limit_rate=18 * activity, market_rate=4 * activity,
                        cancel_rate=0.5 * activity, cancel_exponent=0.3, distance_exponent=0.6,
                        reach=50, size=20,
                    )
                ],
                name="crowd",
            )
        ],
        title="Poisson control: KCN/EUR",
        parameters={"activity": activity},
    )  # fmt: skip


def run(
    seed: int = 1,
    duration_ns: int = HOUR_NS,
    progress: bool = False,
    *,
    activity: Annotated[float, Range(0.01, 100)] = 1.0,
) -> Result:
    """Run it; a day (24 h) has about three million messages."""
    return simulation(seed, activity).run(duration_ns, progress=progress)
