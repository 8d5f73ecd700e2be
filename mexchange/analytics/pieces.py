"""The small parts of a page as HTML: figures, cards, panels and tables."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "NONE",
    "bps",
    "card",
    "duration",
    "number",
    "panel",
    "percent",
    "signed",
    "spread_out",
    "table",
    "text",
    "tone",
    "words",
]

ROWS = 60
"""Longer tables end with how many rows were left out."""
NONE = "–"


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
    """A share as a percentage, or in basis points if it is a small one."""
    if share is None or share != share:  # noqa: PLR0124 - NaN is what differs from itself.
        return NONE
    if 0 < abs(share) < 1e-4:
        return f"{number(10_000 * share)} bps"
    return f"{number(100 * share, 1)} %"


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


def card(name: str, value: str, unit: str = "", more: str = "", tone: str = "") -> str:
    """One headline figure."""
    suffix = f'<span class="unit">{escape(unit)}</span>' if unit and value != NONE else ""
    return (
        f'<div class="card"><div class="name">{escape(name)}</div>'
        f'<div class="value {tone}">{escape(value)}{suffix}</div>'
        f'<div class="more">{escape(more) or "&nbsp;"}</div></div>'
    )


def tone(value: Any) -> str:
    """The CSS class of a gain or a loss."""
    return "up" if value and value > 0 else "down" if value and value < 0 else ""


def signed(value: Any, digits: int = 2) -> str:
    """A figure with its sign."""
    return ("+" if value and value > 0 else "") + number(value, digits)


def bps(part: Any, whole: Any) -> str:
    """A part of the volume in basis points, or an empty string where that means nothing."""
    return signed(10_000 * part / whole) if part is not None and whole else ""


def spread_out(figure: dict[str, Any] | None, show: Callable[[Any], str]) -> str:
    """The interval of a figure of `mexchange.analytics.performance`, or an empty text."""
    if figure is None or figure["low"] is None:
        return ""
    return f"{show(figure['low'])} … {show(figure['high'])}"


def words(name: str) -> str:
    """A name of code as people write it."""
    return str(name).lower().replace("_", " ")


def text(value: Any) -> str:
    """A parameter's value, whatever it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, dict):
        return " · ".join(f"{words(name)} {text(inner)}" for name, inner in value.items())
    return number(value) if isinstance(value, int) else str(value)
