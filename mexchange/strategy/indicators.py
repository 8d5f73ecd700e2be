"""Technical indicators, each in two forms: an object that takes one value at a time in constant
time, for strategies, and a function over a whole series, for research. They give the same numbers.

Every form is undefined (NaN) until it has seen enough. A value that is not finite is refused,
since one NaN would stay in an average for ever.

Windows are summed anew once in their length, so that the rounding errors of adding and taking away
cannot pile up over a day; the average cost of an update stays constant.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "EMA", "RSI", "SMA", "Bands", "Bollinger", "EwmaVolatility", "RealisedVolatility", "Window",
    "bollinger", "ema", "ewma_volatility", "realised_volatility", "rsi", "sma",
]  # fmt: skip

Series = npt.NDArray[np.float64]
NAN = math.nan
T = TypeVar("T", float, Series)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return value


def _length(length: int, least: int = 1) -> int:
    if length < least:
        raise ValueError(f"a length of {length}: at least {least} is needed")
    return length


# One value at a time.


class Window:
    """Mean and standard deviation (of the population) of the last `length` values.

    Both are NaN until there are so many.

    >>> window = Window(2)
    >>> window.update(1), window.update(3), window.deviation
    (nan, 2.0, 1.0)

    Raises ValueError for a length below 1.
    """

    __slots__ = ("_age", "_mean", "_squares", "_values", "length")

    def __init__(self, length: int) -> None:
        self.length = _length(length)
        self._values: deque[float] = deque(maxlen=length)
        self._mean = self._squares = 0.0
        self._age = 0

    @property
    def ready(self) -> bool:
        """Whether there are enough values."""
        return len(self._values) == self.length

    @property
    def mean(self) -> float:
        """The mean of the window."""
        return self._mean if self.ready else NAN

    @property
    def deviation(self) -> float:
        """The standard deviation of the window, divided by its length, not by one less."""
        return math.sqrt(max(self._squares, 0.0) / self.length) if self.ready else NAN

    def update(self, value: float) -> float:
        """Take in a value; the mean. ValueError if it is not finite."""
        _finite(value)
        values = self._values
        self._age += 1
        if len(values) == self.length and self._age < self.length:
            gone, before = values[0], self._mean
            self._mean += (value - gone) / self.length
            self._squares += (value - gone) * (value - self._mean + gone - before)
            values.append(value)
            return self._mean
        values.append(value)
        if len(values) == self.length:
            self._age = 0
            self._mean = math.fsum(values) / self.length
            self._squares = math.fsum((each - self._mean) ** 2 for each in values)
        return self.mean


class SMA(Window):
    """The simple moving average: the mean of the last `length` values.

    >>> average = SMA(3)
    >>> [average.update(price) for price in (1, 2, 3, 7)]
    [nan, nan, 2.0, 4.0]
    """

    __slots__ = ()

    @property
    def value(self) -> float:
        """The average."""
        return self.mean


class EMA:
    """The exponential moving average, which goes `alpha` of the way to every value.

    `alpha` is 2 / (`length` + 1) unless it is given; the first value is where it starts.

    >>> average = EMA(3)
    >>> average.update(10), average.update(20)
    (10.0, 15.0)

    Raises ValueError for a length below 1 or an alpha outside 0 … 1.
    """

    __slots__ = ("alpha", "value")

    def __init__(self, length: int = 1, *, alpha: float | None = None) -> None:
        self.alpha = _alpha(length, alpha)
        self.value = NAN

    def update(self, value: float) -> float:
        """Take in a value; the average. ValueError if it is not finite."""
        _finite(value)
        old = self.value
        self.value = float(value) if math.isnan(old) else old + (value - old) * self.alpha
        return self.value


def _alpha(length: int, alpha: float | None) -> float:
    if alpha is None:
        return 2 / (_length(length) + 1)
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha {alpha!r} is not in 0 … 1")
    return alpha


class RSI:
    """The relative strength index of Wilder, from 0 (only losses) to 100 (only gains).

    Gains and losses are averaged plainly over the first `length` changes; from then on each new
    one counts 1 / `length` (J. W. Wilder, New Concepts in Technical Trading Systems, 1978). Where
    nothing changed at all it is 50.

    >>> index = RSI(2)
    >>> [index.update(price) for price in (10, 11, 10, 10)]
    [nan, nan, 50.0, 50.0]

    Raises ValueError for a length below 1.
    """

    __slots__ = ("_changes", "_gain", "_last", "_loss", "length", "value")

    def __init__(self, length: int = 14) -> None:
        self.length = _length(length)
        self.value = self._last = NAN
        self._changes = 0
        self._gain = self._loss = 0.0

    def update(self, value: float) -> float:
        """Take in a price; the index. ValueError if it is not finite."""
        change, self._last = _finite(value) - self._last, value
        if math.isnan(change):
            return NAN
        gain, loss, length = max(change, 0.0), max(-change, 0.0), self.length
        self._changes += 1
        if self._changes <= length:
            self._gain += gain / length
            self._loss += loss / length
        else:
            self._gain = (self._gain * (length - 1) + gain) / length
            self._loss = (self._loss * (length - 1) + loss) / length
        if self._changes >= length:
            both = self._gain + self._loss
            self.value = 100 * (self._gain / both) if both else 50.0
        return self.value


class Bands(NamedTuple, Generic[T]):
    """Bollinger bands: floats of one moment, or arrays over time."""

    lower: T
    middle: T
    upper: T


class Bollinger:
    """Bollinger bands: the mean of the last `length` values, and `width` deviations around it.

    The deviation is that of the population, as J. Bollinger has it (Bollinger on Bollinger Bands,
    2001).

    >>> bands = Bollinger(2, width=2)
    >>> bands.update(1), bands.update(3)
    (Bands(lower=nan, middle=nan, upper=nan), Bands(lower=0.0, middle=2.0, upper=4.0))

    Raises ValueError for a length below 1.
    """

    __slots__ = ("width", "window")

    def __init__(self, length: int = 20, *, width: float = 2.0) -> None:
        self.window = Window(length)
        self.width = width

    @property
    def value(self) -> Bands[float]:
        """The bands as they are."""
        mean, away = self.window.mean, self.width * self.window.deviation
        return Bands(mean - away, mean, mean + away)

    def update(self, value: float) -> Bands[float]:
        """Take in a value; the bands. ValueError if it is not finite."""
        self.window.update(value)
        return self.value


class EwmaVolatility:
    """Volatility per observation: the root of an exponential average of squared log returns.

    The variance keeps `decay` of itself at each return (RiskMetrics Technical Document, J.P.
    Morgan 1996, has 0.94 for days); the first squared return is where it starts.

    Raises ValueError for a decay outside 0 … 1.
    """

    __slots__ = ("_last", "_variance", "value")

    def __init__(self, decay: float = 0.94) -> None:
        self._variance = EMA(alpha=1 - decay)
        self.value = self._last = NAN

    def update(self, price: float) -> float:
        """Take in a price; the volatility. ValueError unless it is finite and positive."""
        last, self._last = self._last, _positive(price)
        if not math.isnan(last):
            self.value = math.sqrt(self._variance.update(math.log(price / last) ** 2))
        return self.value


class RealisedVolatility:
    """The root of the sum of the last `length` squared log returns.

    That is the volatility over the time they span (Andersen, Bollerslev, Diebold and Labys, 2003).

    Raises ValueError for a length below 1.
    """

    __slots__ = ("_last", "_squares")

    def __init__(self, length: int) -> None:
        self._squares = SMA(length)
        self._last = NAN

    @property
    def value(self) -> float:
        """The volatility over the window."""
        return math.sqrt(max(self._squares.value, 0.0) * self._squares.length)

    def update(self, price: float) -> float:
        """Take in a price; the volatility. ValueError unless it is finite and positive."""
        last, self._last = self._last, _positive(price)
        if not math.isnan(last):
            self._squares.update(math.log(price / last) ** 2)
        return self.value


def _positive(price: float) -> float:
    if not _finite(price) > 0:
        raise ValueError(f"a price of {price!r} has no return")
    return price


# Whole series: arrays of one dimension in, arrays of the same length out.


def _series(values: npt.ArrayLike) -> Series:
    series = np.asarray(values, np.float64)
    if series.ndim != 1 or not np.isfinite(series).all():
        raise ValueError("a series is a one-dimensional array of finite numbers")
    return series


def _padded(values: Series, size: int) -> Series:
    """`values` at the end of an array of `size`, NaN before."""
    padded = np.full(size, NAN)
    if len(values):
        padded[size - len(values) :] = values
    return padded


def _window_sum(values: Series, length: int) -> Series:
    """Sums of every `length` values in a row, added in as many passes: exact, and without copies
    of every window.
    """
    count = len(values) - length + 1
    total = np.zeros(max(count, 0))
    for first in range(length if count > 0 else 0):
        total += values[first : first + count]
    return total


def sma(values: npt.ArrayLike, length: int) -> Series:
    """The simple moving average, as `SMA`.

    >>> sma([1, 2, 3, 7], 3).tolist()
    [nan, nan, 2.0, 4.0]
    """
    series = _series(values)
    return _padded(_window_sum(series, _length(length)) / length, len(series))


def _smoothed(values: Series, alpha: float) -> Series:
    # A recurrence does not vectorise in NumPy; Polars has it compiled.
    import polars as pl

    smoothed: Series = pl.Series(values).ewm_mean(alpha=alpha, adjust=False).to_numpy()
    return smoothed


def ema(values: npt.ArrayLike, length: int = 1, *, alpha: float | None = None) -> Series:
    """The exponential moving average, as `EMA`."""
    return _smoothed(_series(values), _alpha(length, alpha))


def rsi(prices: npt.ArrayLike, length: int = 14) -> Series:
    """The relative strength index of Wilder, as `RSI`."""
    series = _series(prices)
    changes = np.diff(series)
    if len(changes) < _length(length):
        return np.full(len(series), NAN)

    def averaged(part: Series) -> Series:
        return _smoothed(np.append(part[:length].mean(), part[length:]), 1 / length)

    gain, loss = averaged(np.maximum(changes, 0)), averaged(np.maximum(-changes, 0))
    both = gain + loss
    share = np.divide(gain, both, out=np.full(len(both), 0.5), where=both > 0)
    return _padded(100 * share, len(series))


def bollinger(values: npt.ArrayLike, length: int = 20, *, width: float = 2.0) -> Bands[Series]:
    """Bollinger bands, as `Bollinger`."""
    series = _series(values)
    mean = _window_sum(series, _length(length)) / length
    squares = np.zeros(len(mean))
    for first in range(length if len(mean) else 0):
        squares += (series[first : first + len(mean)] - mean) ** 2
    middle = _padded(mean, len(series))
    away = width * _padded(np.sqrt(squares / length), len(series))
    return Bands(middle - away, middle, middle + away)


def _squared_returns(prices: npt.ArrayLike) -> Series:
    series = _series(prices)
    if (series <= 0).any():
        raise ValueError("prices that are not positive have no returns")
    squared: Series = np.log(series[1:] / series[:-1]) ** 2
    return squared


def ewma_volatility(prices: npt.ArrayLike, decay: float = 0.94) -> Series:
    """Volatility per observation, as `EwmaVolatility`."""
    squared = _squared_returns(prices)
    size = len(_series(prices))
    return _padded(np.sqrt(_smoothed(squared, _alpha(1, 1 - decay))), size)


def realised_volatility(prices: npt.ArrayLike, length: int) -> Series:
    """The root of the sum of the last `length` squared log returns, as `RealisedVolatility`."""
    squared = _squared_returns(prices)
    return _padded(np.sqrt(_window_sum(squared, _length(length))), len(_series(prices)))
