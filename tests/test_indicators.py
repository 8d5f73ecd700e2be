"""Indicators: one value at a time gives what a whole series gives, and both give known numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange.strategy import indicators as ind

LENGTHS = st.integers(1, 30)
PRICES = st.lists(st.floats(0.01, 1e5), max_size=120)
# Values of very different size are what a running sum loses its digits on.
VALUES = st.lists(st.floats(-1e6, 1e6) | st.floats(-1e-3, 1e-3), max_size=120)


def one_by_one(indicator: Any, values: list[float]) -> Any:
    return np.array([indicator.update(value) for value in values], float)


def same(one: Any, other: Any, scale: float = 1.0) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * scale)


@given(VALUES, LENGTHS)
def test_simple_average(values: list[float], length: int) -> None:
    scale = max(map(abs, values), default=1)
    same(one_by_one(ind.SMA(length), values), ind.sma(values, length), scale)


@given(VALUES, LENGTHS)
def test_exponential_average(values: list[float], length: int) -> None:
    scale = max(map(abs, values), default=1)
    same(one_by_one(ind.EMA(length), values), ind.ema(values, length), scale)


@given(PRICES, LENGTHS)
def test_relative_strength(prices: list[float], length: int) -> None:
    index = one_by_one(ind.RSI(length), prices)
    same(index, ind.rsi(prices, length), 100)
    assert ((index[~np.isnan(index)] >= 0) & (index[~np.isnan(index)] <= 100)).all()
    assert np.isnan(index).sum() == min(length, len(prices))


@given(PRICES, LENGTHS, st.floats(0, 4))
def test_bollinger_bands(prices: list[float], length: int, width: float) -> None:
    bands = ind.Bollinger(length, width=width)
    moments = [bands.update(price) for price in prices]
    whole = ind.bollinger(prices, length, width=width)
    scale = 1e3 * max(prices, default=1)
    for name in ("lower", "middle", "upper"):
        one = np.array([getattr(moment, name) for moment in moments], float)
        same(one, getattr(whole, name), scale)


@given(PRICES, LENGTHS, st.floats(0.01, 0.99))
def test_volatilities(prices: list[float], length: int, decay: float) -> None:
    same(
        one_by_one(ind.RealisedVolatility(length), prices), ind.realised_volatility(prices, length)
    )
    same(one_by_one(ind.EwmaVolatility(decay), prices), ind.ewma_volatility(prices, decay))


def test_a_window_does_not_drift() -> None:
    window = ind.Window(50)
    draws = np.random.default_rng(1).normal(0, 1e-3, 200_000).tolist()
    for value in [1e12, *draws]:
        window.update(value)
    assert window.mean == pytest.approx(np.mean(draws[-50:]), abs=1e-12)
    assert window.deviation == pytest.approx(np.std(draws[-50:]), rel=1e-6)


# The worked example of the RSI that StockCharts' ChartSchool publishes (QQQQ, 14 days, to
# two places), whose prices are printed to four.
RSI_PRICES = """
44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931
46.0328 45.6140 46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521
45.7137 46.4515 45.7835 45.3548 44.0288 44.1783 44.2181 44.5672 43.4205 42.6628 43.1314
"""
RSI_PUBLISHED = """
70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87
45.46 37.30 33.08 37.77
"""


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


def test_rsi_of_a_published_example() -> None:
    expected = numbers(RSI_PUBLISHED)
    found = ind.rsi(numbers(RSI_PRICES), 14)
    np.testing.assert_allclose(found[14:], expected, atol=0.0051)
    np.testing.assert_allclose(one_by_one(ind.RSI(14), numbers(RSI_PRICES))[14:], found[14:])


def test_bollinger_bands_of_published_examples() -> None:
    # Great-Trades' help page: five closes, two deviations; it rounds on its way.
    bands = ind.bollinger([25.5, 26.75, 27.0, 26.5, 27.25], 5)
    assert [band[-1] for band in np.array(bands)] == pytest.approx([25.392, 26.6, 27.808], abs=1e-3)
    # StockCharts' ChartSchool: twenty days, printed to two places.
    prices = numbers(
        "86.16 89.09 88.78 90.32 89.07 91.15 89.44 89.18 86.93 87.68 86.96 89.43 89.32 88.72 "
        "87.45 87.26 89.50 87.90 89.13 90.70 92.90 92.98"
    )
    lower, middle, upper = np.array(ind.bollinger(prices))[:, 19:]
    np.testing.assert_allclose(middle, [88.71, 89.05, 89.24], atol=0.006)
    np.testing.assert_allclose(upper, [91.29, 91.95, 92.61], atol=0.011)
    np.testing.assert_allclose(lower, [86.12, 86.14, 85.87], atol=0.011)


def test_rsi_at_its_ends() -> None:
    assert ind.rsi([5, 5, 5, 5], 2).tolist()[2:] == [50, 50]
    assert ind.rsi([5, 6, 7, 8], 2).tolist()[2:] == [100, 100]
    assert ind.rsi([8, 7, 6, 5], 2).tolist()[2:] == [0, 0]


def test_volatility_of_a_known_series() -> None:
    prices = [100 * math.exp(0.01 * n) for n in range(10)]
    assert ind.realised_volatility(prices, 4)[-1] == pytest.approx(0.02)
    assert ind.ewma_volatility(prices)[-1] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ind.SMA(0), "at least 1"),
        (lambda: ind.sma([1.0], 0), "at least 1"),
        (lambda: ind.sma([[1.0]], 1), "one-dimensional"),
        (lambda: ind.ema([1.0, math.inf], 2), "finite"),
        (lambda: ind.EMA(3).update(math.nan), "finite"),
        (lambda: ind.EMA(alpha=0), "alpha 0"),
        (lambda: ind.RSI().update(math.inf), "finite"),
        (lambda: ind.RealisedVolatility(3).update(0), "no return"),
        (lambda: ind.ewma_volatility([1.0, -1.0]), "not positive"),
        (lambda: ind.EwmaVolatility(1), "alpha"),
    ],
)
def test_what_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
