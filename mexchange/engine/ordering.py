"""New orders and cancels: from a command to a taker, to a place in a book, or to its end."""

from __future__ import annotations

from typing import Any

from mexchange.engine.compiling import compiled, inlined, rare
from mexchange.engine.emitting import about, reject
from mexchange.engine.ids import assign, assign_client, find, find_client
from mexchange.engine.layout import (
    AVAILABLE,
    BY_QUOTE,
    EVENTS_OUT,
    EXPIRES,
    HELD,
    ICEBERG,
    ICEBERGS,
    LIVE,
    MARKET_KIND,
    ORDERS_FREE,
    SELLS,
    SEQUENCE,
    TRAILS,
    WAITS,
    State,
)
from mexchange.engine.matching import (
    FILLED,
    crosses,
    limit_key,
    look_ahead,
    remove,
    remove_apart,
    total_of,
)
from mexchange.engine.money import held_asset, hold_of, set_hold
from mexchange.engine.queueing import (
    close_apart,
    flags_of,
    new_slot,
    rest,
    stop_waiting,
    tif_of,
    type_of,
    wait,
)
from mexchange.engine.stops import activate, reached
from mexchange.engine.validating import (
    DUPLICATE_CLIENT_ORDER_ID,
    FOK,
    GTD,
    IOC,
    MARKET,
    POST_ONLY,
    STOP,
    TRAILING_STOP,
    UNKNOWN_ACCOUNT,
    below_minimum,
    plain,
    trades,
    wrong_limits,
    wrong_names,
    wrong_shape,
)
from mexchange.records import EventKind, Reason

ACCEPTED, CANCELLED = int(EventKind.ACCEPTED), int(EventKind.CANCELLED)
UNKNOWN_ORDER, NOT_OWNER = int(Reason.UNKNOWN_ORDER), int(Reason.NOT_OWNER)
REQUESTED = int(Reason.REQUESTED)
POST_ONLY_WOULD_CROSS = int(Reason.POST_ONLY_WOULD_CROSS)
FOK_NOT_FILLABLE = int(Reason.FOK_NOT_FILLABLE)
INSUFFICIENT_FUNDS = int(Reason.INSUFFICIENT_FUNDS)

NOTHING = 0
"""Returned where no taker is left to match."""
UNLIMITED = 1 << 61
"""More lots than any order: what an order by quote quantity wants before its budget speaks."""


@inlined
def _write(s: State, c: Any, is_plain: bool) -> int:
    """A slot with the order that a NEW command describes; it is known to nobody yet."""
    slot = new_slot(s)
    o, d = s.orders[slot], s.orders[slot]
    kind = 0 if is_plain else int(c["type"])
    account = int(c["account"])
    bits = int(c["side"])
    o["order_id"] = c["order_id"]
    o["price"] = c["price"]
    o["left"] = c["quantity"]
    o["hold"] = 0
    o["account"] = account
    o["carry"] = 0
    o["market"] = c["market"]
    o["tier"] = s.accounts[account]["tier"]
    d["client_order_id"] = c["client_order_id"]
    d["quantity"] = c["quantity"]
    d["trigger_price"] = 0 if is_plain else c["trigger_price"]
    d["expiry_ns"] = 0 if is_plain else c["expiry_ns"]
    d["accepted_ns"] = c["time_ns"]
    d["what"] = int(c["market"]) | bits << 48 | kind << 56
    d["how"] = c["shape"] >> 24 & 0xFFFFFF
    if not is_plain:
        if int(c["time_in_force"]) == GTD:
            bits |= EXPIRES
        if kind | c["display_quantity"] != 0:
            bits |= _write_special(s, c, slot)
    o["bits"] = bits
    return slot


@compiled
def _write_special(s: State, c: Any, slot: int) -> int:
    """What icebergs, market orders and stops have besides; returns their bits."""
    special = s.specials[slot]
    kind, bits = int(c["type"]), 0
    special["displayed"] = 0
    special["display_quantity"] = c["display_quantity"]
    special["trailing_offset"] = c["trailing_offset"]
    special["extreme"] = 0
    special["protection_price"] = c["protection_price"]
    special["quote_quantity"] = c["quote_quantity"]
    special["elected_at"] = 0
    special["active"] = 0
    if c["display_quantity"] != 0:
        bits |= ICEBERG
        s.head[ICEBERGS] += 1
    if kind == MARKET or kind == STOP or kind == TRAILING_STOP:
        bits |= MARKET_KIND
    if kind >= TRAILING_STOP:
        bits |= TRAILS
    if kind == MARKET and c["quantity"] == 0:
        bits |= BY_QUOTE
    return bits


