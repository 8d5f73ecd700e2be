"""What must hold between any two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mexchange.markets import PPM
from mexchange.records import Side
from mexchange.reference.state import TRAILING_KINDS
from mexchange.reference.stops import reaches
from mexchange.reference.views import canonical, drawn, in_book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mexchange.reference.state import Book, Order, State

__all__ = ["check"]


def check(x: State) -> None:
    """Raise AssertionError, naming what is broken and drawing the state, if anything is."""
    broken = [
        *(fault for book in x.books for fault in book_faults(book)),
        *(fault for order in x.orders.values() for fault in order_faults(x, order)),
        *index_faults(x),
        *money_faults(x),
    ]
    assert not broken, "\n".join([*broken, drawn(x)])


def book_faults(book: Book) -> Iterator[str]:
    """Books are sorted by construction; they must be uncrossed, and no stop may wait in vain."""
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    if bid and ask and bid[0] >= ask[0]:
        yield f"{book.market.name} is crossed: bid {bid[0]}, ask {ask[0]}"
    for side in Side:
        for level in book.sides[side].values():
            if not level or len({order.price for order in level.values()}) != 1:
                yield f"{book.market.name}: a level that is empty or has two prices"
        for stop in book.stops[side].values():
            if book.last_price and reaches(side, book.last_price, stop.trigger_price):
                yield f"stop {stop.order_id} waits though its trigger is reached"


def order_faults(x: State, order: Order) -> Iterator[str]:
    """What one open order must be."""
    if not 0 < order.left <= order.quantity:
        yield f"order {order.order_id} has {order.left} left of {order.quantity}"
    if order.hold != x.needed_hold(order):
        yield f"order {order.order_id} holds {order.hold}, not {x.needed_hold(order)}"
    if not 0 <= order.carry < PPM:
        yield f"order {order.order_id} carries {order.carry}"
    most = 0 if order.waits else min(order.display_quantity or order.left, order.left)
    least = 0 if order.waits else 1 if order.display_quantity else order.left
    if not least <= order.shown <= most:
        yield f"order {order.order_id} shows {order.shown}"
    if order.expiry_ns and order.expiry_ns <= x.time_ns:
        yield f"order {order.order_id} should have expired"
    if order.extreme and not (order.waits and order.type in TRAILING_KINDS):
        yield f"order {order.order_id} tracks a price"


def index_faults(x: State) -> Iterator[str]:
    """Every way to an order leads to the same orders."""
    standing = {order.order_id for book in x.books for order in canonical(book)}
    resting = {o.order_id for book in x.books for side in Side for o in in_book(book, side)}
    if standing != set(x.orders) or any(
        order.waits == (order.order_id in resting) for order in x.orders.values()
    ):
        yield "orders, books and waiting stops differ"
    if [set(orders) for orders in x.orders_of] != [
        {o.order_id for o in x.orders.values() if o.account == a} for a in range(len(x.tiers))
    ]:
        yield "the orders of the accounts differ from the orders"
    expiring = {order.order_id for order in x.orders.values() if order.expiry_ns}
    if expiring != {order.order_id for order in x.expiries.values()}:
        yield "the expiries differ from the orders"


def money_faults(x: State) -> Iterator[str]:
    """Holds are those of the open orders, nobody owes, and nothing appears or disappears."""
    held = [[0] * len(x.assets) for _ in x.tiers]
    for order in x.orders.values():
        held[order.account][x.held_asset(order)] += order.hold
    if held != x.held:
        yield f"held {x.held}, but the orders hold {held}"
    for asset, total in enumerate(x.totals):
        column = [row[asset] for row in (*x.available, *x.held)]
        if sum(column) != total:
            yield f"{x.assets[asset]}: {sum(column)} atoms in accounts, {total} deposited"
        if min(column) < 0:
            yield f"{x.assets[asset]}: a balance is negative"
