"""`mexchange bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mexchange.cli.errors import refusing
from mexchange.cli.output import announce_compilation, show, working
from mexchange.cli.parsing import existing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_bench_all", "run_bench_engine", "run_bench_simulation", "run_bench_strategy"]


def run_bench_engine(flow: Path | None, repeat: int, *, as_json: bool) -> None:
    """Time the engine on `flow`, else on a flow that it makes."""
    if flow is not None:
        existing(flow)
    from mexchange.bench import engine

    with refusing(ValueError):
        bench = engine.prepare(flow)
    announce_compilation()
    with working("timing the engine", hidden=as_json):
        measured = engine.measure(bench, repeat)
    show(measured, as_json=as_json)


def run_bench_strategy(repeat: int, *, as_json: bool) -> None:
    """Time what a strategy does."""
    announce_compilation()
    from mexchange.bench import strategy

    with working("timing strategies", hidden=as_json):
        measured = strategy.measure(repeat)
    show(measured, as_json=as_json)


def run_bench_simulation(repeat: int, *, as_json: bool) -> None:
    """Time whole markets."""
    announce_compilation()
    from mexchange.bench import simulation

    with working("timing simulated markets, a day of balanced_market among them", hidden=as_json):
        measured = simulation.measure(repeat)
    show(measured, as_json=as_json)


def run_bench_all(*, as_json: bool) -> None:
    """Time everything that has a budget and print it beside the budget."""
    announce_compilation()
    from mexchange.bench import budget

    with working("timing everything that has a budget", hidden=as_json):
        lines = budget.measure()
    if as_json:
        show({line.name: line.as_dict() for line in lines}, as_json=True)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    table.add_column("what")
    for heading in ("here", "must reach", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        verdict = "[green]reached[/]" if line.reached else "[red]missed[/]"
        table.add_row(line.name, line.shown(line.value), line.shown(line.target), verdict)
    Console().print(table)
