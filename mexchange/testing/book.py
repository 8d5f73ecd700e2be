"""A book as a text table: drawn from an engine, and read into the commands that build it.

A table has three columns, bids, prices and asks, best asks at the bottom of the asks as on a
trading screen. A cell lists the orders of a level, oldest first:

           bids |  price | asks
                | 201000 | 28#8 32#9
                |  81599 | 50#2 25#3
    40#4        |  81593 |
    20#5 1#6    |  81590 |

An order is its open lots, then `#` and its id if it matters. An iceberg is `10/100`: ten lots shown
of a hundred open. `@3` names the account, where it is not the one that the reader is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mexchange.records import CommandKind, Commands, OrderType, Side, TimeInForce, commands

__all__ = ["drawn", "parsed", "same_book"]

ORDER = re.compile(r"(?:(?P<shown>\d+)/)?(?P<left>\d+)(?:#(?P<id>\d+))?(?:@(?P<account>\d+))?")
HEAD = ("bids", "price", "asks")


class HasOrders(Protocol):
    """An engine, as far as a drawing needs it."""

    def order_rows(self) -> npt.NDArray[np.void]:
        """Open orders in canonical order."""


def drawn(engine: HasOrders, market: int = 0, *, ids: bool = True, accounts: bool = False) -> str:
    """The book of a market as a table, the highest price first; an empty one is its head alone.

    Stops that wait are not in the book, so they are not drawn.
    """
    rows = engine.order_rows()
    rows = rows[(rows["market"] == market) & (rows["displayed"] > 0)]
    table = [HEAD]
    for price in sorted(set(rows["price"].tolist()), reverse=True):
        at_price = rows[rows["price"] == price]
        bids, asks = (
            " ".join(_order(row, ids, accounts) for row in at_price[at_price["side"] == side])
            for side in Side
        )
        table.append((bids, str(price), asks))
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    return "\n".join(
        f"{bids:<{widths[0]}} | {price:>{widths[1]}} | {asks}".rstrip()
        for bids, price, asks in table
    )


def _order(row: np.void, ids: bool, accounts: bool) -> str:
    shown = f"{row['displayed']}/" if row["display_quantity"] else ""
    name = f"#{row['order_id']}" if ids else ""
    account = f"@{row['account']}" if accounts else ""
    return f"{shown}{row['left']}{name}{account}"


def _cells(table: str) -> Iterator[tuple[int, Side, re.Match[str]]]:
    """Price, side and order of every order in a table; ValueError for a line that is not one."""
    for line in table.strip().splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3:
            raise ValueError(f"not a line of a book: {line!r}")
        if tuple(parts) == HEAD:
            continue
        for side, cell in ((Side.BUY, parts[0]), (Side.SELL, parts[2])):
            for text in cell.split():
                found = ORDER.fullmatch(text)
                if not found or not parts[1].isdigit():
                    raise ValueError(f"not an order: {text!r} in {line!r}")
                yield int(parts[1]), side, found


def parsed(table: str, *, account: int = 1, market: int = 0, time_ns: int = 0) -> Commands:
    """The NEW commands that build the book of a table.

    They come by id where ids are given, else from top to bottom, bids before asks and oldest
    first; orders without an id are numbered from 1 on. An iceberg's shown part is its display
    quantity. Raises ValueError for what is not a table.
    """
    cells = list(_cells(table))
    batch = commands(
        len(cells),
        kind=CommandKind.NEW,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        market=market,
        time_ns=time_ns,
    )
    for number, (price, side, order) in enumerate(cells):
        batch["price"][number], batch["side"][number] = price, side
        batch["quantity"][number] = order["left"]
        batch["display_quantity"][number] = order["shown"] or 0
        batch["order_id"][number] = order["id"] or number + 1
        batch["account"][number] = order["account"] or account
    named = [bool(order["id"]) for *_, order in cells]
    return batch[np.argsort(batch["order_id"], kind="stable")] if all(named) else batch


def same_book(left: str, right: str) -> bool:
    """Whether two tables say the same, however they are laid out."""
    return _plain(left) == _plain(right)


def _plain(table: str) -> list[list[str]]:
    return [
        [" ".join(part.split()) for part in line.split("|")]
        for line in table.strip().splitlines()
        if tuple(part.strip() for part in line.split("|")) != HEAD
    ]
