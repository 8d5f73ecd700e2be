"""What is wrong with a command, in the order that the rules give. Zero means: nothing."""

from __future__ import annotations

from typing import Any

from mexchange.engine.compiling import compiled, inlined
from mexchange.engine.ids import find_client, seat, valid_id
from mexchange.engine.layout import ACCOUNTS, MOST_SLICES, SEAT, State
from mexchange.engine.stops import BIPS
from mexchange.markets import MONEY_LIMIT
from mexchange.records import Flag, OrderType, Reason, SelfTrade, Side, TimeInForce

LIMIT, MARKET, STOP, STOP_LIMIT, TRAILING_STOP, TRAILING_STOP_LIMIT = (int(t) for t in OrderType)
GTC, IOC, FOK, GTD = (int(t) for t in TimeInForce)
POST_ONLY, TRAIL_BIPS, OFF_TICK, OFF_LOT = (int(f) for f in Flag)
ALL_FLAGS = POST_ONLY | TRAIL_BIPS | OFF_TICK | OFF_LOT
LAST_SIDE, LAST_TYPE = int(max(Side)), int(max(OrderType))
LAST_TIF, LAST_MODE = int(max(TimeInForce)), int(max(SelfTrade))
UNUSUAL = 0xFFFC_FFFF_FE00
"""The bits of a command's `shape` that no plain limit order has: any type, time in force or flag, a
side above 1, a self-trade mode above 3 (the last one is rare, too)."""

UNKNOWN_ACCOUNT = int(Reason.UNKNOWN_ACCOUNT)
UNKNOWN_MARKET = int(Reason.UNKNOWN_MARKET)
INVALID_ORDER_ID = int(Reason.INVALID_ORDER_ID)
DUPLICATE_ORDER_ID = int(Reason.DUPLICATE_ORDER_ID)
DUPLICATE_CLIENT_ORDER_ID = int(Reason.DUPLICATE_CLIENT_ORDER_ID)
INVALID_FIELD = int(Reason.INVALID_FIELD)
INVALID_COMBINATION = int(Reason.INVALID_COMBINATION)
IS_OFF_TICK, IS_OFF_LOT = int(Reason.OFF_TICK), int(Reason.OFF_LOT)
INVALID_QUANTITY = int(Reason.INVALID_QUANTITY)
INVALID_PRICE = int(Reason.INVALID_PRICE)
INVALID_TRIGGER = int(Reason.INVALID_TRIGGER)
INVALID_OFFSET = int(Reason.INVALID_OFFSET)
INVALID_DISPLAY = int(Reason.INVALID_DISPLAY)
INVALID_EXPIRY = int(Reason.INVALID_EXPIRY)
INVALID_QUOTE_QUANTITY = int(Reason.INVALID_QUOTE_QUANTITY)
INVALID_PROTECTION = int(Reason.INVALID_PROTECTION)
BELOW_MIN_NOTIONAL = int(Reason.BELOW_MIN_NOTIONAL)


@inlined
def trades(s: State, account: int) -> bool:
    """Whether an account is open and not the house."""
    return 0 < account < s.head[ACCOUNTS]


@inlined
def plain(c: Any) -> bool:
    """Whether a NEW command is a limit order with nothing special about it, as nearly all are."""
    special = c["display_quantity"] | c["trigger_price"] | c["trailing_offset"] | c["expiry_ns"]
    special |= c["quote_quantity"] | c["protection_price"] | c["shape"] & UNUSUAL
    return bool(special == 0)


@inlined
def wrong_names(s: State, c: Any) -> int:
    """What is wrong with the account, market and ids of a NEW command."""
    account, market = int(c["account"]), int(c["market"])
    if not trades(s, account):
        return UNKNOWN_ACCOUNT
    if market >= s.markets.shape[0]:
        return UNKNOWN_MARKET
    if not valid_id(s, c["order_id"]) or c["client_order_id"] < 0:
        return INVALID_ORDER_ID
    place = seat(s, c["order_id"])
    if s.id_pages[place] != 0:
        return DUPLICATE_ORDER_ID
    if c["client_order_id"] != 0 and find_client(s, account, c["client_order_id"]) >= 0:
        return DUPLICATE_CLIENT_ORDER_ID
    s.head[SEAT] = place
    return 0


