"""The strategies of a run that raised and were stopped, and where in their code that was."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mexchange.analytics import pieces

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["failures", "in_a_line", "section"]

_OURS = Path(__file__).parents[1]
_PLACE = re.compile(r'^  File "(.+)", line (\d+)', re.MULTILINE)


def failures(result: Result) -> dict[str, str]:
    """The traceback of each strategy that raised, by its name."""
    return dict(result.extra.get("failures", {}))


def in_a_line(traceback: str) -> str:
    r"""What was raised, and where in the strategy's code.

    >>> in_a_line('Traceback …:\n  File "a.py", line 7, in quote\nKeyError: 1\n')
    'KeyError: 1 (a.py:7)'
    """
    lines = traceback.strip().splitlines()
    places = _PLACE.findall(traceback)
    places = [place for place in places if not Path(place[0]).is_relative_to(_OURS)] or places
    where = f" ({places[-1][0]}:{places[-1][1]})" if places else ""
    return f"{lines[-1]}{where}" if lines else "it raised"


def section(result: Result) -> str:
    """A panel for each of them; nothing if there is none."""
    found = failures(result)
    if not found:
        return ""
    panels = [
        pieces.panel(
            f"{name} raised {in_a_line(text)}",
            f'<div class="scroll"><pre><code>{escape(text)}</code></pre></div>',
            "stopped there, its orders cancelled; the market went on",
        )
        for name, text in found.items()
    ]
    inside = "\n".join(panels)
    return f'<section><h2>Stopped strategies</h2>\n<div class="grid">\n{inside}\n</div></section>'
