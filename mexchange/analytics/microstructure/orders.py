"""What became of orders: how long they waited, how far back in the queue, how many were needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mexchange.data.depth import DepthBuilder, changes
from mexchange.records import EventKind

if TYPE_CHECKING:
    from mexchange.analytics.frames.columns import Ints
    from mexchange.analytics.result import Result
    from mexchange.records import Events

__all__ = ["fill_curve", "fill_times", "order_statistics", "queue_positions"]

SECOND = 1_000_000_000
REST = {
    "sequence": pl.Int64, "order_id": pl.Int64, "time_ns": pl.Int64, "ahead_at_rest": pl.Float64,
}  # fmt: skip


def order_statistics(result: Result) -> pl.DataFrame:
    """What became of each agent's orders, the busiest first.

    Columns: agent, orders, accepted, rejected, traded (with at least one fill), filled, cancelled,
    expired, open, fill_rate and cancel_rate (of the accepted), lifetime (median seconds of those
    that ended), messages (orders and the cancellations, amendments and reductions that took effect)
    and order_to_trade (messages for each fill; null without one).
    """
    status, amended = pl.col("status"), _changed(result)
    lived = (pl.col("closed_ns") - pl.col("accepted_ns")) / SECOND
    counts = [(status == name).sum().alias(name) for name in ("filled", "cancelled", "expired")]
    fills = result.fills.group_by("agent").agg(pl.len().alias("fills"))
    return (
        result.orders.group_by("agent", maintain_order=True)
        .agg(
            pl.len().alias("orders"),
            (status != "rejected").sum().alias("accepted"),
            (status == "rejected").sum().alias("rejected"),
            ((pl.col("filled") > 0) & (status != "rejected")).sum().alias("traded"),
            *counts,
            (status == "open").sum().alias("open"),
            lived.filter(status != "rejected").median().alias("lifetime"),
        )
        .join(amended, on="agent", how="left")
        .join(fills, on="agent", how="left")
        .with_columns(
            (pl.col("traded") / pl.col("accepted")).alias("fill_rate"),
            (pl.col("cancelled") / pl.col("accepted")).alias("cancel_rate"),
            (pl.col("orders") + pl.col("changes").fill_null(0)).alias("messages"),
        )
        .with_columns((pl.col("messages") / pl.col("fills")).alias("order_to_trade"))
        .drop("changes", "fills")
        .sort("orders", descending=True, maintain_order=True)
    )


def _changed(result: Result) -> pl.DataFrame:
    """How often each agent cancelled, amended or reduced an order: agent, changes."""
    counts = np.zeros(len(result.accounts), np.int64)
    for events in result.source.pieces():
        about = np.isin(events["kind"], (EventKind.CANCELLED, EventKind.AMENDED, EventKind.REDUCED))
        counts += np.bincount(events["account"][about], minlength=len(counts))
    agents = result.source.names.of_agents(np.arange(len(counts)))
    return pl.DataFrame({"agent": agents, "changes": counts})


def fill_times(result: Result) -> pl.DataFrame:
    """How long accepted orders waited for their first fill, one row an order.

    Columns: order_id, account, agent, market, side, accepted_ns, first_ns and role (of its first
    fill, null without one), waited (seconds to the first fill, or without one for as long as the
    order stood: it is then *censored*), filled (whether there was one). Orders that come to take
    have the role `taker` and wait for nothing; leave them out to see how long those that rest wait.
    """
    first = result.fills.group_by("order_id", maintain_order=True).agg(
        pl.col("time_ns").first().alias("first_ns"), pl.col("role").first()
    )
    until = pl.coalesce("first_ns", "closed_ns", pl.lit(result.end_ns, pl.Int64))
    return (
        result.orders.filter(pl.col("status") != "rejected")
        .join(first, on="order_id", how="left", maintain_order="left")
        .select(
            "order_id", "account", "agent", "market", "side", "accepted_ns", "first_ns", "role",
            ((until - pl.col("accepted_ns")) / SECOND).alias("waited"),
            pl.col("first_ns").is_not_null().alias("filled"),
        )
    )  # fmt: skip


def fill_curve(waited: pl.DataFrame) -> pl.DataFrame:
    """The chance that an order is filled within a time, from rows of `fill_times`.

    The estimator of Kaplan & Meier (1958), as Lo, MacKinlay & Zhang, "Econometric models of
    limit-order executions" (2002), use it: an order that was cancelled says that it waited so long
    in vain, not that it would never have been filled.

    Columns: seconds, share (filled by then, of orders that stay), waiting (orders still there).
    """
    steps = (
        waited.group_by("waited")
        .agg(pl.col("filled").sum().alias("fills"), pl.len().alias("ended"))
        .sort("waited")
        .with_columns(
            (waited.height - pl.col("ended").cum_sum() + pl.col("ended")).alias("waiting")
        )
    )
    kept = (1 - pl.col("fills") / pl.col("waiting")).cum_prod()
    return (
        steps.with_columns((1 - kept).alias("share"))
        .filter(pl.col("fills") > 0)
        .select(pl.col("waited").alias("seconds"), "share", "waiting")
    )


def queue_positions(result: Result) -> pl.DataFrame:
    """How much stood ahead of a resting order when it came and when it was hit, one row a fill.

    Columns: sequence, time_ns, market, account, agent, order_id, quantity, ahead_at_rest (base,
    displayed at its price when the order last joined the queue), ahead_at_fill (base, what the
    order that hit it took at this price before its turn), waited (seconds since it joined).
    Reserves of icebergs are not seen. A later slice of an iceberg counts from when the first was
    shown.
    """
    source = result.source
    traded, names, units = source.traded, source.names, source.units
    market, account = traded["market"], traded["maker_account"]
    fills = pl.DataFrame(
        {
            "sequence": traded["sequence"],
            "time_ns": traded["time_ns"],
            "market": names.of_markets(market),
            "account": account,
            "agent": names.of_agents(account),
            "order_id": traded["maker_order_id"],
            "quantity": units.quantities(traded["quantity"], market),
            "ahead_at_fill": units.quantities(_taken_before(traded), market),
        }
    )
    joined = fills.join_asof(
        _rests(result), on="sequence", by="order_id", check_sortedness=False
    ).filter(pl.col("ahead_at_rest").is_not_null())
    waited = (pl.col("time_ns") - pl.col("rested_ns")) / SECOND
    return joined.with_columns(waited.alias("waited")).select(
        *fills.columns[:-1], "ahead_at_rest", "ahead_at_fill", "waited"
    )


def _rests(result: Result) -> pl.DataFrame:
    """Whenever an order joined a queue: sequence, order_id, rested_ns, ahead_at_rest (base)."""
    builders = [DepthBuilder() for _ in result.markets]
    parts = []
    for events in result.source.pieces():
        shown = np.flatnonzero(events["displayed"])
        markets = events["market"][shown]
        for number in np.unique(markets).tolist():
            places = shown[markets == number]
            ahead = builders[number].before(changes(events, places))
            joins = np.isin(events["kind"][places], (EventKind.ACCEPTED, EventKind.RESTED))
            joins &= events["displayed"][places] > 0
            places = places[joins]
            columns = {name: events[name][places] for name in ("sequence", "order_id", "time_ns")}
            quantity = result.source.units.quantities(ahead[joins], number)
            parts.append(pl.DataFrame(columns | {"ahead_at_rest": quantity}))
    whole = pl.concat(parts) if parts else pl.DataFrame(schema=REST)
    return whole.rename({"time_ns": "rested_ns"}).sort("sequence")


def _taken_before(traded: Events) -> Ints:
    """Of each trade, what the same incoming order took at the same price before it, in lots."""
    begins = np.ones(len(traded), np.bool_)
    for name in ("order_id", "price", "time_ns", "market"):
        begins[1:] &= traded[name][1:] == traded[name][:-1]
    begins[1:] = ~begins[1:]
    before = np.cumsum(traded["quantity"]) - traded["quantity"]
    taken: Ints = before - before[begins][np.cumsum(begins) - 1] if len(traded) else before
    return taken
