"""Facts about the spread, returns and volatility: S1, S2, R1 to R3, V1 to V3, and Cont's 3, 9, 11.

Returns are log returns of the mid over steps of clock time. Numbers of Cont (2001): absence of
autocorrelation 1, heavy tails 2, gain/loss asymmetry 3, aggregational Gaussianity 4, intermittency
5, volatility clustering 6, slow decay 8, leverage 9, volume and volatility 10, coarse volatility
predicts fine 11.
"""

from __future__ import annotations

import numpy as np

from mexchange.analytics.realism.sample import MILLISECOND, SECOND, Floats, Int64, Sample
from mexchange.analytics.realism.sums import (
    BLOCKS,
    NotMeasurableError,
    Sums,
    blocks_of,
    correlations,
    hill,
    lagged,
    memory,
    per_block,
    ratio,
)

__all__ = ["MINUTE", "correlation", "kurtosis", "minutes"]

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
KURTOSIS_STEPS = (
    ("0.1 s", 100 * MILLISECOND), ("1 s", SECOND), ("5 s", 5 * SECOND), ("10 s", 10 * SECOND),
    ("60 s", MINUTE),
)  # fmt: skip
MEMORY_LAGS = np.arange(1, 101)
MEMORY_BINS = 12
FANO_WINDOW = 10 * MINUTE


def spread_one_tick(sample: Sample) -> Sums:
    """S1: share of time with a spread of one tick."""
    block, stood = _stood(sample)
    narrow = sample.top.ask - sample.top.bid == 1
    return Sums(("share",), per_block(block, stood * narrow, stood), ratio)


def mean_spread(sample: Sample) -> Sums:
    """S2: mean over time of the spread, in basis points of the mid."""
    block, stood = _stood(sample)
    spread = 1e4 * (sample.top.ask - sample.top.bid) / sample.mid
    return Sums(("bps",), per_block(block, stood * spread, stood), ratio)


def _stood(sample: Sample) -> tuple[Int64, Floats]:
    """The block of each row of the book, and for how many seconds it stood.

    A row that stands over several blocks counts in its first one.
    """
    if len(sample.top) < 10 or sample.seconds < 60:
        raise NotMeasurableError("less than a minute of best bid and ask")
    times = sample.top.time_ns
    stood = np.diff(np.append(times, sample.end_ns)) / SECOND
    return blocks_of(times, sample.start_ns, sample.end_ns), stood


def _returns(sample: Sample, step_ns: int, least: int) -> tuple[Int64, Floats]:
    """Blocks and returns over a step; at least so many of them."""
    times, returns = sample.returns(step_ns)
    if len(returns) < 0.95 * least:
        need, unit = least * step_ns / HOUR, "h"
        if need < 1:
            need, unit = need * 60, "min"
        raise NotMeasurableError(
            f"{sample.seconds / 60:.0f} min of prices; it takes {need:.3g} {unit}"
        )
    if not np.any(returns):
        raise NotMeasurableError("the price never moved")
    return blocks_of(times, sample.start_ns, sample.end_ns), returns


def minutes(sample: Sample, least: int = 120) -> tuple[Int64, Floats]:
    """Blocks and returns of whole minutes."""
    return _returns(sample, MINUTE, least)


def return_memory(sample: Sample) -> Sums:
    """R1: autocorrelation of returns over 1 min at lag 1; of those over 1 s beside it."""
    lags = np.array([1])
    fine_block, fine = _returns(sample, SECOND, 60)
    try:
        block, returns = minutes(sample)
    except NotMeasurableError:
        block, returns = np.zeros(2, np.int64), np.zeros(2)
    parts = [lagged(x - x.mean(), b, lags) for x, b in ((returns, block), (fine, fine_block))]

    def estimate(sums: Floats) -> Floats:
        return np.concatenate([correlations(sums[..., :4], 1), correlations(sums[..., 4:], 1)], -1)

    return Sums(("ρ(1 min)", "ρ(1 s)"), np.concatenate(parts, axis=1), estimate)


def kurtosis(sums: Floats) -> Floats:
    """Excess kurtosis from a count and the sums of the first four powers: [..., 5] to [...]."""
    n, s1, s2, s3, s4 = (sums[..., column] for column in range(5))
    mean, second = s1 / n, s2 / n
    variance = second - mean**2
    fourth = s4 / n - 4 * mean * s3 / n + 6 * mean**2 * second - 3 * mean**4
    found: Floats = np.where(n >= 60, fourth / variance**2 - 3, np.nan)
    return found


def tails_over_time(sample: Sample) -> Sums:
    """R2: excess kurtosis of returns over growing steps; it falls as they grow (facts 2 and 4)."""
    _returns(sample, SECOND, 120)
    parts = []
    for _, step in KURTOSIS_STEPS:
        times, returns = sample.returns(step)
        returns = 1e4 * returns
        block = blocks_of(times, sample.start_ns, sample.end_ns)
        parts.append(per_block(block, *(returns**power for power in range(5))))
    names = tuple(f"κ({name})" for name, _ in KURTOSIS_STEPS)

    def estimate(sums: Floats) -> Floats:
        found = [kurtosis(sums[..., 5 * k : 5 * k + 5]) for k in range(len(names))]
        one, ten, sixty = found[1], found[3], found[4]
        falls = [_times(one, ten), _times(ten, sixty)]
        # The value at 1 s is what the fact is known by.
        return np.stack([one, found[0], found[2], ten, sixty, *falls], axis=-1)

    order = (names[1], names[0], names[2], names[3], names[4])
    return Sums(
        (*order, "κ(1 s) / κ(10 s)", "κ(10 s) / κ(60 s)"), np.concatenate(parts, axis=1), estimate
    )


