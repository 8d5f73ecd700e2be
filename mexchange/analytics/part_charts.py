"""The charts of where results came from: spread, inventory and fees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from mexchange.analytics.attribution import over_time
from mexchange.analytics.charts import Chart, line_of
from mexchange.analytics.series import packed

if TYPE_CHECKING:
    from mexchange.analytics.view import View

__all__ = ["attribution"]

PARTS = {"spread": "$series-0", "inventory": "$series-1", "fees": "$series-4"}
SAMPLES = 1_200


def attribution(view: View) -> list[Chart]:
    """Of several agents what all got, then of one (the only, or the busiest maker) how it came."""
    sums = [parts(view)] if len(view.shown) != 1 else []
    return [*sums, parts_over_time(view, view.markets[0])]


def parts(view: View) -> Chart:
    """A bar for each agent, and in it what came from where."""
    chart = Chart(
        "parts", f"Where results came from, {view.result.unit}",
        "spread captured + inventory revalued + fees = result", wide=True, empty="no fills",
    )  # fmt: skip
    own = _of_unit(view).filter(pl.col("agent").cast(pl.String).is_in(view.shown))
    sums = own.group_by("agent").agg(pl.col(*PARTS, "pnl").sum()).sort("pnl")
    if sums.is_empty() or not sums.select(pl.sum_horizontal(pl.col(*PARTS).abs().sum())).item():
        return chart
    names = [f"{agent} " for agent in sums["agent"].cast(pl.String)]
    for part, colour in PARTS.items():
        chart.traces.append(
            {
                "type": "bar", "orientation": "h", "name": part, "y": names,
                "x": packed(sums[part]), "hovertemplate": "%{x:,.6~g}",
                "marker": {"color": colour, "line": {"width": 0}},
            }
        )  # fmt: skip
    chart.traces.append(
        {
            "type": "scatter", "mode": "markers", "name": "result", "y": names,
            "x": packed(sums["pnl"]), "hovertemplate": "%{x:,.6~g}",
            "marker": {
                "symbol": "diamond", "size": 9, "color": "$ink",
                "line": {"color": "$panel", "width": 1.5},
            },
        }
    )  # fmt: skip
    chart.height = 90 + 30 * len(names)
    axis = {"automargin": True, "showgrid": False}
    chart.layout = {
        "barmode": "relative", "bargap": 0.35, "yaxis": axis, "hovermode": "y unified",
        "xaxis": {"tickformat": ",.6~g", "showgrid": True, "zeroline": True},
    }  # fmt: skip
    return chart


def _of_unit(view: View) -> pl.DataFrame:
    """The rows of markets whose quote asset money is counted in."""
    result = view.result
    names = [market.name for market in result.markets if market.quote.name == result.unit]
    return result.attribution.filter(pl.col("market").cast(pl.String).is_in(names))


def parts_over_time(view: View, market: str) -> Chart:
    """What the result of one agent consisted of as time went on."""
    result, agent = view.result, view.makers_first[0] if view.shown else ""
    number = next(n for n, each in enumerate(result.markets) if each.name == market)
    chart = Chart(
        f"parts-{market}", f"Where the result of {agent} came from, {result.markets[number].quote}",
        f"in {market}, sums", timed=True, wide=True, height=300, empty="no fills",
    )  # fmt: skip
    if result.fills.filter(pl.col("agent") == agent, pl.col("market") == market).is_empty():
        return chart
    frame = over_time(result.source, number, view.accounts[agent], view.times(SAMPLES))
    for part, colour in PARTS.items():
        chart.traces.append(line_of(part, colour, frame["time_ns"], frame[part], SAMPLES))
    chart.traces.append(line_of("result", "$ink", frame["time_ns"], frame["pnl"], SAMPLES))
    chart.traces[-1]["line"]["width"] = 2
    chart.layout = {"yaxis": {"tickformat": ",.6~g", "zeroline": True}}
    return chart
