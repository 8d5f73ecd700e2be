"""Compiled: from events to the tape, and from the tape to books.

A *row* of the tape is a change of what is displayed, or a trade, or both. It says enough to be
taken back: the last price and the time of the last change that its market had before. So books that
follow the tape go either way along it.

A *book* is one side of a market, number `2 * market + side`: its levels as (key, lots), the best
one last, where nearly all changes are. The key is the price, negative for asks, so that it ascends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mexchange.engine.compiling import cache_folder, compiled, entry_into, inlined
from mexchange.records import EventKind

__all__ = ["BEFORE", "BOOK", "CHANGE", "COLUMNS", "LAST", "PRICE", "QUANTITY", "SEQUENCE", "TIME"]
__all__ += ["best", "roll", "scan"]

TIME, BOOK, PRICE, CHANGE, QUANTITY, SEQUENCE, LAST, BEFORE = range(8)
"""Columns: the quantity is that of a trade, else 0; `LAST` and `BEFORE` are what was before."""
COLUMNS = 8
NEAR = 8
"""Levels from the best one that are looked through one by one."""
TRADE, PREVENTED = int(EventKind.TRADE), int(EventKind.PREVENTED)
ACCEPTED = int(EventKind.ACCEPTED)

_FOLDER = cache_folder(Path(__file__).parent)


def _entry(function: Any) -> Any:
    return entry_into(_FOLDER, function)


@_entry
def scan(
    events: Any, owners: Any, tape: Any, rows: int, ends: Any, found: Any
) -> tuple[int, int, int]:
    """Append what the public sees of events to the tape, which has `rows` and room for as many.

    `ends` has the last price and the time of the last change of each market. Writes into `found[0]`
    which events are of accounts marked in `owners`, into `found[1]` the expiry times of accepted
    orders. Returns how many rows the tape has now, and how many of either were found.
    """
    mine, timed = 0, 0
    for i in range(events.shape[0]):
        event = events[i]
        kind, account = int(event["kind"]), int(event["account"])
        concerned = account < owners.shape[0] and owners[account]
        change, price, side = event["displayed"], event["price"], int(event["side"])
        quantity = 0
        if kind == TRADE or kind == PREVENTED:  # noqa: PLR1714, SIM109 - Numba builds no set.
            # What is displayed belongs to the maker, who stands on the other side.
            side = 1 - side
            maker = int(event["maker_account"])
            concerned = concerned or (maker < owners.shape[0] and owners[maker])
            if kind == TRADE:
                quantity = event["quantity"]
        elif kind == ACCEPTED and event["expiry_ns"] != 0:
            found[1, timed] = event["expiry_ns"]
            timed += 1
        if concerned:
            found[0, mine] = i
            mine += 1
        if change != 0 or quantity != 0:
            market = int(event["market"])
            tape[rows, TIME] = event["time_ns"]
            tape[rows, BOOK] = 2 * market + side
            tape[rows, PRICE] = price
            tape[rows, CHANGE] = change
            tape[rows, QUANTITY] = quantity
            tape[rows, SEQUENCE] = event["sequence"]
            tape[rows, LAST] = ends[market, 0]
            tape[rows, BEFORE] = ends[market, 1]
            if quantity != 0:
                ends[market, 0] = price
            ends[market, 1] = event["time_ns"]
            rows += 1
    return rows, mine, timed


@inlined
def _position(levels: Any, book: int, key: int, count: int) -> int:
    """How many levels of a book have a key that is at most `key`."""
    at = count
    while at > 0 and at > count - NEAR:
        if levels[book, at - 1, 0] <= key:
            return at
        at -= 1
    low = 0
    while low < at:
        middle = (low + at) // 2
        if levels[book, middle, 0] <= key:
            low = middle + 1
        else:
            at = middle
    return low


@compiled
def _change(levels: Any, counts: Any, book: int, price: int, change: int) -> bool:
    """Enter a change of what is displayed; False if there is no room for another level."""
    count = int(counts[book])
    key = -price if book & 1 else price
    at = _position(levels, book, key, count)
    if at > 0 and levels[book, at - 1, 0] == key:
        levels[book, at - 1, 1] += change
        if levels[book, at - 1, 1] == 0:
            for i in range(at, count):
                levels[book, i - 1, 0] = levels[book, i, 0]
                levels[book, i - 1, 1] = levels[book, i, 1]
            counts[book] = count - 1
        return True
    if count == levels.shape[1]:
        return False
    for i in range(count, at, -1):
        levels[book, i, 0] = levels[book, i - 1, 0]
        levels[book, i, 1] = levels[book, i - 1, 1]
    levels[book, at, 0] = key
    levels[book, at, 1] = change
    counts[book] = count + 1
    return True


@_entry
def roll(tape: Any, rows: int, at: int, time_ns: int, levels: Any, counts: Any, marks: Any) -> int:
    """Bring books that stand after `at` of the tape's rows to where they stood at a time.

    Returns after how many rows that is; if a book has no room for another level, minus one less the
    row it stands at, to be called again.
    """
    while at < rows and tape[at, TIME] <= time_ns:
        book, price, change = tape[at, BOOK], tape[at, PRICE], tape[at, CHANGE]
        if change != 0 and not _change(levels, counts, book, price, change):
            return -1 - at
        if tape[at, QUANTITY] != 0:
            marks[book // 2, 0] = price
        marks[book // 2, 1] = tape[at, TIME]
        at += 1
    while at > 0 and tape[at - 1, TIME] > time_ns:
        row = at - 1
        book, price, change = tape[row, BOOK], tape[row, PRICE], tape[row, CHANGE]
        if change != 0 and not _change(levels, counts, book, price, -change):
            return -1 - at
        marks[book // 2, 0] = tape[row, LAST]
        marks[book // 2, 1] = tape[row, BEFORE]
        at = row
    return at


@_entry
def best(levels: Any, counts: Any, marks: Any, market: int) -> tuple[int, int, int, int, int, int]:
    """Best bid and ask with what is displayed there, the last price, when the book changed last."""
    bid, bid_quantity, ask, ask_quantity = 0, 0, 0, 0
    book = 2 * market
    bids, asks = int(counts[book]), int(counts[book + 1])
    if bids > 0:
        bid, bid_quantity = int(levels[book, bids - 1, 0]), int(levels[book, bids - 1, 1])
    if asks > 0:
        ask, ask_quantity = int(-levels[book + 1, asks - 1, 0]), int(levels[book + 1, asks - 1, 1])
    return bid, bid_quantity, ask, ask_quantity, int(marks[market, 0]), int(marks[market, 1])
