"""One run of a sweep: what is sent to whoever plays it, and what comes back."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import polars as pl

from mexchange.sweep.source import Source, code_hash

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["Failure", "Job", "Row", "play"]

MEASURED = 50
"""The performance of so many strategies is computed."""

Row = dict[str, Any]
"""Column → value: a figure of a run, or of one of its agents."""


@dataclass(frozen=True)
class Failure:
    """A run that gave no result: which one, why, and where (empty if its worker died)."""

    parameters: Mapping[str, Any]
    seed: int
    error: str
    traceback: str = ""

    def __str__(self) -> str:
        values = "".join(f"{name}={value} " for name, value in self.parameters.items())
        return f"{values}seed={self.seed}: {self.error}"


@dataclass(frozen=True)
class Job:
    """A scenario with its parameters, its seed and its duration (None: the scenario's own)."""

    source: Source
    parameters: Mapping[str, Any]
    seed: int
    duration_ns: int | None
    code: str = field(default_factory=code_hash)

    @cached_property
    def id(self) -> str:
        """What tells this run from all others, and is the same wherever it is computed.

        Numbers count by their value, so that 4, 4.0 and Decimal(4) are one.
        """
        values = {name: _canonical(value) for name, value in sorted(self.parameters.items())}
        what = [self.source.digest(), values, self.seed, self.duration_ns]
        return blake2b(json.dumps(what).encode(), digest_size=12).hexdigest()

    def failed(self, error: str, where: str = "") -> Failure:
        """That it gave no result."""
        return Failure(self.parameters, self.seed, " ".join(error.split()), where)


def play(job: Job) -> list[Row] | Failure:
    """Run it, here; one row an agent, or why there is none.

    What a scenario raises is returned, since not every exception can travel between processes. A
    run in which a strategy raised is no result either: the market went on without it.
    """
    if job.code != code_hash():
        return job.failed(
            "the worker has another version of mExchange; install the same on both, and start "
            "again what was started before a change"
        )
    options = {} if job.duration_ns is None else {"duration_ns": job.duration_ns}
    try:
        result = job.source.load()(seed=job.seed, **options, **job.parameters)
        raised = result.extra.get("failures", {})
        if raised:
            name, where = next(iter(raised.items()))
            return job.failed(f"{name} raised {where.strip().splitlines()[-1]}", where)
        return rows(result)
    except (Exception, SystemExit) as error:
        return job.failed(f"{type(error).__name__}: {error}", traceback.format_exc())


def rows(result: Result) -> list[Row]:
    """The figures of a result's summary, one row an agent; those of the run are in each of them.

    Strategies are agents; the anonymous traders of the background are not, unless there is nobody
    else. Up to fifty of them have figures of performance too. A figure of the run that agents have
    as well is called `run_…`.
    """
    summary = result.summary()
    everybody = summary["agents"] or {None: {}}
    strategies = result.parameters.get("agents", {})
    agents = {name: everybody[name] for name in everybody if name in strategies} or everybody
    if len(strategies) <= MEASURED:
        agents = {
            name: figures | _performance(result, name) if name in strategies else figures
            for name, figures in agents.items()
        }
    shared = {name for figures in agents.values() for name in figures}
    common = {
        f"run_{name}" if name in shared else name: value
        for name, value in summary.items()
        if name not in {"seed", "title"} and _is_figure(value)
    }
    return [
        common | {"agent": agent} | {n: value for n, value in figures.items() if _is_figure(value)}
        for agent, figures in agents.items()
    ]


def _performance(result: Result, agent: str) -> Row:
    """Sharpe ratio and the like; without their own intervals, since seeds tell more."""
    from mexchange.analytics.performance import performance

    found = performance(result, agent, samples=1).filter(pl.col("figure") != "pnl")
    return dict(found.select("figure", "value").rows())


def _is_figure(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _canonical(value: Any) -> str:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"number {Decimal(str(value)).normalize()}"
    return f"{type(value).__name__} {value}"
