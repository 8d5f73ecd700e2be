"""Order flow imbalance: how much more pressed to buy than to sell, and what the price made of it.

Cont, Kukanov & Stoikov, "The price impact of order book events", Journal of Financial Econometrics
12 (2014). With P and q the price and displayed quantity at the best bid (b) and ask (a), every
change n of the best contributes

    e_n = q_b [P_b ≥ P_b'] − q_b' [P_b ≤ P_b'] − q_a [P_a ≤ P_a'] + q_a' [P_a ≥ P_a']

where ' marks what was there before. The imbalance of an interval is the sum of its e_n, and the
paper's finding is that changes of the mid are nearly linear in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mexchange.analytics.microstructure.quotes import (
    Floats,
    Quotes,
    chosen,
    column,
    edges,
    repeated,
)

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["flow_fit", "order_flow_imbalance"]


def order_flow_imbalance(
    result: Result, interval: int | str = "1s", market: str | int | None = None
) -> pl.DataFrame:
    """The imbalance of order flow in every interval, with what the mid did in it.

    Columns: market, time_ns (when it begins), ofi (base), changes (of the best), mid (at its end),
    mid_change (null where there is no mid at one of its ends).

    Raises ValueError for an interval that is no length of time, and for an unknown market.
    """
    at = edges(result, interval)
    parts = []
    for number in chosen(result, market):
        quotes = Quotes(result, number)
        flow = contributions(quotes)
        place = np.searchsorted(at, quotes.time_ns, side="right") - 1
        inside = place >= 0
        sums = np.bincount(place[inside], flow[inside], minlength=len(at) - 1)
        counts = np.bincount(place[inside], minlength=len(at) - 1)
        mid = quotes.mid_at(at - 1)
        parts.append(
            pl.DataFrame(
                {
                    "market": repeated(result, number, len(at) - 1),
                    "time_ns": at[:-1],
                    "ofi": sums[: len(at) - 1],
                    "changes": counts[: len(at) - 1],
                    "mid": mid[1:],
                    "mid_change": np.diff(mid),
                }
            ).fill_nan(None)
        )
    return pl.concat(parts)


def contributions(quotes: Quotes) -> Floats:
    """e_n of every change of the best; zero of the first and while a side is or was empty."""
    book, (bid, ask) = quotes.frame, (quotes.bid, quotes.ask)
    bids, asks = column(book, "bid_quantity"), column(book, "ask_quantity")
    flow = np.zeros(len(bid))
    if len(bid) > 1:
        flow[1:] = (
            np.where(bid[1:] >= bid[:-1], bids[1:], 0)
            - np.where(bid[1:] <= bid[:-1], bids[:-1], 0)
            - np.where(ask[1:] <= ask[:-1], asks[1:], 0)
            + np.where(ask[1:] >= ask[:-1], asks[:-1], 0)
        )
        known = ~np.isnan(bid + ask)
        flow[1:][~(known[1:] & known[:-1])] = 0
    return flow


def flow_fit(result: Result, interval: int | str = "1s") -> pl.DataFrame:
    """The line of changes of the mid, in ticks, over the imbalance, by least squares.

    Columns: market, slope (ticks for one base), intercept (ticks), r2, intervals.
    """
    rows = []
    flows = order_flow_imbalance(result, interval).drop_nulls("mid_change")
    for market in result.markets:
        own = flows.filter(pl.col("market") == market.name)
        x, y = own["ofi"].to_numpy(), own["mid_change"].to_numpy() / float(market.tick)
        if len(x) < 3 or not x.std() or not y.std():
            continue
        slope, intercept = np.polyfit(x, y, 1)
        r2 = float(np.corrcoef(x, y)[0, 1] ** 2)
        rows.append((market.name, float(slope), float(intercept), r2, len(x)))
    columns = ["market", "slope", "intercept", "r2", "intervals"]
    kinds = [pl.String, pl.Float64, pl.Float64, pl.Float64, pl.Int64]
    return pl.DataFrame(rows, schema=dict(zip(columns, kinds, strict=True)), orient="row")
