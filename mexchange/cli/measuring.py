"""`mexchange bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mexchange.cli.errors import refusing
from mexchange.cli.output import announce_compilation, show, working
from mexchange.cli.parsing import existing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_bench_engine", "run_bench_strategy"]


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


def run_bench_strategy(*, as_json: bool) -> None:
    """Time what a strategy does."""
    announce_compilation()
    from mexchange.bench import strategy

    with working("timing strategies", hidden=as_json):
        measured = strategy.run()
    show(measured, as_json=as_json)
