"""Reader of LOBSTER files: the order flow of a NASDAQ stock and the book that came of it.

LOBSTER publishes two files a day. Row `k` of the order book file is the book *after* row `k` of
the message file. Both come without a header, here plain or compressed (zstd, gzip, xz).

A message is `time, type, order id, size, price, direction`: seconds after midnight in New York
with up to nine decimals, a `MessageType`, the recorded id, shares, dollars × 10000, and 1 if the
*resting* order is a buy, −1 if it is a sell. A row of the book is `ask price, ask size, bid price,
bid size` for each level, best first; ±9999999999 is the price of a level that is empty.

Times become whole nanoseconds straight from the decimal text, so none is rounded through a float.
What a file has beyond nanoseconds (some were written through floats) is rounded half up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.data.errors import DataError
from mexchange.data.files import read_table

__all__ = [
    "PRICE_UNITS",
    "Book",
    "MessageType",
    "Messages",
    "find_opening",
    "read_book",
    "read_messages",
]

PRICE_UNITS = 10_000
"""A price in a file is dollars times this."""
EMPTY_PRICE = 9_999_999_999
NANOSECONDS = 1_000_000_000

_COLUMNS = ("time", "type", "order id", "size", "price", "direction")
_TIME = r"^[0-9]{1,9}(\.[0-9]{1,18})?$"
_NAME = re.compile(r"(?P<symbol>[A-Za-z.]+)_(?P<date>\d{4}-\d{2}-\d{2})_\d+_\d+_")
_MESSAGES = re.compile(r"(?P<day>.+_)message_")

Int64 = npt.NDArray[np.int64]


class MessageType(IntEnum):
    """What a message tells."""

    NEW = 1
    REDUCED = 2
    DELETED = 3
    EXECUTED = 4
    EXECUTED_HIDDEN = 5
    CROSS = 6
    HALT = 7


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """A message file as arrays of shape [messages], in the order of the file.

    `time_ns` counts from midnight of the trading day, `order_id` is the recorded one, `size` is in
    shares, `price` in dollars × 10000, `is_buy` tells the side of the resting order. `symbol` and
    `date` (`2012-06-21`) come from the usual name of a LOBSTER file and are empty otherwise.
    """

    path: str
    time_ns: Int64
    type: Int64
    order_id: Int64
    size: Int64
    price: Int64
    is_buy: npt.NDArray[np.bool_]
    symbol: str = ""
    date: str = ""

    def __len__(self) -> int:
        return len(self.time_ns)

    def count(self, kind: MessageType) -> int:
        """How many messages are of one type."""
        return int(np.count_nonzero(self.type == kind))

    def error(self, row: int, what: str) -> DataError:
        """The error that names row `row` (from 0) of this file."""
        return DataError(self.path, what, line=int(row) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """An order book file: arrays of shape [rows, levels], best level first.

    Prices are dollars × 10000 and sizes shares; both are 0 where a level is empty.
    """

    path: str
    ask_price: Int64
    ask_size: Int64
    bid_price: Int64
    bid_size: Int64

    def __len__(self) -> int:
        return len(self.ask_price)

    @property
    def levels(self) -> int:
        """How many levels a side the file has."""
        return int(self.ask_price.shape[1])

    def head(self, rows: int) -> Book:
        """The first rows as a book of their own."""
        return Book(
            self.path,
            self.ask_price[:rows],
            self.ask_size[:rows],
            self.bid_price[:rows],
            self.bid_size[:rows],
        )


def read_messages(path: str | Path) -> Messages:
    """Read a message file.

    Raises DataError for a file that is missing, empty or damaged, and, naming the line, for a row
    that is malformed or a time that goes backwards.
    """
    frame = read_table(path, _COLUMNS, text=("time",))
    time_ns = _nanoseconds(path, frame["time"])
    kind, order_id, size, price, direction = (frame[name].to_numpy() for name in _COLUMNS[1:])
    earlier = np.flatnonzero(time_ns[1:] < time_ns[:-1]) + 1
    on_book = (kind >= MessageType.NEW) & (kind <= MessageType.EXECUTED_HIDDEN)
    _refuse(
        path,
        (
            ("type {} is not one of 1 to 7", kind, (kind < 1) | (kind > 7)),
            ("size {} is not positive", size, on_book & (size <= 0)),
            ("price {} is not positive", price, on_book & (price <= 0)),
            ("price {} marks an empty level", price, on_book & (price == EMPTY_PRICE)),
            ("direction {} is neither 1 nor -1", direction, on_book & (np.abs(direction) != 1)),
        ),
        earliest=int(earlier[0]) if len(earlier) else None,
        times=frame["time"],
    )
    symbol, date = _named(path)
    return Messages(
        str(path), time_ns, kind, order_id, size, price, direction == 1, symbol=symbol, date=date
    )


def read_book(path: str | Path, rows: int | None = None) -> Book:
    """Read an order book file of any number of levels, all of it or the first `rows`.

    Raises DataError as `read_messages` does.
    """
    frame = read_table(path, rows=rows)
    if frame.width % 4:
        raise DataError(path, f"{frame.width} fields are not four for each level", line=1)
    table = frame.to_numpy().reshape(len(frame), -1, 4)
    prices, sizes = table[:, :, 0::2], table[:, :, 1::2]
    empty = np.abs(prices) == EMPTY_PRICE
    _refuse(
        path,
        (
            ("price {} is not positive", prices, ~empty & (prices <= 0)),
            ("size {} of a level is not positive", sizes, ~empty & (sizes <= 0)),
        ),
    )
    prices, sizes = np.where(empty, 0, prices), np.where(empty, 0, sizes)
    ask_price, bid_price = (np.ascontiguousarray(prices[:, :, side]) for side in (0, 1))
    ask_size, bid_size = (np.ascontiguousarray(sizes[:, :, side]) for side in (0, 1))
    return Book(str(path), ask_price, ask_size, bid_price, bid_size)


def find_opening(messages: Messages, book: Book | None = None) -> Book | None:
    """The deepest published book after the first message: of `book` or of a file beside it.

    Files beside the messages belong to them if their names begin alike up to `message_` and
    `orderbook_`; one is taken only if it has more levels than `book` and agrees with it on those
    that both have. None if there is no book at all.
    """
    opening = None if book is None else book.head(1)
    match = _MESSAGES.match(Path(messages.path).name)
    if match is None:
        return opening
    for path in sorted(Path(messages.path).parent.iterdir()):
        if not path.name.startswith(f"{match['day']}orderbook_"):
            continue
        try:
            other = read_book(path, 1)
        except DataError:
            continue
        if opening is None or (other.levels > opening.levels and _agree(opening, other)):
            opening = other
    return opening


def _agree(book: Book, deeper: Book) -> bool:
    """Whether the first row of `book` is the top of that of `deeper`."""
    parts = ("ask_price", "ask_size", "bid_price", "bid_size")
    return all(
        np.array_equal(getattr(book, name)[0], getattr(deeper, name)[0, : book.levels])
        for name in parts
    )


def _named(path: str | Path) -> tuple[str, str]:
    """Symbol and date as the name of a LOBSTER file tells them, or empty strings."""
    match = _NAME.match(Path(path).name)
    return (match["symbol"].replace(".", ""), match["date"]) if match else ("", "")


def _nanoseconds(path: str | Path, text: pl.Series) -> Int64:
    """Decimal seconds as whole nanoseconds, exactly."""
    bad = (~text.str.contains(_TIME)).arg_true()
    if len(bad):
        raise DataError(path, f"time {text[bad[0]][:40]!r} is not seconds", line=bad[0] + 1)
    parts = text.str.split_exact(".", 1).struct.unnest()
    whole, fraction = parts.to_series(0), parts.to_series(1).fill_null("").str.pad_end(10, "0")
    nanoseconds = fraction.str.slice(0, 9).cast(pl.Int64)
    beyond = fraction.str.slice(9, 1).cast(pl.Int64) >= 5
    result: Int64 = (whole.cast(pl.Int64) * NANOSECONDS + nanoseconds + beyond).to_numpy()
    return result


def _refuse(
    path: str | Path,
    checks: tuple[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.bool_]], ...],
    earliest: int | None = None,
    times: pl.Series | None = None,
) -> None:
    """Raise the DataError of the first bad row; `bad` has the shape of `values`, rows first."""
    found: list[tuple[int, str]] = []
    if earliest is not None and times is not None:
        found.append((earliest, f"time goes back from {times[earliest - 1]} to {times[earliest]}"))
    for what, values, bad in checks:
        if bad.any():
            place = np.unravel_index(int(bad.argmax()), bad.shape)
            found.append((int(place[0]), what.format(int(values[place]))))
    if found:
        row, message = min(found, key=lambda entry: entry[0])
        raise DataError(path, message, line=row + 1)
