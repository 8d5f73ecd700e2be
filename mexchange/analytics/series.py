"""Series made small enough to draw: thinned, averaged over time, counted into bins."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from mexchange.analytics.frames.columns import extremes

__all__ = ["POINTS", "averages", "bins", "packed", "ranges", "sums", "thin"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POINTS = 3_000
"""At most this many points a trace: a screen has fewer columns, and the page opens at once."""


def thin(times: Ints, values: Floats, limit: int = POINTS) -> tuple[Ints, Floats]:
    """At most about `limit` of the points, with the lowest and highest of every stretch kept.

    >>> times, values = thin(np.arange(10_000), np.zeros(10_000), limit=100)
    >>> len(times) <= 104, int(times[0]), int(times[-1])
    (True, 0, 9999)
    """
    kept = extremes(values, limit)
    return times[kept], values[kept]


def averages(times: Ints, values: Floats, edges: Ints) -> Floats:
    """The mean over time, between each pair of edges, of a quantity that keeps its value until the
    next time; a missing value (NaN) does not count. Shape [len(edges) - 1].
    """
    known = ~np.isnan(values)
    stood = np.diff(np.append(times, max(int(edges[-1]), int(times[-1])))).astype(float)
    filled = np.where(known, values, 0.0) * stood
    at = np.append(times, times[-1] + stood[-1])
    total = np.interp(edges, at, np.append(0.0, np.cumsum(filled)))
    time = np.interp(edges, at, np.append(0.0, np.cumsum(stood * known)))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.diff(total) / np.diff(time)
    return np.where(np.diff(time) > 0, mean, np.nan)


def ranges(times: Ints, values: Floats, edges: Ints) -> tuple[Floats, Floats]:
    """The lowest and highest value that stood between each pair of edges."""
    starts = np.maximum(np.searchsorted(times, edges[:-1], side="right") - 1, 0)
    return np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)


def sums(times: Ints, values: Floats, edges: Ints) -> Floats:
    """The sum of what happened between each pair of edges."""
    place = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(place, weights=values, minlength=len(edges) - 1).astype(float)


def bins(values: Floats, count: int = 40, logarithmic: bool = False) -> Floats:
    """Edges of a histogram of values; logarithmic ones leave out what is not positive."""
    if logarithmic:
        positive = values[values > 0]
        if not positive.size:
            return np.array([0.5, 2.0])
        low, high = np.log10(positive.min()), np.log10(positive.max())
        return np.asarray(np.logspace(low - 0.01, high + 0.01, count + 1), dtype=float)
    distinct = np.unique(values)
    if distinct.size <= count:
        gap = float(np.diff(distinct).min()) if distinct.size > 1 else float(distinct[0]) or 1.0
        steps = round((distinct[-1] - distinct[0]) / gap) + 1
        if steps <= 2 * count:
            edges: Floats = distinct[0] + gap * (np.arange(steps + 1) - 0.5)
            return edges
    return np.linspace(distinct[0], distinct[-1], count + 1)


def packed(values: Any, kind: str = "<f8") -> dict[str, str]:
    """An array of numbers as Plotly reads it without parsing: base64 of little-endian bytes."""
    array = np.ascontiguousarray(values, dtype=kind)
    return {"dtype": kind.lstrip("<"), "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
