"""The charts about fills: how many by side and role, how large, how far apart, what came after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.charts import Chart, column, histogram
from mexchange.analytics.microstructure.markouts import HORIZONS
from mexchange.analytics.series import bins, packed

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["gaps", "markouts", "sides", "sizes"]

SIDES = ("buy", "sell")
ROLES = ("maker", "taker")
MARKOUT_AGENTS = 6
SECOND = 1_000_000_000


def sides(result: Result, shown: list[str]) -> list[Chart]:
    """How many fills there were by side and role."""
    own = _own(result, shown)
    if own.is_empty():
        return [Chart("fills", "Fills", wide=True, empty="no fills")]
    title = "Fills by side and role" if len(shown) == 1 else "Fills by agent, side and role"
    return [Chart("fill-sides", title, traces=_sides(own, shown), layout=_stacked())]


def sizes(result: Result, shown: list[str]) -> list[Chart]:
    """How large fills were."""
    own = _own(result, shown)
    return [] if own.is_empty() else [Chart("fill-sizes", "Size of fills", **_sizes(own))]


def gaps(result: Result, shown: list[str]) -> list[Chart]:
    """How long it took from one fill of an agent to its next."""
    own = _own(result, shown)
    return [] if own.is_empty() else [_between(own)]


def markouts(result: Result, shown: list[str]) -> list[Chart]:
    """Where the price went after fills."""
    return [] if _own(result, shown).is_empty() else [_markouts(result, shown)]


def _own(result: Result, shown: list[str]) -> pl.DataFrame:
    return result.fills.filter(pl.col("agent").is_in(shown))


def _stacked() -> dict[str, Any]:
    """The layout of horizontal bars with names on the y axis."""
    axis = {"autorange": "reversed", "automargin": True, "showgrid": False}
    return {
        "barmode": "stack",
        "bargap": 0.4,
        "yaxis": axis,
        "xaxis": {"tickformat": ",d"},
        "hovermode": "y unified",
    }


def _sides(own: pl.DataFrame, shown: list[str]) -> list[dict[str, Any]]:
    counts = own.group_by("agent", pl.col("side").cast(pl.String).str.to_lowercase(), "role").len()
    found = {(agent, side, role): count for agent, side, role, count in counts.iter_rows()}
    if len(shown) == 1:
        return [
            {
                "type": "bar", "orientation": "h", "name": role, "y": [f"{s}s " for s in SIDES],
                "x": [found.get((shown[0], side, role), 0) for side in SIDES],
                "marker": {"color": f"$role-{role}"}, "hovertemplate": "%{x:,d}",
            }
            for role in ROLES
        ]  # fmt: skip
    return [
        {
            "type": "bar", "orientation": "h", "name": f"{role} {side}s",
            "y": [f"{agent} " for agent in shown],
            "x": [found.get((agent, side, role), 0) for agent in shown],
            "marker": {"color": f"${side}" if role == "maker" else f"${side}-pale"},
            "hovertemplate": "%{x:,d}",
        }
        for side in SIDES for role in ROLES
    ]  # fmt: skip


def _sizes(own: pl.DataFrame) -> dict[str, Any]:
    edges = bins(column(own, "quantity"))
    traces = []
    for role in ROLES:
        heights, _ = np.histogram(column(own.filter(pl.col("role") == role), "quantity"), edges)
        traces.append(histogram(role, f"$role-{role}", (edges[:-1] + edges[1:]) / 2, heights))
    return {
        "traces": traces,
        "layout": {"barmode": "stack", "bargap": 0.1 if len(edges) > 4 else 0.6},
    }


def _between(own: pl.DataFrame) -> Chart:
    """A histogram of the time from one fill of an agent to its next."""
    chart = Chart(
        "fill-gaps", "Time between an agent's fills, seconds", empty="fewer than two fills"
    )
    gaps = own.sort("time_ns").select(pl.col("time_ns").diff().over("agent") / SECOND)
    seconds = gaps.to_series().drop_nulls().to_numpy()
    seconds = seconds[seconds > 0]
    if not seconds.size:
        return chart
    edges = bins(seconds, 40, logarithmic=True)
    heights, _ = np.histogram(seconds, edges)
    trace = histogram("fills", "$series-0", np.sqrt(edges[:-1] * edges[1:]), heights)
    chart.traces = [trace | {"width": packed(np.diff(edges) * 0.9)}]
    axis = {"type": "log", "tickformat": "~g"} | ({"dtick": 1} if edges[-1] > 20 * edges[0] else {})
    chart.layout = {"xaxis": axis, "showlegend": False}
    return chart


def _markouts(result: Result, shown: list[str]) -> Chart:
    """Of one agent a line for each role, of several a line for each agent."""
    chart = Chart("markouts", "Markout, basis points", empty="no mid after any fill")
    alone = len(shown) == 1
    names = list(ROLES) if alone else shown[:MARKOUT_AGENTS]
    labels = {0.0: "at once"} | {h: f"{h:g} s" for h in HORIZONS if h > 0}
    frame = result.markouts(by=("agent", "role") if alone else ("agent",))
    frame = frame.filter(pl.col("agent").is_in(shown)).with_columns(
        pl.col("role" if alone else "agent").cast(pl.String).alias("name")
    )
    for rank, name in enumerate(names if not frame.is_empty() else []):
        rows = frame.filter(pl.col("name") == name)
        if rows.is_empty():
            continue
        colour = f"$role-{name}" if alone else f"$series-{rank}"
        chart.traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "name": name,
                "x": [labels[h] for h in rows["horizon"]], "y": packed(rows["bps"]),
                "customdata": packed(rows["fills"]),
                "line": {"color": colour, "width": 2}, "marker": {"size": 7, "color": colour},
                "hovertemplate": "%{y:.2f} bps over %{customdata:,d} fills",
                "error_y": {
                    "type": "data", "array": packed(2 * rows["error"].fill_null(0)), "width": 0,
                    "color": colour, "thickness": 1,
                },
            }
        )  # fmt: skip
    chart.note = (
        "how far the mid went in favour of a fill, ± 2 standard errors" if chart.traces else ""
    )
    order = {"categoryorder": "array", "categoryarray": list(labels.values())}
    chart.layout = {"xaxis": {"type": "category", **order}}
    return chart
