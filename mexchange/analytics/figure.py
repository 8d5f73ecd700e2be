"""Charts of a report as Plotly figures, for a notebook.

The page and a figure are drawn from the same descriptions (`mexchange.analytics.charts`): here the
names of colours are looked up in the page's styles, and fills are thinned once and for all, since a
figure has no script to do it anew at every zoom.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mexchange.analytics.charts import Chart

__all__ = ["THEMES", "figure"]

THEMES = ("light", "dark")
WIDE = 2
"""Columns of the grid, all of which a wide panel takes."""
GAP = 0.07
"""Between the columns, as a share of the width."""
HEAD = 74
"""Pixels above each panel of several, for its title and legend."""
FOOT = 34
MARKERS = 350
"""At most so many fills of an agent and side."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def figure(
    charts: Sequence[Chart], time_axis: Mapping[str, Any], theme: str = "light", title: str = ""
) -> Any:
    """One `plotly.graph_objects.Figure` of one or several charts, those of time zoomed together.

    Raises ValueError for an unknown theme.
    """
    from plotly.graph_objects import Figure

    if theme not in THEMES:
        raise ValueError(f"no theme {theme!r}. There is: {', '.join(THEMES)}")
    places, height = _places(charts)
    data: list[dict[str, Any]] = []
    named: set[tuple[str, str]] = set()
    layout: dict[str, Any] = {"annotations": [], "barmode": "relative", "bargap": 0.15}
    timed = next((n for n, chart in enumerate(charts, 1) if chart.timed), 0)
    for number, (chart, place) in enumerate(zip(charts, places, strict=True), 1):
        suffix = "" if number == 1 else str(number)
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "legend": f"legend{suffix}"}
        data += [_trace(trace) | axes for trace in _listed(chart, named, len(charts) > 1)]
        _add(layout, chart, place, suffix, height, time_axis)
        if chart.timed and number != timed:
            layout[f"xaxis{suffix}"]["matches"] = "x" if timed == 1 else f"x{timed}"
    if len(charts) == 1:
        own = ("barmode", "bargap", "hovermode")
        layout |= {name: charts[0].layout[name] for name in own if name in charts[0].layout}
    layout |= {
        "height": height, "margin": {"l": 62, "r": 20, "t": 8, "b": FOOT}, "hovermode": "closest",
        "paper_bgcolor": "$panel", "plot_bgcolor": "$panel",
        "font": {"family": FONT, "size": 12, "color": "$muted"},
        "hoverlabel": {"bgcolor": "$panel", "bordercolor": "$line", "font": {"color": "$ink"}},
        "meta": {"title": title}, "template": "none",
    }  # fmt: skip
    return Figure(_painted({"data": data, "layout": layout}, _colours()[theme]))


def _places(charts: Sequence[Chart]) -> tuple[list[tuple[float, float, float, float]], int]:
    """Left, right, bottom and top of each chart as shares, and the height of all in pixels."""
    rows: list[list[Chart]] = []
    for chart in charts:
        alone = chart.wide or len(charts) == 1
        if alone or not rows or rows[-1][0].wide or len(rows[-1]) == WIDE:
            rows.append([chart])
        else:
            rows[-1].append(chart)
    height = sum(max(chart.height for chart in row) + HEAD for row in rows) + FOOT
    inside, top, places = height - 8 - FOOT, 0.0, []
    for row in rows:
        tall = max(chart.height for chart in row)
        for column, chart in enumerate(row):
            width = 1.0 if chart.wide or len(charts) == 1 else (1 - GAP) / WIDE
            left = column * (width + GAP)
            high, low = top + HEAD - FOOT, top + HEAD + tall - FOOT
            places.append((left, left + width, 1 - low / inside, 1 - high / inside))
        top += HEAD + tall
    return places, height


