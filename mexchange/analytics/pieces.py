"""The parts of a report that are not charts: cards, tables and headings, as HTML."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from mexchange.records import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mexchange.analytics.result import Result

__all__ = [
    "about",
    "agents_table",
    "cards",
    "focus",
    "header",
    "number",
    "orders_table",
    "panel",
    "record",
    "rejects_table",
    "spread_table",
    "table",
]

SECOND = 1_000_000_000
SPREAD = ["market", "spread", "spread_bps", "bid_depth", "ask_depth", "one_sided"]
ROWS = 60
"""Longer tables end with how many rows were left out."""
NONE = "–"
COUNTED = ("orders", "quantity")


def number(value: Any, digits: int = 2) -> str:
    """A figure with thousands separated, `digits` decimals, or as many as a small one needs.

    >>> number(1234567.891), number(-0.00042), number(12), number(None)
    ('1,234,568', '−0.00042', '12', '–')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    if isinstance(value, int):
        text = f"{value:,d}"
    elif abs(value) >= 100_000:
        text = f"{value:,.0f}"
    elif value == 0 or abs(value) >= 10**-digits:
        text = f"{value:,.{digits}f}"
    else:
        text = f"{value:.2g}"
    return text.replace("-", "−")


def percent(share: Any) -> str:
    """A share as a percentage."""
    return NONE if share is None or share != share else f"{100 * share:.1f} %"  # noqa: PLR0124


def duration(seconds: float | None) -> str:
    """A length of time as people say it."""
    if seconds is None:
        return NONE
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.3g} s"


def panel(title: str, inside: str, note: str = "", wide: bool = True) -> str:
    """A framed part of the page."""
    name = "panel wide" if wide else "panel"
    hint = f'<span class="note">{escape(note)}</span>' if note else ""
    head = f'<div class="head"><h3>{escape(title)}</h3>{hint}</div>'
    return f'<div class="{name}">{head}{inside}</div>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], name: str = "") -> str:
    """An HTML table of plain texts; an empty head row is left out."""
    rows = list(rows)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[:ROWS]
    )
    if len(rows) > ROWS:
        body += f'<tr><td colspan="{len(rows[0])}">and {len(rows) - ROWS} more</td></tr>'
    top = f"<tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>" if any(heads) else ""
    return f'<div class="scroll"><table class="{name}">{top}{body}</table></div>'


def focus(result: Result, agents: pl.DataFrame) -> str:
    """The agent a report is about, or an empty string if it is about all of them."""
    named = result.extra.get("focus")
    if named is not None:
        return str(named)
    return str(agents["agent"][0]) if agents.height == 1 else ""


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


def card(name: str, value: str, unit: str = "", more: str = "", tone: str = "") -> str:
    """One headline figure."""
    suffix = f'<span class="unit">{escape(unit)}</span>' if unit and value != NONE else ""
    return (
        f'<div class="card"><div class="name">{escape(name)}</div>'
        f'<div class="value {tone}">{escape(value)}{suffix}</div>'
        f'<div class="more">{escape(more) or "&nbsp;"}</div></div>'
    )


def _tone(value: Any) -> str:
    return "up" if value and value > 0 else "down" if value and value < 0 else ""


def _signed(value: Any, digits: int = 2) -> str:
    return ("+" if value and value > 0 else "") + number(value, digits)


def _bps(part: Any, whole: Any) -> str:
    """A part of the volume in basis points, or an empty string where that means nothing."""
    return _signed(10_000 * part / whole) if part is not None and whole else ""


def _of_volume(part: Any, whole: Any) -> str:
    bps = _bps(part, whole)
    return f"{bps} bps of volume" if bps else ""


def cards(result: Result, agents: pl.DataFrame, focus: str) -> str:
    """The headline figures, of one agent or of the market."""
    own = agents.filter(pl.col("agent") == focus)
    figures = (
        _agent_cards(result, own.row(0, named=True))
        if own.height
        else _market_cards(result, agents)
    )
    return f'<div class="cards">{"".join(figures + _book_cards(result))}</div>'


