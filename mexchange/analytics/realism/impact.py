"""Facts about how orders move the price: I1 to I4."""

from __future__ import annotations

import numpy as np

from mexchange.analytics.realism.prices import MINUTE, pearson
from mexchange.analytics.realism.sample import SECOND, Floats, Int64, Sample
from mexchange.analytics.realism.sums import (
    BLOCKS,
    NotMeasurableError,
    Sums,
    blocks_of,
    per_block,
    power_fit,
)

__all__ = ["RESPONSE_LAGS", "imbalance", "metaorders", "next_moves", "order_flow_imbalance"]

DAY = 24 * 60 * MINUTE
OFI_STEPS = (("1 s", SECOND), ("10 s", 10 * SECOND))
RESPONSE_LAGS = np.array([1, 10, 100])
TILTED = 0.5
"""A book is tilted where its imbalance is beyond this."""
BINS_A_DECADE = 4
SHARES = np.logspace(-8, 1, 9 * BINS_A_DECADE + 1)
"""Edges of the bins of metaorders, by their share of a day's volume."""
DELTAS = np.arange(0.0, 2.0001, 0.005)
LEAST_PARENTS = 200
LEAST_IN_BIN, LEAST_BINS = 20, 5


def order_flow_imbalance(sample: Sample) -> Floats:
    """What each row of the book added to the order flow imbalance: float64 [rows - 1].

    After Cont, Kukanov and Stoikov (2014): what came at or above the best bid, less what went from
    it, less the same for the ask.
    """
    top = sample.top
    bid, ask = np.diff(top.bid), np.diff(top.ask)
    flow: Floats = (
        (bid >= 0) * top.bid_quantity[1:]
        - (bid <= 0) * top.bid_quantity[:-1]
        - (ask <= 0) * top.ask_quantity[1:]
        + (ask >= 0) * top.ask_quantity[:-1]
    ).astype(float)
    return flow


def binned_imbalance(sample: Sample, step_ns: int) -> tuple[Int64, Floats, Floats]:
    """Over steps of time: when each begins, its order flow imbalance and the change of the mid."""
    edges = np.arange(int(sample.top.time_ns[0]), sample.end_ns + 1, step_ns)
    flow = np.concatenate([[0.0, 0.0], np.cumsum(order_flow_imbalance(sample))])
    place = np.searchsorted(sample.top.time_ns, edges, side="right")
    return edges[:-1], np.diff(flow[place]), np.diff(sample.mid[place - 1])


def flow_explains(sample: Sample) -> Sums:
    """I1: R² of the change of the mid on the order flow imbalance over 1 s; over 10 s beside it."""
    if len(sample.top) < 2:
        raise NotMeasurableError("no best bid and ask")
    parts = []
    for _, step in OFI_STEPS:
        times, flow, moves = binned_imbalance(sample, step)
        if len(times) < 30 or (step == SECOND and len(times) < 120):
            raise NotMeasurableError("less than five minutes of best bid and ask")
        if not np.any(moves):
            raise NotMeasurableError("the price never moved")
        scaled = flow / (flow.std() or 1.0)
        block = blocks_of(times, sample.start_ns, sample.end_ns)
        columns = (np.ones(len(flow)), scaled, moves, scaled**2, moves**2, scaled * moves)
        parts.append(per_block(block, *columns))

    def estimate(sums: Floats) -> Floats:
        return np.concatenate([pearson(sums[..., :6]), pearson(sums[..., 6:])], axis=-1) ** 2

    return Sums(("R²(1 s)", "R²(10 s)"), np.concatenate(parts, axis=1), estimate)


def imbalance(sample: Sample) -> Floats:
    """(B − A) / (B + A) of the quantities at best bid and ask, for each row of the book."""
    bid, ask = sample.top.bid_quantity, sample.top.ask_quantity
    found: Floats = (bid - ask) / (bid + ask)
    return found


def next_moves(sample: Sample) -> Floats:
    """Whether the next change of the mid after each row of the book is up (1), down (−1) or not
    seen any more (0).
    """
    if not len(sample.top):
        return np.empty(0)
    moves = np.sign(np.diff(sample.mid))
    places = np.flatnonzero(moves)
    following = np.searchsorted(places, np.arange(len(sample.mid)), side="left")
    result: Floats = np.append(moves[places], 0.0)[following]
    return result


