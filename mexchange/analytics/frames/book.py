"""The best bid and ask over time, and what an asset was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.data.depth import DepthBuilder, changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mexchange.analytics.frames.columns import Floats, Ints, Names, Units
    from mexchange.markets import Market
    from mexchange.records import Events

__all__ = ["BEST", "BestRows", "Marks", "book_frame"]

BEST = np.dtype(
    [
        ("sequence", "<i8"),
        ("time_ns", "<i8"),
        ("market", "<i8"),
        ("bid", "<i8"),
        ("bid_quantity", "<i8"),
        ("ask", "<i8"),
        ("ask_quantity", "<i8"),
    ]
)
"""The best of a book after an event that changed it, in ticks and lots; zeros where it is empty."""


class BestRows:
    """All changes of the best of all books, from events in pieces."""

    def __init__(self) -> None:
        self._builders: dict[int, DepthBuilder] = {}
        self._last: dict[int, npt.NDArray[np.int64]] = {}
        self._parts = [np.empty(0, BEST)]

    def add(self, events: Events) -> None:
        """Take in the next events, in their order."""
        shown = np.flatnonzero(events["displayed"])
        markets = events["market"][shown]
        parts = [
            self._of_market(int(market), events, shown[markets == market])
            for market in np.unique(markets)
        ]
        if len(parts) > 1:
            rows = np.concatenate(parts)
            parts = [rows[np.argsort(rows["sequence"], kind="stable")]]
        self._parts += parts

    def rows(self) -> npt.NDArray[np.void]:
        """An array of `BEST`, by sequence."""
        return np.frombuffer(bytearray().join([part.tobytes() for part in self._parts]), BEST)

    def _of_market(self, market: int, events: Events, shown: Ints) -> npt.NDArray[np.void]:
        """The same for the events of one market, those at the places `shown`."""
        moved = changes(events, shown)
        if market not in self._builders:
            self._builders[market] = DepthBuilder()
            self._last[market] = np.zeros((1, 4), np.int64)
        best = self._builders[market].rows(moved, np.arange(1, len(moved) + 1), 1)[:, 0]
        before = np.concatenate([self._last[market], best[:-1]])
        self._last[market] = best[-1:]
        kept = (best != before).any(axis=1)
        rows = np.empty(int(kept.sum()), BEST)
        for name in ("sequence", "time_ns"):
            rows[name] = events[name][shown[kept]]
        rows["market"] = market
        for column, name in enumerate(("ask", "ask_quantity", "bid", "bid_quantity")):
            rows[name] = best[kept, column]
        return rows


def book_frame(rows: npt.NDArray[np.void], names: Names, units: Units) -> pl.DataFrame:
    """One row a change of the best; null where a side is empty."""
    market = rows["market"]
    columns: dict[str, object] = {
        "sequence": rows["sequence"],
        "time_ns": rows["time_ns"],
        "market": names.of_markets(market),
    }
    empty = {}
    for side in ("bid", "ask"):
        columns[side] = units.prices(rows[side], market)
        columns[f"{side}_quantity"] = units.quantities(rows[f"{side}_quantity"], market)
        empty[side] = rows[side] == 0
    frame = pl.DataFrame(columns)
    return frame.with_columns(
        pl.when(~pl.Series(empty[name[:3]])).then(pl.col(name)).alias(name)
        for name in ("bid", "bid_quantity", "ask", "ask_quantity")
    )


class Marks:
    """What a unit of each asset was worth in units of the first market's quote asset.

    A market's mark is its mid, and while a side is empty the last mid or trade, whichever is later.
    Events before `opening`, the last one before the run began, are valued as at `opening`, and
    those before the first mark at the first mark. An asset that is not traded for the quote asset
    is valued through other markets.
    """

    def __init__(
        self,
        markets: Sequence[Market],
        best: npt.NDArray[np.void],
        trades: Events,
        units: Units,
        *,
        initial: Mapping[int, tuple[int, int]] | None = None,
        opening: int = 0,
    ) -> None:
        self._opening = opening
        self._paths = _paths(units)
        self._marks = [
            _marks(
                best[best["market"] == market],
                trades[trades["market"] == market],
                (initial or {}).get(market, (0, 0)),
            )
            for market in range(len(markets))
        ]
        self._half_ticks = [
            (sequence, (2 * ticks).astype(np.int64)) for sequence, ticks in self._marks
        ]
        self._marks = [
            (sequence, units.prices(ticks, market))
            for market, (sequence, ticks) in enumerate(self._marks)
        ]

    def half_ticks(self, market: int) -> tuple[Ints, Ints]:
        """Sequence and mark of a market at each change, exactly, from the opening on."""
        at, marks = self._half_ticks[market]
        first = max(int(np.searchsorted(at, self._opening, side="right")) - 1, 0)
        return at[first:], marks[first:]

    def value(self, asset: int, sequences: Ints) -> Floats:
        """What one unit was worth after each of these events; zero if no market says."""
        worth = np.ones(len(sequences))
        if asset not in self._paths:
            return np.zeros(len(sequences))
        for market, is_base in self._paths[asset]:
            at, price = self._marks[market]
            if not len(at):
                return np.zeros(len(sequences))
            place = np.searchsorted(at, np.maximum(sequences, self._opening), side="right") - 1
            factor = price[np.maximum(place, 0)]
            worth = worth * factor if is_base else worth / factor
        return worth

    def changes(self, assets: Sequence[int]) -> list[tuple[Ints, Floats]]:
        """Sequence and price at each change of the marks that these assets are valued by."""
        used = {market for asset in assets for market, _ in self._paths.get(asset, ())}
        return [self._marks[market] for market in sorted(used)]


def _marks(
    best: npt.NDArray[np.void], trades: Events, initial: tuple[int, int]
) -> tuple[Ints, Floats]:
    """Sequence and mark (ticks) at each change of the mark of one market."""
    bid, ask = (np.append(initial[side], best[name]) for side, name in enumerate(("bid", "ask")))
    since = np.append(0, best["sequence"])
    moved = np.append(True, (np.diff(bid) != 0) | (np.diff(ask) != 0))
    bid, ask, since = bid[moved], ask[moved], since[moved]
    at = np.union1d(since, trades["sequence"])
    place = np.searchsorted(since, at, side="right") - 1
    mark = np.full(len(at), np.nan)
    mark[np.searchsorted(at, trades["sequence"])] = trades["price"]
    mid = np.where((bid > 0) & (ask > 0), (bid + ask) / 2, np.nan)[place]
    mark = np.where(np.isnan(mid), mark, mid)
    at, mark = at[~np.isnan(mark)], mark[~np.isnan(mark)]
    changed = np.diff(mark, prepend=np.nan) != 0
    return at[changed], mark[changed]


def _paths(units: Units) -> dict[int, list[tuple[int, bool]]]:
    """For each asset the markets that lead from the first market's quote asset to it.

    With each, whether the price multiplies (the asset is its base) or divides.
    """
    paths: dict[int, list[tuple[int, bool]]] = {int(units.quote[0]): []}
    reached = list(paths)
    for known in reached:
        for market, pair in enumerate(zip(units.base.tolist(), units.quote.tolist(), strict=True)):
            for asset, other, is_base in ((*pair, True), (*pair[::-1], False)):
                if other == known and asset not in paths:
                    paths[asset] = [*paths[known], (market, is_base)]
                    reached.append(asset)
    return paths
