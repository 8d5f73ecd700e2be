"""Spreads: quoted over time, and what trades paid of them, at once and after a while.

Of a trade at price p with the mid m at the arrival of its taker, and s = +1 if that bought, −1 if
it sold:

    effective spread   2 s (p − m) / m
    realised spread    2 s (p − m') / m     with m' the mid some time later
    price impact       2 s (m' − m) / m     so that effective = realised + impact

Huang & Stoll, "Dealer versus auction markets", Journal of Financial Economics 41 (1996); SEC Rule
605 defines effective and realised spread in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mexchange.analytics.microstructure.quotes import Quotes, arrivals, chosen, weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.analytics.result import Result

__all__ = ["HORIZONS", "effective_spreads", "spreads", "trade_costs"]

SECOND = 1_000_000_000
HORIZONS = (0.1, 1.0, 10.0, 60.0)
"""Seconds after a trade at which the mid is looked at again."""


def spreads(result: Result) -> pl.DataFrame:
    """Quoted spread and depth of each market, averaged over time.

    Columns: market, spread (price), spread_bps (of the mid), bid_depth, ask_depth (at the best),
    one_sided (share of the time without a bid or an ask).
    """
    book = result.book
    both = pl.col("bid").is_not_null() & pl.col("ask").is_not_null()
    spread = pl.col("ask") - pl.col("bid")
    until = pl.col("time_ns").shift(-1).over("market").fill_null(result.end_ns)
    stood = until.clip(lower_bound=result.start_ns) - pl.col("time_ns").clip(
        lower_bound=result.start_ns
    )
    quoted = pl.col("weight").filter(both)
    bps = 20_000 * spread / (pl.col("ask") + pl.col("bid"))
    return (
        book.with_columns(stood.clip(lower_bound=0).cast(pl.Float64).alias("weight"))
        .group_by("market", maintain_order=True)
        .agg(
            weighted(spread.filter(both), quoted).alias("spread"),
            weighted(bps.filter(both), quoted).alias("spread_bps"),
            weighted(pl.col("bid_quantity").fill_null(0), pl.col("weight")).alias("bid_depth"),
            weighted(pl.col("ask_quantity").fill_null(0), pl.col("weight")).alias("ask_depth"),
            weighted((~both).cast(pl.Float64), pl.col("weight")).alias("one_sided"),
        )
    )


def trade_costs(result: Result, horizons: Sequence[float] = HORIZONS) -> pl.DataFrame:
    """What the taker of each trade paid, in basis points of the mid.

    One row for each trade that met a mid, by market. Columns: sequence, time_ns, market, price,
    quantity, aggressor, mid, effective, and for each horizon (in seconds) realised_<h>s and
    impact_<h>s; null where the run ends before.
    """
    parts = []
    for number in chosen(result, None):
        trades = result.trades.filter(market=result.markets[number].name)
        quotes = Quotes(result, number)
        mid = quotes.mid_before(arrivals(trades))
        price, time_ns = trades["price"].to_numpy(), trades["time_ns"].to_numpy()
        sign = np.where(trades["aggressor"].to_numpy() == "BUY", 1.0, -1.0)
        columns = {"mid": mid, "effective": 20_000 * sign * (price - mid) / mid}
        for horizon in horizons:
            later_ns = time_ns + round(horizon * SECOND)
            later = np.where(later_ns <= result.end_ns, quotes.mid_at(later_ns), np.nan)
            columns[f"realised_{horizon:g}s"] = 20_000 * sign * (price - later) / mid
            columns[f"impact_{horizon:g}s"] = 20_000 * sign * (later - mid) / mid
        known = trades.select(
            "sequence", "time_ns", "market", "price", "quantity", "aggressor"
        ).with_columns(pl.Series(name, values) for name, values in columns.items())
        parts.append(known.filter(pl.col("mid").is_not_nan()).fill_nan(None))
    return pl.concat(parts)


def effective_spreads(result: Result, horizons: Sequence[float] = HORIZONS) -> pl.DataFrame:
    """The columns of `trade_costs` for each market, averages weighted by quantity; also trades."""
    costs = trade_costs(result, horizons)
    names = [name for name in costs.columns if name.startswith(("effective", "realised", "impact"))]
    known = {name: pl.col(name).is_not_null() for name in names}
    return costs.group_by("market", maintain_order=True).agg(
        pl.len().alias("trades"),
        *(
            weighted(
                pl.col(name).filter(known[name]), pl.col("quantity").filter(known[name])
            ).alias(name)
            for name in names
        ),
    )
