"""Stops: how they wait, what elects them, in which order they fire."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mexchange.records import EventKind, Flag, Reason, Side, TimeInForce
from mexchange.reference.checks import affordable, fillable
from mexchange.reference.matching import match
from mexchange.reference.state import MARKET_KINDS, TRAILING_KINDS, rank

if TYPE_CHECKING:
    from mexchange.reference.state import Book, Order, State

__all__ = ["arrive", "take"]

BIPS = 10_000


def take(x: State, taker: Order) -> None:
    """An order takes from the book, then what its trades elect fires, one after another."""
    fire(x, deque(finish(x, taker)))


def arrive(x: State, stop: Order) -> None:
    """A stop that was just accepted waits, or fires at once if its trigger is reached already."""
    book = x.books[stop.market]
    book.wait(stop)
    if book.last_price == 0:
        return
    if stop.type in TRAILING_KINDS:
        activate(stop, book.last_price)
    elif reaches(stop.side, book.last_price, stop.trigger_price):
        book.stop_waiting(stop)
        fire(x, deque([stop]))


def fire(x: State, queue: deque[Order]) -> None:
    """Elected stops fire first come, first served; those that they elect join the end."""
    while queue:
        stop = queue.popleft()
        x.emit(EventKind.TRIGGERED, stop, quantity=stop.left)
        if stop.type in MARKET_KINDS and not affordable(x, stop):
            x.end(stop, EventKind.EXPIRED, Reason.INSUFFICIENT_FUNDS)
        elif not fillable(x, stop):
            x.end(stop, EventKind.EXPIRED, Reason.FOK_NOT_FILLABLE)
        else:
            queue.extend(finish(x, stop))


def finish(x: State, taker: Order) -> list[Order]:
    """Match an order and deal with what is left of it; the stops that it elected."""
    book = x.books[taker.market]
    reason, prices = match(x, taker)
    if taker.done:
        x.forget(taker)
    elif reason == Reason.SELF_TRADE or taker.type in MARKET_KINDS:
        x.end(taker, EventKind.EXPIRED, reason)
    elif taker.time_in_force == TimeInForce.IOC:
        x.end(taker, EventKind.EXPIRED, Reason.IOC_REMAINDER)
    else:
        book.rest(taker)
        x.emit(EventKind.RESTED, taker, quantity=taker.left, displayed=taker.shown)
    return elect(book, taker.side, prices[0], prices[-1]) if prices else []


def elect(book: Book, taker_side: int, first: int, last: int) -> list[Order]:
    """The waiting stops that trades from `first` to `last` reach, in the order of their firing.

    The side that the first trade reaches comes first: sell stops after a buy, which went up from
    `first`, and buy stops after a sell. Within a side: by trigger reached first, then by age.
    """
    elected: list[Order] = []
    for side in (1 - taker_side, taker_side):
        furthest = first if side != taker_side else last
        reached = [
            (reach, age, stop)
            for (reach, age), stop in book.stops[side].items()
            if reaches(side, furthest, stop.trigger_price)
        ]
        trailing = [stop for stop in book.trailing.values() if stop.side == side]
        for stop in trailing:
            trigger = follow(stop, first) or follow(stop, last)
            if trigger:
                reached.append((rank(1 - side, trigger), stop.age, stop))
        elected += [stop for *_, stop in sorted(reached, key=lambda entry: entry[:2])]
    for stop in elected:
        book.stop_waiting(stop)
        stop.extreme = 0
    return elected


def reaches(side: int, price: int, trigger: int) -> bool:
    """Whether a trade at `price` is at the trigger of a stop of `side` or beyond."""
    return price >= trigger if side == Side.BUY else price <= trigger


def activate(stop: Order, price: int) -> None:
    """Begin to track at `price` if nothing or just this was to be waited for."""
    if stop.trigger_price == 0 or reaches(stop.side, price, stop.trigger_price):
        stop.extreme = price


def follow(stop: Order, price: int) -> int:
    """A trailing stop sees a trade; the trigger that the trade reached, or 0."""
    if stop.extreme == 0:
        activate(stop, price)
        return 0
    trigger = trailing_trigger(stop)
    if reaches(stop.side, price, trigger):
        return trigger
    stop.extreme = min(stop.extreme, price) if stop.side == Side.BUY else max(stop.extreme, price)
    return 0


def trailing_trigger(stop: Order) -> int:
    """At which trade price a tracking stop is elected."""
    offset = stop.trailing_offset
    if stop.side == Side.BUY:
        if stop.flags & Flag.TRAIL_BIPS:
            return -(-stop.extreme * (BIPS + offset) // BIPS)
        return stop.extreme + offset
    if stop.flags & Flag.TRAIL_BIPS:
        return max(stop.extreme * (BIPS - offset) // BIPS, 1)
    return max(stop.extreme - offset, 1)
