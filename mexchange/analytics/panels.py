"""The panels of a run by name: what a report is made of and what `Result.plot` draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mexchange.analytics import (
    book_charts,
    charts,
    fill_charts,
    map_chart,
    part_charts,
    wait_charts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mexchange.analytics.charts import Chart
    from mexchange.analytics.view import View

__all__ = ["PANELS", "SECTIONS"]

PANELS: dict[str, Callable[[View], list[Chart]]] = {
    "pnl": lambda v: [charts.pnl(v.result, v.shown)],
    "drawdown": lambda v: [charts.drawdowns(v.result, v.shown)],
    "equity": lambda v: [charts.equity(v.result, v.shown)],
    "attribution": part_charts.attribution,
    "inventory": lambda v: [charts.inventory(v.result, v.shown)],
    "price": lambda v: [charts.price(v.result, market, v.makers_first) for market in v.markets],
    "depth_map": lambda v: [map_chart.depth_map(v.result, market) for market in v.markets],
    "spread": lambda v: [book_charts.spread(v.result, v.markets)],
    "spread_shares": lambda v: [book_charts.spread_shares(v.result, v.markets)],
    "depth": lambda v: [book_charts.depth(v.result, market) for market in v.markets],
    "volume": lambda v: [book_charts.volume(v.result, market) for market in v.markets],
    "fills": lambda v: fill_charts.sides(v.result, v.shown),
    "fill_sizes": lambda v: fill_charts.sizes(v.result, v.shown),
    "fill_gaps": lambda v: fill_charts.gaps(v.result, v.shown),
    "markouts": lambda v: fill_charts.markouts(v.result, v.shown),
    "fill_times": lambda v: [wait_charts.fill_chance(v)],
    "queue": lambda v: [wait_charts.queue(v)],
}
"""Every panel by name; one that has nothing to say of a view gives no chart."""

SECTIONS: dict[str, tuple[str, ...]] = {
    "Result": (
        "pnl", "drawdown", "equity", "attribution", "inventory",
    ),
    "Market": ("price", "depth_map", "spread", "spread_shares", "depth", "volume"),
    "Fills": ("markouts", "fill_times", "queue", "fills", "fill_sizes", "fill_gaps"),
}  # fmt: skip
"""The panels of a report under the headings they stand below."""