def _agent_cards(result: Result, own: dict[str, Any]) -> list[str]:
    base, quote = result.markets[0].base.name, result.markets[0].quote.name
    fills = result.fills.filter(pl.col("agent") == own["agent"])
    buys = fills.filter(pl.col("side") == "BUY").height
    takes = fills.filter(pl.col("role") == "taker").height
    orders = result.orders.filter(pl.col("agent") == own["agent"])
    pnl, volume, lots = own["pnl"], own["volume"], float(fills["quantity"].sum())
    return [
        card("Profit and loss", _signed(pnl), quote, _of_volume(pnl, volume), _tone(pnl)),
        card("Fills", number(own["fills"]), "", f"{buys:,} buys · {own['fills'] - buys:,} sells"),
        card("Maker share", percent(own["maker_share"]), "", f"{takes:,} fills taken"),
        card("Volume", number(volume), quote, f"{number(lots)} {base}"),
        card("Fees paid", number(own["fees"]), quote, _of_volume(own["fees"], volume)),
        card("Largest drawdown", number(own["drawdown"]), quote),
        card("Inventory", _signed(own["inventory"]), base, "change over the run"),
        card("Orders", number(orders.height), "", _per(orders.height, own["fills"], "fill")),
    ]


def _per(orders: int, count: int, what: str) -> str:
    return f"{orders / count:,.1f} for each {what}" if count else "no fills"


def _market_cards(result: Result, agents: pl.DataFrame) -> list[str]:
    base, quote = result.markets[0].base.name, result.markets[0].quote.name
    trades = result.trades
    value = (trades["price"] * trades["quantity"]).sum()
    best = agents.filter(pl.col("pnl").is_not_null()).sort("pnl", descending=True).head(1)
    found = [
        card("Agents", number(agents.height)),
        card("Trades", number(trades.height), "", "" if trades.height else "no fills"),
        card("Volume", number(value), quote, f"{number(trades['quantity'].sum())} {base}"),
        card("Fees", number(agents["fees"].sum()), quote),
    ]
    if best.height:
        pnl = best["pnl"][0]
        found.append(card("Best result", _signed(pnl), quote, best["agent"][0], _tone(pnl)))
        worst = agents.sort("pnl", nulls_last=True).head(1)
        pnl = worst["pnl"][0]
        found.append(card("Worst result", _signed(pnl), quote, worst["agent"][0], _tone(pnl)))
    orders, refused = result.orders.height, rejects(result)
    return [
        *found,
        card("Orders", number(orders), "", _per(orders, trades.height, "trade")),
        card(
            "Rejected commands",
            number(int(refused["count"].sum())),
            "",
            f"most: {_words(refused['reason'][0])}" if refused.height else "",
        ),
    ]


def _book_cards(result: Result) -> list[str]:
    spreads = result.spreads
    if spreads.is_empty():
        return [card("Mean spread", NONE, "", "the book stayed empty")]
    row = spreads.row(0, named=True)
    wide = f"{number(row['spread'], 4)} {result.markets[0].quote.name}" if row["spread"] else ""
    found = [card("Mean spread", number(row["spread_bps"]), "bps", wide)]
    depth = f"bid {number(row['bid_depth'])} · ask {number(row['ask_depth'])}"
    mean = (row["bid_depth"] + row["ask_depth"]) / 2
    return [*found, card("Depth at the best", number(mean), result.markets[0].base.name, depth)]


def spread_table(result: Result) -> str:
    """Spread and depth of each market, averaged over time."""
    heads = ["market", "spread", "bps", "bid depth", "ask depth", "one-sided"]
    rows = [
        [m, number(s, 4), number(b), number(d), number(a), percent(o)]
        for m, s, b, d, a, o in result.spreads.select(SPREAD).iter_rows()
    ]
    return panel("Book, mean over time", table(heads, rows))