def _add(
    layout: dict[str, Any],
    chart: Chart,
    place: tuple[float, float, float, float],
    suffix: str,
    height: int,
    time_axis: Mapping[str, Any],
) -> None:
    """Axes, title and legend of one chart."""
    left, right, bottom, top = place
    axis = {
        "gridcolor": "$grid",
        "linecolor": "$line",
        "zerolinecolor": "$line",
        "automargin": True,
    }
    x: dict[str, Any] = {**axis, "showgrid": False, "domain": [left, right], "anchor": f"y{suffix}"}
    if chart.timed:
        x |= {"type": "date", **time_axis}
    y = {**axis, "domain": [max(bottom, 0.0), top], "anchor": f"x{suffix}"}
    layout[f"xaxis{suffix}"] = x | chart.layout.get("xaxis", {})
    layout[f"yaxis{suffix}"] = y | chart.layout.get("yaxis", {})
    pixel = 1 / height
    layout[f"legend{suffix}"] = {
        "orientation": "h", "x": left, "y": top + 4 * pixel, "yanchor": "bottom",
        "xanchor": "left", "font": {"color": "$ink", "size": 11}, "bgcolor": "rgba(0,0,0,0)",
        "traceorder": "normal",
    }  # fmt: skip
    note = (
        f"  <span style='font-size:11px;font-weight:400'>{chart.note}</span>" if chart.note else ""
    )
    where = {"xref": "paper", "yref": "paper", "showarrow": False}
    layout["annotations"].append(
        {
            **where, "x": left, "y": top + 24 * pixel, "xanchor": "left", "yanchor": "bottom",
            "align": "left", "text": f"<b>{chart.title}</b>{note}",
            "font": {"size": 13, "color": "$ink"},
        }
    )  # fmt: skip
    if not chart.traces:
        middle = {"x": (left + right) / 2, "y": (max(bottom, 0.0) + top) / 2}
        layout["annotations"].append({**where, **middle, "text": chart.empty})


def _listed(chart: Chart, named: set[tuple[str, str]], together: bool) -> list[dict[str, Any]]:
    """The traces of a chart, saying which of them its legend lists.

    Nothing where there is one line only. Of several charts, what an earlier one has listed: a click
    there shows or hides it in all of them. There is no room for what is not visible at first.
    """
    several = sum(trace.get("showlegend", True) for trace in chart.traces) > 1
    found = []
    for trace in chart.traces:
        listed = several and trace.get("showlegend", True)
        name, colour = trace["name"], trace.get("line", {}).get("color", "")
        if together and colour:
            listed = listed and (name, colour) not in named
            named.add((name, colour))
            trace = trace | {"legendgroup": f"{name}{colour}"}
        if together and trace.get("visible") == "legendonly":
            listed = False
        found.append(trace | {"showlegend": listed})
    return found


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace as Plotly wants it, with as many of its fills as can be told apart."""
    if "fills" not in trace:
        return dict(trace)
    every = {name: _unpacked(values) for name, values in trace["fills"].items()}
    step = -(-len(every["x"]) // MARKERS)
    fills = {name: values[::step] for name, values in every.items()}
    size = 6 + 5 * np.sqrt(fills["quantity"] / max(every["quantity"].max(initial=0), 1e-12))
    texts = [
        f"{'maker' if maker else 'taker'} · order {order:.0f} · fee {fee:.6g}"
        for maker, order, fee in zip(fills["maker"], fills["order"], fills["fee"], strict=True)
    ]
    arrays = {"x": fills["x"], "y": fills["y"], "customdata": fills["quantity"], "text": texts}
    rest = {name: value for name, value in trace.items() if name != "fills"}
    return rest | arrays | {"marker": trace["marker"] | {"size": size}}


def _unpacked(values: dict[str, str]) -> Any:
    return np.frombuffer(base64.b64decode(values["bdata"]), "<" + values["dtype"])


def _painted(value: Any, colours: Mapping[str, str]) -> Any:
    """Names of colours replaced by what they stand for in a theme."""
    if isinstance(value, str):
        return colours[value[1:]] if value.startswith("$") else value
    if isinstance(value, dict):
        if "bdata" in value:
            return value
        return {name: _painted(inner, colours) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_painted(inner, colours) for inner in value]
    return value


@cache
def _colours() -> dict[str, dict[str, str]]:
    """The colours of each theme by name, from the styles of the page."""
    css = (resources.files("mexchange.analytics") / "page" / "page.css").read_text("utf-8")
    light, _, dark = css.partition("@media (prefers-color-scheme: dark)")
    named = re.compile(r"--([\w-]+):\s*([^;]+);")
    found = dict(named.findall(light))
    return {"light": found, "dark": found | dict(named.findall(dark.partition("* {")[0]))}
