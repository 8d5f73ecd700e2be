"""What can be read of the state: levels, and the canonical rows that the digest is taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mexchange.digest import BALANCE_ROW, MARKET_ROW, ORDER_ROW
from mexchange.records import Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mexchange.reference.state import Book, Order, State

__all__ = ["balance_rows", "drawn", "levels", "market_rows", "order_rows", "tier_rows"]

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]


def levels(book: Book, side: Side, depth: int | None) -> Ints:
    """Price, displayed lots and number of orders by level, best first, an array [levels, 3]."""
    rows = [
        (abs(rank), sum(order.shown for order in level.values()), len(level))
        for rank, level in book.sides[side].items()[:depth]
    ]
    return np.array(rows, np.int64).reshape(-1, 3)


def in_book(book: Book, side: int) -> Iterator[Order]:
    """The resting orders of one side, best first, then queue order."""
    for level in book.sides[side].values():
        yield from level.values()


def canonical(book: Book) -> Iterator[Order]:
    """Bids, asks, buy stops, sell stops."""
    for side in Side:
        yield from in_book(book, side)
    for side in Side:
        yield from book.waiting(side)


def order_rows(x: State) -> Rows:
    """Every open order in canonical order."""
    rows = [row(order) for book in x.books for order in canonical(book)]
    return np.array(rows, ORDER_ROW)


def row(order: Order) -> tuple[int, ...]:
    """An order in the order of the fields of `ORDER_ROW`."""
    return (
        *(order.order_id, order.client_order_id, order.account, order.market, order.side),
        *(order.type, order.time_in_force, order.self_trade, order.flags, order.tier),
        *(order.price, order.quantity, order.left, order.shown, order.display_quantity),
        *(order.hold, order.carry, order.trigger_price, order.trailing_offset, order.extreme),
        *(order.protection_price, order.expiry_ns, order.accepted_ns),
    )


def balance_rows(x: State) -> Rows:
    """Every balance that is not empty."""
    rows = [
        (account, asset, available, held)
        for account, pairs in enumerate(zip(x.available, x.held, strict=True))
        for asset, (available, held) in enumerate(zip(*pairs, strict=True))
        if available or held
    ]
    return np.array(rows, BALANCE_ROW)


def market_rows(x: State) -> Rows:
    """The number and last price of every market."""
    return np.array([(n, book.last_price) for n, book in enumerate(x.books)], MARKET_ROW)


def tier_rows(x: State) -> Ints:
    """The fee tier of every account."""
    return np.array(x.tiers, np.int64)


def drawn(x: State) -> str:
    """The whole state as text, for the message of a failed check."""
    lines = []
    for book in x.books:
        lines.append(f"{book.market.name}, last price {book.last_price}")
        lines += [f"  {order}" for order in canonical(book)]
    lines += [
        f"account {account}, {x.assets[asset]}: {available} available, {held} held"
        for account, asset, available, held in balance_rows(x).tolist()
    ]
    return "\n".join(lines)
