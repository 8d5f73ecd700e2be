"""What a notebook shows of a result that stands by itself at the end of a cell."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.analytics.result import Result

__all__ = ["in_short"]


def in_short(result: Result, frames: Sequence[str], measures: Sequence[str]) -> str:
    """The run in a line, what it can be asked, and its busiest agents in a table, as HTML."""
    digits = {"fills": 0, "maker_share": 2, "inventory": 4}
    columns = ("agent", "pnl", "fills", "volume", "maker_share", "fees", "inventory")
    rows = [
        "".join(f"<td>{escape(_shown(row[c], digits.get(c, 2)))}</td>" for c in columns)
        for row in result.agents.head(20).iter_rows(named=True)
    ]
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in columns)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<p><b>{escape(result.title)}</b><br>{escape(repr(result)[1:-1])}<br>"
        f"money in {escape(result.unit)}; frames: {', '.join(frames)}<br>"
        f"measures: {', '.join(measures)}; plot() draws it</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _shown(value: Any, digits: int) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:,.{digits}f}"
