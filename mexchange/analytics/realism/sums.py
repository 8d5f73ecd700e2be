"""Statistics as sums over blocks of time, and what follows from them.

Every measure here is a function of a few sums: of squares, of products at a lag, of counts. Each
sum is kept for every block of time, so that

- the value is the function of the total,
- its confidence interval comes from drawing blocks with replacement (a block bootstrap after
  Carlstein 1986, which keeps what happens close together together) and costs no second pass,
- several runs are pooled by laying their blocks side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mexchange.latency import generator

__all__ = [
    "BLOCKS",
    "NotMeasurableError",
    "Sums",
    "blocks_of",
    "correlations",
    "decay",
    "hill",
    "lagged",
    "log_edges",
    "per_block",
    "pooled",
    "power_fit",
    "ratio",
]

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

BLOCKS = 48
"""A sample is cut into so many blocks of equal length: half an hour of a day."""
DRAWS = 400
CONFIDENCE = 0.95


class NotMeasurableError(Exception):
    """A sample does not hold enough to measure something; the message says what it lacks."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums by block, float64 [blocks, sums], and the function that turns sums into values.

    `estimate` takes [..., sums] and returns [..., values]; `names` are those of the values.
    """

    names: tuple[str, ...]
    parts: Floats
    estimate: Callable[[Floats], Floats]

    def values(self) -> dict[str, float]:
        """The values of the whole."""
        with np.errstate(all="ignore"):
            found = self.estimate(self.parts.sum(axis=0))
        return dict(zip(self.names, found.tolist(), strict=True))

    def intervals(self, seed: int = 1, name: str = "") -> dict[str, tuple[float, float]]:
        """A 95 % confidence interval of each value by block bootstrap; NaN where there is none."""
        count = len(self.parts)
        rng = generator(seed, f"realism/{name}")
        weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(float)
        with np.errstate(all="ignore"):
            found = self.estimate(weights @ self.parts)
        tail = 100 * (1 - CONFIDENCE) / 2
        result = {}
        for column, value in enumerate(self.names):
            drawn = found[:, column]
            drawn = drawn[np.isfinite(drawn)]
            low, high = np.percentile(drawn, [tail, 100 - tail]) if len(drawn) else [np.nan] * 2
            result[value] = (float(low), float(high))
        return result


def pooled(sums: list[Sums]) -> Sums:
    """Several samples as one: all their blocks."""
    return Sums(sums[0].names, np.concatenate([each.parts for each in sums]), sums[0].estimate)


def blocks_of(times: Int64, start_ns: int, end_ns: int) -> Int64:
    """The block that each time is in."""
    length = max(1, -(-(end_ns - start_ns + 1) // BLOCKS))
    return np.clip((times - start_ns) // length, 0, BLOCKS - 1)


def per_block(block: Int64, *columns: Floats | Int64) -> Floats:
    """The sum of each column within each block: float64 [blocks, columns]."""
    return np.stack(
        [np.bincount(block, weights=column, minlength=BLOCKS) for column in columns], axis=1
    )


def ratio(sums: Floats) -> Floats:
    """The first sum by the second, as the one value."""
    return (sums[..., 0] / sums[..., 1])[..., None]


def lagged(values: Floats, block: Int64, lags: Int64) -> Floats:
    """Sums for an autocorrelation: float64 [blocks, 2 + 2 * lags].

    The sum of squares and its count, then the sums of products at each lag, then their counts. A
    pair belongs to the block of its first value; `block` ascends.
    """
    edges = np.searchsorted(block, np.arange(BLOCKS + 1))
    result = np.zeros((BLOCKS, 2 + 2 * len(lags)))
    result[:, :2] = per_block(block, values * values, np.ones(len(values)))
    for column, lag in enumerate(lags.tolist()):
        products = np.concatenate([[0.0], np.cumsum(values[:-lag] * values[lag:])])
        bounds = np.minimum(edges, len(products) - 1)
        result[:, 2 + column] = np.diff(products[bounds])
        result[:, 2 + len(lags) + column] = np.diff(bounds)
    return result


def correlations(sums: Floats, count: int) -> Floats:
    """The autocorrelation at each of `count` lags from the sums of `lagged`: [..., count]."""
    variance = sums[..., 0] / sums[..., 1]
    products = sums[..., 2 : 2 + count] / sums[..., 2 + count : 2 + 2 * count]
    found: Floats = products / variance[..., None]
    return found


def memory(names: tuple[str, str], parts: Floats, lags: int, bins: int) -> Sums:
    """What the sums of `lagged` tell of memory: the exponent of its decay, and that at lag 1."""

    def estimate(sums: Floats) -> Floats:
        found = correlations(sums, lags)
        return np.stack([decay(found, sums[..., 1], lags, bins), found[..., 0]], axis=-1)

    return Sums(names, parts, estimate)


def log_edges(lags: int, bins: int) -> Int64:
    """Where about so many logarithmic bins of the lags 1 to `lags` begin and end, from 0."""
    return np.unique(np.round(np.geomspace(1, lags + 1, bins + 1)).astype(np.int64)) - 1


def decay(memory: Floats, count: Floats, lags: int, bins: int) -> Floats:
    """The exponent p of the power law lag^−p that an autocorrelation follows: shape [...].

    A line through the logarithms of its means over logarithmic bins of the lags, up to the first
    mean below 1/√count, which is what independent values would show: there the memory ends. An
    exponent needs three bins; a memory that is shorter falls off infinitely fast.

    Args:
        memory: float64 [..., lags], the autocorrelation at lags 1 to `lags`.
        count: float64 [...], of the values that it was measured on.
    """
    edges = log_edges(lags, bins)
    sizes = np.diff(edges)
    means = np.add.reduceat(memory, edges[:-1], axis=-1) / sizes
    centre = np.add.reduceat(np.log(np.arange(1, lags + 1)), edges[:-1]) / sizes
    floor = 1 / np.sqrt(count)[..., None]
    weight = np.logical_and.accumulate(means > floor, axis=-1).astype(float)
    used = weight.sum(axis=-1)
    y = np.log(np.maximum(means, floor))
    with np.errstate(all="ignore"):
        x = centre - (weight @ centre / used)[..., None]
        slope = (weight * x * y).sum(axis=-1) / (weight * x * x).sum(axis=-1)
    exponent: Floats = np.where(used >= 3, -slope, np.inf)
    return exponent


def power_fit(x: Floats, y: Floats, weights: Floats, exponents: Floats) -> tuple[Floats, Floats]:
    """The exponent p and the factor c for which c · x^p comes closest to y, by least squares.

    In y itself, not in its logarithm, so that noise around zero neither is left out nor counts
    more than the rest. The exponent is the best of `exponents`; for each of them c is known.

    Args:
        x: float64 [points] or [..., points], positive.
        y, weights: float64 [..., points].
        exponents: float64 [tries].

    Returns p and c, each of shape [...].
    """
    # All shapes are [..., tries, points] in meaning; only where x is shared is it one product.
    if x.ndim == 1:
        basis = x[None, :] ** exponents[:, None]
        cross = (weights * y) @ basis.T
        square = weights @ (basis**2).T
    else:
        basis = x[..., None, :] ** exponents[:, None]
        cross = np.einsum("...p,...tp->...t", weights * y, basis)
        square = np.einsum("...p,...tp->...t", weights, basis**2)
    with np.errstate(all="ignore"):
        gain = np.where(square > 0, np.sign(cross) * cross**2 / square, -np.inf)
        # A negative factor would fit a curve that is no power law at all.
        best = np.argmax(gain, axis=-1)
        factor = np.take_along_axis(cross, best[..., None], -1)[..., 0]
        factor = factor / np.take_along_axis(square, best[..., None], -1)[..., 0]
    return exponents[best], factor


def hill(
    values: Floats, block: Int64, *, share: float = 0.05, step: float = 0.0, least: int = 30
) -> tuple[Floats, float]:
    """Sums for the tail exponent of P(X > x) after Hill (1975): [blocks, 2], and the threshold.

    Their ratio, count by sum of logarithms, is the exponent. The tail are the values above that
    which a `share` of them exceeds; whole numbers are `step` apart, and half a step is taken off
    the threshold's distance (Clauset, Shalizi and Newman 2009, equation 3.7).

    A tail of fewer than ten distinct values is none, and its exponent infinite. Raises
    NotMeasurableError where there are too few values for `least` in the tail.
    """
    wanted = int(share * len(values))
    if wanted < least:
        raise NotMeasurableError(f"{len(values):,} values; the tail needs {round(least / share):,}")
    threshold = float(np.partition(values, -wanted - 1)[-wanted - 1]) + step / 2
    above = values > threshold
    if np.count_nonzero(above) < least or len(np.unique(values[above])) < 10:
        # As of orders that all have the same size: they have no tail at all.
        return per_block(block, np.ones(len(values)), np.zeros(len(values))), threshold
    logs = np.log(values[above] / threshold)
    return per_block(block[above], np.ones(len(logs)), logs), threshold
