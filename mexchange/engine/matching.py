"""The heart: look ahead into a book, and match a taker against it.

A taker has a slot like any order, so that a new order, an amended one and a stop that fired are
matched by the same code, from one place in `step`.
"""

from __future__ import annotations

from mexchange.engine.compiling import compiled, inlined, rare
from mexchange.engine.emitting import PREVENTED, TRADE, about, between
from mexchange.engine.ladder import key_of, level_at, next_key, vacate
from mexchange.engine.layout import (
    BY_QUOTE,
    FIRST_TRADE,
    ICEBERG,
    LADDERS,
    LAST_TRADE,
    MARKET_KIND,
    NO_KEY,
    SELLS,
    State,
)
from mexchange.engine.money import fee_for, hold_of, set_hold, settle
from mexchange.engine.queueing import (
    append,
    close,
    close_apart,
    displayed_of,
    mode_of,
    pull,
    unchain,
)
from mexchange.records import EventKind, Reason, SelfTrade

EXPIRED = int(EventKind.EXPIRED)
NO_MODE, EXPIRE_TAKER, EXPIRE_MAKER, EXPIRE_BOTH, DECREMENT = (int(mode) for mode in SelfTrade)
BY_SELF_TRADE, NO_LIQUIDITY = int(Reason.SELF_TRADE), int(Reason.NO_LIQUIDITY)
PROTECTION_REACHED, QUOTE_SPENT = int(Reason.PROTECTION_REACHED), int(Reason.QUOTE_SPENT)

# Why a look-ahead ended.
FILLED, NO_MORE, OUT_OF_BUDGET, OWN_ORDER = 0, 1, 2, 3
COUNTED, PASSED, ENDING = 0, 1, 2


@inlined
def limit_key(s: State, slot: int) -> int:
    """The last key of the other side that a taker may trade at."""
    o = s.orders[slot]
    price = o["price"]
    if int(o["bits"]) & MARKET_KIND:
        price = s.specials[slot]["protection_price"]
        if price == 0:
            return NO_KEY - 1
    return key_of(1 - (int(o["bits"]) & SELLS), price)


@inlined
def crosses(s: State, slot: int) -> bool:
    """Whether the best price of the other side is within the order's limit."""
    o = s.orders[slot]
    ladder = int(o["market"]) * LADDERS + 1 - (int(o["bits"]) & SELLS)
    return bool(s.ladders[ladder]["best"] <= limit_key(s, slot))


@inlined
def total_of(notional: int, ppm: int, sells: int) -> int:
    """What leaves (buy) or enters (sell) the taker's account for a notional, fees included."""
    fee = fee_for(notional, ppm, 0)
    return notional - fee if sells else notional + fee


