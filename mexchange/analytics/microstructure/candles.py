"""Candles and volume-weighted prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mexchange.analytics.microstructure.quotes import chosen, edges, repeated
from mexchange.clock import nanoseconds

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["candles", "vwap"]


def candles(result: Result, interval: int | str, market: str | int | None = None) -> pl.DataFrame:
    """Open, high, low and close of every interval (ns, or a text as '1m') of the run.

    Intervals begin at whole multiples of their length, as those of exchanges do, so the first and
    the last may be cut. An interval without a trade is there, with null prices and zero volume:
    `pl.col("close").forward_fill()` carries the last price where that is wanted.

    Columns: market, time_ns (when it begins), open, high, low, close, vwap, volume (base), value
    (quote), buy_volume (base that buyers took), trades.

    Raises ValueError for an interval that is no length of time, and for an unknown market.
    """
    begins = edges(result, interval)[:-1]
    length = nanoseconds(interval)
    price, quantity = pl.col("price"), pl.col("quantity")
    traded = (
        result.trades.filter(pl.col("time_ns") >= result.start_ns)
        .group_by("market", pl.col("time_ns") // length * length)
        .agg(
            price.first().alias("open"),
            price.max().alias("high"),
            price.min().alias("low"),
            price.last().alias("close"),
            ((price * quantity).sum() / quantity.sum()).alias("vwap"),
            quantity.sum().alias("volume"),
            (price * quantity).sum().alias("value"),
            quantity.filter(pl.col("aggressor") == "BUY").sum().alias("buy_volume"),
            pl.len().cast(pl.Int64).alias("trades"),
        )
    )
    numbers = chosen(result, market)
    every = pl.DataFrame(
        {
            "market": pl.concat([repeated(result, number, len(begins)) for number in numbers]),
            "time_ns": np.tile(begins, len(numbers)),
        }
    )
    joined = every.join(traded, on=["market", "time_ns"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("volume", "value", "buy_volume", "trades").fill_null(0))


def vwap(result: Result) -> pl.DataFrame:
    """The volume-weighted average price of each market: market, vwap, volume, trades."""
    value = (pl.col("price") * pl.col("quantity")).sum()
    return result.trades.group_by("market", maintain_order=True).agg(
        (value / pl.col("quantity").sum()).alias("vwap"),
        pl.col("quantity").sum().alias("volume"),
        pl.len().alias("trades"),
    )