@inlined
def _forget(s: State, slot: int) -> None:
    """Give back the slot of an order that was rejected after all."""
    if int(s.orders[slot]["bits"]) & ICEBERG:
        s.head[ICEBERGS] -= 1
    s.orders[slot]["bits"] = 0
    s.orders[slot]["left"] = 0
    s.orders[slot]["order_id"] = -1
    s.links[slot]["next"] = s.head[ORDERS_FREE]
    s.head[ORDERS_FREE] = slot
    s.head[LIVE] -= 1


@inlined
def available(s: State, slot: int) -> int:
    """What the account of an order has available of the asset the order pays with."""
    return int(s.balances[int(s.orders[slot]["account"]), held_asset(s, slot), AVAILABLE])


@compiled
def unaffordable(s: State, slot: int) -> int:
    """Why a market order cannot trade now; 0 if it can."""
    o = s.orders[slot]
    bits = int(o["bits"])
    sells = bits & SELLS
    m = s.markets[int(o["market"])]
    whole = tif_of(s, slot) == FOK
    by_quote = bits & BY_QUOTE != 0
    if sells and not whole and not by_quote:
        return INSUFFICIENT_FUNDS if available(s, slot) < o["left"] * m["base_per_lot"] else 0
    quote_quantity = s.specials[slot]["quote_quantity"]
    want = UNLIMITED if by_quote else o["left"]
    budget = quote_quantity if by_quote else -1
    lots, notional, why = look_ahead(s, slot, want, limit_key(s, slot), budget, whole or by_quote)
    total = total_of(notional, s.fees[int(o["market"]), int(o["tier"]), 1], sells)
    if whole and why != FILLED:
        return FOK_NOT_FILLABLE
    if whole and quote_quantity != 0:
        enough = total >= quote_quantity if sells else total <= quote_quantity
        if not enough:
            return FOK_NOT_FILLABLE
    needed = lots * m["base_per_lot"] if sells else total
    return INSUFFICIENT_FUNDS if available(s, slot) < needed else 0


@inlined
def _admit(s: State, slot: int) -> int:
    """The last checks of a new order, those that look at book and balances."""
    o = s.orders[slot]
    bits = int(o["bits"])
    kind, tif = type_of(s, slot), tif_of(s, slot)
    if kind == MARKET:
        return unaffordable(s, slot)
    if flags_of(s, slot) & POST_ONLY and crosses(s, slot):
        return POST_ONLY_WOULD_CROSS
    if tif == FOK and kind < STOP and not fills_whole(s, slot):
        return FOK_NOT_FILLABLE
    return 0 if bits & MARKET_KIND else _hold(s, slot)


@inlined
def _hold(s: State, slot: int) -> int:
    """Hold what a new order needs, if it is there."""
    o = s.orders[slot]
    hold = hold_of(s, slot)
    asset, account = held_asset(s, slot), int(o["account"])
    free = s.balances[account, asset, AVAILABLE]
    if free < hold:
        return INSUFFICIENT_FUNDS
    s.balances[account, asset, AVAILABLE] = free - hold
    s.balances[account, asset, HELD] += hold
    o["hold"] = hold
    return 0


@rare
def fills_whole(s: State, slot: int) -> bool:
    """Whether a fill-or-kill limit order can be filled now."""
    left = s.orders[slot]["left"]
    lots, _, _ = look_ahead(s, slot, left, limit_key(s, slot), -1, True)
    return lots == left


@inlined
def new_order(s: State, c: Any) -> int:
    """Take a NEW command in: rejected, resting, waiting, or the taker whose slot is returned."""
    reason = wrong_names(s, c)
    if reason != 0:
        _reject_name(s, c, reason)
        return NOTHING
    if plain(c):
        return _take_in(s, c, True)
    return _take_special(s, c)


