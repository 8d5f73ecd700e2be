"""The tables of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from mexchange.analytics.microstructure import fill_curve
from mexchange.analytics.pieces import (
    NONE,
    bps,
    duration,
    number,
    panel,
    percent,
    signed,
    spread_out,
    table,
    text,
    words,
)
from mexchange.ledger import check
from mexchange.records import Reason

if TYPE_CHECKING:
    from mexchange.analytics.result import Result
    from mexchange.analytics.view import View

__all__ = [
    "about",
    "agents_table",
    "orders_table",
    "performance_table",
    "record",
    "rejects_table",
    "spread_table",
    "waiting_table",
]

WEEK_NS = 7 * 86_400_000_000_000
COUNTED = ("orders", "quantity")


def _one(value: Any) -> str:
    return number(value, 1)


SHOWN = {
    "total_return": percent,
    "volatility": percent,
    "sharpe": _one,
    "sortino": _one,
    "calmar": _one,
    "max_drawdown": percent,
    "drawdown_seconds": duration,
    "hit_rate": percent,
    "profit_factor": number,
    "turnover": number,
    "exposure": percent,
}
"""The figures of performance in a report, and how each is written."""
SMALL = ("total_return", "max_drawdown")
"""Those that are written in basis points where they stand below one another."""


def performance_table(view: View) -> str:
    """Performance: of one agent each figure with its interval, of several a row for each."""
    found = view.performance
    note = "of value at regular times; annualised for 365 days; 95 % intervals by block bootstrap"
    shown = SHOWN if _long(view.result) else {n: s for n, s in SHOWN.items() if n != "calmar"}
    if len(found) == 1:
        ((_, figures),) = found.items()
        rows = [
            [_named(name), show(figures[name]["value"]), spread_out(figures[name], show) or NONE,
             figures[name]["unit"]]
            for name, show in shown.items()
        ]  # fmt: skip
        return panel("Performance", table(["figure", "value", "interval", ""], rows), note)
    heads = ["agent", *(_named(n) + (", bps" if n in SMALL else "") for n in shown)]
    rows = [
        [agent, *(_bps_of(f[n]["value"]) if n in SMALL else show(f[n]["value"])
                  for n, show in shown.items())]
        for agent, f in found.items()
    ]  # fmt: skip
    note = "of value at regular times; annualised for 365 days"
    return panel("Performance", table(heads, rows), note) if rows else ""


def _bps_of(share: float | None) -> str:
    return NONE if share is None else number(10_000 * share)


def _named(figure: str) -> str:
    return {"drawdown_seconds": "longest drawdown"}.get(figure, words(figure))


def _long(result: Result) -> bool:
    """Whether a yearly rate of a run this long says anything."""
    return result.end_ns - result.start_ns >= WEEK_NS


def spread_table(result: Result) -> str:
    """What the spread of each market was, what takers paid of it, and what came after."""
    later = [name for name in result.spreads.columns if name.startswith("realised")]
    heads = ["market", "quoted", "quoted, bps", "effective", *(_later(n) for n in later),
             "bid depth", "ask depth", "one-sided"]  # fmt: skip
    rows = [
        [row["market"], number(row["spread"], 4), number(row["spread_bps"]),
         number(row["effective"]), *(number(row[name]) for name in later),
         number(row["bid_depth"]), number(row["ask_depth"]), percent(row["one_sided"])]
        for row in result.spreads.iter_rows(named=True)
    ]  # fmt: skip
    note = "quoted over time; effective and realised (after …) by quantity, basis points"
    return panel("Spreads", table(heads, rows), note) if rows else ""


def _later(name: str) -> str:
    """What a realised spread is called: `realised_0.1s` is that after 0.1 s."""
    return f"after {name.removeprefix('realised_').removesuffix('s')} s"


def waiting_table(view: View) -> str:
    """How long resting orders wait, and how far back in the queue."""
    times, ahead = view.result.fill_times, view.result.queue_positions
    rows = []
    for agent in view.shown:
        own = times.filter(pl.col("agent") == agent, pl.col("waited") > 0)
        filled, queued = own.filter("filled"), ahead.filter(pl.col("agent") == agent)
        if filled.is_empty() or queued.is_empty():
            continue
        curve = fill_curve(own)
        chances = [curve.filter(pl.col("seconds") <= horizon)["share"].max() for horizon in (1, 10)]
        first = (queued["ahead_at_fill"] == 0).mean()
        rows.append([
            agent, number(filled.height), _median(filled["waited"], duration),
            *(percent(chance or 0.0) for chance in chances),
            _median(queued["ahead_at_rest"], number), _median(queued["ahead_at_fill"], number),
            percent(first),
        ])  # fmt: skip
    heads = ["agent", "orders filled", "median wait", "fill within 1 s", "within 10 s",
             "ahead when joined", "ahead when hit", "first when hit"]  # fmt: skip
    note = "of resting orders; ahead: median, base displayed before it at its price"
    return panel("Waiting", table(heads, rows), note) if rows else ""


def _median(values: pl.Series, show: Any) -> str:
    return str(show(values.median()))


def agents_table(result: Result) -> str:
    """Every agent's figures."""
    agents, base, quote = result.agents, result.markets[0].base.name, result.unit
    if agents.height < 2:
        return ""
    heads = [
        "agent", f"result, {quote}", "bps of volume", "fills", "maker share", f"volume, {quote}",
        f"fees, {quote}", "drawdown", f"inventory, {base}",
    ]  # fmt: skip
    rows = [
        [
            row["agent"], signed(row["pnl"]), bps(row["pnl"], row["volume"]) or NONE,
            number(row["fills"]), percent(row["maker_share"]), number(row["volume"]),
            number(row["fees"]), number(row["drawdown"]), signed(row["inventory"]),
        ]
        for row in agents.sort("pnl", descending=True, nulls_last=True).iter_rows(named=True)
    ]  # fmt: skip
    return panel("Who made and who lost", table(heads, rows))


