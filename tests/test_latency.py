"""Delays: what a model promises, and that each line has its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any, cast

import polars as pl
import pytest

from mexchange.latency import (
    Bursts,
    ConstantLatency,
    EmpiricalLatency,
    Latency,
    LogNormalLatency,
    generator,
)

DELAYS = 20_000


def draws(model: Latency, back: bool = False, seed: int = 1, name: str = "a") -> list[int]:
    return list(islice(model.way(back, seed, name), DELAYS))


def test_constant_latency_has_two_ways() -> None:
    model = ConstantLatency("1ms", "300us")
    assert draws(model)[:3] == [1_000_000] * 3
    assert draws(model, back=True)[:3] == [300_000] * 3
    assert ConstantLatency(5).least() == (5, 5)


@pytest.mark.parametrize("delay", [0, -1, "0s"])
def test_nothing_is_instantaneous(delay: int | str) -> None:
    with pytest.raises(ValueError, match="at least 1 ns"):
        ConstantLatency(delay)
    with pytest.raises(ValueError, match="at least 1 ns"):
        LogNormalLatency("1ms", floor=delay)


def test_log_normal_latency_has_its_median_and_its_tail() -> None:
    model = LogNormalLatency("1ms", sigma=0.5, floor="200us")
    delays = sorted(draws(model))
    assert 970_000 < median(delays) < 1_030_000
    share = sum(delay > 2_276_000 for delay in delays) / DELAYS
    assert 0.04 < share < 0.06
    assert 200_000 <= model.least()[0] <= delays[0]
    assert 0.049 < 1 - model.share_below(2_276_000) < 0.051


def test_a_line_depends_on_seed_name_and_direction_only() -> None:
    model = LogNormalLatency("1ms")
    first = draws(model)
    assert draws(LogNormalLatency("1ms")) == first
    assert draws(model, back=True) != first
    assert draws(model, seed=2) != first
    assert draws(model, name="b") != first


def test_no_delay_is_below_the_least() -> None:
    model = LogNormalLatency("10us", "1ms", sigma=2.0)
    for back in (False, True):
        assert min(draws(model, back)) >= model.least()[back]


@pytest.mark.parametrize("sigma", [-0.1, 4.1, float("nan")])
def test_sigma_is_bounded(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        LogNormalLatency("1ms", sigma=sigma)


def test_the_median_is_not_below_the_floor() -> None:
    with pytest.raises(ValueError, match="below the floor"):
        LogNormalLatency("1ms", floor="2ms")


def test_draws_are_the_same_on_every_machine() -> None:
    """Pinned: a change of these numbers changes every run with a log-normal latency."""
    assert list(islice(LogNormalLatency("1ms").way(False, 1, "a"), 4)) == PINNED
    assert generator(1, "a").integers(0, 1000, 4).tolist() == PINNED_GENERATOR


PINNED = [2129144, 1114359, 1212561, 851797]
PINNED_GENERATOR = [367, 543, 100, 797]


MODELS = [
    ConstantLatency("1ms", "300us"),
    LogNormalLatency("100us", "50us"),
    Bursts(LogNormalLatency("100us"), every="10ms", lasts="5ms", factor=7.5),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("back", [False, True])
def test_a_line_stays_within_what_the_model_promises(model: Latency, back: bool) -> None:
    delay = model.line(back, 1, "a")
    delays = [delay(time_ns * 10_000) for time_ns in range(DELAYS)]
    assert model.least()[back] <= min(delays) <= max(delays) <= model.most()[back]
    again = model.line(back, 1, "a")
    assert [again(time_ns * 10_000) for time_ns in range(100)] == delays[:100]


# Measured delays.


def file_of(folder: Path, kind: str, **columns: list[Any]) -> Path:
    path = folder / f"delays.{kind}"
    frame = pl.DataFrame(columns)
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("unit", "ns"), [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)]
)
def test_measured_delays_are_drawn_as_often_as_they_were_measured(
    kind: str, unit: str, ns: int, tmp_path: Path
) -> None:
    path = file_of(tmp_path, kind, **{f"delay_{unit}": [3, 1, 1, 2]})
    model = EmpiricalLatency(path)
    delays = draws(model)
    assert set(delays) == {ns, 2 * ns, 3 * ns}
    assert 0.48 < delays.count(ns) / DELAYS < 0.52
    assert (model.least(), model.most()) == ((ns, ns), (3 * ns, 3 * ns))
    assert model.share_below(2 * ns) == 0.5


def test_both_ways_may_be_measured(tmp_path: Path) -> None:
    there = file_of(tmp_path, "csv", delay_us=[1.5])
    back = file_of(tmp_path, "parquet", delay_ms=[2])
    model = EmpiricalLatency(there, back)
    assert (draws(model)[0], draws(model, back=True)[0]) == (1_500, 2_000_000)
    assert str(there) in repr(model)


def test_between_quantiles_is_a_straight_line(tmp_path: Path) -> None:
    path = file_of(tmp_path, "csv", quantile=[0.0, 0.5, 1.0], delay_us=[100, 200, 1_000])
    delays = sorted(draws(EmpiricalLatency(path)))
    assert 100_000 <= delays[0] < 101_000
    assert 195_000 < median(delays) < 215_000
    assert 370_000 < mean(delays) < 380_000


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.csv", None, "none.csv: no such file or directory"),
        ("x.txt", "delay_us", "x.txt: a file of latencies ends in .csv or .parquet"),
        ("x.csv", "", "x.csv: is not a csv file with a header: "),
        ("x.parquet", "nothing of the kind", "x.parquet: is not a parquet file with a header: "),
        ("x.csv", "delay_us\n", "x.csv: has no rows"),
        ("x.csv", "latency\n3\n", "needs one column delay_ns, delay_us, delay_ms, delay_s; it has"),
        ("x.csv", "delay_us,delay_ms\n3,3\n", "needs one column"),
        ("x.csv", "delay_us\n3\n-2\n", "x.csv: row 2: delay_us -2 is not between 1 ns and an hour"),
        ("x.csv", "delay_ns\n0.4\n", "row 1: delay_ns 0.4 is not between"),
        ("x.csv", "delay_s\n3601\n", "row 1: delay_s 3601 is not between"),
        ("x.csv", "delay_us\nNaN\n", "row 1: delay_us NaN is not between"),
        ("x.csv", "delay_us\nfast\n", "not every delay_us is a number"),
        ("x.csv", "delay_us,q\n3,1\n,2\n", "not every delay_us is a number"),
        ("x.csv", "quantile,delay_us\n0.5,1\n0.4,2\n", "must ascend, quantiles within 0 … 1"),
        ("x.csv", "quantile,delay_us\n0.5,2\n0.6,1\n", "must ascend"),
        ("x.csv", "quantile,delay_us\n0.5,2\n1.6,3\n", "must ascend"),
    ],
)
def test_a_file_that_is_no_latency_is_refused_in_a_line(
    name: str, text: str | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="(?i)" + name.replace(".", "[.]")) as refused:
        EmpiricalLatency(path)
    assert words.lower() in str(refused.value).lower()
    assert "\n" not in str(refused.value)


# Bursts.


def in_bursts(
    model: Bursts, seed: int = 1, name: str = "a", step_ns: int = 1_000_000
) -> list[bool]:
    burst = model.times(seed, name)
    return [burst(n * step_ns) for n in range(DELAYS)]


def test_bursts_come_as_often_and_last_as_long_as_they_are_told() -> None:
    seen = in_bursts(Bursts(ConstantLatency("1ms"), every="90ms", lasts="10ms"))
    assert 0.07 < mean(seen) < 0.13
    turns = sum(a != b for a, b in pairwise(seen))
    assert (
        300 < turns < 480
    )  # Twice in each 100 ms of twenty seconds, less what is too short to see.


def test_a_burst_makes_delays_longer_and_neighbours_alike() -> None:
    model = Bursts(ConstantLatency("1ms", "2ms"), every="90ms", lasts="10ms", factor=5)
    seen, there, back = in_bursts(model), model.line(False, 1, "a"), model.line(True, 1, "a", "x")
    for n, burst in enumerate(seen):
        assert there(n * 1_000_000) == (5_000_000 if burst else 1_000_000)
        assert back(n * 1_000_000) == (10_000_000 if burst else 2_000_000)
    together = mean(a and b for a, b in pairwise(seen))
    assert together > 5 * mean(seen) ** 2


def test_any_time_may_be_asked_for_in_any_order() -> None:
    model = Bursts(ConstantLatency(1), every="90ms", lasts="10ms")
    late = 1_700_000_000_000_000_000
    times = [late + n * 1_000_000 for n in range(5_000)]
    forth, burst = [model.times(1, "a")(time) for time in times], model.times(1, "a")
    assert [burst(time) for time in reversed(times)] == forth[::-1]
    assert 0 < sum(forth) < len(forth)


def test_bursts_of_a_name_are_shared_and_others_are_not() -> None:
    own = Bursts(ConstantLatency(1), every="90ms", lasts="10ms")
    shared = Bursts(LogNormalLatency("1ms"), every="90ms", lasts="10ms", name="exchange")
    assert in_bursts(own) != in_bursts(own, name="b")
    assert in_bursts(own) != in_bursts(own, seed=2)
    assert in_bursts(shared) == in_bursts(shared, name="b")
    assert in_bursts(shared) != in_bursts(shared, seed=2)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Bursts(cast("Latency", "1ms")), TypeError, "'1ms' is no latency; write Bursts"),
        (lambda: Bursts(ConstantLatency(1), factor=0.5), ValueError, "factor 0.5 is not in 1"),
        (lambda: Bursts(ConstantLatency(1), factor=float("nan")), ValueError, "factor nan"),
        (lambda: Bursts(ConstantLatency(1), every=0), ValueError, "every 0 is not at least 1 ns"),
        (lambda: Bursts(ConstantLatency(1), lasts="-1s"), ValueError, "no length of time"),
    ],
)
def test_bursts_are_checked(make: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_bursts_are_the_same_on_every_machine() -> None:
    """Pinned: a change of these changes every run with bursts."""
    burst = Bursts(ConstantLatency(1), every="90ms", lasts="10ms").times(1, "a")
    starts = [n for n in range(1, 2_000) if burst(n * 1_000_000) and not burst((n - 1) * 1_000_000)]
    assert starts[:6] == PINNED_BURSTS


PINNED_BURSTS = [116, 148, 207, 279, 472, 509]