@compiled
def _most_lots(notional: int, unit: int, most: int, ppm: int, sells: int, budget: int) -> int:
    """The most lots, each of `unit` atoms, that a budget allows on top of what is taken."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) >> 1
        if total_of(notional + middle * unit, ppm, sells) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


@inlined
def _own_makers(mode: int, whole: bool) -> int:
    """How a look-ahead treats own makers: as any (0), passes over them (1), ends there (2)."""
    if mode == NO_MODE:
        return COUNTED
    if mode == EXPIRE_MAKER or (mode == DECREMENT and not whole):
        return PASSED
    return ENDING


@compiled
def _supply(s: State, level: int, account: int, own: int) -> tuple[int, bool]:
    """The lots a level offers to an account, and whether an own maker ends the walk there.

    Ahead of an own maker an iceberg offers one slice, since its next ones queue behind.
    """
    if own == COUNTED:
        return int(s.levels[level]["displayed"] + s.levels[level]["hidden"]), False
    everything, shown, blocked = 0, 0, False
    maker = int(s.levels[level]["head"])
    while maker != 0 and not blocked:
        if int(s.orders[maker]["account"]) == account:
            blocked = own == ENDING
        else:
            everything += s.orders[maker]["left"]
            shown += displayed_of(s, maker)
        maker = int(s.links[maker]["next"])
    return (shown if blocked else everything), blocked


@compiled
def look_ahead(
    s: State, slot: int, want: int, limit: int, budget: int, whole: bool
) -> tuple[int, int, int]:
    """What a taker would get: `(lots, notional, why it ends)`, without changing anything.

    `want` lots at the most, up to key `limit`, within `budget` (-1 for none). `whole` is for orders
    that may not be decremented. O(levels) without self-trade prevention, else O(orders).
    """
    o = s.orders[slot]
    sells = int(o["bits"]) & SELLS
    market, account = int(o["market"]), int(o["account"])
    ppm = s.fees[market, int(o["tier"]), 1]
    own = _own_makers(mode_of(s, slot), whole)
    ladder = market * LADDERS + 1 - sells
    key = s.ladders[ladder]["best"]
    lots, notional = 0, 0
    while key <= limit and key != NO_KEY:
        unit = key_of(1 - sells, key) * s.markets[market]["quote_per_lot_tick"]
        if budget >= 0 and total_of(notional + unit, ppm, sells) > budget:
            return lots, notional, OUT_OF_BUDGET
        supply, blocked = _supply(s, level_at(s, ladder, key), account, own)
        take = min(supply, want - lots)
        if budget >= 0:
            most = _most_lots(notional, unit, take, ppm, sells, budget)
            if most < take:
                return lots + most, notional + most * unit, OUT_OF_BUDGET
        lots += take
        notional += take * unit
        if lots == want:
            return lots, notional, FILLED
        if blocked and budget >= 0 and total_of(notional + unit, ppm, sells) > budget:
            return lots, notional, OUT_OF_BUDGET
        if blocked:
            return lots, notional, OWN_ORDER
        key = next_key(s, ladder, key)
    return lots, notional, NO_MORE


@inlined
def _shown_after(s: State, maker: int, lots: int, alone: bool) -> int:
    """What an iceberg shows after `lots` of it traded, which are already off `left`."""
    shown = s.specials[maker]["displayed"]
    if lots < shown:
        return int(shown - lots)
    display = s.specials[maker]["display_quantity"]
    if alone:
        return int(min(display - (lots - shown) % display, s.orders[maker]["left"]))
    return int(min(display, s.orders[maker]["left"]))


@compiled
def take_off(s: State, level: int, maker: int, lots: int) -> int:
    """Take traded or prevented lots off a maker and its level; returns the change of what shows.

    An iceberg whose slice is gone joins the back of the queue with the next one. A maker without
    anything left leaves the queue; closing it and the level is the caller's.
    """
    m = s.orders[maker]
    m["left"] -= lots
    change = -lots
    if int(m["bits"]) & ICEBERG:
        shown = s.specials[maker]["displayed"]
        alone = s.links[maker]["prev"] == 0 and s.links[maker]["next"] == 0
        now = _shown_after(s, maker, lots, alone)
        s.specials[maker]["displayed"] = now
        change = now - shown
        s.levels[level]["hidden"] += -lots - change
        if m["left"] != 0 and lots >= shown and not alone:
            unchain(s, level, maker)
            append(s, level, maker)
    s.levels[level]["displayed"] += change
    if m["left"] == 0:
        unchain(s, level, maker)
    return int(change)


@compiled
def fill(s: State, taker: int, maker: int, level: int, price: int, lots: int) -> None:
    """One trade at the maker's price: both orders, both accounts, both fees, one event."""
    t, m = s.orders[taker], s.orders[maker]
    notional = price * lots * s.markets[int(t["market"])]["quote_per_lot_tick"]
    taker_hold, maker_hold = t["hold"], m["hold"]
    t["left"] -= lots
    change = take_off(s, level, maker, lots)
    fee = settle(s, taker, lots, notional, 1)
    maker_fee = settle(s, maker, lots, notional, 0)
    e = s.events[between(s, TRADE, taker, maker, price, lots, change)]
    e["hold"] = t["hold"] - taker_hold
    e["maker_hold"] = m["hold"] - maker_hold
    e["fee"] = fee
    e["maker_fee"] = maker_fee
    if s.head[FIRST_TRADE] == 0:
        s.head[FIRST_TRADE] = price
    s.head[LAST_TRADE] = price
    if m["left"] == 0:
        close_apart(s, maker)


@compiled
def end(s: State, slot: int, reason: int) -> None:
    """End an order that does not rest: release its hold, say so, close it."""
    left = s.orders[slot]["left"]
    s.orders[slot]["left"] = 0
    about(s, slot, EXPIRED, reason, left, 0, set_hold(s, slot, 0))
    close_apart(s, slot)


@inlined
def remove(s: State, slot: int, kind: int, reason: int) -> None:
    """End an order that rests: out of the book, hold released, said, closed."""
    shown = pull(s, slot)
    left = s.orders[slot]["left"]
    s.orders[slot]["left"] = 0
    about(s, slot, kind, reason, left, -shown, set_hold(s, slot, 0))
    close(s, slot)


@rare
def remove_apart(s: State, slot: int, kind: int, reason: int) -> None:
    """`remove`, for who seldom needs it: not inlined."""
    remove(s, slot, kind, reason)


