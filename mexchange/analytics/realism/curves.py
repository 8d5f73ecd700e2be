"""What the page draws of a sample: for each fact the curve behind its number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mexchange.analytics.realism import flow, impact, prices
from mexchange.analytics.realism.sample import MILLISECOND, SECOND, Floats, Int64, Sample
from mexchange.analytics.realism.sums import (
    NotMeasurableError,
    blocks_of,
    correlations,
    lagged,
    log_edges,
)

__all__ = ["CURVES", "Curve", "curves"]

POINTS = 160
"""At most so many points a line."""
SCATTERED = 700


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line, and for some facts single points beside it."""

    x: Floats
    y: Floats
    points: tuple[Floats, Floats] | None = None


def curves(sample: Sample) -> dict[str, Curve]:
    """All curves that the sample is long enough for, by the name of their panel."""
    found = {}
    for name, make in CURVES.items():
        try:
            curve = make(sample)
        except NotMeasurableError:
            continue
        if len(curve.x):
            found[name] = curve
    return found


def spread(sample: Sample) -> Curve:
    """Share of time by spread in ticks."""
    if len(sample.top) < 10:
        raise NotMeasurableError("no best bid and ask")
    wide = np.minimum(sample.top.ask - sample.top.bid, 10_000)
    stood = np.diff(np.append(sample.top.time_ns, sample.end_ns)).astype(float)
    share = np.bincount(wide, weights=stood)
    ticks = np.flatnonzero(share)
    return _thin(ticks.astype(float), share[ticks] / share.sum())


def return_memory(sample: Sample) -> Curve:
    """Autocorrelation of returns over 1 s."""
    return _memory(*sample.returns(SECOND), sample, 60, 180)


def volatility_memory(sample: Sample) -> Curve:
    """Autocorrelation of absolute returns over 1 min."""
    times, returns = sample.returns(prices.MINUTE)
    return _binned(
        _memory(times, np.abs(returns), sample, len(prices.MEMORY_LAGS), 600), prices.MEMORY_BINS
    )


def fine_volatility_memory(sample: Sample) -> Curve:
    """Autocorrelation of absolute returns over 1 s."""
    times, returns = sample.returns(SECOND)
    return _binned(_memory(times, np.abs(returns), sample, 100, 180), prices.MEMORY_BINS)


def _memory(times: Int64, values: Floats, sample: Sample, last: int, least: int) -> Curve:
    if len(values) < least or not np.any(values):
        raise NotMeasurableError("too short")
    lags = np.arange(1, last + 1)
    block = blocks_of(times, sample.start_ns, sample.end_ns)
    sums = lagged(values - values.mean(), block, lags).sum(axis=0)
    return Curve(lags.astype(float), correlations(sums, len(lags)))


def kurtosis(sample: Sample) -> Curve:
    """Excess kurtosis of returns by their length in seconds."""
    steps, found = [], []
    for step in (100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000):
        _, returns = sample.returns(step * MILLISECOND)
        if len(returns) < 60 or not np.any(returns):
            continue
        powers = np.array([np.sum((1e4 * returns) ** power) for power in range(5)])
        steps.append(step / 1000)
        found.append(float(prices.kurtosis(powers)))
    return Curve(np.array(steps), np.array(found))


def returns_tail(sample: Sample) -> Curve:
    """P(|r| > x) of returns over 1 min (over 1 s where there are few), x in standard deviations."""
    _, returns = sample.returns(prices.MINUTE)
    if len(returns) < 600:
        _, returns = sample.returns(SECOND)
    if len(returns) < 180 or not np.any(returns):
        raise NotMeasurableError("too short")
    return _tail(np.abs(returns) / returns.std(), 0.02)


def bursts(sample: Sample) -> Curve:
    """Fano factor of extreme returns over 1 s by the length of the window in seconds."""
    _, returns = sample.returns(SECOND)
    sizes = np.abs(returns)
    if len(sizes) < 300 or not np.any(sizes):
        raise NotMeasurableError("too short")
    extreme = sizes > np.quantile(sizes, 0.99) * (1 + 1e-9)
    lengths, found = [], []
    for length in (2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600):
        windows = len(sizes) // length
        if windows < 12:
            break
        counts = extreme[: windows * length].reshape(windows, length).sum(axis=1)
        if counts.any():
            lengths.append(float(length))
            found.append(counts.var(ddof=1) / counts.mean())
    return Curve(np.array(lengths), np.array(found))


