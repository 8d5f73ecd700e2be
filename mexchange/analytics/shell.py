"""The page around what is shown: styles, Plotly and charts in one file that asks for nothing."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["html_page"]


def html_page(
    title: str,
    body: str,
    charts: Sequence[Mapping[str, Any]],
    time: Mapping[str, Any],
    css: str = "",
) -> str:
    """A self-contained page.

    Args:
        title: what the tab is called.
        body: HTML, with an element for each chart whose id is the chart's key.
        charts: of each `key`, `traces`, `layout`, `timed` and `height`, as `page/page.js` draws it.
        time: what all time axes share; `range` is in milliseconds.
        css: rules beside those of `page/page.css`.
    """
    from plotly.offline import get_plotlyjs

    page = resources.files("mexchange.analytics") / "page"
    style = (page / "page.css").read_text(encoding="utf-8")
    script = (page / "page.js").read_text(encoding="utf-8")
    data = json.dumps([dict(chart) for chart in charts]).replace("</", "<\\/")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · mExchange</title>
<link rel="icon" href="data:,">
<style>
{style}{css}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="charts">{data}</script>
<script>{get_plotlyjs()}</script>
<script>
const TIME = {json.dumps(time)};
{script}</script>
</body>
</html>
"""
