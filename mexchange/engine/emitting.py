"""Writing events. Each kind has one writer here, so that a field is filled in one place."""

from __future__ import annotations

from typing import Any

from mexchange.engine.compiling import inlined, rare
from mexchange.engine.layout import EVENTS_OUT, SEQUENCE, TIME, State
from mexchange.records import EventKind

TRADE, PREVENTED, REJECTED = (
    int(EventKind.TRADE),
    int(EventKind.PREVENTED),
    int(EventKind.REJECTED),
)


@inlined
def _next(s: State) -> int:
    """The row of a new event, with its number and time."""
    n = s.head[EVENTS_OUT]
    s.head[EVENTS_OUT] = n + 1
    e = s.events[n]
    e["sequence"] = s.head[SEQUENCE] + n + 1
    e["time_ns"] = s.head[TIME]
    return n


@inlined
def about(
    s: State, slot: int, kind: int, reason: int, quantity: int, displayed: int, hold: int
) -> int:
    """An event about one order: what it is, what is left of it, and the changes given."""
    n = _next(s)
    e = s.events[n]
    o = s.orders[slot]
    d = s.orders[slot]
    e["order_id"] = o["order_id"]
    e["client_order_id"] = d["client_order_id"]
    e["price"] = o["price"]
    e["quantity"] = quantity
    e["left"] = o["left"]
    e["displayed"] = displayed
    e["hold"] = hold
    e["fee"] = 0
    e["trigger_price"] = d["trigger_price"]
    e["expiry_ns"] = d["expiry_ns"]
    e["maker_order_id"] = 0
    e["maker_left"] = 0
    e["maker_hold"] = 0
    e["maker_fee"] = 0
    e["parties"] = o["account"]
    e["what"] = d["what"] + (kind << 32 | reason << 40)
    e["how"] = d["how"]
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
    e["maker_left"] = m["left"]
    e["parties"] = int(s.orders[taker]["account"]) | int(m["account"]) << 32
    return n


@rare
def _plain(s: State, what: int, how: int, account: int, quantity: int, left: int) -> int:
    """An event that is about no open order."""
    n = _next(s)
    e = s.events[n]
    e["order_id"] = 0
    e["client_order_id"] = 0
    e["price"] = 0
    e["quantity"] = quantity
    e["left"] = left
    e["displayed"] = 0
    e["hold"] = 0
    e["fee"] = 0
    e["trigger_price"] = 0
    e["expiry_ns"] = 0
    e["maker_order_id"] = 0
    e["maker_left"] = 0
    e["maker_hold"] = 0
    e["maker_fee"] = 0
    e["parties"] = account
    e["what"] = what
    e["how"] = how
    return n


@rare
def reject(s: State, c: Any, reason: int) -> int:
    """A REJECTED event that repeats the command."""
    what = int(c["market"]) | int(c["asset"]) << 16 | REJECTED << 32 | reason << 40
    what |= int(c["side"]) << 48 | (int(c["type"]) ^ 128) - 128 << 56
    how = int(c["time_in_force"]) | int(c["self_trade"]) << 8 | int(c["flags"]) << 16
    n = _plain(s, what, how, int(c["account"]), c["quantity"], 0)
    e = s.events[n]
    e["order_id"] = c["order_id"]
    e["client_order_id"] = c["client_order_id"]
    e["price"] = c["price"]
    e["trigger_price"] = c["trigger_price"]
    e["expiry_ns"] = c["expiry_ns"]
    return n


@rare
def account_event(s: State, kind: int, account: int, asset: int, quantity: int, left: int) -> int:
    """A DEPOSITED, WITHDRAWN, ACCOUNT_OPENED or TIER_SET event."""
    return _plain(s, asset << 16 | kind << 32, 0, account, quantity, left)
