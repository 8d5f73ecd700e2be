"""The realistic market: a liquid KCN/EUR whose statistics are those of real order books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mexchange.flow import (
    Background,
    Fundamental,
    Hawkes,
    Ingredient,
    Metaorders,
    Pace,
    TouchRefill,
    ZeroIntelligence,
)
from mexchange.latency import LogNormalLatency
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Range
from scenarios.quickstart import FUNDS, HOUR_NS, MARKET
from strategies import AvellanedaStoikov, MarketMaker, Momentum

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["crowd", "run", "simulation"]


def crowd(activity: float = 1.0, news: float = 1.0) -> list[Ingredient]:
    """The anonymous traders.

    `activity` is how many times as fast everything but reactions goes, `news` how many times as far
    the value jumps. With 1 and 1 there are about fifty messages a second, and the price moves by
    four to five ticks (basis points) a minute.

    Ten lots are a tenth of a KCN. Makers keep eighty lots at the touch and leave as soon as the
    value has gone through them; takers of all kinds begin with a few lots and have heavy tails. So
    queues are emptied when there is reason to, and not much else moves the price. Metaorders make
    the signs of takers persist and move the value, the pace makes volatility come in clusters.
    """
    return [
        ZeroIntelligence(
            limit_rate=17 * activity, market_rate=0.1 * activity, walks=False,
            cancel_rate=1.2 * activity, cancel_exponent=2.2, distance_exponent=1.3,
            size=4, size_exponent=3, largest=100,
        ),
        Hawkes(
            base=tuple(activity * rate for rate in (0.06, 0.06, 0.25, 0.25, 0.35, 0.35)),
            decay=6 * activity, distance_exponent=1.3, size=3, size_exponent=2.5, largest=100,
        ),
        Metaorders(
            rate=1.7 * activity, active=4, length_exponent=1.5, shortest=3, impact=0.2,
            size=5, size_exponent=1.35, largest=3_000,
        ),
        TouchRefill(
            delay="20ms", follow=0.2, lean=0.3, depth=80, cancel_rate=0.42 * activity, flee=10,
            size=9, size_exponent=3, largest=100,
        ),
        Fundamental(
            rate=2.9 * activity, margin=-0.3, full=2, news_rate=0.42 * activity, jump=0.55 * news,
            size=7, size_exponent=1.35, largest=3_000,
        ),
        Pace(times=(60, 900, 12_000), sigmas=(0.35, 0.5, 0.55)),
    ]  # fmt: skip


def simulation(seed: int = 1, activity: float = 1.0, news: float = 1.0) -> Simulation:
    """The world, ready to run."""
    return Simulation(
        MARKET,
        [
            Agent(MarketMaker(spread_bps=4, period="10s", requote_bps=2), "maker"),
            Agent(AvellanedaStoikov(period="10s", size="0.5"), "careful maker"),
            Agent(Momentum(period="10s", threshold_bps=6, close_bps=2), "momentum"),
        ],
        funds=FUNDS,
        latency=LogNormalLatency("2ms", sigma=0.5),
        seed=seed,
        background=[Background(crowd(activity, news), accounts=100, name="crowd")],
        title="balanced market: KCN/EUR",
        parameters={"activity": activity, "news": news},
    )


def run(
    seed: int = 1,
    duration_ns: int = HOUR_NS,
    progress: bool = False,
    *,
    activity: Annotated[float, Range(0.01, 100)] = 1.0,
    news: Annotated[float, Range(0, 100)] = 1.0,
) -> Result:
    """Run it; a day (24 h) has three to five million messages, some seeds more or fewer."""
    return simulation(seed, activity, news).run(duration_ns, progress=progress)
