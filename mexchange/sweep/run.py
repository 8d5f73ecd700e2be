"""`sweep`: a scenario at every cell of a grid, with every seed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, closing, contextmanager
from itertools import product
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any

import polars as pl

from mexchange.clock import nanoseconds
from mexchange.strategy import ParameterError
from mexchange.strategy.parameters import take
from mexchange.sweep.job import Failure, Job, Row, play
from mexchange.sweep.processes import Processes
from mexchange.sweep.source import Source, SweepError
from mexchange.sweep.store import Store
from mexchange.sweep.table import Sweep, frame_of
from mexchange.sweep.warming import warm_up

__all__ = ["sweep"]

Outcome = list[Row] | Failure
GLANCE_S = 0.2
"""A wait without end would not hear Ctrl-C when another thread gets the signal."""


def sweep(
    scenario: str | Path | ModuleType | Callable[..., Any],
    grid: Mapping[str, Sequence[Any]],
    seeds: int | Iterable[int],
    *,
    duration: int | str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    out: Path | str | None = None,
    progress: bool = False,
) -> Sweep:
    """Run `scenario` at every cell of `grid` with every seed; what came of it.

    Args:
        scenario: a name that `mexchange scenarios` lists, the path of a file that has a function
            `run(seed, duration_ns, **parameters)`, a module, or such a function itself.
        grid: name of a parameter → the values it takes. An empty grid is one cell.
        seeds: how many (1, 2, …), or which.
        duration: simulated time of each run, in ns or as '10m'; None: the scenario's own.
        executor: where to play them; it is not shut down. Default: processes of this machine.
        workers: how many processes, if no executor is given (default: one a processor).
        out: a folder for what has been played, as it comes. A sweep that was stopped goes on where
            it was; runs with changed code or of other cells are played.
        progress: show a bar on standard error.

    A run that raises, and one whose worker dies, end in `failures`; the others go on.

    Raises SweepError for what cannot be run: an unknown scenario or parameter, an axis without
    values, no seeds.
    """
    source = Source.of(scenario)
    jobs = list(_jobs(source, grid, seeds, duration))
    store = None if out is None else Store(Path(out))
    done: dict[str, pl.DataFrame] = {}
    if store is not None:
        store.describe(_description(source, grid, jobs))
        done = {job.id: part for job in jobs if (part := store.part(job.id)) is not None}
    todo = [job for job in jobs if job.id not in done]
    failures: dict[str, Failure] = {}
    resumed = len(done)
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(_processes(workers, len(todo)))
        advance = stack.enter_context(_bar(source.name, len(jobs), resumed, shown=progress))
        for job, outcome in stack.enter_context(closing(_played(todo, executor))):
            if isinstance(outcome, Failure):
                failures[job.id] = outcome
            else:
                part = done[job.id] = frame_of(outcome, job.parameters, job.seed, job.id)
                if store is not None:
                    store.keep(job.id, part)
            advance(len(failures))
    parts = [done[job.id] for job in jobs if job.id in done]
    frame = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()
    failed = tuple(failures[job.id] for job in jobs if job.id in failures)
    if store is not None:
        store.conclude(frame, failed)
    return Sweep(frame, tuple(grid), failed, resumed)


def _jobs(
    source: Source,
    grid: Mapping[str, Sequence[Any]],
    seeds: int | Iterable[int],
    duration: int | str | None,
) -> Iterator[Job]:
    """Every run, cell by cell."""
    axes = _checked(source, grid)
    numbers = list(range(1, seeds + 1)) if isinstance(seeds, int) else list(seeds)
    if not numbers:
        raise SweepError(f"seeds {seeds!r} are none; give at least 1")
    if len(numbers) != len(frozenset(numbers)) or min(numbers) < 0:
        raise SweepError(f"seeds {numbers!r} are not different numbers from 0 on")
    length = None if duration is None else nanoseconds(duration)
    if length is not None and length <= 0:
        raise SweepError(f"duration {duration!r} is not positive")
    for values in product(*axes.values()):
        cell = dict(zip(axes, values, strict=True))
        yield from (Job(source, cell, seed, length) for seed in numbers)


def _checked(source: Source, grid: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The grid with each value as the scenario's types have it; SweepError for a wrong one."""
    run = source.load()
    checked = {}
    for name, values in grid.items():
        if isinstance(values, str) or not len(values):
            raise SweepError(f"{name} has no values; a grid needs at least one of each parameter")
        try:
            checked[name] = [take(run, {name: value})[name] for value in values]
        except ParameterError as error:
            raise SweepError(str(error)) from None
        if len({str(value) for value in checked[name]}) < len(values):
            raise SweepError(f"{name} has a value twice: {', '.join(map(str, values))}")
    return checked


def _description(
    source: Source, grid: Mapping[str, Sequence[Any]], jobs: Sequence[Job]
) -> dict[str, Any]:
    return {
        "scenario": source.path,
        "code": source.digest(),
        "grid": {name: list(values) for name, values in grid.items()},
        "seeds": sorted({job.seed for job in jobs}),
        "duration_ns": jobs[0].duration_ns,
        "runs": len(jobs),
    }


@contextmanager
def _processes(workers: int | None, runs: int) -> Iterator[Executor]:
    """Processes of this machine, which end at once if the sweep is stopped."""
    executor = Processes(workers)
    if runs:
        warm_up()
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _played(jobs: Sequence[Job], executor: Executor) -> Generator[tuple[Job, Outcome]]:
    """Each run and what came of it, as they end."""
    waiting: dict[Future[Outcome], Job] = {executor.submit(play, job): job for job in jobs}
    ended: SimpleQueue[Future[Outcome]] = SimpleQueue()
    for future in waiting:
        future.add_done_callback(ended.put)
    try:
        while waiting:
            try:
                future = ended.get(timeout=GLANCE_S)
            except Empty:
                continue
            job = waiting.pop(future)
            try:
                outcome = future.result()
            except Exception as error:
                outcome = job.failed(f"{type(error).__name__}: {error}")
            yield job, outcome
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def _bar(title: str, runs: int, done: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    """What to call after each run with how many have failed."""
    if not shown:
        yield int
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("sweep of {task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=runs, completed=done, failed="")
        yield lambda failed: progress.update(
            task, advance=1, failed=f"[red]{failed} failed[/]" if failed else ""
        )
