"""The charts about the market itself: spread, depth and volume over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.charts import (
    Chart,
    book_of,
    column,
    histogram,
    line_of,
    milliseconds,
)
from mexchange.analytics.microstructure.depth import levels_at
from mexchange.analytics.series import averages, packed, ranges, sums

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["depth", "spread", "spread_shares", "volume"]

BUCKETS = 400
LEVELS = 5
"""Levels of a side whose quantities are summed as its depth."""
SHARES = 30
"""At most this many bars of spreads."""


def _edges(result: Result, count: int = BUCKETS) -> Any:
    """Edges of equal stretches of time over the whole run."""
    first, last = result.start_ns, max(result.end_ns, result.start_ns + count)
    return first + np.linspace(0, last - first, count + 1).astype(np.int64)


def spread(result: Result, markets: list[str]) -> Chart:
    """The spread as a mean over time, with the band between its lowest and highest."""
    chart = Chart(
        "spread", "Spread, basis points", "mean over time; the band is lowest to highest",
        timed=True, empty="the book never had two sides",
    )  # fmt: skip
    for rank, market in enumerate(markets):
        book = book_of(result, market)
        bid, ask = column(book, "bid"), column(book, "ask")
        if book.is_empty() or np.isnan(ask - bid).all():
            continue
        times, bps = book["time_ns"].to_numpy(), 20_000 * (ask - bid) / (ask + bid)
        edges = _edges(result)
        low, high = ranges(times, bps, edges)
        if len(markets) == 1:
            edge = {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
            chart.traces.append(line_of("lowest", "$series-0", edges[:-1], low) | edge)
            band = edge | {"fill": "tonexty", "fillcolor": "$series-0-soft"}
            chart.traces.append(line_of("highest", "$series-0", edges[:-1], high) | band)
        mean = averages(times, bps, edges)
        chart.traces.append(line_of(market, f"$series-{rank % 8}", edges[:-1], mean))
    chart.layout = {"yaxis": {"rangemode": "tozero"}}
    return chart


def depth(result: Result, market: str) -> Chart:
    """Quantity at the best price and on the best levels: bids above the line, asks below."""
    chart = Chart(
        f"depth-{market}", f"{market} depth, best price and best {LEVELS}",
        "bids above, asks below", timed=True, empty="the book stayed empty",
    )  # fmt: skip
    book = book_of(result, market)
    if book.is_empty():
        return chart
    times = book["time_ns"].to_numpy()
    edges = _edges(result)
    sampled = _sampled(result, market, edges)
    usual = [0.0]
    for side, sign in (("bid", 1), ("ask", -1)):
        colour = "$buy" if side == "bid" else "$sell"
        best = averages(times, np.nan_to_num(column(book, f"{side}_quantity")), edges)
        for name, mean, ink, fill in (
            (f"best {LEVELS} {side}s", sampled[side], f"${side}-line", f"{colour}-soft"),
            (f"best {side}", best, colour, f"{colour}-soft"),
        ):
            line = line_of(name, ink, edges[:-1], sign * mean)
            line["line"]["width"] = 1
            chart.traces.append(line | {"fill": "tozeroy", "fillcolor": fill})
        usual.append(1.6 * float(np.nanquantile(sampled[side], 0.98)))
    largest = max(float(np.nanmax(sampled[side])) for side in sampled)
    if largest > 2 * max(usual):
        chart.note = "bids above; the highest are cut off"
        chart.layout = {"yaxis": {"range": [-max(usual), max(usual)]}}
    return chart


def _sampled(result: Result, market: str, edges: Any) -> dict[str, Any]:
    """What the best levels of each side show together at the end of each stretch of time."""
    rows = levels_at(result, market, edges[1:], LEVELS)
    return {side: rows[side] for side in ("bid", "ask")}


def spread_shares(result: Result, markets: list[str]) -> Chart:
    """How much of the time the spread was how wide, up to what 99 % of the time does not pass."""
    chart = Chart(
        "spread-shares",
        "Share of the time at a spread, ticks",
        empty="the book never had two sides",
    )
    widths = {market: _widths(result, market) for market in markets}
    widest = max((_quantile(*pair, 0.99) for pair in widths.values()), default=0)
    step = max(1, -(-widest // SHARES))
    edges = np.arange(1, widest + step + 1, step)
    for rank, (market, (ticks, stood)) in enumerate(widths.items()):
        if not len(ticks):
            continue
        weight, _ = np.histogram(ticks, edges, weights=stood)
        centres = (edges[:-1] + edges[1:] - 1) / 2
        bar = histogram(market, f"$series-{rank % 8}", centres, 100 * weight / stood.sum())
        names = [f"{a}" if step == 1 else f"{a} to {a + step - 1}" for a in edges[:-1].tolist()]
        hover = {"text": names, "textposition": "none"}
        chart.traces.append(bar | hover | {"hovertemplate": "%{text} ticks: %{y:.1f} %"})
    axis = {"tickformat": "d"} | ({"dtick": 1} if widest < 10 else {})
    layout = {"yaxis": {"ticksuffix": " %"}, "bargap": 0.15, "xaxis": axis}
    chart.layout = layout | {"hovermode": "closest"}
    return chart


def _widths(result: Result, market: str) -> tuple[Any, Any]:
    """Spreads in ticks, and for how long each stood."""
    book = book_of(result, market)
    times = np.append(book["time_ns"].to_numpy(), result.end_ns)
    stood = np.diff(times).astype(float)
    tick = next(float(each.tick) for each in result.markets if each.name == market)
    width = np.rint((column(book, "ask") - column(book, "bid")) / tick)
    known = ~np.isnan(width) & (stood > 0)
    return width[known].astype(np.int64), stood[known]


def _quantile(values: Any, weights: Any, share: float) -> int:
    """The value that at most `share` of the weight does not pass; 0 if there is none."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return int(values[order][np.searchsorted(total, share * total[-1])]) if len(total) else 0


def volume(result: Result, market: str) -> Chart:
    """Traded quantity over time by the aggressor's side: buys above the line, sells below."""
    chart = Chart(
        f"volume-{market}", f"{market} traded quantity", "aggressive buys above, sells below",
        timed=True, empty="no trades",
    )  # fmt: skip
    trades = result.trades.filter(pl.col("market") == market)
    if trades.is_empty():
        return chart
    edges = _edges(result, 120)
    for side, sign in (("buy", 1), ("sell", -1)):
        chosen = trades.filter(pl.col("aggressor") == side.upper())
        heights = sums(chosen["time_ns"].to_numpy(), column(chosen, "quantity"), edges)
        chart.traces.append(
            {
                "type": "bar", "name": f"{side}s", "x": milliseconds((edges[:-1] + edges[1:]) / 2),
                "y": packed(sign * heights), "marker": {"color": f"${side}", "line": {"width": 0}},
                "hovertemplate": "%{y:,.6~g}",
            }
        )  # fmt: skip
    chart.layout = {"barmode": "relative", "bargap": 0.15}
    return chart
