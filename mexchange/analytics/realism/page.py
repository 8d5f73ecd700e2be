"""The facts of a market as one page: `write_page(...)` makes a self-contained HTML file.

Each fact is drawn for the market, for the negative control and for a real feed, where there is one,
in the look of the reports; colours by name serve the light and the dark theme.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from mexchange.analytics import pieces
from mexchange.analytics.realism.curves import Curve
from mexchange.analytics.realism.facts import Measurement, Report
from mexchange.analytics.series import packed
from mexchange.analytics.shell import html_page

__all__ = ["Column", "shown", "write_page"]

COLOURS = {"market": "$series-0", "control": "$series-1", "real": "$series-2"}
LABELS = {"market": "", "control": "control", "real": "real"}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One market of a page: its role (`market`, `control` or `real`), facts and curves.

    `report` is of all its samples pooled; `each` are theirs alone.
    """

    role: str
    name: str
    report: Report
    curves: Mapping[str, Curve]
    each: Sequence[Report] = ()


@dataclass(frozen=True, slots=True)
class _Panel:
    key: str
    title: str
    note: str
    x: str
    y: str
    log: str = ""
    """Which axes are logarithmic."""
    reference: str = ""
    """A dashed line: a power `^p` through (x0, y0), a `normal` or `exponential` tail, a `level`."""
    markers: bool = False
    legend: bool = True


PANELS = (
    _Panel("S1", "Spread", "share of time", "spread, ticks", "share", "xy", markers=True),
    _Panel("R1", "Memory of returns", "over 1 s", "lag, s", "autocorrelation", "", "level 0"),
    _Panel("R2", "Tails over time", "excess kurtosis of returns", "length of returns, s",
           "excess kurtosis", "x", "level 0", markers=True),
    _Panel("R3", "Tail of returns", "over 1 min; of short feeds over 1 s",
           "absolute return, standard deviations", "P(|r| > x)", "xy", "normal"),
    _Panel("V1", "Memory of volatility", "absolute returns over 1 min", "lag, min",
           "autocorrelation", "xy", "^-0.3 1 0.15", markers=True),
    _Panel("V1s", "Memory of volatility, close up", "absolute returns over 1 s", "lag, s",
           "autocorrelation", "xy", markers=True),
    _Panel("V2", "Bursts of large returns", "beyond the 99 % quantile, over 1 s",
           "window, s", "Fano factor", "xy", "level 1", markers=True),
    _Panel("V3", "Volume and volatility", "by minute", "rank of absolute return",
           "volume, means", "", "level 1", markers=True),
    _Panel("F1", "Memory of signs", "of market orders", "lag, market orders", "C(ℓ)", "xy",
           "^-0.6 1 0.3", markers=True),
    _Panel("F2", "Waiting for market orders", "", "time between them, means", "P(wait > x)", "xy",
           "exponential"),
    _Panel("F3", "Sizes of market orders", "", "size, means", "P(size > x)", "xy",
           "^-1.5 10 0.008"),
    _Panel("F4", "Prices of limit orders", "behind the best of their side", "offset, ticks",
           "P(offset ≥ x)", "xy", "^-1.5 10 0.1"),
    _Panel("F5", "Levels wiped out", "of all changes of levels", "course of the sample, %",
           "share"),
    _Panel("I1", "Order flow imbalance and moves", "over 1 s; dots are of the market",
           "order flow imbalance, standard deviations", "move of the mid, standard deviations"),
    _Panel("I2", "Tilted books", "the next move of the mid",
           "imbalance at the best, (B − A) / (B + A)", "share up", "", "level 0.5", markers=True),
    _Panel("I3", "Response to a market order", "", "lag, market orders", "R(ℓ) / R(1)", "x",
           markers=True),
    _Panel("I4", "Impact of metaorders", "", "share of a day's volume",
           "impact, daily standard deviations", "xy", "^0.5 0.001 0.02", markers=True),
    _Panel("C9", "Leverage", "reported, not scored", "minutes after the return",
           "correlation with r²", "", "level 0"),
)  # fmt: skip


