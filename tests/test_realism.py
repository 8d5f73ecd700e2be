"""The stylised facts on series whose answers are known, and on recorded feeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mexchange import EVENT, Asset, EventKind, Exchange, Market, Side
from mexchange.analytics.realism import (
    FACTS,
    Band,
    Sample,
    flow,
    impact,
    measure,
    of_events,
    of_recording,
    pool,
    prices,
)
from mexchange.analytics.realism.sample import Levels, Parents, Placements, Tape, Top
from mexchange.analytics.realism.sums import NotMeasurableError, decay, hill, power_fit

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400
PRICE = 1e9
"""In ticks; so many that rounding a price to a tick does nothing to a return."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def moving(returns: Any, step_ns: int) -> Top:
    """A book whose mid makes these log returns, one at the end of each step."""
    mid = np.rint(PRICE * np.exp(np.append(0.0, np.cumsum(returns)))).astype(np.int64)
    one = np.ones(len(mid), np.int64)
    return Top(np.arange(len(mid)) * step_ns, mid - 1, one, mid + 1, one)


def taken(times: Any, signs: Any, sizes: Any = 1) -> Tape:
    """Trades at these times in nanoseconds, each a market order of its own."""
    times = np.asarray(times, np.int64)
    filled = [np.broadcast_to(np.asarray(x, np.int64), times.shape) for x in (100, sizes, signs)]
    return Tape(times, np.arange(len(times)), *filled)


NOBODY = taken([], [])
NO_BOOK = Top(*[np.empty(0, np.int64)] * 5)


def of_returns(returns: Any, step_ns: int, tape: Tape = NOBODY) -> Sample:
    return Sample("made", 0, len(returns) * step_ns, moving(returns, step_ns), tape)


def of_tape(tape: Tape, **more: Any) -> Sample:
    return Sample("made", 0, int(tape.time_ns[-1]) + 1, NO_BOOK, tape, **more)


# The score.


@pytest.mark.parametrize(
    ("band", "scores"),
    [
        (Band("x", 1, 2), {0.4: 0, 0.5: 0, 0.75: 0.5, 1: 1, 2: 1, 3: 0.5, 4: 0, 9: 0}),
        (Band("x", 0.1), {0.05: 0, 0.075: 0.5, 0.1: 1, 99: 1, -1: 0}),
        (Band("x", high=0.1, magnitude=True), {-0.1: 1, 0.1: 1, -0.15: 0.5, 0.15: 0.5, 0.3: 0}),
        (Band("x", 0), {0: 1, 1: 1, -0.001: 0}),
        (Band("x", 1), {math.inf: 1, 0.9: 0.8, -3: 0}),
    ],
)
def test_a_band_scores_by_distance(band: Band, scores: dict[float, float]) -> None:
    assert {value: round(band.score(value), 9) for value in scores} == scores
    assert [band.holds(value) for value in scores] == [score == 1 for score in scores.values()]


def test_a_fact_scores_as_its_worst_condition(rng: np.random.Generator) -> None:
    # A Markov chain of signs has the right C(1), but its memory is lost at once.
    stays = np.where(rng.random(20_000) < 0.7, 1, -1)
    report = measure(of_tape(taken(np.arange(20_000) * SECOND, np.cumprod(stays))))
    found = report["F1"]
    assert found.fact.bands[1].score(found.values["C(1)"]) == 1
    assert found.score == found.fact.bands[0].score(found.values["γ"]) < 1
    assert found.holds is False


def test_what_cannot_be_measured_is_left_out_with_a_reason() -> None:
    report = measure(of_tape(taken(np.arange(600) ** 2 * SECOND, 1)))
    assert report["R3"].reason.endswith("it takes 10 h")
    assert report["F4"].reason == "a level-2 feed does not tell orders apart"
    assert report["I4"].reason == "no metaorders are known"
    assert report["F1"].score is None
    assert report.scored == sum(each.score is not None for each in report.measurements) == 2
    assert report["F3"].values["ζ"] == math.inf
    assert math.isnan(measure(of_tape(taken([0, 1], 1))).score)


def test_fourteen_facts_are_scored() -> None:
    scored = [fact.key for fact in FACTS if fact.bands]
    assert scored == [
        "S1",
        "R1",
        "R2",
        "R3",
        "V1",
        "V2",
        "V3",
        "F1",
        "F2",
        "F3",
        "F4",
        "I1",
        "I2",
        "I4",
    ]
    assert {fact.key for fact in FACTS} - set(scored) == {"S2", "F5", "I3", "C3", "C9", "C11"}


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


