"""How much a figure of one run could be luck: intervals by resampling blocks of it.

The stationary bootstrap of Politis & Romano, "The stationary bootstrap", Journal of the American
Statistical Association 89 (1994): a resampled series consists of stretches of the real one, wrapped
around at its end, whose lengths are geometric with a mean of `block`, so that what hangs together
in time stays together. The interval is that of the percentiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mexchange.latency import generator

__all__ = ["intervals", "resampled"]

Floats = npt.NDArray[np.float64]
Figure = Callable[[Floats], Any]
LEAST = 20
"""With fewer values than this there is nothing to resample."""


def resampled(
    count: int, samples: int, block: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Which value stands at each place of each resampled series: [samples, count].

    Raises ValueError for a block below 1.
    """
    if block < 1:
        raise ValueError(f"a mean block of {block} is below 1")
    begins = rng.random((samples, count)) < 1 / block
    begins[:, 0] = True
    place = np.arange(count)
    since = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    first = rng.integers(0, count, (samples, count))
    chosen: npt.NDArray[np.int64] = (
        np.take_along_axis(first, since, axis=1) + place - since
    ) % count
    return chosen


def intervals(
    values: Floats,
    figures: Mapping[str, Figure],
    *,
    level: float = 0.95,
    samples: int = 1_000,
    block: float | None = None,
    seed: int = 1,
) -> dict[str, tuple[float, float]]:
    """The interval of each figure in which `level` of the resampled series fall.

    Args:
        values: a series, [periods].
        figures: functions of many series [series, periods], giving a number for each.
        block: mean length of a block; default the cube root of the number of values, which is how
            the best one grows with it.
        seed: of `mexchange.latency.generator(seed, "bootstrap")`.

    Both ends are NaN where a figure is not defined for most of the resampled series, and all are
    with fewer than 20 values. Raises ValueError for a level outside 0 … 1 or a block below 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    nothing = (float("nan"), float("nan"))
    if len(values) < LEAST:
        return dict.fromkeys(figures, nothing)
    rng = generator(seed, "bootstrap")
    series = values[resampled(len(values), samples, block or len(values) ** (1 / 3), rng)]
    found = {}
    for name, figure in figures.items():
        drawn = np.asarray(figure(series), float)
        drawn = drawn[np.isfinite(drawn)]
        if 2 * len(drawn) < samples:
            found[name] = nothing
            continue
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        found[name] = float(low), float(high)
    return found
