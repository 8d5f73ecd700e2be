"""Changes of open orders: REDUCE, which keeps the place, and AMEND, which may lose it."""

from __future__ import annotations

from typing import Any

from mexchange.engine.compiling import rare
from mexchange.engine.emitting import about, reject
from mexchange.engine.ladder import key_of
from mexchange.engine.layout import (
    ICEBERG,
    LADDERS,
    MOST_SLICES,
    SELLS,
    WAITS,
    State,
)
from mexchange.engine.money import hold_of, set_hold
from mexchange.engine.ordering import (
    CANCELLED,
    INSUFFICIENT_FUNDS,
    NOTHING,
    POST_ONLY_WOULD_CROSS,
    REQUESTED,
    available,
    drop,
    named,
)
from mexchange.engine.queueing import flags_of, pull_apart
from mexchange.engine.validating import (
    BELOW_MIN_NOTIONAL,
    FOK,
    INVALID_COMBINATION,
    INVALID_DISPLAY,
    INVALID_PRICE,
    INVALID_QUANTITY,
    IOC,
    IS_OFF_LOT,
    IS_OFF_TICK,
    LAST_TIF,
    OFF_LOT,
    OFF_TICK,
    POST_ONLY,
    below_minimum,
)
from mexchange.records import EventKind, Reason

PULLED, AMENDED, REDUCED = int(EventKind.PULLED), int(EventKind.AMENDED), int(EventKind.REDUCED)
NOT_AMENDABLE, AMEND_BELOW_FILLED = int(Reason.NOT_AMENDABLE), int(Reason.AMEND_BELOW_FILLED)


@rare
def reduce(s: State, c: Any) -> None:
    """REDUCE an order by a quantity, keeping its place."""
    slot = named(s, c)
    quantity = c["quantity"]
    flags = int(c["flags"])
    reason = 0
    if slot < 0:
        reason = -slot
    elif flags & OFF_TICK:
        reason = IS_OFF_TICK
    elif flags & OFF_LOT:
        reason = IS_OFF_LOT
    elif quantity <= 0:
        reason = INVALID_QUANTITY
    if reason != 0:
        reject(s, c, reason)
        return
    o = s.orders[slot]
    if quantity >= o["left"]:
        drop(s, slot, CANCELLED, REQUESTED)
        return
    change = _resize(s, slot, o["left"] - quantity)
    hold = 0 if o["hold"] == 0 else set_hold(s, slot, hold_of(s, slot))
    about(s, slot, REDUCED, 0, quantity, change, hold)


@rare
def _resize(s: State, slot: int, left: int) -> int:
    """Set what is left of an order in its place; returns the change of what shows."""
    o = s.orders[slot]
    bits = int(o["bits"])
    difference = left - o["left"]
    o["left"] = left
    if bits & WAITS:
        return 0
    change = difference
    if bits & ICEBERG:
        shown = s.specials[slot]["displayed"]
        s.specials[slot]["displayed"] = min(shown, left)
        change = min(shown, left) - shown
    level = int(o["level"])
    s.levels[level]["displayed"] += change
    s.levels[level]["hidden"] += difference - change
    return int(change)


@rare
def _wrong_amend(s: State, slot: int, c: Any, price: int, quantity: int) -> int:
    """What is wrong with an AMEND to this price and total; 0 if nothing."""
    o, d = s.orders[slot], s.orders[slot]
    market = int(o["market"])
    m = s.markets[market]
    tif = int(c["time_in_force"])
    extra = c["display_quantity"] | c["trigger_price"] | c["trailing_offset"] | c["expiry_ns"]
    extra |= c["quote_quantity"] | c["protection_price"]
    if int(o["bits"]) & WAITS:
        return NOT_AMENDABLE
    if int(c["flags"]) & OFF_TICK:
        return IS_OFF_TICK
    if int(c["flags"]) & OFF_LOT:
        return IS_OFF_LOT
    if tif == IOC or tif == FOK or tif > LAST_TIF or extra != 0:
        return INVALID_COMBINATION
    if c["price"] == 0 and c["quantity"] == 0:
        return INVALID_COMBINATION
    if not 0 < quantity <= m["max_quantity"]:
        return INVALID_QUANTITY
    if not 0 < price <= m["max_price"]:
        return INVALID_PRICE
    if int(o["bits"]) & ICEBERG and quantity > MOST_SLICES * s.specials[slot]["display_quantity"]:
        return INVALID_DISPLAY
    if below_minimum(s, market, price, quantity):
        return BELOW_MIN_NOTIONAL
    if quantity <= d["quantity"] - o["left"]:
        return AMEND_BELOW_FILLED
    if flags_of(s, slot) & POST_ONLY:
        sells = int(o["bits"]) & SELLS
        best = s.ladders[market * LADDERS + 1 - sells]["best"]
        if best <= key_of(1 - sells, price):
            return POST_ONLY_WOULD_CROSS
    return 0


@rare
def amend(s: State, c: Any) -> int:
    """AMEND price and total; returns the slot if the order lost its place and must be matched."""
    slot = named(s, c)
    if slot < 0:
        reject(s, c, -slot)
        return NOTHING
    o, d = s.orders[slot], s.orders[slot]
    price = c["price"] if c["price"] != 0 else o["price"]
    quantity = c["quantity"] if c["quantity"] != 0 else d["quantity"]
    reason = _wrong_amend(s, slot, c, price, quantity)
    if reason != 0:
        reject(s, c, reason)
        return NOTHING
    old_price, old_left, old_hold = o["price"], o["left"], o["hold"]
    left = quantity - (d["quantity"] - old_left)
    o["price"], o["left"] = price, left
    hold = hold_of(s, slot)
    o["price"], o["left"] = old_price, old_left
    if hold - old_hold > available(s, slot):
        reject(s, c, INSUFFICIENT_FUNDS)
        return NOTHING
    if price == old_price and (left <= old_left or int(o["bits"]) & ICEBERG):
        change = _resize(s, slot, left)
        d["quantity"] = quantity
        about(s, slot, AMENDED, 0, quantity, change, set_hold(s, slot, hold))
        return NOTHING
    about(s, slot, PULLED, 0, old_left, -pull_apart(s, slot), 0)
    o["price"], o["left"], d["quantity"] = price, left, quantity
    about(s, slot, AMENDED, 0, quantity, 0, set_hold(s, slot, hold))
    return slot