@rare
def _reject_name(s: State, c: Any, reason: int) -> None:
    n = reject(s, c, reason)
    if reason == DUPLICATE_CLIENT_ORDER_ID:
        first = find_client(s, int(c["account"]), c["client_order_id"])
        s.events[n]["maker_order_id"] = first


@compiled
def _take_special(s: State, c: Any) -> int:
    return _take_in(s, c, False)


@inlined
def _take_in(s: State, c: Any, is_plain: bool) -> int:
    """A NEW command with good names, written twice into the machine code: once for plain orders."""
    reason = wrong_limits(s, c) if is_plain else wrong_shape(s, c)
    if reason == 0 and c["price"] != 0:
        reason = below_minimum(s, int(c["market"]), c["price"], c["quantity"])
    if reason != 0:
        reject(s, c, reason)
        return NOTHING
    slot = _write(s, c, is_plain)
    reason = _hold(s, slot) if is_plain else _admit(s, slot)
    if reason != 0:
        _forget(s, slot)
        reject(s, c, reason)
        return NOTHING
    o, d = s.orders[slot], s.orders[slot]
    d["age"] = s.head[SEQUENCE] + s.head[EVENTS_OUT]
    d["seat"] = assign(s, o["order_id"], slot)
    if d["client_order_id"] != 0:
        assign_client(s, int(o["account"]), d["client_order_id"], o["order_id"])
    if not is_plain and type_of(s, slot) >= STOP:
        return _new_stop(s, slot)
    goes_on = False if is_plain else int(o["bits"]) & MARKET_KIND != 0 or tif_of(s, slot) == IOC
    shown = 0
    if not goes_on and not crosses(s, slot):
        shown = rest(s, slot)
    about(s, slot, ACCEPTED, 0, d["quantity"], shown, o["hold"])
    return NOTHING if shown != 0 else slot


@rare
def _new_stop(s: State, slot: int) -> int:
    """Accept a stop; returned as a taker if the market is already through its trigger."""
    o = s.orders[slot]
    about(s, slot, ACCEPTED, 0, s.orders[slot]["quantity"], 0, o["hold"])
    wait(s, slot)
    last = s.markets[int(o["market"])]["last_price"]
    if last == 0:
        return NOTHING
    if int(o["bits"]) & TRAILS:
        activate(s, slot, last)
    elif reached(int(o["bits"]) & SELLS, last, s.orders[slot]["trigger_price"]):
        stop_waiting(s, slot)
        return slot
    return NOTHING


@inlined
def named(s: State, c: Any) -> int:
    """The open order that a command names, as its slot; else minus the reason to reject."""
    if not trades(s, int(c["account"])):
        return -UNKNOWN_ACCOUNT
    slot = find(s, c["order_id"])
    if slot <= 0:
        return -UNKNOWN_ORDER
    if int(s.orders[slot]["account"]) != int(c["account"]):
        return -NOT_OWNER
    return slot


@compiled
def drop(s: State, slot: int, kind: int, reason: int) -> None:
    """End an order that rests or waits."""
    if int(s.orders[slot]["bits"]) & WAITS:
        _drop_waiting(s, slot, kind, reason)
    else:
        remove_apart(s, slot, kind, reason)


@rare
def _drop_waiting(s: State, slot: int, kind: int, reason: int) -> None:
    from_left = s.orders[slot]["left"]
    stop_waiting(s, slot)
    s.orders[slot]["left"] = 0
    about(s, slot, kind, reason, from_left, 0, set_hold(s, slot, 0))
    close_apart(s, slot)


@inlined
def cancel(s: State, c: Any) -> None:
    """CANCEL one order."""
    slot = named(s, c)
    if slot < 0:
        reject(s, c, -slot)
    elif int(s.orders[slot]["bits"]) & WAITS:
        _drop_waiting(s, slot, CANCELLED, REQUESTED)
    else:
        remove(s, slot, CANCELLED, REQUESTED)


@rare
def cancel_all(s: State, account: int, market: int, every: bool) -> None:
    """CANCEL_ALL: the account's open orders, oldest first; O(its open orders)."""
    slot = int(s.accounts[account]["oldest"])
    while slot != 0:
        newer = int(s.kin[slot]["newer"])
        if every or int(s.orders[slot]["market"]) == market:
            drop(s, slot, CANCELLED, REQUESTED)
        slot = newer
