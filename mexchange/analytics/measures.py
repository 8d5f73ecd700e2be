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

__all__ = ["agents", "drawdown", "markouts", "mids", "order_statistics", "rejects", "spreads"]

SECOND = 1_000_000_000
HORIZONS = (0.0, 0.1, 1.0, 10.0, 60.0)
"""Seconds after a fill at which the mid is looked at again."""

agent_name = pl.col("agent").cast(pl.String).fill_null("unnamed")
side_name = pl.col("side").cast(pl.String).str.to_lowercase()
role_name = pl.col("role").cast(pl.String).str.to_lowercase()


def drawdown(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each value is below the highest so far (zero or positive), same shape.

    >>> drawdown(np.array([1.0, 3.0, 2.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return np.maximum.accumulate(values) - values if values.size else values


def agents(result: Result) -> pl.DataFrame:
    """One row an account that has equity or fills, the most active first.

    Columns: account, agent, pnl, start, fills, maker_share (of volume), volume, fees, drawdown,
    inventory (change of the first market's base asset).
    """
    equity = result.equity
    worth = (
        equity.group_by("account", agent_name, maintain_order=True)
        .agg(
            (pl.col("equity").last() - pl.col("equity").first()).alias("pnl"),
            pl.col("equity").first().alias("start"),
            (pl.col("equity").cum_max() - pl.col("equity")).max().alias("drawdown"),
        )
        .with_columns(pl.col("account").cast(pl.Int64))
    )
    value = pl.col("price") * pl.col("quantity")
    trading = (
        result.fills.group_by(pl.col("account").cast(pl.Int64), agent_name, maintain_order=True)
        .agg(
            pl.len().alias("fills"),
            value.sum().alias("volume"),
            value.filter(role_name == "maker").sum().alias("made"),
            pl.col("fee").sum().alias("fees"),
        )
        .with_columns(
            pl.when(pl.col("volume") > 0)
            .then(pl.col("made") / pl.col("volume"))
            .alias("maker_share")
        )
    )
    inventory = _inventory_change(result)
    return (
        worth.join(trading, on=["account", "agent"], how="full", coalesce=True)
        .join(inventory, on="account", how="left")
        .filter(pl.col("account") != 0)
        .with_columns(pl.col("fills", "volume", "fees", "inventory").fill_null(0))
        .sort(pl.col("volume"), -pl.col("account"), descending=True)
        .select(
            "account", "agent", "pnl", "start", "fills", "maker_share", "volume", "fees",
            "drawdown", "inventory",
        )
    )  # fmt: skip


def _inventory_change(result: Result) -> pl.DataFrame:
    base = result.markets[0].base.name
    return (
        result.positions.filter(pl.col("asset").cast(pl.String) == base)
        .group_by(pl.col("account").cast(pl.Int64), maintain_order=True)
        .agg((pl.col("total").last() - pl.col("total").first()).alias("inventory"))
    )


def mids(result: Result) -> pl.DataFrame:
    """Mid price of each market over time, where both sides have a price: market, time_ns, mid."""
    return (
        result.book.filter(pl.col("bid").is_not_null() & pl.col("ask").is_not_null())
        .select(
            pl.col("market").cast(pl.String),
            pl.col("time_ns").cast(pl.Int64),
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
    end = _end(result)
    both = pl.col("bid").is_not_null() & pl.col("ask").is_not_null()
    spread = pl.col("ask") - pl.col("bid")
    weight = (
        (pl.col("time_ns").shift(-1).over("market").fill_null(end) - pl.col("time_ns"))
        .clip(lower_bound=0)
        .cast(pl.Float64)
    )
    quoted = pl.col("weight").filter(both)
    return (
        result.book.with_columns(pl.col("market").cast(pl.String))
        .with_columns(weight.alias("weight"))
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


def _end(result: Result) -> int:
    """The time of the last thing known of a run."""
    times = [frame["time_ns"].max() for frame in (result.book, result.equity, result.fills)]
    return max((int(time) for time in times if isinstance(time, int)), default=0)


def markouts(result: Result, names: list[str], by: pl.Expr) -> pl.DataFrame:
    """How far the mid went with (positive) or against a fill's side, some time after it.

    Of the fills of the named agents, by role or by agent. Columns: name (the role or agent),
    horizon (seconds), bps (of the fill's price; mean weighted by quantity), fills. A fill counts
    where the recorded book reaches far enough.
    """
    fills = result.fills.filter(agent_name.is_in(names))
    mid = mids(result)
    if fills.is_empty() or mid.is_empty():
        return pl.DataFrame()
    end = _end(result)
    sign = pl.when(side_name == "buy").then(1.0).otherwise(-1.0)
    market = pl.col("market").cast(pl.String)
    own = fills.select(by.alias("name"), market, "time_ns", "price", "quantity", sign.alias("sign"))
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
                _mean(moved, pl.col("quantity").cast(pl.Float64)).alias("bps"),
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
    status = pl.col("status").cast(pl.String).str.to_lowercase()
    accepted = (status != "rejected").sum()
    lived = (pl.col("closed_ns") - pl.col("accepted_ns")) / SECOND
    counts = [(status == name).sum().alias(name) for name in ("filled", "cancelled", "expired")]
    return (
        result.orders.group_by(agent_name, maintain_order=True)
        .agg(
            pl.len().alias("orders"),
            accepted.alias("accepted"),
            (status == "rejected").sum().alias("rejected"),
            ((pl.col("filled") > 0) & (status != "rejected")).sum().alias("traded"),
            *counts,
            status.is_in(["open", "accepted"]).sum().alias("open"),
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
        result.events.filter(pl.col("kind").cast(pl.String).str.to_lowercase() == "rejected")
        .group_by(pl.col("reason").cast(pl.String))
        .agg(pl.len().alias("count"))
        .sort("count", "reason", descending=[True, False])
    )
