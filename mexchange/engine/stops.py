"""Stops that wait: following the market, election, and the queue of those that fire.

Plain stops stand on ladders keyed by their trigger, so electing costs only what is elected.
Trailing stops stand in a list, each with its own extreme, and are visited at every traded command.
"""

from __future__ import annotations

from mexchange.engine.compiling import compiled, inlined, rare
from mexchange.engine.ladder import key_of, level_at
from mexchange.engine.layout import (
    BUY_STOPS,
    FIRST_TRADE,
    LADDERS,
    LAST_TRADE,
    NO_KEY,
    SELL_STOPS,
    SELLS,
    STOPS,
    State,
)
from mexchange.engine.queueing import flags_of, stop_waiting
from mexchange.records import Flag

TRAIL_BIPS = int(Flag.TRAIL_BIPS)
BIPS = 10_000


@rare
def trigger_of(s: State, slot: int) -> int:
    """The price at which a stop fires now; an active trailing stop's follows its extreme."""
    special = s.specials[slot]
    offset, extreme = special["trailing_offset"], special["extreme"]
    sells = int(s.orders[slot]["bits"]) & SELLS
    if flags_of(s, slot) & TRAIL_BIPS == 0:
        return int(max(extreme - offset, 1) if sells else extreme + offset)
    if sells:
        return int(max(extreme * (BIPS - offset) // BIPS, 1))
    return int(-(-extreme * (BIPS + offset) // BIPS))


@inlined
def reached(sells: int, price: int, trigger: int) -> bool:
    """Whether a trade at `price` is at or through a trigger."""
    return price <= trigger if sells else price >= trigger


@rare
def activate(s: State, slot: int, price: int) -> None:
    """Begin to track, at this trade, if the activation is reached or there is none."""
    activation = s.orders[slot]["trigger_price"]
    sells = int(s.orders[slot]["bits"]) & SELLS
    if activation == 0 or reached(sells, price, activation):
        s.specials[slot]["active"] = 1
        s.specials[slot]["extreme"] = price


@rare
def _follow(s: State, slot: int, price: int) -> bool:
    """Let a trailing stop see one trade; returns whether it is elected by it."""
    special = s.specials[slot]
    if special["active"] == 0:
        activate(s, slot, price)
        return False
    sells = int(s.orders[slot]["bits"]) & SELLS
    trigger = trigger_of(s, slot)
    if reached(sells, price, trigger):
        special["elected_at"] = trigger
        return True
    if sells:
        special["extreme"] = max(special["extreme"], price)
    else:
        special["extreme"] = min(special["extreme"], price)
    return False


@inlined
def _fires_before(s: State, a: int, b: int) -> bool:
    """Whether elected stop `a`, of the same side as `b`, fires first: by trigger, then age."""
    x, y = s.specials[a]["elected_at"], s.specials[b]["elected_at"]
    if x != y:
        return bool(x > y if int(s.orders[a]["bits"]) & SELLS else x < y)
    return bool(s.orders[a]["age"] < s.orders[b]["age"])


@inlined
def _enqueue(s: State, first: int, queued: int, slot: int) -> int:
    """Sort an elected stop into the part of the fire queue that begins at `first`."""
    at = queued
    while at > first and _fires_before(s, slot, int(s.fired[at - 1])):
        s.fired[at] = s.fired[at - 1]
        at -= 1
    s.fired[at] = slot
    return queued + 1


@compiled
def _elect_plain(s: State, market: int, which: int, price: int, queued: int) -> int:
    """Queue the plain stops of one ladder that a trade at `price` reaches; they are in order."""
    ladder = market * LADDERS + which
    limit = key_of(which, price)
    while s.ladders[ladder]["best"] <= limit and s.ladders[ladder]["best"] != NO_KEY:
        slot = int(s.levels[level_at(s, ladder, s.ladders[ladder]["best"])]["head"])
        stop_waiting(s, slot)
        s.specials[slot]["elected_at"] = s.orders[slot]["trigger_price"]
        s.fired[queued] = slot
        queued += 1
    return queued


@rare
def _elect_side(s: State, market: int, which: int, price: int, marked: int, queued: int) -> int:
    """Queue what one side elects: plain stops, and the trailing ones marked while following."""
    first = queued
    queued = _elect_plain(s, market, which, price, queued)
    slot = int(s.markets[market]["trail_first"]) if marked > 0 else 0
    while slot != 0:
        after = int(s.specials[slot]["next"])
        side = int(s.orders[slot]["bits"]) & SELLS
        if s.specials[slot]["elected_at"] != 0 and side == which - BUY_STOPS:
            stop_waiting(s, slot)
            queued = _enqueue(s, first, queued, slot)
        slot = after
    return queued


@inlined
def elect(s: State, market: int, taker_sells: int, queued: int) -> int:
    """After a taker is finished: queue all stops that its trades reach; returns the queue's end."""
    first, last = s.head[FIRST_TRADE], s.head[LAST_TRADE]
    s.head[FIRST_TRADE] = 0
    s.markets[market]["last_price"] = last
    if s.head[STOPS] == 0:
        return queued
    return elect_waiting(s, market, taker_sells, first, last, queued)


@rare
def elect_waiting(
    s: State, market: int, taker_sells: int, first: int, last: int, queued: int
) -> int:
    """Queue the stops that trades from price `first` to price `last` reach.

    A buy taker's trades go up from the first to the last: the first can reach sell stops, the last
    buy stops, in this order. A sell taker is the mirror image.
    """
    marked = 0
    slot = int(s.markets[market]["trail_first"])
    while slot != 0:
        if _follow(s, slot, first) or _follow(s, slot, last):
            marked += 1
        slot = int(s.specials[slot]["next"])
    if taker_sells:
        queued = _elect_side(s, market, BUY_STOPS, first, marked, queued)
        return _elect_side(s, market, SELL_STOPS, last, marked, queued)
    queued = _elect_side(s, market, SELL_STOPS, first, marked, queued)
    return _elect_side(s, market, BUY_STOPS, last, marked, queued)
