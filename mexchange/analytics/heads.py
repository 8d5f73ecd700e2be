"""What stands at the top of a report: its title and the figures one looks at first."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from mexchange.analytics.pieces import (
    NONE,
    bps,
    card,
    duration,
    number,
    percent,
    signed,
    spread_out,
    tone,
    words,
)
from mexchange.records import EventKind, Reason

if TYPE_CHECKING:
    from mexchange.analytics.result import Result
    from mexchange.analytics.view import View

__all__ = ["cards", "header"]

SECOND = 1_000_000_000


def header(result: Result) -> str:
    """Title, markets, length, seed and digest."""
    facts = [
        ", ".join(market.name for market in result.markets[:6]),
        f"{duration((result.end_ns - result.start_ns) / SECOND)} of market time",
        f"{len(result.records):,} events",
        f"seed {result.seed}",
    ]
    spans = "".join(f"<span>{escape(fact)}</span>" for fact in facts if fact)
    digest = f"<span><code>{escape(result.digest[:16])}</code></span>" if result.digest else ""
    return f'<header><h1>{escape(result.title)}</h1><p class="lead">{spans}{digest}</p></header>'


def cards(view: View) -> str:
    """The headline figures, of one agent or of the market."""
    own = view.result.agents.filter(pl.col("agent").cast(pl.String) == view.focus)
    figures = _agent_cards(view, own.row(0, named=True)) if own.height else _market_cards(view)
    return f'<div class="cards">{"".join(figures + _book_cards(view.result))}</div>'


def _agent_cards(view: View, own: dict[str, Any]) -> list[str]:
    result = view.result
    base, quote = result.markets[0].base.name, result.unit
    fills = result.fills.filter(pl.col("agent") == own["agent"])
    buys = fills.filter(pl.col("side") == "BUY").height
    takes = fills.filter(pl.col("role") == "taker").height
    orders = result.orders.filter(pl.col("agent") == own["agent"]).height
    pnl, volume, traded = own["pnl"], own["volume"], float(fills["quantity"].sum())
    found = view.performance.get(own["agent"], {})
    chance = spread_out(found.get("pnl"), signed)
    lasted = found["drawdown_seconds"]["value"] if found else None
    return [
        card("Profit and loss", signed(pnl), quote, chance or _of_volume(pnl, volume), tone(pnl)),
        card("Sharpe ratio, a year", *_figure(found.get("sharpe"), _one)),
        card(
            "Largest drawdown", number(own["drawdown"]), quote,
            f"longest {duration(lasted)}" if lasted else "",
        ),
        card("Hit rate", *_figure(found.get("hit_rate"), percent)),
        card("Profit factor", *_figure(found.get("profit_factor"))),
        card("Volume", number(volume), quote, f"{number(traded)} {base}"),
        card("Fills", number(own["fills"]), "", f"{buys:,} buys · {own['fills'] - buys:,} sells"),
        card("Maker share", percent(own["maker_share"]), "", f"{takes:,} fills taken"),
        card("Fees paid", number(own["fees"]), quote, _of_volume(own["fees"], volume)),
        card("Inventory", signed(own["inventory"]), base, _exposure(found)),
        card("Orders", number(orders), "", _per(orders, own["fills"], "fill")),
    ]  # fmt: skip


def _one(value: Any) -> str:
    return number(value, 1)


def _figure(figure: dict[str, Any] | None, show: Any = number) -> tuple[str, str, str]:
    """Value, unit and interval of a figure as a card takes them."""
    if figure is None or figure["value"] is None:
        return NONE, "", ""
    return show(figure["value"]), "", spread_out(figure, show)


def _exposure(found: dict[str, dict[str, Any]]) -> str:
    share = found["time_in_market"]["value"] if found else None
    return "change over the run" if share is None else f"held {percent(share)} of the time"


def _of_volume(part: Any, whole: Any) -> str:
    found = bps(part, whole)
    return f"{found} bps of volume" if found else ""


def _per(orders: int, count: int, what: str) -> str:
    return f"{orders / count:,.1f} for each {what}" if count else "no fills"


def _market_cards(view: View) -> list[str]:
    result, agents = view.result, view.result.agents
    base, quote = result.markets[0].base.name, result.unit
    trades, scan = result.trades, result.source.scan
    traded = float(agents["volume"].sum()) / 2
    amount = trades.filter(pl.col("market").cast(pl.String) == result.markets[0].name)["quantity"]
    found = [
        card("Agents", number(agents.height)),
        card("Trades", number(trades.height), "", "" if trades.height else "no fills"),
        card("Volume", number(traded), quote, f"{number(float(amount.sum()))} {base}"),
        card("Fees", number(float(agents["fees"].sum())), quote),
    ]
    best = agents.filter(pl.col("pnl").is_not_null()).sort("pnl", descending=True)
    for name, row in (("Best result", best.head(1)), ("Worst result", best.tail(1))):
        for agent, pnl in row.select("agent", "pnl").iter_rows():
            found.append(card(name, signed(pnl), quote, agent, tone(pnl)))
    accepted, refused = int(scan.kinds[EventKind.ACCEPTED]), int(scan.kinds[EventKind.REJECTED])
    reason = words(Reason(int(scan.reasons.argmax())).name) if refused else ""
    return [
        *found,
        card("Orders", number(accepted), "", _per(accepted, trades.height, "trade")),
        card("Rejected commands", number(refused), "", f"most: {reason}" if reason else ""),
    ]


def _book_cards(result: Result) -> list[str]:
    if result.spreads.is_empty():
        return [card("Mean spread", NONE, "", "the book stayed empty")]
    row = result.spreads.row(0, named=True)
    paid = row["effective"]
    more = f"paid {number(paid)} bps" if paid is not None else ""
    found = [card("Mean spread", number(row["spread_bps"]), "bps", more)]
    depth = f"bid {number(row['bid_depth'])} · ask {number(row['ask_depth'])}"
    mean = (row["bid_depth"] + row["ask_depth"]) / 2
    return [*found, card("Depth at the best", number(mean), result.markets[0].base.name, depth)]
