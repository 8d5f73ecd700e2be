"""A run as one page: `write_report(result, path)` makes a self-contained HTML file.

The page holds its own styles, Plotly and the thinned series, and asks the network for nothing.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mexchange.analytics import failures, heads, pieces, tables
from mexchange.analytics.panels import PANELS, SECTIONS
from mexchange.analytics.plots import time_axis
from mexchange.analytics.shell import html_page
from mexchange.analytics.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.analytics.charts import Chart
    from mexchange.analytics.result import Result

__all__ = ["write_report"]


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
    view = View.of(result)
    sections = {
        title: [chart for name in names for chart in PANELS[name](view)]
        for title, names in SECTIONS.items()
    }
    tabled: dict[str, list[str]] = {
        "Result": [tables.performance_table(view), tables.agents_table(result)],
        "Market": [tables.spread_table(result)],
        "Fills": [tables.waiting_table(view)],
        "Orders": [tables.orders_table(result), tables.rejects_table(result)],
        "The record": tables.record(result),
    }
    body = [heads.header(result), heads.cards(view), failures.section(result)]
    for title in dict.fromkeys([*sections, *tabled]):
        drawn = [_panel(chart) for chart in sections.get(title, ())]
        body.append(_section(title, [*drawn, *filter(None, tabled.get(title, ()))]))
    drawn_charts = [chart for charts in sections.values() for chart in charts if chart.traces]
    return _html(result, "\n".join([*body, tables.about(result)]), drawn_charts)


def _section(title: str, panels: Sequence[str]) -> str:
    """A heading with its panels in a grid of two columns."""
    if not panels:
        return ""
    inside = "\n".join(panels)
    return f'<section><h2>{escape(title)}</h2>\n<div class="grid">\n{inside}\n</div></section>'


def _panel(chart: Chart) -> str:
    if chart.traces:
        inside = f'<div id="{escape(chart.key)}" style="height:{chart.height}px"></div>'
    else:
        inside = f'<p class="empty">{escape(chart.empty)}</p>'
    return pieces.panel(chart.title, inside, chart.note, wide=chart.wide)


def _html(result: Result, body: str, drawn: list[Chart]) -> str:
    fields = ("key", "traces", "layout", "timed", "height")
    charts = [{field: getattr(chart, field) for field in fields} for chart in drawn]
    return html_page(result.title, body, charts, time_axis(result))
