"""The whole order book over time as a picture, with the trades on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics import microstructure
from mexchange.analytics.charts import Chart, book_of, column, line_of, milliseconds
from mexchange.analytics.series import packed

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["depth_map"]

TRADES = 300
"""At most so many trades are on the map."""
HEAT = ((1, 0.02), (2, 0.12), (3, 0.4), (4, 1.0))
"""Colours of the map and the share of the most at which each stands."""


def depth_map(result: Result, market: str) -> Chart:
    """The whole book around its best prices over time, with the largest trades on it."""
    chart = Chart(
        f"map-{market}", f"{market} order book and trades",
        "displayed quantity by price, bids green, asks red; circles are trades",
        timed=True, wide=True, height=480, empty="the book stayed empty",
    )  # fmt: skip
    book = book_of(result, market)
    if book.is_empty():
        return chart
    picture = microstructure.depth_map(result, market)
    shown = np.abs(picture.quantity[picture.quantity != 0])
    most = float(np.quantile(shown, 0.98)) if shown.size else 1.0
    rows, columns = picture.quantity.shape
    half = (picture.times[1] - picture.times[0]) / 2 if columns > 1 else 0
    chart.traces.append(
        {
            "type": "heatmap", "name": "book", "showlegend": False,
            "x": milliseconds(picture.times - half), "y": packed(picture.prices),
            "z": packed(picture.quantity, "<f4") | {"shape": f"{rows}, {columns}"},
            "zmin": -most, "zmax": most, "zsmooth": False, "showscale": False,
            "colorscale": [
                *([0.5 - place / 2, f"$heat-ask-{n}"] for n, place in reversed(HEAT)),
                [0.5, "$heat-none"],
                *([0.5 + place / 2, f"$heat-bid-{n}"] for n, place in HEAT),
            ],
            "hovertemplate": "%{z:,.6~g} at %{y:,.8~g}<extra></extra>",
        }
    )  # fmt: skip
    for side in ("ask", "bid"):
        line = line_of(
            side, f"${side}-line", book["time_ns"], column(book, side), 3_000, result.end_ns
        )
        line["line"]["width"] = 1
        chart.traces.append(line)
    chart.traces += _trades(result, market)
    low = picture.prices[0] - picture.band / 2
    high = picture.prices[-1] + picture.band / 2
    axis = {"range": [float(low), float(high)], "tickformat": ",.6~g", "showgrid": False}
    chart.layout = {"hovermode": "closest", "yaxis": axis}
    return chart


def _trades(result: Result, market: str) -> list[dict[str, Any]]:
    """The largest trade of each stretch of time as a circle; those of one order are one."""
    trades = (
        result.trades.filter(pl.col("market") == market, pl.col("time_ns") >= result.start_ns)
        .group_by("time_ns", "aggressor", maintain_order=True)
        .agg(pl.col("quantity").sum(), pl.col("price").last(), pl.len().alias("count"))
    )
    width = max((result.end_ns - result.start_ns) // TRADES, 1)
    kept = (
        trades.with_columns((pl.col("time_ns") // width).alias("stretch"))
        .sort("stretch", "quantity", descending=[False, True], maintain_order=True)
        .group_by("stretch", maintain_order=True)
        .first()
    )
    if kept.is_empty():
        return []
    most = float(kept["quantity"].quantile(0.98) or 1.0)
    found = []
    for side in ("buy", "sell"):
        own = kept.filter(pl.col("aggressor") == side.upper())
        size = 2.5 + 5 * np.sqrt(np.minimum(own["quantity"].to_numpy() / most, 1))
        found.append(
            {
                "type": "scatter", "mode": "markers", "name": f"{side}s",
                "x": milliseconds(own["time_ns"]), "y": packed(own["price"]),
                "customdata": packed(own["quantity"], "<f4"),
                "marker": {
                    "color": f"${side}", "size": packed(size, "<f4"), "opacity": 0.85,
                    "line": {"color": "$panel", "width": 0.8},
                },
                "hovertemplate": f"{side} %{{customdata:,.6~g}} @ %{{y:,.8~g}}<extra></extra>",
            }
        )  # fmt: skip
    return found
