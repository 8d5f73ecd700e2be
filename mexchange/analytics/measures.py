"""What the frames of a result say about trading: figures for people, so floats are fine here.

Every function takes a `Result` and gives a Polars frame, empty if there is nothing to measure.
Amounts are in units of the quote asset, quantities in units of the base asset, times in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["drawdown", "markouts", "mids", "order_statistics", "rejects", "spreads"]

SECOND = 1_000_000_000
HORIZONS = (0.0, 0.1, 1.0, 10.0, 60.0)
"""Seconds after a fill at which the mid is looked at again."""


def drawdown(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each value is below the highest so far (zero or positive), same shape.

    >>> drawdown(np.array([1.0, 3.0, 2.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return np.maximum.accumulate(values) - values if values.size else values


def mids(result: Result) -> pl.DataFrame:
    """Mid price of each market over time, where both sides have a price: market, time_ns, mid."""
    return (
        result.book.filter(pl.col("bid").is_not_null() & pl.col("ask").is_not_null())
        .select(
            "market",
            "time_ns",
            ((pl.col("bid") + pl.col("ask")) / 2).alias("mid"),
        )
        .sort("time_ns", maintain_order=True)
    )


def spreads(result: Result) -> pl.DataFrame:
    """Averages over time of each market, weighted by how long a state of the book stood.

    Columns: market, spread (price), spread_bps, bid_depth, ask_depth (at the best), one_sided
    (share of the time without a bid or an ask).
    """
    if result.book.is_empty():
        return pl.DataFrame()
    end = result.end_ns
    both = pl.col("bid").is_not_null() & pl.col("ask").is_not_null()
    spread = pl.col("ask") - pl.col("bid")
    weight = (
        (pl.col("time_ns").shift(-1).over("market").fill_null(end) - pl.col("time_ns"))
        .clip(lower_bound=0)
        .cast(pl.Float64)
    )
    quoted = pl.col("weight").filter(both)
    return (
        result.book.with_columns(weight.alias("weight"))
        .group_by("market", maintain_order=True)
        .agg(
            _mean(spread.filter(both), quoted).alias("spread"),
            _mean((20_000 * spread / (pl.col("ask") + pl.col("bid"))).filter(both), quoted).alias(
                "spread_bps"
            ),
            _mean(pl.col("bid_quantity").fill_null(0), pl.col("weight")).alias("bid_depth"),
            _mean(pl.col("ask_quantity").fill_null(0), pl.col("weight")).alias("ask_depth"),
            _mean((~both).cast(pl.Float64), pl.col("weight")).alias("one_sided"),
        )
    )


def _mean(values: pl.Expr, weights: pl.Expr) -> pl.Expr:
    """The weighted mean, or the plain one where all weights are zero."""
    weighted = (values * weights).sum() / weights.sum()
    return pl.when(weights.sum() > 0).then(weighted).otherwise(values.mean())


def markouts(result: Result, names: list[str], by: str) -> pl.DataFrame:
    """How far the mid went with (positive) or against a fill's side, some time after it.

    Of the fills of the named agents, by role or by agent. Columns: name (the role or agent),
    horizon (seconds), bps (of the fill's price; mean weighted by quantity), fills. A fill counts
    where the recorded book reaches far enough.
    """
    fills = result.fills.filter(pl.col("agent").is_in(names))
    mid = mids(result)
    if fills.is_empty() or mid.is_empty():
        return pl.DataFrame()
    end = result.end_ns
    sign = pl.when(pl.col("side") == "BUY").then(1.0).otherwise(-1.0)
    own = fills.select(
        pl.col(by).alias("name"), "market", "time_ns", "price", "quantity", sign.alias("sign")
    )
    moved = 10_000 * pl.col("sign") * (pl.col("mid") - pl.col("price")) / pl.col("price")
    after = []
    for horizon in HORIZONS:
        later = (pl.col("time_ns") + round(horizon * SECOND)).cast(pl.Int64)
        after.append(
            own.with_columns(later.alias("time_ns"))
            .filter(pl.col("time_ns") <= end)
            .sort("time_ns")
            .join_asof(mid, on="time_ns", by="market", check_sortedness=False)
            .filter(pl.col("mid").is_not_null())
            .group_by("name", maintain_order=True)
            .agg(
                pl.lit(horizon).alias("horizon"),
                _mean(moved, pl.col("quantity")).alias("bps"),
                pl.len().alias("fills"),
            )
        )
    return pl.concat(after).sort("name", "horizon")


def order_statistics(result: Result) -> pl.DataFrame:
    """What became of each agent's orders, the busiest first.

    Columns: agent, orders, accepted, rejected, traded (with at least one fill), filled, cancelled,
    expired, open, fill_rate and cancel_rate (of the accepted), lifetime (median seconds of those
    that ended).
    """
    if result.orders.is_empty():
        return pl.DataFrame()
    status = pl.col("status")
    accepted = (status != "rejected").sum()
    lived = (pl.col("closed_ns") - pl.col("accepted_ns")) / SECOND
    counts = [(status == name).sum().alias(name) for name in ("filled", "cancelled", "expired")]
    return (
        result.orders.group_by("agent", maintain_order=True)
        .agg(
            pl.len().alias("orders"),
            accepted.alias("accepted"),
            (status == "rejected").sum().alias("rejected"),
            ((pl.col("filled") > 0) & (status != "rejected")).sum().alias("traded"),
            *counts,
            (status == "open").sum().alias("open"),
            lived.filter(status != "rejected").median().alias("lifetime"),
        )
        .with_columns(
            (pl.col("traded") / pl.col("accepted")).alias("fill_rate"),
            (pl.col("cancelled") / pl.col("accepted")).alias("cancel_rate"),
        )
        .sort("orders", descending=True)
    )


def rejects(result: Result) -> pl.DataFrame:
    """Rejected commands by reason: reason, count."""
    return (
        result.events.filter(pl.col("kind") == "REJECTED")
        .group_by("reason")
        .agg(pl.len().alias("count"))
        .sort("count", "reason", descending=[True, False])
    )