def write_page(path: Path | str, columns: Sequence[Column], *, notes: Sequence[str] = ()) -> Path:
    """Write the page and return its path; the first column is what it is about.

    Raises OSError if it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    charts, panels = [], []
    for panel in PANELS:
        traces = _traces(panel, columns)
        if traces:
            charts.append({"key": panel.key, "traces": traces, "layout": _layout(panel),
                           "timed": False, "height": 270})  # fmt: skip
            inside = f'<div id="{panel.key}" style="height:270px"></div>'
        else:
            inside = '<p class="empty">no sample is long enough</p>'
        title = f"{panel.key.rstrip('s')} · {panel.title}"
        panels.append(pieces.panel(title, inside, panel.note, wide=False))
    body = [
        _header(columns),
        _cards(columns),
        f'<section><h2>The facts</h2><div class="grid">{_table(columns)}</div></section>',
        f'<section><h2>Behind the numbers</h2><div class="grid">{"".join(panels)}</div></section>',
        f"<footer>{'<br>'.join(map(escape, notes))}</footer>",
    ]
    title = f"Realism of {columns[0].name}"
    # No axis is time, so that it does not matter what of it is shown.
    page = html_page(title, "\n".join(body), charts, {"range": [0, 1]}, CSS)
    path.write_text(page, encoding="utf-8")
    return path


def shown(value: float) -> str:
    """A value with as many digits as say something.

    >>> shown(0.99284), shown(25.78), shown(362.4), shown(float("inf")), shown(float("nan"))
    ('0.993', '25.8', '362', '∞', '–')
    """
    if math.isnan(value):
        return pieces.NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:.{min(digits, 3)}f}" if abs(value) >= 0.01 or not value else f"{value:.2g}"
    return text.replace("-", "−")


def _name(column: Column) -> str:
    return LABELS[column.role] or column.name


def _header(columns: Sequence[Column]) -> str:
    first = columns[0].report
    lead = f"<span>{escape(f'{first.inside} of {first.scored} scored facts inside')}</span>"
    lead += "".join(
        f"<span>{escape(f'{LABELS[column.role]}: {column.name}')}</span>" for column in columns[1:]
    )
    title = f"Realism of {columns[0].name}"
    return f'<header><h1>{escape(title)}</h1><p class="lead">{lead}</p></header>'


def _cards(columns: Sequence[Column]) -> str:
    cards = []
    for column in columns:
        report = column.report
        more = f"{report.inside} of {report.scored} facts inside"
        name = {"market": "Score", "control": "Score of the control", "real": "Score of the feed"}
        cards.append(pieces.card(name[column.role], shown(report.score), "", more))
    first = columns[0]
    if len(first.each) > 1:
        scores = [report.score for report in first.each]
        spread = f"{shown(min(scores))} to {shown(max(scores))}"
        cards.append(pieces.card("Over its runs", spread, "", f"{len(scores)} seeds"))
    failing = [m.fact.key for m in first.report.measurements if m.holds is False]
    cards.append(pieces.card("Outside their bands", str(len(failing)), "", ", ".join(failing)))
    return f'<div class="cards">{"".join(cards)}</div>'


def _table(columns: Sequence[Column]) -> str:
    heads = ["", "fact", "band", *(_name(column) for column in columns), "source"]
    rows = []
    for place, first in enumerate(columns[0].report.measurements):
        fact = first.fact
        bands = "<br>".join(escape(str(band)) for band in fact.bands) or "not scored"
        cells = [escape(fact.key), escape(fact.title), bands]
        cells += [_cell(column.report.measurements[place], column.each) for column in columns]
        cells.append(escape(fact.source))
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    note = "value, 95 % interval by block bootstrap; a tick says that all conditions hold"
    return pieces.panel(
        "Values and bands",
        f'<div class="scroll"><table class="facts"><tr>{head}</tr>{body}</table></div>',
        note,
    )


def _cell(measured: Measurement, each: Sequence[Report]) -> str:
    """The values of one fact of one market."""
    mark = {True: '<span class="up">✓</span> ', False: '<span class="down">✗</span> ', None: ""}
    if not measured.values:
        return f'<span class="why">{escape(measured.reason)}</span>'
    lines: list[str] = []
    names = [band.value for band in measured.fact.bands] or list(measured.values)[:2]
    for name in names:
        low, high = measured.intervals.get(name, (math.nan, math.nan))
        between = f' <span class="why">{shown(low)}…{shown(high)}</span>'
        if not (math.isfinite(low) and math.isfinite(measured.values[name])):
            between = ""
        text = escape(f"{name} {shown(measured.values[name])}")
        sign = "" if lines else mark[measured.holds]
        lines.append(f'<span class="value">{sign}{text}{between}</span>')
    held = [report[measured.fact.key].holds for report in each]
    if len(each) > 1 and measured.holds is not None:
        lines.append(
            f'<span class="why">{sum(h is True for h in held)} of {len(held)} seeds</span>'
        )
    if measured.reason:
        lines.append(f'<span class="why">{escape(measured.reason)}</span>')
    return "<br>".join(lines)


def _traces(panel: _Panel, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The lines of a panel, and its reference where something is drawn at all."""
    traces: list[dict[str, Any]] = []
    drawn: list[Curve] = []
    for column in columns:
        curve = column.curves.get(panel.key)
        if curve is None:
            continue
        seen = np.isfinite(curve.x) & np.isfinite(curve.y)
        seen &= (curve.x > 0) | ("x" not in panel.log)
        seen &= (curve.y > 0) | ("y" not in panel.log)
        if not seen.any():
            continue
        colour = COLOURS[column.role]
        if curve.points is not None and column.role == "market":
            x, y = (np.round(values, 3) for values in curve.points)
            traces.insert(0, {
                "type": "scatter", "mode": "markers", "x": packed(x), "y": packed(y),
                "marker": {"color": colour, "size": 3.5, "opacity": 0.28}, "showlegend": False,
                "hoverinfo": "skip",
            })  # fmt: skip
        drawn.append(curve)
        traces.append({
            "type": "scatter", "mode": "lines+markers" if panel.markers else "lines",
            "name": _name(column), "x": packed(curve.x[seen]), "y": packed(curve.y[seen]),
            "line": {"color": colour, "width": 1.8}, "marker": {"color": colour, "size": 5},
            "hovertemplate": "%{y:.3~g}",
        })  # fmt: skip
    reference = _reference(panel, drawn) if drawn else None
    return [*traces, reference] if reference else traces


