"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mexchange.analytics.result import Result

__all__ = ["announce_compilation", "progress", "save", "say", "show", "working"]

PATIENCE_S = 2.0
"""Nothing is drawn about work that ends before this."""
COMPILATION_S = 25
"""About how long the first compilation takes."""


def say(text: str) -> None:
    """A line for the user on standard error."""
    print(text, file=sys.stderr, flush=True)


def show(values: Mapping[str, Any], *, as_json: bool, title: str = "") -> None:
    """Prints `values` as one JSON object, or as a table for people."""
    if as_json:
        print(json.dumps(values, default=str, allow_nan=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, title=title or None, title_justify="left")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(name.replace("_", " "), _shown(value))
    Console().print(table)


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return "  ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(inner) for inner in value)
    return str(value)


def announce_compilation() -> None:
    """Compiles the kernel if that was never done on this machine, and says so beforehand."""
    from mexchange import engine

    if engine.compiled():
        return
    say(f"compiling the kernel, once, about {COMPILATION_S} s")
    before = time.monotonic()
    engine.warm_up()
    say(f"compiled in {time.monotonic() - before:.0f} s")


@contextmanager
def progress(what: str, *, hidden: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error, as a function to call with (done, total); None when `hidden`.

    The bar appears once the work has taken two seconds and goes away when it is over.
    """
    if hidden:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), Left())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    task = bar.add_task(what)
    started = drawn = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - started >= PATIENCE_S and now - drawn >= 0.1:
            drawn = now
            bar.start()
            bar.update(task, completed=done, total=total, refresh=True)

    try:
        yield advance
    finally:
        bar.stop()


@contextmanager
def working(what: str, *, hidden: bool) -> Iterator[None]:
    """A spinner on standard error while work goes on whose length nobody knows."""
    if hidden:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def save(result: Result, folder: Path) -> Path:
    """Writes the frames of a result and its report into `folder`; returns the report's path."""
    from mexchange.analytics.report import write_report

    result.save(folder)
    report = folder / "report.html"
    write_report(result, report)
    return report
