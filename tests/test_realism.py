"""Samples of markets, the score of their facts, and what recorded and whole markets come to."""

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
    measure,
    of_events,
    of_recording,
    of_result,
    pool,
    prices,
)
from mexchange.analytics.realism.sample import Tape, Top
from mexchange.testing.samples import MINUTE, NO_BOOK, SECOND, of_tape, taken

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


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