@rare
def _meet_oneself(s: State, taker: int, maker: int, level: int, price: int) -> bool:
    """The taker's mode decides; returns whether the taker goes on."""
    mode = mode_of(s, taker)
    if mode == DECREMENT and int(s.orders[taker]["bits"]) & BY_QUOTE:
        mode = EXPIRE_BOTH
    if mode == DECREMENT:
        _decrement(s, taker, maker, level, price)
        return bool(s.orders[taker]["left"] != 0)
    if mode != EXPIRE_TAKER:
        remove_apart(s, maker, EXPIRED, BY_SELF_TRADE)
    return mode == EXPIRE_MAKER


@rare
def _decrement(s: State, taker: int, maker: int, level: int, price: int) -> None:
    t, m = s.orders[taker], s.orders[maker]
    lots = fillable(s, taker, maker)
    t["left"] -= lots
    ladder = int(m["market"]) * LADDERS + (int(m["bits"]) & SELLS)
    change = take_off(s, level, maker, lots)
    n = between(s, PREVENTED, taker, maker, price, lots, change)
    if t["hold"] != 0:
        s.events[n]["hold"] = set_hold(s, taker, hold_of(s, taker) if t["left"] != 0 else 0)
    s.events[n]["maker_hold"] = set_hold(s, maker, hold_of(s, maker) if m["left"] != 0 else 0)
    if m["left"] == 0:
        close_apart(s, maker)
        if s.levels[level]["head"] == 0:
            vacate(s, ladder, level)


@inlined
def fillable(s: State, taker: int, maker: int) -> int:
    """The lots that one trade between the two moves."""
    m = s.orders[maker]
    there = m["left"]
    queued = s.links[maker]["prev"] != 0 or s.links[maker]["next"] != 0
    if int(m["bits"]) & ICEBERG and queued:
        there = s.specials[maker]["displayed"]
    return int(min(there, s.orders[taker]["left"]))


@compiled
def match(s: State, taker: int) -> bool:
    """Trade with the other side as far as quantity and limit go; False if self-trade ended it."""
    t = s.orders[taker]
    sells = int(t["bits"]) & SELLS
    ladder = int(t["market"]) * LADDERS + 1 - sells
    limit = limit_key(s, taker)
    guarded = mode_of(s, taker) != NO_MODE
    while t["left"] > 0 and s.ladders[ladder]["best"] <= limit:
        key = s.ladders[ladder]["best"]
        level = level_at(s, ladder, key)
        price = key_of(1 - sells, key)
        maker = int(s.levels[level]["head"])
        while maker != 0 and t["left"] > 0:
            if guarded and s.orders[maker]["account"] == t["account"]:
                if not _meet_oneself(s, taker, maker, level, price):
                    return False
                if s.ladders[ladder]["best"] != key:
                    break
            else:
                fill(s, taker, maker, level, price, fillable(s, taker, maker))
            maker = int(s.levels[level]["head"])
        if maker == 0 and s.ladders[ladder]["best"] == key:
            vacate(s, ladder, level)
    return True


@rare
def match_by_quote(s: State, taker: int) -> int:
    """Match a market order that has a quote quantity and no quantity; returns why it ended."""
    t = s.orders[taker]
    sells, market = int(t["bits"]) & SELLS, int(t["market"])
    ladder = market * LADDERS + 1 - sells
    limit = limit_key(s, taker)
    ppm = s.fees[market, int(t["tier"]), 1]
    budget = s.specials[taker]["quote_quantity"]
    guarded = mode_of(s, taker) != NO_MODE
    spent = 0
    while total_of(spent, ppm, sells) != budget:
        key = s.ladders[ladder]["best"]
        if key > limit:
            return NO_LIQUIDITY if key == NO_KEY else PROTECTION_REACHED
        price = key_of(1 - sells, key)
        unit = price * s.markets[market]["quote_per_lot_tick"]
        if total_of(spent + unit, ppm, sells) > budget:
            return QUOTE_SPENT
        level = level_at(s, ladder, key)
        maker = int(s.levels[level]["head"])
        if guarded and s.orders[maker]["account"] == t["account"]:
            if not _meet_oneself(s, taker, maker, level, price):
                return BY_SELF_TRADE
            continue
        t["left"] = s.orders[maker]["left"]
        lots = _most_lots(spent, unit, fillable(s, taker, maker), ppm, sells, budget)
        t["left"] = lots
        fill(s, taker, maker, level, price, lots)
        spent += lots * unit
        if s.levels[level]["head"] == 0:
            vacate(s, ladder, level)
    return QUOTE_SPENT
