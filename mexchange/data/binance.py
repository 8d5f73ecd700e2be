"""Reader of raw Binance streams: depth diffs, trades, best bid and ask, snapshots.

A recording is what a collector wrote down as it came: combined streams of one spot or USD-M
symbol and, now and then, a REST snapshot of the book; plain or compressed (gzip, zstd, xz). See
`mexchange.data.binance_lines` for the format and `mexchange.data.binance_book` for the book.

Local time is the collector's clock, which may run beside the exchange's: `Recording.clock_skew_ms`
tells by how much. Streams are ordered by the local clock, because spot's best bid and ask carries
no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.data.binance_lines import DECIMALS, KINDS, Lines, read_lines, units
from mexchange.data.errors import DataError

__all__ = ["LEVEL", "Diffs", "Quotes", "Recording", "Snapshot", "Trades", "read_recording"]

Int64 = npt.NDArray[np.int64]
MILLISECOND = 1_000_000

LEVEL = np.dtype([("side", "i8"), ("price", "i8"), ("quantity", "i8")])
"""What a level is from now on, in ticks and lots: side 0 is the bids, quantity 0 removes it."""


@dataclass(frozen=True, slots=True, eq=False)
class Diffs:
    """Depth diffs, arrays of shape [diffs].

    `first`, `last` and `previous` are the update ids U, u and pu (-1 on spot, which has none),
    `event_ms` the exchange's clock. Diff `k` sets `levels[ends[k - 1] : ends[k]]`.
    """

    file: Int64
    line: Int64
    local_ns: Int64
    event_ms: Int64
    first: Int64
    last: Int64
    previous: Int64
    ends: Int64
    levels: npt.NDArray[np.void]

    def __len__(self) -> int:
        return len(self.last)


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Best bid and ask (bookTicker), arrays of shape [quotes], in ticks and lots."""

    file: Int64
    local_ns: Int64
    update: Int64
    bid: Int64
    bid_quantity: Int64
    ask: Int64
    ask_quantity: Int64

    def __len__(self) -> int:
        return len(self.update)


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades, arrays of shape [trades]; `sign` is 1 where the aggressor bought, else -1."""

    local_ns: Int64
    trade_ms: Int64
    price: Int64
    quantity: Int64
    sign: Int64

    def __len__(self) -> int:
        return len(self.price)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A whole book as the exchange told it when asked; `levels` is an array of `LEVEL`."""

    file: int
    line: int
    last_update: int
    levels: npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What was recorded of one symbol. `tick` and `lot` are what prices and quantities count."""

    paths: tuple[str, ...]
    symbol: str
    tick: Decimal
    lot: Decimal
    futures: bool
    diffs: Diffs
    quotes: Quotes
    trades: Trades
    snapshots: tuple[Snapshot, ...]
    others: int
    """Lines of other streams, and trades that no market order made (insurance fund, ADL)."""

    @property
    def clock_skew_ms(self) -> tuple[float, float, float] | None:
        """Local less exchange time of diffs: least, median, most; None without diffs.

        Below zero the local clock was behind, for no message comes before it was sent.
        """
        if not len(self.diffs):
            return None
        skew = (self.diffs.local_ns - self.diffs.event_ms * MILLISECOND) / MILLISECOND
        return float(skew.min()), float(np.median(skew)), float(skew.max())


def read_recording(
    paths: str | Path | Sequence[str | Path],
    *,
    symbol: str | None = None,
    tick: Decimal | str | None = None,
    lot: Decimal | str | None = None,
) -> Recording:
    """Read one recording, or several files that continue one another, in this order.

    Args:
        symbol: needed only where a file holds several.
        tick, lot: default: the largest that divides all prices and all quantities.

    Raises DataError for what cannot be used, naming file and line.
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if not files:
        raise ValueError("a recording needs at least one file")
    symbol, lines = _of_one_symbol(files, [read_lines(path) for path in files], symbol)
    frames = {kind: _joined(lines, kind) for kind in (*KINDS, "other")}
    real = pl.col("X").is_null() | (pl.col("X") == "MARKET")
    others = frames["other"].height + frames["trade"].filter(~real).height
    frames["trade"] = frames["trade"].filter(real)
    futures = _is_futures(files, frames["diff"])

    levels, ends = _levels(frames["diff"], "b", "a")
    asked = [
        _levels(frames["snapshot"][row], "bids", "asks")[0]
        for row in range(frames["snapshot"].height)
    ]
    quotes = {name: units(frames["quote"][name]).to_numpy() for name in ("b", "B", "a", "A")}
    trades = {name: units(frames["trade"][name]).to_numpy() for name in ("p", "q")}
    books = [levels, *asked]
    prices = [*(book["price"] for book in books), quotes["b"], quotes["a"], trades["p"]]
    sizes = [*(book["quantity"] for book in books), quotes["B"], quotes["A"], trades["q"]]
    tick_units = _unit(files[0], "tick", prices, tick)
    lot_units = _unit(files[0], "lot", sizes, lot)
    for book in books:
        book["price"] //= tick_units
        book["quantity"] //= lot_units

    def column(kind: str, name: str) -> Int64:
        values: Int64 = frames[kind][name].cast(pl.Int64).fill_null(-1).to_numpy()
        return values

    return Recording(
        paths=tuple(map(str, files)),
        symbol=symbol,
        tick=Decimal(tick_units).scaleb(-DECIMALS).normalize(),
        lot=Decimal(lot_units).scaleb(-DECIMALS).normalize(),
        futures=futures,
        diffs=Diffs(
            file=column("diff", "file"),
            line=column("diff", "line"),
            local_ns=column("diff", "local_ns"),
            event_ms=column("diff", "E"),
            first=column("diff", "U"),
            last=column("diff", "u"),
            previous=column("diff", "pu"),
            ends=ends,
            levels=levels,
        ),
        quotes=Quotes(
            file=column("quote", "file"),
            local_ns=column("quote", "local_ns"),
            update=column("quote", "u"),
            bid=quotes["b"] // tick_units,
            bid_quantity=quotes["B"] // lot_units,
            ask=quotes["a"] // tick_units,
            ask_quantity=quotes["A"] // lot_units,
        ),
        trades=Trades(
            local_ns=column("trade", "local_ns"),
            trade_ms=column("trade", "T"),
            price=trades["p"] // tick_units,
            quantity=trades["q"] // lot_units,
            # "m" says that the buyer was the maker, so that the aggressor sold.
            sign=1 - 2 * column("trade", "m"),
        ),
        snapshots=tuple(
            Snapshot(row["file"], row["line"], row["lastUpdateId"], book)
            for row, book in zip(frames["snapshot"].iter_rows(named=True), asked, strict=True)
        ),
        others=others,
    )


