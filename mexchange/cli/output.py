"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from mexchange.cli.errors import UserError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rich.table import Table

    from mexchange.analytics.result import Result

__all__ = ["announce_compilation", "conclude", "folder", "say", "show", "working"]

WIDTH = 120
ROWS_SHOWN = 30
FAILED = 3
"""The exit code when a strategy raised."""
COMPILATION_S = 25
FLOW_COMPILATION_S = 8
"""About how long the first compilation takes."""


def say(text: str) -> None:
    """A line for the user on standard error."""
    print(text, file=sys.stderr, flush=True)


def show(values: Mapping[str, Any], *, as_json: bool, title: str = "", raw: bool = False) -> None:
    """Prints `values` as one JSON object, or as a table for people; `raw` shows names as is."""
    if as_json:
        print(json.dumps(values, default=str, allow_nan=False))
        return
    from rich.console import Console
    from rich.table import Table

    # Where nobody looks at a screen nothing has to be squeezed into eighty columns.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    table = Table(show_header=False, box=None, title=title or None, title_justify="left")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    nested = {name: value for name, value in values.items() if _is_table(value)}
    for name, value in values.items():
        if name not in nested and not (name == "title" and value == title):
            table.add_row(name if raw else name.replace("_", " "), _shown(value))
    console.print(table)
    for name, rows in nested.items():
        console.print(_table_of(name, rows))


def _is_table(value: Any) -> bool:
    """Whether a value is rows by name: a dict of dicts."""
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(v, dict) for v in value.values())
    )


def _table_of(name: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(
        box=None, padding=(0, 1, 0, 0), title=f"\n{name.replace('_', ' ')}", title_justify="left"
    )
    table.add_column(style="cyan", no_wrap=True)
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right", overflow="fold")
    for row_name, row in islice(rows.items(), ROWS_SHOWN):
        table.add_row(row_name, *(_shown(row.get(column)) for column in columns))
    if len(rows) > ROWS_SHOWN:
        table.caption = f"… and {len(rows) - ROWS_SHOWN:,} more; --json has all"
        table.caption_justify = "left"
    return table


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        given = {name: inner for name, inner in value.items() if inner != 0}
        return "  ".join(f"{name} {_shown(inner)}" for name, inner in given.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(inner) for inner in value)
    return str(value)


def announce_compilation() -> None:
    """Compiles what was never compiled on this machine, and says so beforehand.

    That is the kernel, and background flow if something that was loaded uses it.
    """
    from mexchange import engine

    parts: list[tuple[str, Any, int]] = [("the kernel", engine, COMPILATION_S)]
    if flow := sys.modules.get("mexchange.flow"):
        parts.append(("background flow", flow, FLOW_COMPILATION_S))
    for name, part, seconds in parts:
        if not part.compiled():
            say(f"compiling {name}, once, about {seconds} s")
            before = time.monotonic()
            part.warm_up()
            say(f"compiled in {time.monotonic() - before:.0f} s")


@contextmanager
def working(what: str, *, hidden: bool) -> Iterator[None]:
    """A spinner on standard error while work goes on whose length nobody knows."""
    if hidden:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def folder(path: Path | None) -> Path | None:
    """Makes the folder for `--out` before any work is done; UserError if that cannot be."""
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission to write there")
    except FileExistsError:
        raise UserError(f"--out {path}: is a file, not a folder") from None
    except OSError as error:
        raise UserError(f"--out {path}: {(error.strerror or str(error)).lower()}") from None
    return path


def conclude(result: Result, out: Path | None, *, as_json: bool) -> None:
    """Writes frames and report of a run into `out`, prints its summary and where the report is.

    Ends with exit code 3, and a line that says who and where, if a strategy was stopped.
    """
    summary = dict(result.summary())
    if not as_json:
        summary.pop("failures", None)
    if out is None:
        show(summary, as_json=as_json, title=result.title)
        _own_up(result)
        return
    from mexchange.analytics.report import write_report

    report = out / "report.html"
    with working(f"writing {report}", hidden=as_json):
        result.save(out)
        write_report(result, report)
    if as_json:
        summary["report"] = str(report)
    show(summary, as_json=as_json, title=result.title)
    if not as_json:
        print(f"\nreport: {report}")
    _own_up(result)


def _own_up(result: Result) -> None:
    """Says which strategies have failed and ends the command, if any has."""
    import typer

    from mexchange.analytics.failures import failures, in_a_line

    found = failures(result)
    if found:
        told = "; ".join(f"{name} was stopped: {in_a_line(text)}" for name, text in found.items())
        say(f"mexchange: {one_line(told)}")
        raise typer.Exit(FAILED)
