"""`mexchange sweep`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from mexchange.cli.errors import UserError, refusing
from mexchange.cli.output import announce_compilation, folder, say, show
from mexchange.cli.parsing import duration, scenario_options
from mexchange.cli.simulated import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mexchange.sweep import Sweep

__all__ = ["run_sweep"]

FAILED = 3
"""The exit code of a sweep that is done, but for runs that failed."""
SHOWN = 40
"""So many cells and failures are printed; all are in the files, and in the JSON."""


def run_sweep(
    name: str,
    given: Sequence[str],
    *,
    seeds: int,
    duration_text: str | None,
    workers: int | None,
    address: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Sweep a scenario over a grid and print the mean of its cells; the exit code."""
    from mexchange.sweep import ClusterError, SweepError, cluster, sweep

    module = load_scenario(name)
    grid = _grid(module.run, given)
    length = None if duration_text is None else duration(duration_text)
    if address is not None and workers is not None:
        raise UserError("--workers is for this machine; a cluster of --cluster has its own")
    target = folder(out)
    if address is None:
        announce_compilation()
    with (
        refusing(SweepError, ClusterError),
        nullcontext() if address is None else cluster(address) as executor,
    ):
        done = sweep(
            module, grid, seeds, duration=length, executor=executor, workers=workers, out=target,
            progress=not as_json,
        )  # fmt: skip
    if as_json:
        show(_described(name, done, target), as_json=True)
    else:
        _print(name, done, target)
    return FAILED if done.failures else 0


def _grid(run: Callable[..., Any], given: Sequence[str]) -> dict[str, list[Any]]:
    """`name=a,b,c` texts as typed values by name; UserError for a wrong one."""
    grid: dict[str, list[Any]] = {}
    for text in given:
        name, _, values = text.partition("=")
        if name in grid:
            raise UserError(f"--param {name} is given twice; write all its values with commas")
        each = [f"{name}={value}" for value in values.split(",")] if "=" in text else [text]
        grid[name] = [scenario_options(run, [one])[name] for one in each]
        if len({str(value) for value in grid[name]}) < len(each):
            raise UserError(f"--param {text}: has a value twice")
    return grid


def _described(name: str, done: Sweep, out: Path | None) -> dict[str, Any]:
    return {
        "scenario": name,
        "runs": done.runs,
        "resumed": done.resumed,
        "failed": len(done.failures),
        "failures": [
            {"parameters": dict(each.parameters), "seed": each.seed, "error": each.error}
            for each in done.failures
        ],
        "cells": done.cells().to_dicts(),
        "out": None if out is None else str(out),
    }


def _print(name: str, done: Sweep, out: Path | None) -> None:
    from rich.console import Console

    cells = done.cells()
    if not cells.is_empty():
        Console().print(_table(name, done))
        if cells.height > SHOWN:
            print(f"… and {cells.height - SHOWN} more rows")
    for failure in done.failures[:SHOWN]:
        say(f"failed: {failure}")
    again = f", {done.resumed} of them played before" if done.resumed else ""
    failed = f"; {len(done.failures)} failed" if done.failures else ""
    print(f"\n{done.runs} runs{again}{failed}")
    if out is not None:
        print(f"results: {out / 'results.parquet'}")


def _table(name: str, done: Sweep) -> Any:
    """A row a cell and agent: pnl and its interval, over how many runs."""
    from rich.table import Table

    unit = done.frame["unit"][0]
    table = Table(box=None, title=f"{name}: pnl in {unit}, mean of runs", title_justify="left")
    for column in (*done.parameters, "agent"):
        table.add_column(column, style="cyan", no_wrap=True)
    for column in ("pnl", "95 % interval", "runs"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in done.cells().head(SHOWN).iter_rows(named=True):
        mean, low, high = row["pnl"], row["pnl_low"], row["pnl_high"]
        table.add_row(
            *(_text(row[column]) for column in (*done.parameters, "agent")),
            "–" if mean is None else f"{mean:,.2f}",
            "–" if low is None else f"{low:,.2f} … {high:,.2f}",
            str(row["runs"]),
        )
    return table


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
