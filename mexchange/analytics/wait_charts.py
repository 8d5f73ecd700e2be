"""The charts of waiting: how soon resting orders are filled, and how far back they stood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.charts import Chart
from mexchange.analytics.microstructure import fill_curve
from mexchange.analytics.series import packed, thin

if TYPE_CHECKING:
    from mexchange.analytics.view import View

__all__ = ["fill_chance", "queue"]

LINES = 6
POINTS = 300
WAITING = 30
"""Where fewer orders than this wait, the estimate jumps about."""
SEEN = 0.002
"""The time axis begins where a chance comes to this."""
LEAST = 5
"""Of fewer fills no line is drawn."""


def fill_chance(view: View) -> Chart:
    """The chance of a resting order to be filled within a time, for each agent."""
    chart = Chart(
        "fill-times", "Chance of a fill within so many seconds",
        "cancelled orders count for as long as they stood",
        empty="no resting order was filled",
    )  # fmt: skip
    resting = view.result.fill_times.filter(pl.col("role").is_null() | (pl.col("role") == "maker"))
    low, high = np.inf, 0.0
    for rank, agent in enumerate(view.shown[:LINES]):
        curve = fill_curve(resting.filter(pl.col("agent") == agent, pl.col("waited") > 0))
        curve = curve.filter(pl.col("waiting") >= WAITING)
        if curve.height < LEAST:
            continue
        seconds, share = curve["seconds"].to_numpy(), curve["share"].to_numpy()
        high = max(high, seconds[-1])
        # A logarithmic axis shows as much of each tenfold, so keep as much of each.
        marks = np.geomspace(seconds[0], seconds[-1], POINTS)
        kept = np.unique(np.append(np.searchsorted(seconds, marks, side="right") - 1, 0))
        chart.traces.append(_line(agent, rank, seconds[kept], 100 * share[kept]))
        chart.traces[-1]["hovertemplate"] = "%{y:.1f} %"
        visible = seconds[share >= SEEN]
        low = min(low, visible[0] if visible.size else seconds[0])
    axis: dict[str, Any] = {
        "type": "log",
        "tickformat": "~g",
        "dtick": 1 if high > 20 * low else None,
    }
    if chart.traces:
        axis["range"] = [float(np.log10(low)) - 0.1, float(np.log10(high)) + 0.1]
    chart.layout = {
        "yaxis": {"ticksuffix": " %", "rangemode": "tozero"},
        "xaxis": {name: value for name, value in axis.items() if value is not None},
    }
    return chart


def queue(view: View) -> Chart:
    """The share of fills whose order had at most so much ahead of it when it joined its queue."""
    base = view.result.markets[0].base.name
    chart = Chart(
        "queue", f"Queue ahead of an order, {base}",
        "share of maker fills with at most so much", empty="no resting order was filled",
    )  # fmt: skip
    own = view.result.queue_positions
    alone = len(view.shown) == 1
    columns = {"when it joined": "ahead_at_rest", "when it was hit": "ahead_at_fill"}
    drawn = []
    for rank, agent in enumerate(view.shown[:LINES]):
        rows = own.filter(pl.col("agent") == agent)
        if rows.height < LEAST:
            continue
        for place, (name, column) in enumerate(columns.items()):
            if alone or not place:
                drawn.append((name if alone else agent, rank + place, rows[column].to_numpy()))
    widest = max((float(np.quantile(values, 0.98)) for *_, values in drawn), default=0.0) or 1.0
    for name, rank, values in drawn:
        ahead, share = _shares(values)
        # To the edge, where there may be nothing more to count.
        line = _line(name, rank, np.append(ahead, 2 * widest), np.append(100 * share, 100))
        chart.traces.append(line | {"hovertemplate": "%{y:.1f} %"})
    chart.layout = {
        "yaxis": {"ticksuffix": " %", "range": [0, 102]},
        "xaxis": {"range": [-0.02 * widest, 1.04 * widest], "tickformat": ",~g"},
    }
    return chart


def _shares(values: Any) -> tuple[Any, Any]:
    """Each value and the share of values that are no larger, thinned."""
    found, counts = np.unique(values, return_counts=True)
    share = np.cumsum(counts) / len(values)
    if len(found) <= POINTS:
        return found, share
    place, share = thin(np.arange(len(found)), share, POINTS)
    return found[place], share


def _line(name: str, rank: int, x: Any, y: Any) -> dict[str, Any]:
    colour = f"$series-{rank % 8}"
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": packed(x), "y": packed(y, "<f4"),
        "line": {"color": colour, "width": 2, "shape": "hv"},
    }  # fmt: skip
