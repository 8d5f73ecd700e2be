"""The best of one market as arrays, looked up by time or by event."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.clock import nanoseconds

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = [
    "BARS",
    "Floats",
    "Ints",
    "Quotes",
    "arrivals",
    "chosen",
    "column",
    "edges",
    "repeated",
    "weighted",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BARS = 10_000_000
"""More intervals than this are refused: somebody has mistaken a unit."""


def chosen(result: Result, market: str | int | None) -> list[int]:
    """The numbers of the markets meant: one by name or number, None for all.

    Raises ValueError for one that is not there; it names the nearest.
    """
    names = [each.name for each in result.markets]
    if market is None:
        return list(range(len(names)))
    if isinstance(market, int) and 0 <= market < len(names):
        return [market]
    if market in names:
        return [names.index(str(market))]
    near = get_close_matches(str(market), names, n=1, cutoff=0.3)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no market {market!r}{guess} There is: {', '.join(names)}")


def edges(result: Result, interval: int | str) -> Ints:
    """The times at which intervals begin, whole multiples of `interval`, and where the last ends.

    Raises ValueError for an interval that is no length of time or gives more than `BARS`.
    """
    length = nanoseconds(interval)
    if length <= 0:
        raise ValueError(f"interval {interval!r} is not positive")
    first, last = result.start_ns // length, result.end_ns // length
    if last - first > BARS:
        raise ValueError(f"interval {interval!r} cuts this run into {last - first:,} parts")
    return np.arange(first, last + 2, dtype=np.int64) * length


def column(frame: pl.DataFrame, name: str) -> Any:
    """A column as float64, missing values as NaN."""
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def weighted(values: pl.Expr, weights: pl.Expr) -> pl.Expr:
    """The weighted mean, or the plain one where all weights are zero."""
    mean = (values * weights).sum() / weights.sum()
    return pl.when(weights.sum() > 0).then(mean).otherwise(values.mean())


def repeated(result: Result, market: int, count: int) -> pl.Series:
    """The name of a market `count` times, as it stands in frames."""
    names = pl.Enum([each.name for each in result.markets])
    return pl.Series([result.markets[market].name], dtype=names).new_from_index(0, count)


class Quotes:
    """The best bid and ask of one market over time: arrays, NaN where a side is empty."""

    def __init__(self, result: Result, market: int) -> None:
        name = result.markets[market].name
        book = result.book if len(result.markets) == 1 else result.book.filter(market=name)
        self.frame = book
        self.sequence: Ints = book["sequence"].to_numpy()
        self.time_ns: Ints = book["time_ns"].to_numpy()
        self.bid, self.ask = column(book, "bid"), column(book, "ask")
        both = np.flatnonzero(~np.isnan(self.bid + self.ask))
        self._sequence, self._time_ns = self.sequence[both], self.time_ns[both]
        self._mid = (self.bid[both] + self.ask[both]) / 2

    def mid_at(self, times: Any) -> Floats:
        """The mid that stands after all that happens at these times; NaN before there is one."""
        return self._looked_up(np.searchsorted(self._time_ns, times, side="right") - 1)

    def mid_before(self, sequences: Any) -> Floats:
        """The mid that these events met; NaN before there is one."""
        return self._looked_up(np.searchsorted(self._sequence, sequences, side="left") - 1)

    def _looked_up(self, place: Ints) -> Floats:
        if not len(self._mid):
            return np.full(len(place), np.nan)
        return np.where(place >= 0, self._mid[np.maximum(place, 0)], np.nan)


def arrivals(trades: pl.DataFrame) -> Ints:
    """For each trade of one market the sequence of the first of the same incoming order's.

    What that order met is the book before this event: its later trades meet what it has left.
    """
    taker, time_ns = trades["taker_order_id"].to_numpy(), trades["time_ns"].to_numpy()
    sequence: Ints = trades["sequence"].to_numpy()
    begins = np.ones(len(taker), np.bool_)
    begins[1:] = (taker[1:] != taker[:-1]) | (time_ns[1:] != time_ns[:-1])
    return sequence[begins][np.cumsum(begins) - 1] if len(sequence) else sequence
