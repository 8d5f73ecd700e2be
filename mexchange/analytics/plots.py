"""`Result.plot`: the panels of a report, one or all, as Plotly figures."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mexchange.analytics.charts import Chart
    from mexchange.analytics.result import Result

__all__ = ["Plots"]

MILLISECOND = 1_000_000
DAY_NS = 86_400_000_000_000


class Plots:
    """Draws a result: `plot()` all panels, `plot("equity")` or `plot.equity()` one of them.

    `dir(plot)` has their names, so the Tab key has them too. All take `agent`, to look at one only,
    `market` (a name or number; default all), and `theme` (`"light"` or `"dark"`). They give a
    `plotly.graph_objects.Figure`, which a notebook shows.
    """

    def __init__(self, result: Result) -> None:
        self._result = result

    def __call__(
        self,
        name: str | None = None,
        *,
        agent: str | None = None,
        market: str | int | None = None,
        theme: str = "light",
    ) -> Any:
        """The figure; ValueError for a name, agent, market or theme that is not there."""
        from mexchange.analytics.figure import figure

        charts = self._charts(name, agent, market)
        return figure(charts, time_axis(self._result), theme, self._result.title)

    def _charts(self, name: str | None, agent: str | None, market: str | int | None) -> list[Chart]:
        from mexchange.analytics.microstructure.quotes import chosen
        from mexchange.analytics.panels import PANELS, SECTIONS
        from mexchange.analytics.view import View

        view = View.of(self._result, agent)
        if market is not None:
            view.markets = [self._result.markets[n].name for n in chosen(self._result, market)]
        if name is None:
            return [
                chart for names in SECTIONS.values() for n in names for chart in PANELS[n](view)
            ]
        if name not in PANELS:
            near = get_close_matches(name, PANELS, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else "."
            raise ValueError(f"no panel {name!r}{guess} There is: {', '.join(PANELS)}")
        return PANELS[name](view)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        from mexchange.analytics.panels import PANELS

        if name.startswith("_") or name not in PANELS:
            near = get_close_matches(name, PANELS, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"no panel {name!r}{guess}", name=name, obj=self)
        return partial(self, name)

    def __dir__(self) -> list[str]:
        from mexchange.analytics.panels import PANELS

        return list(PANELS)

    def __repr__(self) -> str:
        return f"<plot(name): {', '.join(dir(self))}; plot() draws all>"


def time_axis(result: Result) -> dict[str, Any]:
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