def book(rows: list[tuple[int, int, int, int]], step_ns: int = SECOND) -> Sample:
    """A sample with these rows of bid, its quantity, ask, its quantity."""
    columns = np.array(rows, np.int64).T
    top = Top(np.arange(len(rows)) * step_ns, *columns)
    return Sample("made", 0, len(rows) * step_ns, top, NOBODY)


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


# Samples.


def test_trades_of_a_millisecond_and_a_side_are_one_order() -> None:
    tape = Tape(*(np.array(c) for c in (
        [10, 11, 12, 13, 14], [1, 1, 1, 2, 2], [5, 6, 5, 5, 7], [1, 2, 4, 8, 16], [1, 1, -1, -1, -1]
    )))  # fmt: skip
    orders = Sample("made", 0, 20, NO_BOOK, tape).orders
    assert orders.time_ns.tolist() == [10, 12, 13]
    assert orders.quantity.tolist() == [3, 4, 24]
    assert orders.sign.tolist() == [1, -1, -1]


def test_a_run_is_sampled_from_its_events() -> None:
    exchange = Exchange(Market(Asset("KCN", 2), Asset("EUR", 4)), engine="reference")
    maker, taker = exchange.open_account(), exchange.open_account()
    for account in (maker, taker):
        exchange.deposit(account, "KCN", "1000")
        exchange.deposit(account, "EUR", "100000")
    events = [
        exchange.submit(maker, 0, side, quantity, price)
        for side, quantity, price in (
            (Side.BUY, "5", "9.99"), (Side.SELL, "7", "10.01"), (Side.BUY, "3", "10.00"),
            (Side.BUY, "1", "9.90"),
        )
    ] + [
        exchange.submit(taker, 0, Side.SELL, "3", "10.00"),
        exchange.submit(taker, 0, Side.SELL, "2", "9.99"),
    ]  # fmt: skip
    records = np.concatenate(events)
    records["time_ns"] = np.repeat(np.arange(len(events)) * SECOND, [len(e) for e in events])
    sample = of_events(records, name="made")
    top = sample.top
    assert (top.time_ns // SECOND).tolist() == [1, 2, 4, 5]
    assert top.bid.tolist() == [999, 1000, 999, 999]
    assert top.bid_quantity.tolist() == [500, 300, 500, 300]
    assert set(top.ask.tolist()) == {1001}
    assert sample.tape.price.tolist() == [1000, 999]
    assert sample.tape.quantity.tolist() == [300, 200]
    assert sample.tape.sign.tolist() == [-1, -1]
    assert sample.placements is not None
    # Into an empty book nothing is behind the best.
    assert sample.placements.offset.tolist() == [-1, 10]
    assert sample.levels is not None
    assert sample.levels.wiped.sum() == 1
    assert len(sample.levels.wiped) == 6
    assert sample.parents is not None
    assert len(sample.parents) == 0
    assert sample.mid_at(np.array([2, 3]) * SECOND).tolist() == [1000.5, 1000.5]
    assert sample.mid_at(np.array([2 * SECOND]), before=True).tolist() == [1000.0]
    later = of_events(records, start_ns=3 * SECOND)
    assert later.top.time_ns.tolist() == [3 * SECOND, 4 * SECOND, 5 * SECOND]
    assert later.placements is not None
    assert later.placements.offset.tolist() == [10]


def test_metaorders_are_runs_of_an_account() -> None:
    # Account 7 sells in six instants, then, after two minutes, in four; 8 buys five times at once.
    seconds = [0, 10, 20, 20, 30, 40, 50, 170, 180, 190, 200, *[60] * 5]
    records = np.zeros(len(seconds), EVENT)
    records["time_ns"] = np.array(seconds) * SECOND
    records["kind"], records["quantity"] = EventKind.TRADE, np.arange(1, 17)
    records["account"], records["side"] = [7] * 11 + [8] * 5, [Side.SELL] * 11 + [Side.BUY] * 5
    records = records[np.argsort(records["time_ns"], kind="stable")]
    parents = of_events(records).parents
    assert parents is not None
    assert [c.tolist() for c in (parents.start_ns, parents.end_ns)] == [[0], [50 * SECOND]]
    assert (parents.sign.tolist(), parents.quantity.tolist()) == ([-1], [28])
    of_other = of_events(records, workers=np.array([8])).parents
    assert of_other is not None
    assert len(of_other) == 0


def test_samples_are_pooled(rng: np.random.Generator) -> None:
    def one() -> Sample:
        times = np.cumsum(rng.exponential(SECOND, 5_000))
        return of_tape(taken(times, rng.choice([-1, 1], 5_000), 10 * (1 + rng.pareto(1.5, 5_000))))

    reports = [measure(one()) for _ in range(5)]
    together = pool(reports, "five")
    values = [report["F2"].values["CV"] for report in reports]
    assert min(values) < together["F2"].values["CV"] < max(values)

    def width(interval: tuple[float, float]) -> float:
        return interval[1] - interval[0]

    assert width(together["F2"].intervals["CV"]) < width(reports[0]["F2"].intervals["CV"])
    assert together["I4"].reason
    again = pool(reports, "five")
    assert again["F3"].intervals == together["F3"].intervals
    assert str(again).startswith("five: ")


# What was recorded of a real market. Ranges are those of ten feeds of BTC and ETH.

RANGES = {
    ("S1", "share"): (0.989, 0.997), ("S2", "bps"): (0.002, 0.043), ("R1", "ρ(1 s)"): (-0.10, 0.22),
    ("R2", "κ(0.1 s)"): (9.6, 363), ("R2", "κ(1 s)"): (0.7, 25.8), ("R2", "κ(5 s)"): (-0.3, 6.85),
    ("F1", "C(1)"): (0.199, 0.57), ("F1", "γ"): (0.49, 0.86), ("F2", "CV"): (1.47, 2.10),
    ("F3", "ζ"): (1.04, 1.63), ("F5", "share"): (0.135, 0.479), ("I1", "R²(1 s)"): (0.33, 0.78),
    ("I1", "R²(10 s)"): (0.39, 0.90), ("I2", "P(up | bids)"): (0.725, 0.855),
    ("I2", "P(up | asks)"): (0.157, 0.250), ("I3", "R(10) / R(1)"): (2.5, 5.4),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", ["spot_btcusdt_20240808", "spot_btcusdt_20240809", "usdm_btcusdt_20240808"]
)
def test_recorded_feeds_are_as_they_were_found(data: Path, name: str) -> None:
    from mexchange.data.binance import read_recording

    report = measure(of_recording(read_recording(data / "binance" / f"{name}.gz"), name))
    assert (report.inside, report.scored) == (6, 6)
    outside = {}
    for (key, value), (low, high) in RANGES.items():
        found = report[key].values[value]
        if not low <= found <= high:
            outside[key, value] = found
    assert not outside


def minutes_of(bars: Any, first: int, count: int) -> Sample:
    """Bars as a sample whose mid is their close at each minute's end."""
    part = bars.slice(first, count)
    close = np.rint(part["close"].to_numpy() * 100).astype(np.int64)
    times, one = (np.arange(1, count + 1) * MINUTE).astype(np.int64), np.ones(count, np.int64)
    volume = np.rint(part["volume"].to_numpy() * 1e5)
    return Sample(
        "bars", MINUTE, count * MINUTE, Top(times, close, one, close, one),
        taken(times[1:] - SECOND, 1, volume[1:]),
    )  # fmt: skip


def test_recorded_days_are_inside_the_bands(data: Path) -> None:
    import polars as pl

    bars = pl.read_ipc(data / "bars" / "BTC_USDT-1m.feather")
    measures: dict[str, Any] = {
        "R1": prices.return_memory, "R3": prices.return_tail, "V1": prices.volatility_memory,
        "V3": prices.volume_and_volatility,
    }  # fmt: skip
    bands = {fact.key: fact.bands for fact in FACTS}
    days = range(0, bars.height - 1_440, 1_440)
    held = dict.fromkeys(measures, 0)
    for first in days:
        sample = minutes_of(bars, first, 1_441)
        for key, sums in measures.items():
            values = sums(sample).values()
            held[key] += all(band.holds(values[band.value]) for band in bands[key])
    assert len(days) == 90
    assert min(held.values()) >= 80, held


# Whole markets.


@pytest.mark.slow
@pytest.mark.ci
def test_the_control_fails_where_it_must_and_the_market_does_not() -> None:
    from mexchange.analytics.realism import of_result
    from scenarios import balanced_market, poisson_control

    length = 12 * 3_600 * SECOND
    control = measure(of_result(poisson_control.run(1, length)))
    market = measure(of_result(balanced_market.run(1, length)))
    assert abs(control["F1"].values["C(1)"]) < 0.02
    assert control["F2"].values["CV"] == pytest.approx(1, abs=0.02)
    assert control["F3"].values["ζ"] == math.inf
    assert {key for key in ("V1", "F1", "F2", "F3", "F4") if control[key].holds} == set()
    assert market.inside >= 0.8 * market.scored
    assert market.score > control.score + 0.2
