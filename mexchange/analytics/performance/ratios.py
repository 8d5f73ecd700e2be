"""Figures of a series of returns.

Every function takes simple returns r, an array [periods] or many of them [series, periods], and
gives a float for each series: NaN where the figure is not defined (a ratio to no risk, no periods).
`periods` is how many there are in a year: what is annualised is multiplied by it, or by its root.
No interest is subtracted: a run is too short for any.

Sharpe, "The Sharpe ratio", Journal of Portfolio Management 21 (1994); Sortino & Price, "Performance
measurement in a downside risk framework", Journal of Investing 3 (1994); Young, "Calmar ratio: a
smoother tool", Futures 20 (1991). Definitions are those of the library `empyrical`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "annual_return",
    "calmar",
    "drawdown",
    "drawdown_duration",
    "hit_rate",
    "max_drawdown",
    "profit_factor",
    "returns",
    "sharpe",
    "sortino",
    "total_return",
    "volatility",
]

Floats = npt.NDArray[np.float64]


def returns(values: Floats) -> Floats:
    """Simple returns of a series of values, one fewer: [values - 1].

    >>> returns(np.array([100.0, 110.0, 99.0])).round(6).tolist()
    [0.1, -0.1]
    """
    return values[1:] / values[:-1] - 1


def total_return(r: Floats) -> Any:
    """What one unit has gained at the end."""
    return np.prod(1 + r, axis=-1) - 1


def annual_return(r: Floats, periods: float) -> Any:
    """The yearly rate that compounds to the total: (1 + total)^(periods / n) − 1."""
    with np.errstate(over="ignore"):
        return (1 + total_return(r)) ** (periods / r.shape[-1]) - 1 if r.shape[-1] else _none(r)


def volatility(r: Floats, periods: float) -> Any:
    """The standard deviation (of a sample) for a year."""
    return r.std(axis=-1, ddof=1) * np.sqrt(periods) if r.shape[-1] > 1 else _none(r)


def sharpe(r: Floats, periods: float) -> Any:
    """The mean over the standard deviation, for a year."""
    if r.shape[-1] < 2:
        return _none(r)
    return _ratio(r.mean(axis=-1) * np.sqrt(periods), r.std(axis=-1, ddof=1))


def sortino(r: Floats, periods: float) -> Any:
    """The mean over the root mean square of losses (gains count as zero), for a year."""
    if not r.shape[-1]:
        return _none(r)
    downside = np.sqrt((np.minimum(r, 0) ** 2).mean(axis=-1))
    return _ratio(r.mean(axis=-1) * np.sqrt(periods), downside)


def max_drawdown(r: Floats) -> Any:
    """How much of its highest value a unit lost at most, as a positive share."""
    value = np.cumprod(1 + r, axis=-1)
    top = np.maximum(np.maximum.accumulate(value, axis=-1), 1.0)
    return (1 - value / top).max(axis=-1, initial=0.0)


def calmar(r: Floats, periods: float) -> Any:
    """The yearly return over the largest drawdown."""
    return _ratio(annual_return(r, periods), max_drawdown(r))


def hit_rate(r: Floats) -> Any:
    """The share of gains among the periods that gained or lost."""
    return _ratio((r > 0).sum(axis=-1), (r != 0).sum(axis=-1))


def profit_factor(r: Floats) -> Any:
    """The sum of all gains over the sum of all losses."""
    return _ratio(np.maximum(r, 0).sum(axis=-1), -np.minimum(r, 0).sum(axis=-1))


def drawdown(values: Floats) -> Floats:
    """How far each value is below the highest so far (zero or positive), same shape.

    >>> drawdown(np.array([1.0, 3.0, 2.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return np.maximum.accumulate(values) - values if values.size else values


def drawdown_duration(values: Floats, times: npt.NDArray[np.int64]) -> int:
    """The longest time from a highest value until it was reached again, or until the end.

    >>> drawdown_duration(np.array([1.0, 3.0, 2.0, 3.0]), np.array([0, 10, 20, 30]))
    20
    """
    if not len(values):
        return 0
    highest = values >= np.maximum.accumulate(values)
    since = np.maximum.accumulate(np.where(highest, np.arange(len(values)), 0))
    # A value that is highest again ends what began at the one before it.
    since[1:] = np.where(highest[1:], since[:-1], since[1:])
    below = np.append(False, ~highest[:-1]) | ~highest
    return int((times - times[since])[below].max(initial=0))


def _ratio(part: Any, whole: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, np.asarray(part, float) / whole, np.nan)[()]


def _none(r: Floats) -> Any:
    return np.full(r.shape[:-1], np.nan)[()]