@inlined
def wrong_limits(s: State, c: Any) -> int:
    """What is wrong with the numbers of a plain limit order."""
    m = s.markets[int(c["market"])]
    if not 0 < c["quantity"] <= m["max_quantity"]:
        return INVALID_QUANTITY
    if not 0 < c["price"] <= m["max_price"]:
        return INVALID_PRICE
    return 0


@inlined
def below_minimum(s: State, market: int, price: int, quantity: int) -> int:
    """BELOW_MIN_NOTIONAL if a notional is below the market's minimum."""
    m = s.markets[market]
    short = price * quantity * m["quote_per_lot_tick"] < m["min_notional"]
    return BELOW_MIN_NOTIONAL if short else 0


@compiled
def wrong_shape(s: State, c: Any) -> int:
    """What is wrong with a NEW command that is not plain, but for its names."""
    flags = int(c["flags"])
    if int(c["side"]) > LAST_SIDE or int(c["type"]) > LAST_TYPE or flags & ~ALL_FLAGS:
        return INVALID_FIELD
    if int(c["time_in_force"]) > LAST_TIF or int(c["self_trade"]) > LAST_MODE:
        return INVALID_FIELD
    if flags & OFF_TICK:
        return IS_OFF_TICK
    if flags & OFF_LOT:
        return IS_OFF_LOT
    if not _combines(c):
        return INVALID_COMBINATION
    return _wrong_number(s, c)


@compiled
def _combines(c: Any) -> bool:
    """Whether type, time in force and the optional fields go together."""
    kind, tif, flags = int(c["type"]), int(c["time_in_force"]), int(c["flags"])
    trails = kind >= TRAILING_STOP
    priced = kind == LIMIT or kind == STOP_LIMIT or kind == TRAILING_STOP_LIMIT
    if not priced and c["price"] != 0:
        return False
    if (kind == LIMIT or kind == MARKET) and c["trigger_price"] != 0:
        return False
    if not trails and (c["trailing_offset"] != 0 or flags & TRAIL_BIPS):
        return False
    if kind == MARKET and tif != IOC and tif != FOK:
        return False
    if (kind == STOP or kind == TRAILING_STOP) and tif != GTC and tif != GTD:
        return False
    if c["expiry_ns"] != 0 and tif != GTD:
        return False
    if (c["display_quantity"] != 0 or flags & POST_ONLY) and (
        kind != LIMIT or tif == IOC or tif == FOK
    ):
        return False
    if c["protection_price"] != 0 and priced:
        return False
    if c["quote_quantity"] != 0 and kind != MARKET:
        return False
    if kind == MARKET and tif == FOK and c["quantity"] == 0:
        return False
    return not (kind == MARKET and tif == IOC and c["quote_quantity"] != 0 and c["quantity"] != 0)


@compiled
def _wrong_number(s: State, c: Any) -> int:
    """Which number is missing or out of bounds, for a command whose fields combine."""
    m = s.markets[int(c["market"])]
    kind, quantity = int(c["type"]), c["quantity"]
    by_quote = kind == MARKET and c["quote_quantity"] != 0 and quantity == 0
    if not by_quote and not 0 < quantity <= m["max_quantity"]:
        return INVALID_QUANTITY
    if (kind == LIMIT or kind == STOP_LIMIT or kind == TRAILING_STOP_LIMIT) and not (
        0 < c["price"] <= m["max_price"]
    ):
        return INVALID_PRICE
    if not 0 <= c["protection_price"] <= m["max_price"]:
        return INVALID_PROTECTION
    needed = kind == STOP or kind == STOP_LIMIT
    if not 0 <= c["trigger_price"] <= m["max_price"] or (needed and c["trigger_price"] == 0):
        return INVALID_TRIGGER
    if kind >= TRAILING_STOP:
        most = BIPS - 1 if int(c["flags"]) & TRAIL_BIPS else m["max_price"]
        if not 0 < c["trailing_offset"] <= most:
            return INVALID_OFFSET
    if not 0 <= c["quote_quantity"] <= MONEY_LIMIT:
        return INVALID_QUOTE_QUANTITY
    if c["display_quantity"] != 0 and wrong_display(c["display_quantity"], quantity):
        return INVALID_DISPLAY
    if int(c["time_in_force"]) == GTD and c["expiry_ns"] <= c["time_ns"]:
        return INVALID_EXPIRY
    return 0


@inlined
def wrong_display(display: int, quantity: int) -> bool:
    """Whether a display quantity is not at least a hundredth and at most all of the quantity."""
    return display <= 0 or display > quantity or display < -(-quantity // MOST_SLICES)