def orders_table(result: Result) -> str:
    """What became of each agent's orders."""
    statistics = result.order_statistics
    if statistics.is_empty():
        return panel("What became of orders", '<p class="empty">no orders</p>')
    counts = ["orders", "rejected", "traded", "filled", "cancelled", "expired", "open"]
    heads = [
        "agent", *counts, "traded, %", "cancelled, %", "median life", "messages a fill",
    ]  # fmt: skip
    rows = [
        [
            row["agent"], *(number(row[count]) for count in counts), percent(row["fill_rate"]),
            percent(row["cancel_rate"]), duration(row["lifetime"]),
            number(row["order_to_trade"]),
        ]
        for row in statistics.iter_rows(named=True)
    ]  # fmt: skip
    note = "traded: at least one fill; percentages are of accepted orders"
    return panel("What became of orders", table(heads, rows), note)


def rejects_table(result: Result) -> str:
    """Rejects by reason, or an empty string where there are none."""
    counts = result.source.scan.reasons
    found = sorted((-int(counts[reason]), reason.name) for reason in Reason if counts[reason])
    rows = [[words(reason), number(-count)] for count, reason in found]
    return panel("Rejected commands", table(["reason", "count"], rows)) if rows else ""


def record(result: Result) -> list[str]:
    """How recorded flow went in a backtest: what else a result tells, and its divergence."""
    told = {n: v for n, v in result.extra.items() if n != "focus" and isinstance(v, int | float)}
    divergence = result.extra.get("divergence")
    panels = []
    if told:
        rows = [[words(name), text(value)] for name, value in told.items()]
        panels.append(panel("How the recorded flow went", table(["", ""], rows), wide=False))
    if divergence:
        rows = []
        for kind in dict.fromkeys(map(_kind, divergence)):
            counts = [divergence.get(f"{kind}_{part}") for part in COUNTED]
            counts[0] = divergence.get(kind, counts[0])
            if any(counts):
                rows.append([words(kind), *(number(count) for count in counts)])
        content = table(["", *COUNTED], rows) if rows else '<p class="empty">nowhere</p>'
        title = "Where it left the record, orders and lots"
        panels.append(panel(title, content, wide=False))
    return panels


def _kind(name: str) -> str:
    """What is counted, whatever it is counted in."""
    for part in COUNTED:
        name = name.removesuffix(f"_{part}")
    return name


def about(result: Result) -> str:
    """Parameters, markets, seed and digest: what it takes to run this again."""
    facts = [
        ("seed", str(result.seed)),
        ("digest", result.digest or NONE),
        ("ledger", _balance(result)),
    ]
    plain = {name: value for name, value in result.parameters.items() if not _is_table(value)}
    pairs = [(words(name), text(value)) for name, value in plain.items()]
    tables = [
        _parameter_table(words(name), value)
        for name, value in result.parameters.items()
        if _is_table(value)
    ]
    markets = [
        [
            market.name, str(market.tick), str(market.lot),
            " · ".join(f"{f.maker_ppm / 100:g} / {f.taker_ppm / 100:g}" for f in market.fees[:4]),
        ]
        for market in result.markets
    ]  # fmt: skip
    heads = ["market", "tick", "lot", "fees in bps, maker / taker"]
    panels = [
        panel("Parameters", table(["", ""], [*pairs, *facts], "pairs"), wide=False),
        panel("Markets", table(heads, markets), wide=False),
        *tables,
    ]
    return (
        f'<section><h2>The run</h2><div class="grid">{"".join(panels)}</div></section>\n'
        "<footer>mExchange · the same seed and parameters give the same digest. "
        "Drag across a chart to zoom all of them, double-click to go back.</footer>"
    )


def _balance(result: Result) -> str:
    """Whether what changed hands or came from outside balances; holds are left to `check`."""
    entries = result.source.moves
    try:
        check(entries)
    except AssertionError as error:
        return f"out of balance: {error}"
    return f"{len(entries):,} postings of trades, fees and transfers, balanced to the atom"


def _is_table(value: Any) -> bool:
    """Whether a parameter is several things with parameters of their own, such as agents."""
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(v, dict) for v in value.values())
    )


def _parameter_table(title: str, things: dict[str, dict[str, Any]]) -> str:
    """One row a thing: its name, and what it was told."""
    rows = [
        [name, " · ".join(f"{words(key)} {text(value)}" for key, value in inner.items())]
        for name, inner in things.items()
    ]
    return panel(title.capitalize(), table(["", ""], rows, "pairs"))