def _reference(panel: _Panel, drawn: Sequence[Curve]) -> dict[str, Any] | None:
    kind, *numbers = panel.reference.split() or [""]
    xs = np.concatenate([curve.x for curve in drawn])
    ys = np.concatenate([curve.y for curve in drawn])
    low, high = float(xs[xs > 0].min() if "x" in panel.log else xs.min()), float(xs.max())
    x = np.geomspace(low, high, 120) if "x" in panel.log else np.array([low, high])
    if kind == "level":
        name, y = "", np.full(len(x), float(numbers[0]))
    elif kind == "exponential":
        name, y = "Poisson", np.exp(-x)
    elif kind == "normal":
        name, y = "normal", np.array([math.erfc(value / math.sqrt(2)) for value in x])
    elif kind.startswith("^"):
        x0, y0 = map(float, numbers)
        power = float(kind[1:])
        name, y = f"slope {kind[1:]}".replace("-", "−"), y0 * (x / x0) ** power
    else:
        return None
    if "y" in panel.log:
        inside = (y >= ys[ys > 0].min() / 2) & (y <= ys.max() * 1.0001)
        x, y = x[inside], y[inside]
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": packed(x), "y": packed(y),
        "line": {"color": "$muted", "width": 1.2, "dash": "dot"}, "hoverinfo": "skip",
        "showlegend": bool(name),
    }  # fmt: skip


def _layout(panel: _Panel) -> dict[str, Any]:
    def axis(name: str, title: str) -> dict[str, Any]:
        found: dict[str, Any] = {"title": {"text": title, "standoff": 6, "font": {"size": 11.5}}}
        if name in panel.log:
            found |= {
                "type": "log",
                "exponentformat": "power",
                "dtick": 1,
                "tickfont": {"size": 10.5},
            }
        return found

    return {
        "xaxis": axis("x", panel.x) | {"showgrid": True}, "yaxis": axis("y", panel.y),
        "hovermode": "closest",
    }  # fmt: skip


CSS = """
table.facts td { vertical-align: top; text-align: left; }
table.facts th { text-align: left; }
table.facts td:nth-child(2), table.facts td:last-child { min-width: 8em; }
table.facts td:last-child, .why { color: var(--muted); font-size: 12px; }
table.facts { font-size: 13px; }
table.facts td { padding: 6px 7px; white-space: normal; }
table.facts .value, table.facts td:nth-child(3) { white-space: nowrap; }
"""
