"""Chance of compiled flow: the published sequence, the distributions, the same bits anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mexchange.flow import draws
from mexchange.flow.layout import ROW


@pytest.fixture
def row() -> np.void:
    """A generator in the state of the published test vector."""
    rows = np.zeros(1, ROW)
    rows["s0"], rows["s1"], rows["s2"], rows["s3"] = 1, 2, 3, 4
    return rows[0]


def test_the_sequence_is_xoshiro128_plus_plus(row: np.void) -> None:
    drawn = [draws.draw(row) for _ in range(10)]
    assert drawn == [
        641, 1573767, 3222811527, 3517856514, 836907274,
        4247214768, 3867114732, 1355841295, 495546011, 621204420,
    ]  # fmt: skip


def test_uniform_and_below_cover_their_range(row: np.void) -> None:
    numbers = np.array([draws.uniform(row) for _ in range(20_000)])
    assert 0 < numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.01
    counts = np.bincount([draws.below(row, 6) for _ in range(12_000)])
    assert len(counts) == 6
    assert (abs(counts - 2_000) < 5 * math.sqrt(2_000)).all()


def test_exponential_numbers_are_exponential(row: np.void) -> None:
    numbers = np.sort([draws.exponential(row) for _ in range(50_000)])
    expected = -np.log(1 - (np.arange(len(numbers)) + 0.5) / len(numbers))
    share_below = 1 - np.exp(-numbers)
    assert abs(share_below - (1 - np.exp(-expected))).max() < 1.63 / math.sqrt(len(numbers))
    assert abs(numbers.mean() - 1) < 5 / math.sqrt(len(numbers))


@pytest.mark.parametrize("exponent", [1.2, 2.5])
def test_pareto_numbers_have_their_tail(row: np.void, exponent: float) -> None:
    numbers = np.array([draws.pareto(row, exponent) for _ in range(50_000)])
    assert numbers.min() >= 1
    assert abs(exponent * np.log(numbers).mean() - 1) < 5 / math.sqrt(len(numbers))


def test_exp_is_close_and_clipped() -> None:
    for x in np.linspace(-40, 40, 2_001).tolist():
        assert draws.exp(x) == pytest.approx(math.exp(x), rel=2e-11)
    assert draws.exp(-100.0) == 0
    assert draws.exp(1000.0) == 2.0**64


def test_tables_hold_nothing_that_differs_between_machines() -> None:
    scale = float(1 << 40)
    for table in (draws._LOGS, draws._ROOTS):
        assert (table * scale == np.round(table * scale)).all()
    assert draws.quantised(math.pi) == draws.quantised(math.nextafter(math.pi, 4))