def volume(sample: Sample) -> Curve:
    """Mean volume of minutes, by twentieths of their absolute return; 1 is the mean of all."""
    times, returns = sample.returns(prices.MINUTE)
    if len(returns) < 120:
        raise NotMeasurableError("too short")
    place = (sample.tape.time_ns - times[0]) // prices.MINUTE
    inside = (place >= 0) & (place < len(returns))
    traded = np.bincount(
        place[inside], weights=sample.tape.quantity[inside], minlength=len(returns)
    )
    ranked = np.array_split(traded[np.argsort(np.abs(returns), kind="stable")], 20)
    means = np.array([part.mean() for part in ranked])
    return Curve((np.arange(20) + 0.5) / 20, means / (traded.mean() or 1.0))


def signs(sample: Sample) -> Curve:
    """C(ℓ) of the signs of market orders, averaged over bins of ℓ as the exponent is."""
    orders = sample.orders
    if len(orders) < 1_000:
        raise NotMeasurableError("too short")
    lags = flow.SIGN_LAGS
    block = blocks_of(orders.time_ns, sample.start_ns, sample.end_ns)
    memory = correlations(lagged(orders.sign.astype(float), block, lags).sum(axis=0), len(lags))
    return _binned(Curve(lags.astype(float), memory), flow.SIGN_BINS)


def waiting(sample: Sample) -> Curve:
    """P(wait > x) between market orders, x in means."""
    gaps = np.diff(sample.orders.time_ns).astype(float)
    if len(gaps) < 200:
        raise NotMeasurableError("too short")
    return _tail(gaps / gaps.mean(), 0.01)


def sizes(sample: Sample) -> Curve:
    """P(size > x) of market orders, x in means."""
    if len(sample.orders) < 200:
        raise NotMeasurableError("too short")
    quantity = sample.orders.quantity.astype(float)
    return _tail(quantity / quantity.mean(), 0.02)


def offsets(sample: Sample) -> Curve:
    """P(offset ≥ x) of limit orders, in ticks behind the best of their side."""
    if sample.placements is None:
        raise NotMeasurableError("a level-2 feed does not tell orders apart")
    offset = sample.placements.offset
    kept = (offset >= 1) & (offset <= flow.FARTHEST)
    if np.count_nonzero(kept) < 200:
        raise NotMeasurableError("too short")
    return _tail(offset[kept].astype(float))


def wiped(sample: Sample) -> Curve:
    """Share of changes of levels that wipe them out, over the course of the sample."""
    levels = sample.levels
    if levels is None or len(levels.wiped) < 100:
        raise NotMeasurableError("no changes of levels")
    block = blocks_of(levels.time_ns, sample.start_ns, sample.end_ns)
    gone, all_ = (np.bincount(block, weights=w, minlength=48) for w in (levels.wiped, None))
    seen = all_ > 0
    return Curve(100 * (np.arange(48)[seen] + 0.5) / 48, gone[seen] / all_[seen])


