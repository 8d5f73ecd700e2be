"""A seller overwhelms the book: who withdraws, how far the price falls, how it recovers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl

from mexchange.analytics.microstructure.quotes import Quotes
from mexchange.clock import nanoseconds
from mexchange.latency import ConstantLatency, LogNormalLatency
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Duration, ParameterError, Range
from scenarios._crowd import crowd
from scenarios._reading import resting, rounded
from scenarios.quickstart import MARKET
from strategies import TWAP, AvellanedaStoikov, LiquidityProvider, MarketMaker, MeanReversion

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["MAKERS", "run", "simulation"]

HALF_HOUR_NS = 1_800_000_000_000
MINUTE_NS = 60_000_000_000
TENTH_NS = 100_000_000
MAKERS = ("market maker", "inventory maker", "liquidity provider")
FUNDS = {"EUR": "10000000", "KCN": "100000"}


def simulation(seller: TWAP, seed: int = 1) -> Simulation:
    """The crowd, three kinds of makers, two who buy dips, and the seller."""
    near = ConstantLatency("200us")
    steady = MarketMaker(spread_bps=3, size=5, levels=4, max_inventory=60)
    careful = AvellanedaStoikov(gamma=0.005, kappa=1, size=5, max_inventory=60)
    deep = LiquidityProvider(spread_bps=6, size=20, max_inventory=200, retreat_bps=25)
    return Simulation(
        MARKET,
        [
            Agent(steady, MAKERS[0], latency=near),
            Agent(careful, MAKERS[1], latency=near),
            Agent(deep, MAKERS[2]),
            Agent(MeanReversion(window=240, threshold=4, unit=2, max_position=60), "dip buyer 1"),
            Agent(MeanReversion(window=600, threshold=4, unit=2, max_position=60), "dip buyer 2"),
            Agent(seller, "seller"),
        ],
        funds=FUNDS,
        latency=LogNormalLatency("2ms", sigma=0.5),
        seed=seed,
        background=[crowd(news=0.3)],
        title="flash crash: KCN/EUR",
    )


def run(
    seed: int = 1,
    duration_ns: int = HALF_HOUR_NS,
    progress: bool = False,
    *,
    sell: Annotated[Decimal, Range(above=0, high=50_000)] = Decimal(800),
    start: Duration = "10m",
    over: Duration = "30s",
) -> Result:
    """Sell so much from `start` on, by a market order every second or so, whatever the price.

    `extra["crash"]` tells how deep and how long, `extra["bids_resting"]` how much each maker was
    ready to buy before, during and after, in the mean. Money is in quote, quantities in base.
    """
    if nanoseconds(start) + nanoseconds(over) >= duration_ns:
        raise ParameterError(
            f"flash_crash: a sale of {over} from {start} on does not fit into "
            f"{duration_ns / 1e9:g} s"
        )
    slices = max(1, nanoseconds(over) // 1_000_000_000)
    seller = TWAP(side="sell", quantity=sell, start=start, horizon=over, slices=slices)
    result = simulation(seller, seed).run(duration_ns, progress=progress)
    crash = measure(result, nanoseconds(start), nanoseconds(over))
    trough_ns = nanoseconds(start) + round(crash["seconds_to_trough"] * 1e9)
    stages = {
        "before": (nanoseconds(start) - 5 * MINUTE_NS, nanoseconds(start)),
        "until_trough": (nanoseconds(start), trough_ns),
        "minute_after": (trough_ns, trough_ns + MINUTE_NS),
        "at_the_end": (duration_ns - 5 * MINUTE_NS, duration_ns),
    }
    bids = {
        maker: rounded({s: resting(result, maker, "BUY", *span) for s, span in stages.items()}, 2)
        for maker in MAKERS
    }
    result.extra |= {"crash": crash, "bids_resting": bids, "seller": seller.report}
    return result


def measure(result: Result, start_ns: int, over_ns: int) -> dict[str, Any]:
    """How deep a crash was that began at `start_ns`, and how long it took to be over.

    The price is the best bid, for which one could have sold, looked at ten times a second; the mid
    would lie in the middle of a gap. The trough is the lowest within the sale and the minute after
    it. The bid has recovered by half, or by nine tenths, once it has stayed there for a second.
    """
    quotes = Quotes(result, 0)
    looks = np.arange(start_ns, result.end_ns, TENTH_NS)
    path = quotes.bid[np.searchsorted(quotes.time_ns, looks, "right") - 1]
    fell = path[: (over_ns + MINUTE_NS) // TENTH_NS]
    trough = int(np.nanargmin(fell))
    before, lowest = float(path[0]), float(path[trough])

    def recovered(share: float) -> float | None:
        above = path[trough:] >= lowest + share * (before - lowest)
        lasting = np.convolve(above, np.ones(10), "valid") == 10
        return float(np.argmax(lasting)) / 10 if lasting.any() else None

    spread, times = (quotes.ask / quotes.bid - 1) * 10_000, quotes.time_ns
    calm = (times < start_ns) & (times > start_ns - 5 * MINUTE_NS)
    wild = (times >= start_ns) & (times < start_ns + over_ns + MINUTE_NS)
    sold = result.trades.filter(pl.col("time_ns") >= start_ns)["price"].to_numpy()
    return rounded(
        {
            "bid_before": before,
            "bid_at_trough": lowest,
            "drop_bps": (1 - lowest / before) * 10_000,
            "lowest_trade_bps": (1 - float(sold.min(initial=before)) / before) * 10_000,
            "seconds_to_trough": trough / 10,
            "seconds_to_half_recovery": recovered(0.5),
            "seconds_to_recovery": recovered(0.9),
            "seconds_without_bid": float(np.isnan(path).sum()) / 10,
            "spread_before_bps": float(np.nanmedian(spread[calm])),
            "spread_widest_bps": float(np.nanmax(spread[wild])),
            "bid_at_the_end": float(path[-1]),
        }
    )
