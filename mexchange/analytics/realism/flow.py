"""Facts about the flow of orders: F1 to F5.

A market order is all trades of one aggressor side in one millisecond of the exchange.
"""

from __future__ import annotations

import numpy as np

from mexchange.analytics.realism.sample import SECOND, Floats, Sample
from mexchange.analytics.realism.sums import (
    NotMeasurableError,
    Sums,
    blocks_of,
    hill,
    lagged,
    memory,
    per_block,
    ratio,
)

__all__ = ["SIGN_LAGS"]

SIGN_LAGS = np.arange(1, 201)
SIGN_BINS = 20
FARTHEST = 2_000
"""Limit prices are looked at up to so many ticks from the best, as Zovko and Farmer did."""


def sign_memory(sample: Sample) -> Sums:
    """F1: C(ℓ) = ⟨ε(t) ε(t+ℓ)⟩ of market orders, and ℓ^−γ through ℓ = 1 to 200."""
    orders = sample.orders
    if len(orders) < 2_000:
        raise NotMeasurableError(f"{len(orders):,} market orders; it takes 2,000")
    block = blocks_of(orders.time_ns, sample.start_ns, sample.end_ns)
    parts = lagged(orders.sign.astype(float), block, SIGN_LAGS)
    return memory(("γ", "C(1)"), parts, len(SIGN_LAGS), SIGN_BINS)


def clustering(sample: Sample) -> Sums:
    """F2: coefficient of variation of the time between market orders; 1 for Poisson."""
    times = sample.orders.time_ns
    if len(times) < 500:
        raise NotMeasurableError(f"{len(times):,} market orders; it takes 500")
    gaps = np.diff(times) / SECOND
    block = blocks_of(times[1:], sample.start_ns, sample.end_ns)
    parts = per_block(block, np.ones(len(gaps)), gaps, gaps**2)

    def estimate(sums: Floats) -> Floats:
        mean = sums[..., 1] / sums[..., 0]
        variation: Floats = np.sqrt(sums[..., 2] / sums[..., 0] - mean**2) / mean
        return variation[..., None]

    return Sums(("CV",), parts, estimate)


def size_tail(sample: Sample) -> Sums:
    """F3: Hill exponent of the top 5 % of sizes of market orders."""
    orders = sample.orders
    if not len(orders):
        raise NotMeasurableError("no trades")
    block = blocks_of(orders.time_ns, sample.start_ns, sample.end_ns)
    return Sums(("ζ",), hill(orders.quantity.astype(float), block, step=1.0)[0], ratio)


def offset_tail(sample: Sample) -> Sums:
    """F4: exponent of the distance of limit orders from the best of their own side.

    Hill over the top 5 % of the offsets of 1 to 2000 ticks, knowing that none is above: the
    maximum likelihood of a power law that ends there.
    """
    if sample.placements is None:
        raise NotMeasurableError("a level-2 feed does not tell orders apart")
    offset, time_ns = sample.placements.offset, sample.placements.time_ns
    kept = (offset >= 1) & (offset <= FARTHEST)
    block = blocks_of(time_ns[kept], sample.start_ns, sample.end_ns)
    parts, threshold = hill(offset[kept].astype(float), block, step=1.0)
    span = np.log((FARTHEST + 0.5) / threshold)

    def estimate(sums: Floats) -> Floats:
        mean = sums[..., 1] / sums[..., 0]
        low, high = np.full(mean.shape, 1e-6), np.full(mean.shape, 50.0)
        for _ in range(50):
            middle = (low + high) / 2
            # The mean of log(x / threshold) under an exponent, which falls as that grows.
            above = 1 / middle - span / np.expm1(middle * span) > mean
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        exponent: Floats = (low + high) / 2
        return exponent[..., None]

    return Sums(("exponent",), parts, estimate)


def wiped_levels(sample: Sample) -> Sums:
    """F5: share of changes of levels that leave nothing of the level."""
    levels = sample.levels
    if levels is None or len(levels.wiped) < 100:
        raise NotMeasurableError("no changes of levels")
    block = blocks_of(levels.time_ns, sample.start_ns, sample.end_ns)
    parts = per_block(block, levels.wiped.astype(float), np.ones(len(levels.wiped)))
    return Sums(("share",), parts, ratio)
