"""Each measure of realism on series whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mexchange.analytics.realism import Sample, flow, impact, prices
from mexchange.analytics.realism.sample import Levels, Parents, Placements, Top
from mexchange.analytics.realism.sums import NotMeasurableError, decay, hill, power_fit
from mexchange.testing.samples import (
    MINUTE,
    NOBODY,
    SECOND,
    book,
    moving,
    of_returns,
    of_tape,
    taken,
)

DAY = 86_400


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# Tools.


def test_a_power_law_has_its_exponent() -> None:
    lags = np.arange(1.0, 201.0)
    for exponent in (0.2, 0.6, 1.2):
        found = decay(0.4 * lags**-exponent, np.array(1e9), 200, 20)
        assert found == pytest.approx(exponent, abs=0.01)
    # A short memory is none that a power law could describe.
    assert decay(0.4**lags, np.array(1e4), 200, 20) > 1.5
    assert decay(np.zeros(200), np.array(1e4), 200, 20) == math.inf
    both = decay(np.array([lags**-0.5, lags**-1.0]), np.array([1e9, 1e9]), 200, 20)
    assert both == pytest.approx([0.5, 1.0], abs=0.01)


def test_a_curve_is_fitted_through_noise(rng: np.random.Generator) -> None:
    x = np.geomspace(1e-4, 1e-1, 20)
    y = np.array([2 * x**0.5, 3 * x**0.8]) + rng.normal(0, 1e-3, (2, 20))
    exponents = np.arange(0, 2, 0.005)
    found, factor = power_fit(x, y, np.ones_like(y), exponents)
    assert found == pytest.approx([0.5, 0.8], abs=0.02)
    assert factor == pytest.approx([2, 3], rel=0.05)
    again, _ = power_fit(np.broadcast_to(x, y.shape), y, np.ones_like(y), exponents)
    assert again.tolist() == found.tolist()


@pytest.mark.parametrize("exponent", [1.0, 1.5, 3.0])
def test_hill_finds_the_tail_of_a_pareto(rng: np.random.Generator, exponent: float) -> None:
    values = 1 + rng.pareto(exponent, 200_000)
    parts, threshold = hill(values, np.zeros(len(values), np.int64))
    count, logs = parts.sum(axis=0)
    assert count == 10_000
    assert threshold == pytest.approx(0.05 ** (-1 / exponent), rel=0.02)
    assert count / logs == pytest.approx(exponent, rel=0.04)


def test_few_distinct_values_have_no_tail() -> None:
    block = np.zeros(1_000, np.int64)
    count, logs = hill(np.resize([20.0, 20.0, 40.0], 1_000), block, step=1)[0].sum(axis=0)
    assert (count > 0, logs) == (True, 0)
    with pytest.raises(NotMeasurableError, match="the tail needs 600"):
        hill(np.arange(100.0), block[:100])


# Prices.


def test_the_spread_is_weighted_by_time() -> None:
    one = np.ones(20, np.int64)
    ask = np.where(np.arange(20) % 2, 10_003, 10_001)
    times = np.arange(20) * 4 * SECOND + np.arange(20) % 2 * 2 * SECOND
    sample = Sample("made", 0, 80 * SECOND, Top(times, 10_000 * one, one, ask, one), NOBODY)
    # One tick wide for 6 s, then three ticks for 2 s, ten times over.
    assert prices.spread_one_tick(sample).values()["share"] == pytest.approx(0.75)
    assert prices.mean_spread(sample).values()["bps"] == pytest.approx(1.5, rel=1e-3)


def test_autocorrelation_of_returns(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 1e-4, 3_000)
    independent = prices.return_memory(of_returns(noise, MINUTE)).values()
    assert abs(independent["ρ(1 min)"]) < 0.05
    memory = noise.copy()
    for k in range(1, len(memory)):
        memory[k] += 0.4 * memory[k - 1]
    sums = prices.return_memory(of_returns(memory, MINUTE))
    assert sums.values()["ρ(1 min)"] == pytest.approx(0.4, abs=0.05)
    low, high = sums.intervals()["ρ(1 min)"]
    assert low < 0.4 < high < low + 0.15


def test_kurtosis_falls_as_returns_are_summed(rng: np.random.Generator) -> None:
    # Laplace returns have an excess kurtosis of 3, sums of n of them of 3 / n.
    sample = of_returns(rng.laplace(0, 1e-5, 4 * DAY), SECOND)
    found = prices.tails_over_time(sample).values()
    assert found["κ(1 s)"] == pytest.approx(3, abs=0.15)
    assert found["κ(10 s)"] == pytest.approx(0.3, abs=0.1)
    assert found["κ(1 s) / κ(10 s)"] == pytest.approx(10, rel=0.4)
    normal = prices.tails_over_time(of_returns(rng.normal(0, 1e-5, DAY), SECOND)).values()
    assert normal["κ(1 s)"] == pytest.approx(0, abs=0.1)


def test_tail_of_returns(rng: np.random.Generator) -> None:
    returns = 1e-5 * (1 + rng.pareto(3, 10_000)) * rng.choice([-1, 1], 10_000)
    found = prices.return_tail(of_returns(returns, MINUTE)).values()["α"]
    assert found == pytest.approx(3, rel=0.12)


def test_memory_of_volatility(rng: np.random.Generator) -> None:
    returns = rng.normal(0, 1e-4, 10_000)
    assert abs(prices.volatility_memory(of_returns(returns, MINUTE)).values()["ACF(1)"]) < 0.03
    # Log volatility as a sum of shocks over many time scales, which decays like a power law.
    log_volatility = np.zeros(10_000)
    for scale in (3, 10, 30, 100, 300, 1_000):
        shocks, level = rng.normal(0, 1, 10_000), 0.0
        keep = math.exp(-1 / scale)
        for k, shock in enumerate(shocks):
            level = keep * level + math.sqrt(1 - keep**2) * shock
            log_volatility[k] += 0.35 * level
    found = prices.volatility_memory(of_returns(returns * np.exp(log_volatility), MINUTE)).values()
    assert 0.1 < found["β"] < 0.5
    assert found["ACF(1)"] > 0.15


def test_bursts_of_large_returns(rng: np.random.Generator) -> None:
    returns = rng.normal(0, 1e-5, DAY)
    sums = prices.intermittency(of_returns(returns, SECOND))
    low, high = sums.intervals()["Fano"]
    assert low < 1 < high
    assert sums.values()["Fano"] == pytest.approx(1, abs=0.35)
    wild = np.repeat(rng.random(DAY // 600) < 0.2, 600)
    assert prices.intermittency(of_returns(returns * (1 + wild), SECOND)).values()["Fano"] > 4


def test_volume_and_volatility(rng: np.random.Generator) -> None:
    returns = rng.normal(0, 1e-4, 2_000)
    times = np.arange(2_000) * MINUTE + 5
    sizes = np.abs(returns) * 1e8
    with_it = of_returns(returns, MINUTE, taken(times, 1, sizes))
    assert prices.volume_and_volatility(with_it).values()["ρ"] == pytest.approx(1, abs=0.01)
    against = of_returns(returns, MINUTE, taken(times, 1, rng.permutation(sizes)))
    assert abs(prices.volume_and_volatility(against).values()["ρ"]) < 0.06


def test_what_is_reported_only(rng: np.random.Generator) -> None:
    up = rng.exponential(1e-4, 5_000) - 1e-4
    assert prices.gain_loss(of_returns(up, MINUTE)).values()["skewness"] == pytest.approx(2, 0.15)
    falls = rng.normal(0, 1e-4, 5_000)
    falls[1:] *= np.where(falls[:-1] < 0, 2, 1)
    assert prices.leverage(of_returns(falls, MINUTE)).values()["ρ"] < -0.1
    found = prices.coarse_to_fine(of_returns(rng.normal(0, 1e-4, 5_000), MINUTE)).values()
    assert abs(found["asymmetry"]) < 0.15


# Flow.


def test_memory_of_signs(rng: np.random.Generator) -> None:
    times = np.cumsum(rng.integers(1, SECOND, 50_000))
    random = flow.sign_memory(of_tape(taken(times, rng.choice([-1, 1], 50_000)))).values()
    assert abs(random["C(1)"]) < 0.02
    chain = np.cumprod(np.where(rng.random(50_000) < 0.7, 1, -1))
    assert flow.sign_memory(of_tape(taken(times, chain))).values()["C(1)"] == pytest.approx(
        0.4, abs=0.02
    )
    # Runs whose length has tail exponent 1.5 have C(ℓ) ~ ℓ^-0.5 (Lillo, Mike and Farmer 2005).
    lengths = np.ceil((rng.random(200_000)) ** (-1 / 1.5)).astype(np.int64)
    runs = np.repeat(rng.choice([-1, 1], 200_000), lengths)[:300_000]
    found = flow.sign_memory(of_tape(taken(np.arange(300_000) * SECOND, runs))).values()
    assert found["γ"] == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(("sigma", "variation"), [(0.0, 0.0), (0.5, 0.533), (1.0, 1.311)])
def test_variation_of_waiting(rng: np.random.Generator, sigma: float, variation: float) -> None:
    times = np.cumsum(np.exp(rng.normal(0, sigma, 200_000)) * SECOND)
    found = flow.clustering(of_tape(taken(times, 1))).values()["CV"]
    assert found == pytest.approx(variation, abs=0.05)


def test_poisson_arrivals_have_variation_one(rng: np.random.Generator) -> None:
    sums = flow.clustering(of_tape(taken(np.cumsum(rng.exponential(SECOND, 20_000)), 1)))
    low, high = sums.intervals()["CV"]
    assert low < 1 < high < low + 0.06


def test_tail_of_sizes(rng: np.random.Generator) -> None:
    sizes = np.floor(10 * (1 + rng.pareto(1.5, 100_000)))
    tape = taken(np.arange(100_000) * SECOND, 1, sizes)
    assert flow.size_tail(of_tape(tape)).values()["ζ"] == pytest.approx(1.5, rel=0.05)


def test_tail_of_offsets(rng: np.random.Generator) -> None:
    # 1 to 2000 ticks, P(offset >= x) ~ x^-1.5, with many orders at and inside the best beside.
    draws = np.floor(1 + rng.pareto(1.5, 200_000))
    offsets = np.concatenate([draws, np.zeros(50_000), -np.ones(50_000), [50_000] * 20])
    rng.shuffle(offsets)
    offsets = offsets.astype(np.int64)
    placed = Placements(np.sort(rng.integers(0, 100_000 * SECOND, len(offsets))), offsets)
    sample = of_tape(taken(np.arange(100_000) * SECOND, 1), placements=placed)
    assert flow.offset_tail(sample).values()["exponent"] == pytest.approx(1.5, abs=0.08)
    flat = Placements(placed.time_ns, rng.integers(1, 2_001, len(offsets)))
    sample = of_tape(taken(np.arange(100_000) * SECOND, 1), placements=flat)
    # Uniform offsets are no power law: only a steep fall fits their last twentieth.
    assert not 0.5 < flow.offset_tail(sample).values()["exponent"] < 4


def test_share_of_wiped_levels() -> None:
    levels = Levels(np.arange(400), np.arange(400) % 4 == 0)
    sample = of_tape(taken(np.arange(400), 1), levels=levels)
    assert flow.wiped_levels(sample).values()["share"] == 0.25


# Impact.


def test_order_flow_imbalance_by_hand() -> None:
    sample = book([
        (100, 5, 101, 7),
        (100, 8, 101, 7),  # Three more are bid for.
        (100, 8, 101, 2),  # Five are taken from the ask.
        (101, 4, 102, 9),  # The ask is gone, and someone bids above.
        (100, 6, 102, 9),  # Back again.
        (100, 6, 101, 3),  # Someone offers below.
    ])  # fmt: skip
    assert impact.order_flow_imbalance(sample).tolist() == [3, 5, 4 + 2, -4, -3]


def test_order_flow_imbalance_explains_what_it_makes(rng: np.random.Generator) -> None:
    # The queues hold 100 and the price moves by a tick for every 100 that come or go.
    flow_ = rng.normal(0, 60, 2_000)
    moves = np.rint(flow_ / 100).astype(int)
    price = 10_000 + np.cumsum(moves)
    rows = [(int(p), 100, int(p) + 1, 100) for p in price]
    values = impact.flow_explains(book(rows, SECOND // 4)).values()
    assert values["R²(1 s)"] > 0.9
    still = [(int(p), int(q), int(p) + 1, 100) for p, q in zip(
        10_000 + np.cumsum(rng.choice([-1, 0, 1], 2_000) * (np.arange(2_000) % 40 == 0)),
        rng.integers(1, 5_000, 2_000), strict=True)]  # fmt: skip
    assert impact.flow_explains(book(still, SECOND // 4)).values()["R²(1 s)"] < 0.1


def test_a_tilted_book_leads(rng: np.random.Generator) -> None:
    heavy = rng.choice([-1, 1], 20_000)
    moves = np.where(rng.random(20_000) < 0.8, heavy, -heavy)
    price = 10_000 + np.cumsum(np.append(0, moves[:-1]))
    rows = [
        (int(p), 90 if h > 0 else 10, int(p) + 1, 10 if h > 0 else 90)
        for p, h in zip(price, heavy, strict=True)
    ]
    values = impact.imbalance_leads(book(rows)).values()
    assert values["P(up | bids)"] == pytest.approx(0.8, abs=0.02)
    assert values["P(up | asks)"] == pytest.approx(0.2, abs=0.02)


def test_response_to_orders() -> None:
    # Each order moves the mid by a tick its way, right when it comes.
    signs = np.where(np.arange(3_000) // 5 % 2, 1, -1)
    mid = 10_000 + np.cumsum(signs)
    one = np.ones(3_000, np.int64)
    times = np.arange(3_000) * SECOND
    start = np.append(10_000, mid)
    top = Top(np.append(-1, times), start - 1, np.append(1, one), start + 1, np.append(1, one))
    values = impact.response(Sample("made", -1, 3_000 * SECOND, top, taken(times, signs))).values()
    assert values["R(1)"] == 1
    assert values["R(10)"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("exponent", [0.5, 0.8])
def test_impact_of_metaorders(rng: np.random.Generator, exponent: float) -> None:
    count = 4_000
    quantity = np.floor(10 ** rng.uniform(0.5, 3.5, count)).astype(np.int64)
    sign = rng.choice([-1, 1], count)
    returns = np.zeros(3 * count)
    returns[1::3] = 1e-6 * sign * quantity**exponent + rng.normal(0, 5e-6, count)
    returns[2::3] = rng.normal(0, 2e-5, count)
    top = moving(returns, 20 * SECOND)
    parents = Parents(top.time_ns[1::3] + 1, top.time_ns[2::3] + 1, sign, quantity)
    tape = taken(top.time_ns[1:], 1, 100)
    sample = Sample("made", 0, int(top.time_ns[-1]), top, tape, parents=parents)
    sums = impact.square_root_law(sample)
    assert sums.values()["δ"] == pytest.approx(exponent, abs=0.05)
    low, high = sums.intervals()["δ"]
    assert low <= exponent <= high
    assert low < high
    few = Sample("made", 0, sample.end_ns, top, tape, parents=Parents(*(c[:50] for c in (
        parents.start_ns, parents.end_ns, sign, quantity))))  # fmt: skip
    with pytest.raises(NotMeasurableError, match="50 metaorders; it takes 200"):
        impact.square_root_law(few)
