"""What a run says about a market: figures for people, as Polars frames, so floats are fine here.

Every function takes a `Result` and gives a frame, with no rows where there is nothing to measure.
Prices are in quote per base, quantities in base, `…_ns` in nanoseconds, other times in seconds. The
**mid** is (bid + ask) / 2; while a side of the book is empty, the last one stands.
"""

from mexchange.analytics.microstructure.candles import candles, vwap
from mexchange.analytics.microstructure.depth import DepthMap, depth, depth_map, imbalance
from mexchange.analytics.microstructure.flow import flow_fit, order_flow_imbalance
from mexchange.analytics.microstructure.markouts import markouts
from mexchange.analytics.microstructure.orders import (
    fill_curve,
    fill_times,
    order_statistics,
    queue_positions,
)
from mexchange.analytics.microstructure.spreads import effective_spreads, spreads, trade_costs

__all__ = [
    "DepthMap",
    "candles",
    "depth",
    "depth_map",
    "effective_spreads",
    "fill_curve",
    "fill_times",
    "flow_fit",
    "imbalance",
    "markouts",
    "order_flow_imbalance",
    "order_statistics",
    "queue_positions",
    "spreads",
    "trade_costs",
    "vwap",
]
