"""Depth and imbalance over time, level by level, and the whole book as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.microstructure.quotes import (
    Floats,
    Ints,
    Quotes,
    chosen,
    edges,
    repeated,
)
from mexchange.data.depth import DepthBuilder, changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mexchange.analytics.result import Result

__all__ = ["DepthMap", "depth", "depth_map", "imbalance", "levels_at"]

SAMPLES = 2_000_000
"""At most so many rows of levels: more would be a copy of the run."""


def depth(
    result: Result, levels: int = 10, every: int | str = "1s", market: str | int | None = None
) -> pl.DataFrame:
    """The best `levels` of both sides at the end of every interval.

    Columns: market, time_ns (when the interval ends), level (from 1), bid, bid_quantity, ask,
    ask_quantity; null where there is no such level.

    Raises ValueError for levels below one, an interval that is no length of time or gives more than
    `SAMPLES` rows, and for an unknown market.
    """
    times = edges(result, every)[1:]
    if levels < 1:
        raise ValueError(f"levels {levels} is below 1")
    if len(times) * levels > SAMPLES:
        raise ValueError(
            f"{levels} levels every {every} are {len(times) * levels:,} rows; at most {SAMPLES:,}"
        )
    parts = []
    for number in chosen(result, market):
        sides = _sampled(result, number, times, levels)
        columns: dict[str, Any] = {
            "market": repeated(result, number, len(times) * levels),
            "time_ns": np.repeat(times, levels),
            "level": np.tile(np.arange(1, levels + 1), len(times)),
        }
        empty = {}
        for side, at in (("bid", 2), ("ask", 0)):
            ticks, lots = (sides[:, :, at + n].reshape(-1) for n in range(2))
            columns[side] = result.source.units.prices(ticks, number)
            columns[f"{side}_quantity"] = result.source.units.quantities(lots, number)
            empty[side] = lots == 0
        parts.append(
            pl.DataFrame(columns).with_columns(
                pl.when(~pl.Series(empty[name[:3]])).then(pl.col(name)).alias(name)
                for name in ("bid", "bid_quantity", "ask", "ask_quantity")
            )
        )
    return pl.concat(parts)


def imbalance(
    result: Result, levels: int = 5, every: int | str = "1s", market: str | int | None = None
) -> pl.DataFrame:
    """How much more is bid for than offered on the best `levels`, at the end of every interval.

    Columns: market, time_ns, bid_depth, ask_depth (base) and imbalance, (B − A) / (B + A): 1 where
    only bids stand, −1 where only asks do, null in an empty book. Raises as `depth`.
    """
    bid, ask = pl.col("bid_depth"), pl.col("ask_depth")
    return (
        depth(result, levels, every, market)
        .group_by("market", "time_ns", maintain_order=True)
        .agg(
            pl.col("bid_quantity").sum().alias("bid_depth"),
            pl.col("ask_quantity").sum().alias("ask_depth"),
        )
        .with_columns(pl.when(bid + ask > 0).then((bid - ask) / (bid + ask)).alias("imbalance"))
    )


def levels_at(result: Result, market: str | int, times: Ints, levels: int) -> dict[str, Floats]:
    """What the best `levels` of each side show together at these times: bid and ask, in base."""
    (number,) = chosen(result, market)
    sides = _sampled(result, number, times, levels)
    sums = {"bid": sides[:, :, 3].sum(axis=1), "ask": sides[:, :, 1].sum(axis=1)}
    return {side: result.source.units.quantities(lots, number) for side, lots in sums.items()}


@dataclass(frozen=True)
class DepthMap:
    """The book of one market as a picture.

    `times` [columns] in ns, `prices` [rows] the middle of each band of prices `band` wide, and
    `quantity` [rows, columns] what is displayed in the band at that time, in base: bids positive,
    asks negative.
    """

    times: Ints
    prices: Floats
    band: float
    quantity: Floats


def depth_map(
    result: Result, market: str | int = 0, columns: int = 320, rows: int = 160
) -> DepthMap:
    """The book over the whole run, around where its best prices went.

    Quantities are those at the end of each stretch of time, not means. Bands are whole ticks.
    """
    (number,) = chosen(result, market)
    first, last = result.start_ns, max(result.end_ns, result.start_ns + columns)
    times = first + np.linspace(0, last - first, columns + 1).astype(np.int64)[1:]
    low, high = _window(result, number)
    band = max(1, -(-(high - low + 1) // rows))
    count = -(-(high - low + 1) // band)
    picture: Floats = np.zeros((count, columns))
    for place, builder in enumerate(_books(result, number, times)):
        for side, sign in ((0, 1), (1, -1)):
            prices, lots = builder.levels(side)
            seen = (prices >= low) & (prices < low + count * band)
            row = (prices[seen] - low) // band
            picture[:, place] += sign * np.bincount(row, lots[seen], minlength=count)
    lot = float(result.source.units.quantities(1, number))
    tick = float(result.source.units.prices(1, number))
    middle: Floats = (low + band * np.arange(count) + (band - 1) / 2).astype(np.float64)
    return DepthMap(times, middle * tick, band * tick, np.multiply(picture, lot))


def _window(result: Result, market: int) -> tuple[int, int]:
    """The lowest and highest price, in ticks, that are worth looking at."""
    quotes = Quotes(result, market)
    prices = np.concatenate([quotes.bid, quotes.ask])
    prices = prices[~np.isnan(prices)] / float(result.source.units.prices(1, market))
    if not len(prices):
        return 0, 0
    low, high = np.quantile(prices, [0.002, 0.998])
    spread = quotes.ask - quotes.bid
    spread = spread[~np.isnan(spread)] / float(result.source.units.prices(1, market))
    wide = float(np.median(spread)) if len(spread) else 0.0
    around = max(0.12 * (high - low), 3 * wide, 8.0)
    return max(1, int(low - around)), int(high + around)


def _sampled(result: Result, market: int, times: Ints, levels: int) -> Ints:
    """Ask price, ask quantity, bid price, bid quantity: int64 [times, levels, 4]."""
    parts = [np.empty((0, levels, 4), np.int64)]
    builder = DepthBuilder()
    for moved, ends in _moves(result, market, times):
        parts.append(builder.rows(moved, ends, levels))
    return np.concatenate(parts)


def _books(result: Result, market: int, times: Ints) -> Iterator[DepthBuilder]:
    """The same book as it stands at each of the times."""
    builder = DepthBuilder()
    none = np.empty(0, np.int64)
    for moved, ends in _moves(result, market, times):
        begin = 0
        for end in ends.tolist():
            builder.rows(moved[begin:end], none, 1)
            begin = end
            yield builder
        builder.rows(moved[begin:], none, 1)


def _moves(result: Result, market: int, times: Ints) -> Iterator[tuple[Any, Ints]]:
    """Changes of a market's levels in pieces, and after how many of them times are reached."""
    done = 0
    for events in result.source.pieces():
        mine = np.flatnonzero((events["displayed"] != 0) & (events["market"] == market))
        at = events["time_ns"][mine]
        # Of the piece's last instant more may come.
        reached = int(np.searchsorted(times, events["time_ns"][-1], side="left"))
        yield changes(events, mine), np.searchsorted(at, times[done:reached], side="right")
        done = max(done, reached)
    yield changes(result.records[:0]), np.zeros(len(times) - done, np.int64)
