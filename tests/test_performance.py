"""Figures of performance, against the library empyrical on the same series and by hand."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange import EVENT, Asset, Exchange, Fees, Market, Result, Side
from mexchange.analytics import performance as p

SECOND = 1_000_000_000
MARKET = Market(Asset("KCN", 2), Asset("EUR", 4), fees=(Fees(),))


@pytest.fixture(scope="module")
def empyrical() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("empyrical")


SERIES = {
    "noise": lambda rng: rng.normal(0, 0.01, 500),
    "trend": lambda rng: rng.normal(0.002, 0.01, 300),
    "fat": lambda rng: np.clip(rng.standard_t(2, 400) / 200, -0.5, 0.5),
    "gains": lambda rng: rng.random(50) / 100,
    "two": lambda rng: rng.normal(0, 0.01, 2),
}


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("periods", [252, 8_760])
def test_the_same_as_empyrical(empyrical: Any, name: str, periods: int) -> None:
    r = SERIES[name](np.random.default_rng(7))
    pairs = {
        "total_return": (p.total_return(r), empyrical.cum_returns_final(r)),
        "annual_return": (
            p.annual_return(r, periods),
            empyrical.annual_return(r, annualization=periods),
        ),
        "volatility": (
            p.volatility(r, periods),
            empyrical.annual_volatility(r, annualization=periods),
        ),
        "sharpe": (p.sharpe(r, periods), empyrical.sharpe_ratio(r, annualization=periods)),
        "max_drawdown": (p.max_drawdown(r), -empyrical.max_drawdown(r)),
    }
    if (r < 0).any():  # What has no loss has no such ratio here, an infinite one there.
        pairs["sortino"] = p.sortino(r, periods), empyrical.sortino_ratio(r, annualization=periods)
        pairs["calmar"] = p.calmar(r, periods), empyrical.calmar_ratio(r, annualization=periods)
    for figure, (ours, theirs) in pairs.items():
        assert ours == pytest.approx(theirs, rel=1e-9), figure


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=40), st.integers(1, 5))
def test_many_series_are_many_times_one(values: list[int], copies: int) -> None:
    r = np.array(values) / 1_000
    many = np.tile(r, (copies, 1))
    for figure in (p.total_return, p.max_drawdown, p.hit_rate, p.profit_factor):
        np.testing.assert_array_equal(figure(many), np.full(copies, figure(r)))
    for of_year in (p.annual_return, p.volatility, p.sharpe, p.sortino, p.calmar):
        np.testing.assert_allclose(of_year(many, 252), np.full(copies, of_year(r, 252)))


def test_by_hand() -> None:
    r = p.returns(np.array([100.0, 110, 99, 99, 118.8]))
    assert p.hit_rate(r) == pytest.approx(2 / 3)
    assert p.profit_factor(r) == pytest.approx((0.1 + 0.2) / 0.1)
    assert p.max_drawdown(r) == pytest.approx(0.1)
    assert p.total_return(r) == pytest.approx(0.188)


def test_figures_that_are_not_defined() -> None:
    none, flat = np.empty(0), np.zeros(5)
    for of_year in (p.annual_return, p.volatility, p.sharpe, p.sortino, p.calmar):
        assert np.isnan(of_year(none, 252))
    for of_year in (p.sharpe, p.sortino, p.calmar):
        assert np.isnan(of_year(flat, 252))
    assert np.isnan(p.hit_rate(flat))
    assert np.isnan(p.profit_factor(np.array([0.1])))
    assert p.max_drawdown(none) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0),
        ([1.0], 0),
        ([1.0, 2, 3], 0),
        ([3.0, 2, 3, 1], 20),
        ([3.0, 2, 1, 0], 30),
        ([3.0, 3, 3, 2], 10),
        ([1.0, 0, 2, 1], 20),
    ],
)
def test_how_long_a_drawdown_lasts(values: list[float], expected: int) -> None:
    times = np.arange(len(values)) * 10
    assert p.drawdown_duration(np.array(values), times) == expected


# Intervals.


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng, hits = np.random.default_rng(3), 0
    for seed in range(100):
        noise = rng.normal(0, 1, 201)
        values = 0.5 + noise[1:] + 0.5 * noise[:-1]  # Correlated from one to the next.
        (low, high) = p.intervals(
            values, {"mean": lambda v: v.mean(axis=-1)}, level=0.9, samples=300, seed=seed
        )["mean"]
        hits += low < 0.5 < high
    assert 78 <= hits <= 97


def test_blocks_widen_the_interval_of_what_hangs_together() -> None:
    values = np.repeat(np.random.default_rng(1).normal(size=50), 10)
    mean = {"mean": lambda v: v.mean(axis=-1)}
    apart, whole = (p.intervals(values, mean, block=b)["mean"] for b in (1, 20))
    assert whole[1] - whole[0] > 2 * (apart[1] - apart[0])


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).normal(size=100)
    one, same, other = (
        p.intervals(values, {"s": lambda v: p.sharpe(v, 1)}, seed=s) for s in (4, 4, 5)
    )
    assert one == same != other


def test_intervals_refuse_what_makes_no_sense() -> None:
    values = np.arange(30.0)
    with pytest.raises(ValueError, match="level 95"):
        p.intervals(values, {}, level=95)
    with pytest.raises(ValueError, match="below 1"):
        p.intervals(values, {}, block=0.5)
    assert np.isnan(p.intervals(values[:19], {"s": lambda v: v.sum(axis=-1)})["s"]).all()


# Of a run.


def traded() -> Result:
    """The taker buys a coin for 11 at 1 s; the mid goes 10, 12, 11; each stands 10 s."""
    exchange = Exchange(MARKET, engine="reference")
    maker, taker = exchange.open_account(), exchange.open_account()
    events = [exchange.deposit(maker, "KCN", "50"), exchange.deposit(maker, "EUR", "1000")]
    events += [exchange.deposit(taker, "EUR", "100")]
    events += [exchange.submit(maker, 0, Side.BUY, "1", "9", time_ns=SECOND)]
    events += [exchange.submit(maker, 0, Side.SELL, "1", "11", time_ns=SECOND)]
    events += [exchange.submit(taker, 0, Side.BUY, "1", "11", time_ns=SECOND)]
    for second, ask in ((1, "11"), (11, "15"), (21, "13"), (31, "13")):
        exchange.tick(second * SECOND)
        events.append(exchange.cancel_all(maker))
        events.append(exchange.submit(maker, 0, Side.BUY, "1", "9", time_ns=second * SECOND))
        events.append(exchange.submit(maker, 0, Side.SELL, "1", ask, time_ns=second * SECOND))
    names = {maker: "maker", taker: "taker"}
    return Result([MARKET], np.concatenate(events), accounts=names, start_ns=SECOND)


def test_of_a_run() -> None:
    result = traded()
    curve = p.curve(result, "taker", "10s")
    assert curve["value"].to_list() == [99.0, 101.0, 100.0, 100.0]
    frame = result.performance("taker", interval="10s")
    found = dict(frame.select("figure", "value").iter_rows())
    assert found["total_return"] == pytest.approx(100 / 99 - 1)
    assert found["max_drawdown"] == pytest.approx(1 / 101)
    assert found["drawdown_seconds"] == 20.0
    assert found["turnover"] == pytest.approx(11 / 99)
    assert found["time_in_market"] == 1.0
    assert found["exposure"] == pytest.approx((10 + 12 + 11 + 11) / 4 / 99)
    assert frame["low"].null_count() == frame.height  # Three periods are too few for one.
    every = result.performance(interval="10s")
    assert every["agent"].unique(maintain_order=True).to_list() == ["maker", "taker"]


def test_unknown_agents_and_odd_intervals() -> None:
    result = traded()
    with pytest.raises(ValueError, match="no agent 'takr' that had money; did you mean 'taker'"):
        result.performance("takr")
    for interval in ("0s", "1h"):
        with pytest.raises(ValueError, match="does not fit into a run of 30 s"):
            result.performance("taker", interval=interval)
    with pytest.raises(ValueError, match="periods"):
        result.performance("taker", interval=1_000)


def test_nobody_at_all() -> None:
    assert Result([MARKET], np.empty(0, EVENT)).performance().height == 0