def imbalance_leads(sample: Sample) -> Sums:
    """I2: how often the next move of the mid is up, where bids outweigh asks, and the other way."""
    tilt, move = imbalance(sample), next_moves(sample)
    block = blocks_of(sample.top.time_ns, sample.start_ns, sample.end_ns)
    known = move != 0
    heavy, light = known & (tilt > TILTED), known & (tilt < -TILTED)
    if min(np.count_nonzero(heavy), np.count_nonzero(light)) < 100:
        raise NotMeasurableError("fewer than 100 tilted books of a kind")
    parts = per_block(block, heavy & (move > 0), heavy, light & (move > 0), light)

    def estimate(sums: Floats) -> Floats:
        return np.stack([sums[..., 0] / sums[..., 1], sums[..., 2] / sums[..., 3]], axis=-1)

    return Sums(("P(up | bids)", "P(up | asks)"), parts, estimate)


def response(sample: Sample) -> Sums:
    """I3: R(ℓ) = ⟨(m(t+ℓ) − m(t)) ε(t)⟩ in ticks, over market orders, m right before each."""
    orders = sample.orders
    if len(orders) < 1_000:
        raise NotMeasurableError(f"{len(orders):,} market orders; it takes 1,000")
    mid = sample.mid_at(orders.time_ns, before=True)
    block = blocks_of(orders.time_ns, sample.start_ns, sample.end_ns)
    parts = []
    for lag in RESPONSE_LAGS:
        moved = (mid[lag:] - mid[:-lag]) * orders.sign[:-lag]
        seen = ~np.isnan(moved)
        parts.append(per_block(block[:-lag][seen], moved[seen], np.ones(int(seen.sum()))))

    def estimate(sums: Floats) -> Floats:
        found = sums[..., ::2] / sums[..., 1::2]
        return np.concatenate([found, found[..., 1:2] / found[..., :1]], axis=-1)

    names = (*(f"R({lag})" for lag in RESPONSE_LAGS), "R(10) / R(1)")
    return Sums(names, np.concatenate(parts, axis=1), estimate)


def metaorders(sample: Sample) -> tuple[Int64, Floats, Floats]:
    """Of each metaorder: when it ended, its share of a day's volume, its impact in daily σ.

    Impact is the log return of the mid from right before its first trade to after its last, times
    its side. σ is the root of the squared returns of all minutes, scaled to a day, and V the volume
    scaled likewise.
    """
    parents = sample.parents
    if parents is None or not len(parents):
        raise NotMeasurableError("no metaorders are known")
    _, returns = sample.returns(MINUTE)
    days = sample.seconds * SECOND / DAY
    sigma = np.sqrt(np.sum(returns**2) / days)
    volume = float(sample.tape.quantity.sum()) / days
    if not sigma or not volume:
        raise NotMeasurableError("the price never moved")
    before = np.log(sample.mid_at(parents.start_ns, before=True))
    after = np.log(sample.mid_at(parents.end_ns))
    seen = ~np.isnan(before) & ~np.isnan(after) & (parents.quantity > 0)
    share = parents.quantity[seen] / volume
    effect = parents.sign[seen] * (after - before)[seen] / sigma
    return parents.end_ns[seen], share, effect


def square_root_law(sample: Sample) -> Sums:
    """I4: impact of metaorders, I/σ = Y (Q/V)^δ, fitted through means of bins of Q/V."""
    times, share, effect = metaorders(sample)
    if len(share) < LEAST_PARENTS:
        raise NotMeasurableError(f"{len(share)} metaorders; it takes {LEAST_PARENTS}")
    block = blocks_of(times, sample.start_ns, sample.end_ns)
    count = len(SHARES) - 1
    place = np.clip(np.digitize(share, SHARES) - 1, 0, count - 1)
    cell = block * count + place
    size = (int(block.max()) + 1) * count
    if np.count_nonzero(np.bincount(place) >= LEAST_IN_BIN) < LEAST_BINS:
        raise NotMeasurableError("metaorders of too few sizes")
    columns = (np.ones(len(share)), share, effect, effect**2)
    grids = [np.bincount(cell, weights=c, minlength=size).reshape(-1, count) for c in columns]
    parts = np.zeros((BLOCKS, 4 * count))
    parts[: len(grids[0])] = np.concatenate(grids, axis=1)

    def estimate(sums: Floats) -> Floats:
        n, q, mean, second = (sums[..., k * count : (k + 1) * count] for k in range(4))
        used = n >= LEAST_IN_BIN
        many = np.maximum(n, 1)
        x = np.where(used, q / many, 1.0)
        y = np.where(used, mean / many, 0.0)
        variance = np.maximum(second / many - y**2, 1e-12)
        delta, factor = power_fit(x, y, np.where(used, n / variance, 0.0), DELTAS)
        enough = used.sum(axis=-1) >= LEAST_BINS
        return np.where(enough[..., None], np.stack([delta, factor], axis=-1), np.nan)

    return Sums(("δ", "Y"), parts, estimate)