def _times(larger: Floats, smaller: Floats) -> Floats:
    """How many times the smaller the larger is; infinite where the smaller is not positive."""
    found: Floats = np.where(
        np.isnan(smaller), np.nan, np.where(smaller > 0, larger / smaller, np.inf)
    )
    return found


def return_tail(sample: Sample) -> Sums:
    """R3: Hill exponent of the top 5 % of absolute returns over 1 min."""
    block, returns = minutes(sample, 600)
    return Sums(("α",), hill(np.abs(returns), block)[0], ratio)


def volatility_memory(sample: Sample) -> Sums:
    """V1: autocorrelation of absolute returns over 1 min, and τ^−β through lags 1 to 100."""
    block, returns = minutes(sample, 600)
    sizes = np.abs(returns)
    parts = lagged(sizes - sizes.mean(), block, MEMORY_LAGS)
    return memory(("β", "ACF(1)"), parts, len(MEMORY_LAGS), MEMORY_BINS)


def intermittency(sample: Sample) -> Sums:
    """V2: Fano factor (variance by mean) of how many returns over 1 s in 10 min are extreme:
    larger, without their sign, than 99 % of all.
    """
    _, returns = _returns(sample, SECOND, 12 * FANO_WINDOW // SECOND)
    sizes = np.abs(returns)
    extreme = sizes > np.quantile(sizes, 0.99) * (1 + 1e-9)
    if np.mean(extreme) < 0.001:
        raise NotMeasurableError("too few distinct returns for a 99 % quantile")
    length = FANO_WINDOW // SECOND
    windows = len(sizes) // length
    counts = extreme[: windows * length].reshape(windows, length).sum(axis=1).astype(float)
    block = np.arange(windows) * BLOCKS // windows

    def estimate(sums: Floats) -> Floats:
        n, first, second = (sums[..., column] for column in range(3))
        mean = first / n
        return ((second / n - mean**2) * n / (n - 1) / mean)[..., None]

    return Sums(("Fano",), per_block(block, np.ones(windows), counts, counts**2), estimate)


def volume_and_volatility(sample: Sample) -> Sums:
    """V3: correlation of traded volume and absolute return, by minute."""
    times, returns = sample.returns(MINUTE)
    block, _ = minutes(sample)
    place = (sample.tape.time_ns - times[0]) // MINUTE
    inside = (place >= 0) & (place < len(returns))
    volume = np.bincount(
        place[inside], weights=sample.tape.quantity[inside], minlength=len(returns)
    )
    return Sums(("ρ",), correlation(block, volume.astype(float), np.abs(returns)), pearson)


def correlation(block: Int64, x: Floats, y: Floats) -> Floats:
    """The sums that `pearson` takes: float64 [blocks, 6]."""
    # Centred first, so that large values do not eat the digits of the difference.
    x, y = x - x.mean(), y - y.mean()
    x, y = x / (x.std() or 1.0), y / (y.std() or 1.0)
    return per_block(block, np.ones(len(x)), x, y, x * x, y * y, x * y)


def pearson(sums: Floats) -> Floats:
    """Correlation from a count and the sums of x, y, x², y² and xy."""
    n, x, y, xx, yy, xy = (sums[..., column] for column in range(6))
    covariance = xy / n - x * y / n**2
    found: Floats = covariance / np.sqrt((xx / n - (x / n) ** 2) * (yy / n - (y / n) ** 2))
    return found[..., None]


def gain_loss(sample: Sample) -> Sums:
    """C3: skewness of returns over 1 min; below zero where falls are steeper than rises."""
    block, returns = minutes(sample)
    parts = per_block(block, *((1e4 * returns) ** power for power in range(4)))

    def estimate(sums: Floats) -> Floats:
        n, s1, s2, s3 = (sums[..., column] for column in range(4))
        mean, second = s1 / n, s2 / n
        third = s3 / n - 3 * mean * second + 2 * mean**3
        return (third / (second - mean**2) ** 1.5)[..., None]

    return Sums(("skewness",), parts, estimate)


def leverage(sample: Sample) -> Sums:
    """C9: correlation of a return over 1 min with the next one's square; below zero in stocks."""
    block, returns = minutes(sample)
    return Sums(("ρ",), correlation(block[:-1], returns[:-1], returns[1:] ** 2), pearson)


def coarse_to_fine(sample: Sample) -> Sums:
    """C11: how much better coarse volatility predicts fine than fine predicts coarse.

    Over stretches of 10 min, coarse is the absolute return and fine the sum of the absolute returns
    of its minutes; the value is corr(coarse before, fine) − corr(fine before, coarse), after Müller
    et al. (1997).
    """
    _, returns = minutes(sample, 480)
    groups = returns[: len(returns) // 10 * 10].reshape(-1, 10)
    coarse, fine = np.abs(groups.sum(axis=1)), np.abs(groups).sum(axis=1)
    block = np.arange(len(groups) - 1) * BLOCKS // max(1, len(groups) - 1)
    pairs = [
        correlation(block, coarse[:-1], fine[1:]),
        correlation(block, fine[:-1], coarse[1:]),
    ]

    def estimate(sums: Floats) -> Floats:
        return pearson(sums[..., :6]) - pearson(sums[..., 6:])

    return Sums(("asymmetry",), np.concatenate(pairs, axis=1), estimate)