def _of_one_symbol(
    files: Sequence[str | Path], lines: list[Lines], symbol: str | None
) -> tuple[str, list[Lines]]:
    """The symbol, and the lines that are about it."""
    kinds = [kind for kind in KINDS if kind != "snapshot"]
    there = sorted({name for part in lines for kind in kinds for name in part[kind]["s"].unique()})
    if not there:
        raise DataError(files[0], "holds no depth, bookTicker or trade stream of Binance")
    if symbol is None and len(there) > 1:
        raise DataError(files[0], f"holds several symbols, name one of them: {', '.join(there)}")
    chosen = symbol or there[0]
    if chosen not in there:
        raise DataError(files[0], f"holds nothing of {chosen}; there is {', '.join(there)}")
    if len(there) > 1:
        for part in lines:
            part.update({kind: part[kind].filter(pl.col("s") == chosen) for kind in kinds})
    return chosen, lines


def _joined(lines: list[Lines], kind: str) -> pl.DataFrame:
    """The frames of one kind of all files, each row with the number of its file."""
    return pl.concat(
        part[kind].with_columns(file=pl.lit(number, pl.Int64)) for number, part in enumerate(lines)
    )


def _is_futures(files: Sequence[str | Path], diffs: pl.DataFrame) -> bool:
    """Whether diffs name the one before them, as those of USD-M do."""
    missing = diffs["pu"].is_null()
    if missing.any() and not missing.all():
        row = diffs.filter(missing).row(0, named=True)
        raise DataError(files[row["file"]], "the diff has no pu, others have", line=row["line"])
    return not missing.all()


def _levels(frame: pl.DataFrame, bids: str, asks: str) -> tuple[npt.NDArray[np.void], Int64]:
    """The levels of messages, one after another, and where those of each message end."""
    sides = [
        frame.select(pl.int_range(pl.len()).alias("row"), pl.lit(side).alias("side"), level=name)
        .explode("level")
        .drop_nulls()
        for side, name in enumerate((bids, asks))
    ]
    flat = pl.concat(sides).sort("row", maintain_order=True)
    levels = np.empty(flat.height, LEVEL)
    levels["side"] = flat["side"]
    levels["price"] = units(flat["level"].list.get(0))
    levels["quantity"] = units(flat["level"].list.get(1))
    return levels, np.searchsorted(flat["row"].to_numpy(), np.arange(frame.height), side="right")


def _unit(path: str | Path, what: str, values: list[Any], given: Decimal | str | None) -> int:
    """What all values are multiples of, in 10^-8: as given, or the largest there is."""
    largest = int(reduce(np.gcd, [np.gcd.reduce(part) for part in values if len(part)], 0))
    if given is None:
        return largest or 1
    wanted = Decimal(given).scaleb(DECIMALS)
    if wanted <= 0 or wanted != int(wanted):
        raise DataError(path, f"{what} {given} is not positive, or finer than 8 places")
    if largest % int(wanted):
        raise DataError(path, f"not everything in it is a multiple of the {what} {given}")
    return int(wanted)
