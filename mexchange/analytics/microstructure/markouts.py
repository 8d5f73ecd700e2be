"""Where the price went after fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mexchange.analytics.microstructure.quotes import Quotes, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.analytics.result import Result

__all__ = ["HORIZONS", "markouts"]

SECOND = 1_000_000_000
HORIZONS = (0.0, 0.1, 1.0, 10.0, 60.0)
"""Seconds after a fill at which the mid is looked at; 0 is right after its instant."""


def markouts(
    result: Result,
    horizons: Sequence[float] = HORIZONS,
    by: Sequence[str] = ("agent", "role"),
) -> pl.DataFrame:
    """How far the mid went in favour of (positive) or against a fill's side, some time after it.

    s (m' − p) / p in basis points, of a fill at price p with m' the mid `horizon` seconds later and
    s = +1 for a buy, −1 for a sell. A maker begins at half the spread and keeps of it what those
    who hit him leave.

    Columns: those of `by` (any of agent, account, market, side, role), horizon, bps (mean weighted
    by quantity), error (its standard error, as if fills were independent, which they seldom are),
    fills. A fill counts where the run reaches far enough.
    """
    fills = [result.fills.filter(market=result.markets[n].name) for n in chosen(result, None)]
    parts = []
    for number, own in enumerate(fills):
        quotes = Quotes(result, number)
        price, quantity = own["price"].to_numpy(), own["quantity"].to_numpy()
        sign = np.where(own["side"].to_numpy() == "BUY", 1.0, -1.0)
        for horizon in horizons:
            later = own["time_ns"].to_numpy() + round(horizon * SECOND)
            bps = 10_000 * sign * (quotes.mid_at(later) - price) / price
            bps[later > result.end_ns] = np.nan
            moved = pl.Series("bps", bps), pl.Series("weight", quantity)
            parts.append(
                own.select(*by).with_columns(pl.lit(float(horizon)).alias("horizon"), *moved)
            )
    bps, weight = pl.col("bps"), pl.col("weight")
    mean = (bps * weight).sum() / weight.sum()
    spread = (weight**2 * (bps - mean) ** 2).sum().sqrt() / weight.sum()
    return (
        pl.concat(parts)
        .filter(bps.is_not_nan())
        .group_by(*by, "horizon")
        .agg(
            mean.alias("bps"),
            pl.when(pl.len() > 1).then(spread).alias("error"),
            pl.len().alias("fills"),
        )
        .sort(*by, "horizon")
    )
