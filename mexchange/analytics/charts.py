"""The charts of a report as Plotly descriptions: plain dicts, numbers packed, colours by name.

A colour is written `$name` and stands for the CSS variable `--name` of the page, so that one
description serves the light and the dark theme.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.performance import drawdown
from mexchange.analytics.series import POINTS, packed, thin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mexchange.analytics.result import Result

__all__ = [
    "Chart",
    "book_of",
    "column",
    "drawdowns",
    "equity",
    "histogram",
    "inventory",
    "line_of",
    "milliseconds",
    "pnl",
    "price",
]

FILLS = (8_000, 1_000)
"""At most this many fills are in the page: of the first agent, and of every other."""
PRICES = 6_000
"""At most about this many points of a price: one zooms in on it more than on anything else."""
LINES = 9_000
"""At most about this many points of all lines of any other chart."""
INVENTORIES = 3
"""So many inventories are visible at first; more of them are a tangle."""
SIDES = ("buy", "sell")


@dataclass
class Chart:
    """One panel: an empty `traces` means there was nothing to draw, and `empty` says what."""

    key: str
    title: str
    note: str = ""
    traces: list[dict[str, Any]] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)
    timed: bool = False
    """Whether the x axis is time, which all such charts of a page share when one is zoomed."""
    wide: bool = False
    height: int = 260
    empty: str = "nothing to show"


def milliseconds(times: Any) -> dict[str, str]:
    """Nanoseconds as a date axis counts them."""
    return packed(np.asarray(times, dtype=np.float64) / 1e6)


def line_of(
    name: str,
    colour: str,
    times: Any,
    values: Any,
    limit: int = POINTS,
    until: int | None = None,
) -> dict[str, Any]:
    """A line over time, thinned to about `limit` points, its last value standing `until` then."""
    times, values = thin(np.asarray(times, np.int64), np.asarray(values, np.float64), limit)
    if until is not None and until > times[-1]:
        times, values = np.append(times, until), np.append(values, values[-1])
    return {
        "type": "scatter", "mode": "lines", "name": name,
        "x": milliseconds(times), "y": packed(values), "hovertemplate": "%{y:,.6~g}",
        "line": {"color": colour, "width": 1.5, "shape": "hv"},
    }  # fmt: skip


def column(frame: pl.DataFrame, name: str) -> Any:
    """A column as float64, missing values as NaN."""
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def histogram(name: str, colour: str, centres: Any, heights: Any) -> dict[str, Any]:
    """Bars of given heights around given centres."""
    return {
        "type": "bar", "name": name, "x": packed(centres), "y": packed(heights),
        "marker": {"color": colour, "line": {"width": 0}}, "hovertemplate": "%{y:,d}",
    }  # fmt: skip


def book_of(result: Result, market: str) -> pl.DataFrame:
    """The best prices of a market at the end of each instant; what lasted no time is left out."""
    book = result.book.filter(pl.col("market") == market)
    return book.filter((pl.col("time_ns") != pl.col("time_ns").shift(-1)).fill_null(True))


def price(result: Result, market: str, shown: list[str]) -> Chart:
    """Best bid and ask with the fills of the agents to be shown; the first one's are visible."""
    chart = Chart(
        f"price-{market}",
        f"{market} price and fills",
        timed=True,
        wide=True,
        height=480,
        empty="no quotes and no trades",
    )
    book = book_of(result, market)
    for side in ("ask", "bid") if not book.is_empty() else ():
        prices = column(book, side)
        line = line_of(side, f"${side}-line", book["time_ns"], prices, PRICES, result.end_ns)
        chart.traces.append(line)
    own = result.fills.filter(pl.col("market") == market)
    for rank, agent in enumerate(shown):
        for side in SIDES:
            chosen = own.filter(pl.col("agent") == agent, pl.col("side") == side.upper())
            if chosen.is_empty():
                continue
            every = -(-2 * chosen.height // FILLS[rank > 0])
            trace = _markers(chosen.gather_every(every), side, rank == 0)
            if len(shown) > 1:
                first = agent not in [other["name"] for other in chart.traces]
                trace |= {"name": agent, "legendgroup": agent, "showlegend": first}
            chart.traces.append(trace)
    count = own.filter(pl.col("agent").is_in(shown)).height
    chart.note = f"{count:,} fills; zoom in to see them one by one" if count else "no fills"
    chart.layout = {"hovermode": "closest", "yaxis": {"tickformat": ",.6~g"}}
    return chart


def _markers(fills: pl.DataFrame, side: str, visible: bool) -> dict[str, Any]:
    """Fills as triangles; the page draws as many of them as there is room for."""
    return {
        "type": "scatter", "mode": "markers", "name": f"{side}s",
        "fills": {
            "x": milliseconds(fills["time_ns"]), "y": packed(fills["price"]),
            "quantity": packed(fills["quantity"], "<f4"), "order": packed(fills["order_id"]),
            "fee": packed(fills["fee"], "<f4"), "maker": packed(fills["role"] == "maker", "u1"),
        },
        "visible": True if visible else "legendonly",
        "marker": {
            "symbol": "triangle-up" if side == "buy" else "triangle-down", "color": f"${side}",
            "opacity": 0.9, "line": {"color": "$panel", "width": 0.6},
        },
        "hovertemplate": f"<b>{side} %{{customdata:,.6~g}} @ %{{y:,.8~g}}</b><br>%{{text}}",
    }  # fmt: skip


def _by_agent(frame: pl.DataFrame, shown: list[str]) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Each agent to be shown that has rows, its colour and its rows."""
    for rank, agent in enumerate(shown):
        rows = frame.filter(pl.col("agent") == agent)
        if not rows.is_empty():
            yield agent, f"$series-{rank % 8}", rows


def _share(shown: list[str]) -> int:
    """How many points each agent's line may have."""
    return min(POINTS, LINES // max(1, len(shown)))


def _others(result: Result, shown: list[str]) -> str:
    """A note about agents that are left out."""
    hidden = result.agents.height - len(shown)
    return f"the {len(shown)} most active agents" if hidden > 0 and len(shown) > 1 else ""


def pnl(result: Result, shown: list[str]) -> Chart:
    """What trading made, over time."""
    chart = Chart(
        "pnl", f"Result of trading, {result.unit}",
        _others(result, shown) or "marked at the mid, fees included",
        timed=True, wide=True, height=320, empty="no account had money",
    )  # fmt: skip
    for agent, colour, rows in _by_agent(result.equity, shown):
        values = column(rows, "pnl")
        line = line_of(agent, colour, rows["time_ns"], values, _share(shown), result.end_ns)
        if len(shown) == 1:
            line |= {"fill": "tozeroy", "fillcolor": "$series-0-soft"}
        chart.traces.append(line)
    return chart


def drawdowns(result: Result, shown: list[str]) -> Chart:
    """How far that fell from its highest."""
    chart = Chart(
        "drawdown", f"Drawdown of that result, {result.unit}", _others(result, shown),
        timed=True, empty="no account had money",
    )  # fmt: skip
    for agent, colour, rows in _by_agent(result.equity, shown):
        below = -drawdown(column(rows, "pnl"))
        line = line_of(agent, colour, rows["time_ns"], below, _share(shown) // 2, result.end_ns)
        if len(shown) == 1:
            line["line"]["color"] = "$sell"
            line |= {"fill": "tozeroy", "fillcolor": "$sell-soft"}
        chart.traces.append(line)
    return chart


def equity(result: Result, shown: list[str]) -> Chart:
    """All that is owned, less what that was worth at first."""
    chart = Chart(
        "equity", f"Equity, change in {result.unit}", "all that is owned, at the mid",
        timed=True, empty="no account had money",
    )  # fmt: skip
    for agent, colour, rows in _by_agent(result.equity, shown):
        owned = column(rows, "equity")
        change = owned - owned[0]
        line = line_of(agent, colour, rows["time_ns"], change, _share(shown) // 2, result.end_ns)
        chart.traces.append(line)
    return chart


def inventory(result: Result, shown: list[str]) -> Chart:
    """What each agent holds of the first market's base asset, less what it began with."""
    base = result.markets[0].base.name
    chart = Chart(
        "inventory", f"Inventory, change in {base}", timed=True, wide=True,
        empty=f"nobody traded {base}",
    )  # fmt: skip
    bought = result.inventory.filter(
        pl.col("market").cast(pl.String).is_in(_markets_of(result, base))
    )
    for agent, colour, rows in _by_agent(bought, shown):
        change = _summed(rows)
        line = line_of(agent, colour, *change, _share(shown), result.end_ns)
        if len(chart.traces) >= INVENTORIES:
            line["visible"] = "legendonly"
            chart.note = "click a name to see another"
        if len(shown) == 1:
            line |= {"fill": "tozeroy", "fillcolor": "$series-0-soft"}
        chart.traces.append(line)
    return chart


def _markets_of(result: Result, base: str) -> list[str]:
    return [market.name for market in result.markets if market.base.name == base]


def _summed(rows: pl.DataFrame) -> tuple[Any, Any]:
    """Times and inventory of one agent over all markets of an asset."""
    rows = rows.sort("sequence", maintain_order=True)
    moved = pl.col("inventory").diff().over("market").fill_null(pl.col("inventory"))
    return rows["time_ns"].to_numpy(), rows.select(moved.cum_sum()).to_series().to_numpy()
