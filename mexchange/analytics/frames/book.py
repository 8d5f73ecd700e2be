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

__all__ = ["BEST", "Marks", "best_rows", "book_frame"]

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


def best_rows(events: Events) -> npt.NDArray[np.void]:
    """An array of `BEST`, by sequence: all changes of the best of all books."""
    shown = events[events["displayed"] != 0]
    parts = [_of_market(shown[shown["market"] == market]) for market in np.unique(shown["market"])]
    rows = np.concatenate(parts) if parts else np.empty(0, BEST)
    return rows[np.argsort(rows["sequence"], kind="stable")] if len(parts) > 1 else rows


def _of_market(events: Events) -> npt.NDArray[np.void]:
    """The same for the events of one market."""
    moved = changes(events)
    builder = DepthBuilder(moved["price"])
    best = builder.rows(moved, np.arange(1, len(events) + 1), 1)[:, 0]
    before = np.concatenate([np.zeros((1, 4), np.int64), best[:-1]])
    kept = (best != before).any(axis=1)
    rows = np.empty(int(kept.sum()), BEST)
    for name in ("sequence", "time_ns", "market"):
        rows[name] = events[name][kept]
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
        self._marks = [
            (sequence, units.prices(ticks, market))
            for market, (sequence, ticks) in enumerate(self._marks)
        ]

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
    first = np.zeros(1, BEST)
    first["bid"], first["ask"] = initial
    best = np.concatenate([first, best])
    at = np.union1d(best["sequence"], trades["sequence"])
    book = best[np.searchsorted(best["sequence"], at, side="right") - 1]
    mark = np.full(len(at), np.nan)
    mark[np.searchsorted(at, trades["sequence"])] = trades["price"]
    both = (book["bid"] > 0) & (book["ask"] > 0)
    mark = np.where(both, (book["bid"] + book["ask"]) / 2, mark)
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