def agents_table(result: Result, agents: pl.DataFrame) -> str:
    """Every agent's figures."""
    base, quote = result.markets[0].base.name, result.markets[0].quote.name
    heads = [
        "agent", f"result, {quote}", "bps of volume", "fills", "maker share", f"volume, {quote}",
        f"fees, {quote}", "drawdown", f"inventory, {base}",
    ]  # fmt: skip
    rows = [
        [
            row["agent"], _signed(row["pnl"]), _bps(row["pnl"], row["volume"]) or NONE,
            number(row["fills"]), percent(row["maker_share"]), number(row["volume"]),
            number(row["fees"]), number(row["drawdown"]), _signed(row["inventory"]),
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
    heads = ["agent", *counts, "traded, %", "cancelled, %", "median life"]
    rows = [
        [
            row["agent"], *(number(row[count]) for count in counts), percent(row["fill_rate"]),
            percent(row["cancel_rate"]), duration(row["lifetime"]),
        ]
        for row in statistics.iter_rows(named=True)
    ]  # fmt: skip
    note = "traded: at least one fill; percentages are of accepted orders"
    return panel("What became of orders", table(heads, rows), note)


def rejects(result: Result) -> pl.DataFrame:
    """Rejected commands by reason, the most frequent first: reason, count."""
    counts = result.source.scan.reasons
    found = [(reason.name, int(counts[reason])) for reason in Reason if counts[reason]]
    return pl.DataFrame(found, schema=["reason", "count"], orient="row").sort(
        "count", "reason", descending=[True, False]
    )


def rejects_table(result: Result) -> str:
    """Rejects by reason, or an empty string where there are none."""
    found = rejects(result)
    rows = [[_words(reason), number(count)] for reason, count in found.iter_rows()]
    return panel("Rejected commands", table(["reason", "count"], rows)) if rows else ""


def _words(name: str) -> str:
    return str(name).lower().replace("_", " ")


def record(result: Result) -> list[str]:
    """How recorded flow went in a backtest: what else a result tells, and its divergence."""
    told = {n: v for n, v in result.extra.items() if n != "focus" and isinstance(v, int | float)}
    divergence = result.extra.get("divergence")
    panels = []
    if told:
        rows = [[_words(name), _text(value)] for name, value in told.items()]
        panels.append(panel("How the recorded flow went", table(["", ""], rows), wide=False))
    if divergence:
        rows = []
        for kind in dict.fromkeys(map(_kind, divergence)):
            counts = [divergence.get(f"{kind}_{part}") for part in COUNTED]
            counts[0] = divergence.get(kind, counts[0])
            if any(counts):
                rows.append([_words(kind), *(number(count) for count in counts)])
        content = table(["", *COUNTED], rows) if rows else '<p class="empty">nowhere</p>'
        title = "Where it left the record, orders and lots"
        panels.append(panel(title, content, wide=False))
    return panels


def _kind(name: str) -> str:
    """What is counted, whatever it is counted in."""
    for part in COUNTED:
        name = name.removesuffix(f"_{part}")
    return name


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, dict):
        return " · ".join(f"{_words(name)} {_text(inner)}" for name, inner in value.items())
    return number(value) if isinstance(value, int) else str(value)


def about(result: Result) -> str:
    """Parameters, markets, seed and digest: what it takes to run this again."""
    facts = [
        ("seed", str(result.seed)),
        ("digest", result.digest or NONE),
        ("ledger", f"{len(result.records):,} events, {_balance(result)}"),
    ]
    plain = {name: value for name, value in result.parameters.items() if not _is_table(value)}
    pairs = [(_words(name), _text(value)) for name, value in plain.items()]
    tables = [
        _parameter_table(_words(name), value)
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
    """Whether the ledger of a run balances."""
    try:
        result.check()
    except AssertionError as error:
        return f"out of balance: {error}"
    return "balanced to the atom"


def _is_table(value: Any) -> bool:
    """Whether a parameter is several things with parameters of their own, such as agents."""
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(v, dict) for v in value.values())
    )


def _parameter_table(title: str, things: dict[str, dict[str, Any]]) -> str:
    """One row a thing: its name, and what it was told."""
    rows = [
        [name, " · ".join(f"{_words(key)} {_text(value)}" for key, value in inner.items())]
        for name, inner in things.items()
    ]
    return panel(title.capitalize(), table(["", ""], rows, "pairs"))
