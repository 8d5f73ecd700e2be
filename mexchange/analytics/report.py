"""A run as one page: `write_report(result, path)` makes a self-contained HTML file.

The page holds its own styles, Plotly and the thinned series, and asks the network for nothing.
"""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mexchange.analytics import book_charts, charts, failures, fill_charts, pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.analytics.charts import Chart
    from mexchange.analytics.result import Result

__all__ = ["write_report"]

MARKETS_SHOWN = 4
MILLISECOND = 1_000_000
DAY_NS = 86_400_000_000_000


def write_report(result: Result, path: Path | str) -> Path:
    """Write the report of a run as HTML and return its path.

    `result.extra` may name the agent the report is about (`focus`); without it, that is the only
    agent there is, or none. Raises OSError if the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_page(result), encoding="utf-8")
    return path


def _page(result: Result) -> str:
    agents = result.agents
    focus = pieces.focus(result, agents)
    shown = [focus] if focus else agents["agent"].to_list()[: charts.AGENTS_SHOWN]
    markets = _markets(result)
    panels = _sections(result, agents, shown, markets)
    body = [
        pieces.header(result),
        failures.section(result),
        pieces.cards(result, agents, focus),
        *(_section(title, content) for title, content in panels),
        pieces.about(result),
    ]
    drawn = [c for _, content in panels for c in content if not isinstance(c, str) and c.traces]
    return _html(result, "\n".join(body), drawn)


def _markets(result: Result) -> list[str]:
    """The names of the markets to draw, those with the most trades first."""
    names = [market.name for market in result.markets]
    counts = dict(result.trades.group_by(pl.col("market")).len().iter_rows())
    return sorted(names, key=lambda name: -counts.get(name, 0))[:MARKETS_SHOWN]


def _sections(
    result: Result, agents: pl.DataFrame, shown: list[str], markets: list[str]
) -> list[tuple[str, Sequence[Chart | str]]]:
    """Titles and what stands under each: charts to draw, or HTML."""
    quote = result.markets[0].quote.name
    makers = _makers_first(result, shown)
    prices = [charts.price(result, market, makers) for market in markets]
    book: list[Chart | str] = [
        book_charts.spread(result, markets),
        book_charts.spread_shares(result, markets),
    ]
    for market in markets:
        book += [book_charts.depth(result, market), book_charts.volume(result, market)]
    if len(markets) > 1:
        book.append(pieces.spread_table(result))
    return [
        (
            "Trading",
            [*prices, *charts.equity(result, shown, quote), charts.inventory(result, shown)],
        ),
        ("Market quality", book),
        ("Fills", fill_charts.fills(result, shown)),
        ("Agents", [pieces.agents_table(result, agents)] if agents.height > 1 else []),
        ("Orders", [pieces.orders_table(result), pieces.rejects_table(result)]),
        ("The record", pieces.record(result)),
    ]


def _makers_first(result: Result, shown: list[str]) -> list[str]:
    """The agents to be shown, whoever made the most markets first: its fills tell the most."""
    made = result.fills.filter(pl.col("role") == "maker").group_by("agent").len()
    counts = dict(made.iter_rows())
    return sorted(shown, key=lambda agent: -counts.get(agent, 0))


def _section(title: str, content: Sequence[Chart | str]) -> str:
    """A heading with its panels in a grid of two columns."""
    if not content:
        return ""
    panels = "\n".join(part if isinstance(part, str) else _panel(part) for part in content)
    return f'<section><h2>{escape(title)}</h2>\n<div class="grid">\n{panels}\n</div></section>'


def _panel(chart: Chart) -> str:
    if chart.traces:
        inside = f'<div id="{escape(chart.key)}" style="height:{chart.height}px"></div>'
    else:
        inside = f'<p class="empty">{escape(chart.empty)}</p>'
    return pieces.panel(chart.title, inside, chart.note, wide=chart.wide)


def _time_axis(result: Result) -> dict[str, Any]:
    """How times are written: without a date where time counts from a day's start."""
    dated = result.start_ns >= 366 * DAY_NS
    long, short = ("%e %b %H:%M", "%e %b %H:%M:%S") if dated else ("%H:%M", "%H:%M:%S")
    stops = [
        {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%3f"},
        {"dtickrange": [1_000, 60_000], "value": short},
        {"dtickrange": [60_000, 86_400_000], "value": long},
    ]
    first, last = result.start_ns, max(result.end_ns, result.start_ns + MILLISECOND)
    around = [first / MILLISECOND, last / MILLISECOND]
    return {"tickformatstops": stops, "hoverformat": f"{short}.%3f", "range": around}


def _html(result: Result, body: str, drawn: list[Chart]) -> str:
    from plotly.offline import get_plotlyjs

    page = resources.files("mexchange.analytics") / "page"
    css = (page / "page.css").read_text(encoding="utf-8")
    script = (page / "page.js").read_text(encoding="utf-8")
    fields = ("key", "traces", "layout", "timed", "height")
    data = json.dumps([{f: getattr(chart, f) for f in fields} for chart in drawn])
    data = data.replace("</", "<\\/")
    time = json.dumps(_time_axis(result))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(result.title)} · mExchange</title>
<link rel="icon" href="data:,">
<style>
{css}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="charts">{data}</script>
<script>{get_plotlyjs()}</script>
<script>
const TIME = {time};
{script}</script>
</body>
</html>
"""