def flow_and_moves(sample: Sample) -> Curve:
    """Mean move of the mid by order flow imbalance over 1 s, both in standard deviations."""
    if len(sample.top) < 100:
        raise NotMeasurableError("too short")
    _, imbalance, moves = impact.binned_imbalance(sample, SECOND)
    if len(moves) < 120 or not np.any(moves):
        raise NotMeasurableError("too short")
    x, y = imbalance / imbalance.std(), moves / moves.std()
    order = np.argsort(x, kind="stable")
    ranked = [part for part in np.array_split(order, 24) if len(part)]
    step = -(-len(x) // SCATTERED)
    return Curve(
        np.array([x[part].mean() for part in ranked]),
        np.array([y[part].mean() for part in ranked]),
        (x[::step], y[::step]),
    )


def tilt(sample: Sample) -> Curve:
    """Share of next moves that are up, by the imbalance of the book."""
    tilted, move = impact.imbalance(sample), impact.next_moves(sample)
    known = move != 0
    if np.count_nonzero(known) < 500:
        raise NotMeasurableError("too short")
    place = np.minimum(((tilted[known] + 1) * 10).astype(int), 19)
    count = np.bincount(place, minlength=20)
    up = np.bincount(place, weights=move[known] > 0, minlength=20)
    seen = count >= 20
    return Curve((np.arange(20)[seen] + 0.5) / 10 - 1, up[seen] / count[seen])


def response(sample: Sample) -> Curve:
    """R(ℓ) after a market order; 1 is R(1)."""
    orders = sample.orders
    if len(orders) < 1_000 or not len(sample.top):
        raise NotMeasurableError("too short")
    mid = sample.mid_at(orders.time_ns, before=True)
    lags = _spaced(1, 1_000, 25)
    lags = lags[lags < len(orders) / 20]
    found = np.array([np.nanmean((mid[k:] - mid[:-k]) * orders.sign[:-k]) for k in lags])
    if found[0] <= 0:
        raise NotMeasurableError("orders do not move the price their way")
    return Curve(lags.astype(float), found / found[0])


def metaorders(sample: Sample) -> Curve:
    """Mean impact of metaorders in daily σ by their share of a day's volume."""
    _, share, effect = impact.metaorders(sample)
    place = np.digitize(share, impact.SHARES)
    found = [
        (share[place == bin_].mean(), effect[place == bin_].mean())
        for bin_ in np.unique(place)
        if np.count_nonzero(place == bin_) >= 20
    ]
    if len(found) < 3:
        raise NotMeasurableError("too few metaorders")
    x, y = np.array(found).T
    return Curve(x, y)


def leverage(sample: Sample) -> Curve:
    """Correlation of a return over 1 min with squared returns before and after, by minutes."""
    _, returns = sample.returns(prices.MINUTE)
    if len(returns) < 600 or not np.any(returns):
        raise NotMeasurableError("too short")
    lags = np.arange(-20, 21)
    squares = returns**2
    found = []
    for lag in lags.tolist():
        first, later = (returns, squares) if lag >= 0 else (squares, returns)
        pair = first[: len(first) - abs(lag)], later[abs(lag) :]
        found.append(float(np.corrcoef(*pair)[0, 1]))
    return Curve(lags.astype(float), np.array(found))


CURVES: dict[str, Callable[[Sample], Curve]] = {
    "S1": spread, "R1": return_memory, "R2": kurtosis, "R3": returns_tail,
    "V1": volatility_memory, "V1s": fine_volatility_memory, "V2": bursts, "V3": volume,
    "F1": signs, "F2": waiting, "F3": sizes, "F4": offsets, "F5": wiped,
    "I1": flow_and_moves, "I2": tilt, "I3": response, "I4": metaorders, "C9": leverage,
}  # fmt: skip


def _binned(curve: Curve, bins: int) -> Curve:
    """Means over the logarithmic bins of lags that exponents are fitted through."""
    edges = log_edges(len(curve.x), bins)
    sizes = np.diff(edges)
    return Curve(
        np.exp(np.add.reduceat(np.log(curve.x), edges[:-1]) / sizes),
        np.add.reduceat(curve.y, edges[:-1]) / sizes,
    )


def _spaced(first: int, last: int, count: int = 40) -> Int64:
    """Whole numbers that grow by about the same factor."""
    return np.unique(np.round(np.geomspace(first, last, count)).astype(np.int64))


def _tail(values: Floats, least: float = 0.0) -> Curve:
    """P(value > x) from `least` on, spread evenly over the logarithm of that probability."""
    ordered = np.sort(values[values > least])
    count = len(values)
    ranks = np.unique(np.round(np.geomspace(1, len(ordered), POINTS)).astype(np.int64))
    x = ordered[len(ordered) - ranks][::-1]
    y = (ranks / count)[::-1]
    # Of equal values the first, with the most above it, says how many there are.
    kept = np.append(True, np.diff(x) > 0)
    return Curve(x[kept], y[kept])


def _thin(x: Floats, y: Floats) -> Curve:
    """At most so many of the points, closer together at the beginning."""
    kept = _spaced(1, len(x), POINTS) - 1
    return Curve(x[kept], y[kept])
