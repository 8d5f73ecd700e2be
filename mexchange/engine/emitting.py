"""Writing events. Each kind has one writer here, so that a field is filled in one place."""

from __future__ import annotations

from mexchange.engine.compiling import compiled, inlined
from mexchange.engine.layout import EVENTS_OUT, SELLS, SEQUENCE, TIME, State
from mexchange.records import EventKind

TRADE, PREVENTED, REJECTED = (
    int(EventKind.TRADE),
    int(EventKind.PREVENTED),
    int(EventKind.REJECTED),
)


@inlined
def blank(s: State, kind: int, reason: int) -> int:
    """A new event with its number, time, kind and reason; all else zero. Returns its row."""
    n = int(s.head[EVENTS_OUT])
    s.head[EVENTS_OUT] = n + 1
    s.head[SEQUENCE] += 1
    e = s.events[n]
    e["sequence"] = s.head[SEQUENCE]
    e["time_ns"] = s.head[TIME]
    e["order_id"] = 0
    e["client_order_id"] = 0
    e["price"] = 0
    e["quantity"] = 0
    e["left"] = 0
    e["displayed"] = 0
    e["hold"] = 0
    e["fee"] = 0
    e["trigger_price"] = 0
    e["expiry_ns"] = 0
    e["maker_order_id"] = 0
    e["maker_left"] = 0
    e["maker_hold"] = 0
    e["maker_fee"] = 0
    e["account"] = 0
    e["maker_account"] = 0
    e["market"] = 0
    e["asset"] = 0
    e["kind"] = kind
    e["reason"] = reason
    e["side"] = 0
    e["type"] = 0
    e["time_in_force"] = 0
    e["self_trade"] = 0
    e["flags"] = 0
    e["pad0"] = 0
    e["pad1"] = 0
    return n


@inlined
def about(
    s: State, slot: int, kind: int, reason: int, quantity: int, displayed: int, hold: int
) -> int:
    """An event about one order: what it is, what is left of it, and the changes given."""
    n = blank(s, kind, reason)
    e = s.events[n]
    o = s.orders[slot]
    d = s.details[slot]
    e["order_id"] = o["order_id"]
    e["client_order_id"] = d["client_order_id"]
    e["price"] = o["price"]
    e["quantity"] = quantity
    e["left"] = o["left"]
    e["displayed"] = displayed
    e["hold"] = hold
    e["trigger_price"] = d["trigger_price"]
    e["expiry_ns"] = d["expiry_ns"]
    e["account"] = o["account"]
    e["market"] = o["market"]
    e["side"] = int(o["bits"]) & SELLS
    e["type"] = d["type"]
    e["time_in_force"] = d["time_in_force"]
    e["self_trade"] = d["self_trade"]
    e["flags"] = d["flags"]
    return n


@inlined
def between(
    s: State, kind: int, taker: int, maker: int, price: int, lots: int, displayed: int
) -> int:
    """A TRADE or PREVENTED between two orders whose lots are already taken off."""
    n = about(s, taker, kind, 0, lots, displayed, 0)
    e = s.events[n]
    m = s.orders[maker]
    e["price"] = price
    e["maker_order_id"] = m["order_id"]
    e["maker_account"] = m["account"]
    e["maker_left"] = m["left"]
    return n


@compiled
def reject(s: State, commands: object, i: int, reason: int) -> int:
    """A REJECTED event that repeats the command."""
    n = blank(s, REJECTED, reason)
    e = s.events[n]
    c = commands[i]  # type: ignore[index]
    e["order_id"] = c["order_id"]
    e["client_order_id"] = c["client_order_id"]
    e["price"] = c["price"]
    e["quantity"] = c["quantity"]
    e["trigger_price"] = c["trigger_price"]
    e["expiry_ns"] = c["expiry_ns"]
    e["account"] = c["account"]
    e["market"] = c["market"]
    e["asset"] = c["asset"]
    e["side"] = c["side"]
    e["type"] = c["type"]
    e["time_in_force"] = c["time_in_force"]
    e["self_trade"] = c["self_trade"]
    e["flags"] = c["flags"]
    return n


@compiled
def account_event(
    s: State, kind: int, account: int, asset: int, quantity: int, left: int
) -> int:
    """A DEPOSITED, WITHDRAWN, ACCOUNT_OPENED or TIER_SET event."""
    n = blank(s, kind, 0)
    e = s.events[n]
    e["account"] = account
    e["asset"] = asset
    e["quantity"] = quantity
    e["left"] = left
    return n
