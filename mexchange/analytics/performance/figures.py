"""The performance of agents in a run.

An agent's **value** is what it began with, at the marks of that moment, plus its result of trading
(`pnl`). So what its endowment gained by lying there is no return, and money paid in later is none
either. Values are looked at once every interval, and all ratios are of the returns from one to the
next; a year has 365 days, for a market that never closes.

A figure of an hour, scaled to a year, may look like anything. So what is annualised, and every
ratio, comes with an interval from resampled blocks (`mexchange.analytics.performance.bootstrap`).
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.performance import ratios
from mexchange.analytics.performance.bootstrap import intervals
from mexchange.clock import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mexchange.analytics.result import Result

__all__ = ["FIGURES", "YEAR_NS", "curve", "interval_of", "performance"]

YEAR_NS = 365 * 86_400_000_000_000
SECOND = 1_000_000_000
NICE = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400)
"""Seconds that a period may last unless one is given."""
PERIODS = 300
MOST = 100_000
"""At most so many periods."""

FIGURES = {
    "pnl": "first market's quote asset",
    "total_return": "share of the value at the start",
    "annual_return": "share a year, compounded",
    "volatility": "share, annualised",
    "sharpe": "annualised",
    "sortino": "annualised",
    "calmar": "annual return / max drawdown",
    "max_drawdown": "share of the highest value",
    "drawdown_seconds": "longest time below a highest value",
    "hit_rate": "share of periods that gained, of those that moved",
    "profit_factor": "gains / losses of periods",
    "turnover": "traded value / value at the start",
    "exposure": "mean worth of inventory / value at the start",
    "time_in_market": "share of the time with inventory",
}
"""Every figure and what it is counted in."""


def interval_of(result: Result) -> int:
    """The longest of some round lengths of time that leaves at least 300 periods, in ns."""
    length = result.end_ns - result.start_ns
    fitting = [seconds * SECOND for seconds in NICE if seconds * SECOND * PERIODS <= length]
    return fitting[-1] if fitting else max(length // PERIODS, 1)


def curve(result: Result, agent: str, interval: int | str | None = None) -> pl.DataFrame:
    """An agent's value at the end of every interval, from the start on: time_ns, value, pnl.

    Where a long run's `equity` is thinned, a value may be late by a five-thousandth part of the
    run. Raises ValueError for an unknown agent, and for an interval that is no length
    of time, longer than the run or gives more than 100,000 periods.
    """
    length = interval_of(result) if interval is None else nanoseconds(interval)
    span = result.end_ns - result.start_ns
    if not 0 < length <= max(span, 1):
        raise ValueError(f"interval {interval!r} does not fit into a run of {span / SECOND:g} s")
    if span // length > MOST:
        raise ValueError(f"interval {interval!r} gives {span // length:,} periods; most: {MOST:,}")
    own = result.equity.filter(pl.col("agent").cast(pl.String) == agent)
    if own.is_empty():
        names = result.agents["agent"].cast(pl.String).to_list()
        near = get_close_matches(agent, names, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else f". There is: {', '.join(names[:20])}"
        raise ValueError(f"no agent {agent!r} that had money{guess}")
    times = np.append(np.arange(result.start_ns, result.end_ns, length), result.end_ns)
    if len(times) > 2 and times[-1] - times[-2] < length:
        times = np.delete(times, -2)  # The last period takes in what is left.
    place = np.searchsorted(own["time_ns"].to_numpy(), times, side="right") - 1
    pnl = own["pnl"].to_numpy()[np.maximum(place, 0)] * (place >= 0)
    began = own["equity"][0] - own["pnl"][0]
    return pl.DataFrame({"time_ns": times, "value": began + pnl, "pnl": pnl})


def performance(
    result: Result,
    agent: str | None = None,
    *,
    interval: int | str | None = None,
    level: float = 0.95,
    samples: int = 1_000,
) -> pl.DataFrame:
    """The figures of one agent or (None) of all but the house, the busiest first.

    Columns: agent, figure, value, low and high (the interval at `level`, null where there is none)
    and unit. `FIGURES` says what there is. `interval` is the length of a period; default the
    longest round one that leaves 300 of them. Values are null where a figure is not defined.

    Raises ValueError as `curve`, and for a level outside 0 … 1.
    """
    agents = result.agents["agent"].cast(pl.String).to_list() if agent is None else [agent]
    rows: list[tuple[Any, ...]] = []
    for name in agents:
        values = curve(result, name, interval)
        length = interval_of(result) if interval is None else nanoseconds(interval)
        figures = _of_returns(YEAR_NS / length)
        value = values["value"].to_numpy()
        r = ratios.returns(value) if value[0] > 0 and (value > 0).all() else np.empty(0)
        drawn = {n: f for n, f in figures.items() if n != "max_drawdown"}
        found = {n: float(f(r)) if len(r) else np.nan for n, f in figures.items()}
        again: dict[str, Any] = {"level": level, "samples": samples, "seed": result.seed}
        bounds = intervals(r, drawn, **again)
        gains = np.diff(values["pnl"].to_numpy())
        bounds |= intervals(gains, {"pnl": lambda v: v.sum(axis=-1)}, **again)
        found["pnl"] = float(values["pnl"][-1])
        found |= _of_trading(result, name, values)
        for figure, unit in FIGURES.items():
            low, high = bounds.get(figure, (np.nan, np.nan))
            rows.append((name, figure, *map(_known, (found[figure], low, high)), unit))
    kinds = [pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64, pl.String]
    names = ["agent", "figure", "value", "low", "high", "unit"]
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")


def _of_returns(periods: float) -> dict[str, Callable[[ratios.Floats], Any]]:
    return {
        "total_return": ratios.total_return,
        "annual_return": lambda r: ratios.annual_return(r, periods),
        "volatility": lambda r: ratios.volatility(r, periods),
        "sharpe": lambda r: ratios.sharpe(r, periods),
        "sortino": lambda r: ratios.sortino(r, periods),
        "calmar": lambda r: ratios.calmar(r, periods),
        "max_drawdown": ratios.max_drawdown,
        "hit_rate": ratios.hit_rate,
        "profit_factor": ratios.profit_factor,
    }


def _of_trading(result: Result, agent: str, values: pl.DataFrame) -> dict[str, float]:
    """Figures that need no returns."""
    own = result.agents.filter(pl.col("agent").cast(pl.String) == agent)
    volume = float(own["volume"][0]) if own.height else 0.0
    start = float(values["value"][0])
    held, worth = _held(result, agent, values["time_ns"].to_numpy())
    value, times = values["value"].to_numpy(), values["time_ns"].to_numpy()
    return {
        "drawdown_seconds": ratios.drawdown_duration(value, times) / SECOND,
        "turnover": volume / start if start > 0 else np.nan,
        "exposure": float(worth.mean()) / start if start > 0 else np.nan,
        "time_in_market": float(held.mean()),
    }


def _held(result: Result, agent: str, times: Any) -> tuple[Any, Any]:
    """Whether the agent held anything from trading at these times, and what it was worth."""
    source, sequences = result.source, result.source.until(times)
    held, worth = np.zeros(len(times), np.bool_), np.zeros(len(times))
    inventory = result.inventory.filter(pl.col("agent").cast(pl.String) == agent)
    for number, market in enumerate(result.markets):
        own = inventory.filter(market=market.name)
        if own.is_empty():
            continue
        place = np.searchsorted(own["time_ns"].to_numpy(), times, side="right") - 1
        amount = np.where(place >= 0, own["inventory"].to_numpy()[np.maximum(place, 0)], 0.0)
        value = source.marks.value(int(source.units.base[number]), sequences)
        held |= amount != 0
        worth += np.abs(amount * value)
    return held, worth


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
