"""The state of a flow as arrays, and what all of its ingredients do with it.

An ingredient is a row: its kind, its generator, when it acts next, the first of its lists of orders
that may still stand, and the first of the accounts that it has to itself. `a_ns` and `b_ns` are two
alarms of its own; it acts at the earlier one. Parameters stand in a row of floats; which column is
which, each ingredient says in its own file.

A list of orders is believed only as far as the engine confirms it. Who wants to cancel picks one at
random; if it is gone, nothing is sent and the list forgets it. Picking among all that may stand, at
a rate proportional to their number, is a thinned Poisson process: each order that does stand is
cancelled at exactly the rate that was asked for, though nobody keeps a clock for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mexchange.engine.compiling import compiled, inlined
from mexchange.engine.ids import find
from mexchange.engine.ladder import key_of, level_at
from mexchange.engine.layout import LADDERS, NO_KEY
from mexchange.flow.draws import below, exponential, pareto
from mexchange.records import CommandKind, OrderType, SelfTrade, TimeInForce

__all__ = ["COLUMNS", "HEAD", "NEVER_NS", "ROW", "Flow"]

NEVER_NS = 1 << 62
COLUMNS = 96
"""Parameters and numbers to remember that a row has room for."""
SIZE, SIZE_EXPONENT, LARGEST = 0, 1, 2
"""The first columns are the same for all: smallest size, tail exponent (0: constant), largest."""
NEW, CANCEL = int(CommandKind.NEW), int(CommandKind.CANCEL)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
GTC, IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
EXPIRE_MAKER = int(SelfTrade.EXPIRE_MAKER)
BUY, SELL = 0, 1

HEAD = np.dtype(
    [
        ("market", "<i8"),
        ("now_ns", "<i8"),
        ("next_id", "<i8"),
        ("first_account", "<i8"),
        ("accounts", "<i8"),
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("pending", "<i8"),
        ("longest", "<i8"),
        ("commands", "<i8"),
        ("events", "<i8"),
        ("pace", "<f8"),
        ("value", "<f8"),
        ("anchor", "<f8"),
    ],
    align=True,
)
ROW = np.dtype(
    [
        ("kind", "<i8"),
        ("a_ns", "<i8"),
        ("b_ns", "<i8"),
        ("s0", "<i8"),
        ("s1", "<i8"),
        ("s2", "<i8"),
        ("s3", "<i8"),
        ("list", "<i8"),
        ("account", "<i8"),
    ],
    align=True,
)


class Flow(NamedTuple):
    """What compiled code is given."""

    head: npt.NDArray[np.void]
    """One record of `HEAD`: market, time, prices, how far the buffers are filled."""
    rows: npt.NDArray[np.void]
    p: npt.NDArray[np.float64]
    """Parameters by ingredient and column."""
    orders: npt.NDArray[np.int64]
    """Ids by list and place."""
    counts: npt.NDArray[np.int64]
    """How many ids a list holds."""
    commands: npt.NDArray[np.void]
    events: npt.NDArray[np.void]


def roomier(f: Flow) -> Flow:
    """The flow with twice the room where it has none left: lists, else commands, else events."""
    head = f.head[0]
    if head["longest"] >= f.orders.shape[1]:
        wider = np.zeros((len(f.orders), 2 * f.orders.shape[1]), np.int64)
        wider[:, : f.orders.shape[1]] = f.orders
        return f._replace(orders=wider)
    if head["commands"] == len(f.commands):
        return f._replace(commands=_longer(f.commands))
    return f._replace(events=_longer(f.events))


def _longer(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    longer = np.zeros(2 * len(records), records.dtype)
    longer[: len(records)] = records
    return longer


# Time.


@inlined
def after(f: Flow, r: Any, rate: float) -> int:
    """When something next happens that happens `rate` times a second at pace 1."""
    if rate <= 0.0:
        return NEVER_NS
    wait = exponential(r) * 1e9 / (rate * f.head[0]["pace"])
    return f.head[0]["now_ns"] + (1 + int(wait) if wait < 1e18 else NEVER_NS >> 1)


# The book.


@inlined
def touch(f: Flow, s: Any) -> None:
    """Note the best prices; beside an empty side the last that was known, or one tick away."""
    h = f.head[0]
    ladder = h["market"] * LADDERS
    bid_key, ask_key = s.ladders[ladder]["best"], s.ladders[ladder + 1]["best"]
    if bid_key != NO_KEY:
        h["bid"] = key_of(0, bid_key)
    if ask_key != NO_KEY:
        h["ask"] = key_of(1, ask_key)
    if h["bid"] >= h["ask"]:
        if ask_key != NO_KEY:
            h["bid"] = h["ask"] - 1
        else:
            h["ask"] = h["bid"] + 1


@inlined
def shown(f: Flow, s: Any, side: int) -> int:
    """Lots at the best price of a side, 0 if it is empty."""
    ladder = f.head[0]["market"] * LADDERS + side
    key = s.ladders[ladder]["best"]
    if key == NO_KEY:
        return 0
    return int(s.levels[level_at(s, ladder, key)]["displayed"])


# What is sent.


@inlined
def size_of(f: Flow, i: int) -> int:
    """A size in lots: constant, or with a power-law tail up to the largest."""
    p = f.p[i]
    if p[SIZE_EXPONENT] <= 0.0:
        return int(p[SIZE])
    size = p[SIZE] * pareto(f.rows[i], p[SIZE_EXPONENT])
    return int(size) if size < p[LARGEST] else int(p[LARGEST])


@inlined
def anybody(f: Flow, r: Any) -> int:
    """One of the flow's accounts."""
    return f.head[0]["first_account"] + below(r, f.head[0]["accounts"])


@compiled
def send(
    f: Flow, kind: int, account: int, order_id: int, side: int, price: int, quantity: int, how: int
) -> bool:
    """Write the next command; `how` is a time in force, or -1 for a market order."""
    c = f.commands[f.head[0]["commands"]]
    c["time_ns"] = f.head[0]["now_ns"]
    c["order_id"] = order_id
    c["client_order_id"] = 0
    c["price"] = price
    c["quantity"] = quantity
    c["display_quantity"] = 0
    c["trigger_price"] = 0
    c["trailing_offset"] = 0
    c["expiry_ns"] = 0
    c["quote_quantity"] = 0
    c["protection_price"] = 0
    c["account"] = account
    c["market"] = f.head[0]["market"]
    c["asset"] = 0
    c["kind"] = kind
    c["side"] = side
    c["type"] = MARKET if how < 0 else LIMIT
    c["time_in_force"] = IOC if how < 0 else how
    c["self_trade"] = EXPIRE_MAKER if kind == NEW else 0
    c["flags"] = 0
    c["pad"] = 0
    return True


@inlined
def new_id(f: Flow) -> int:
    """The id of the next order."""
    order_id = f.head[0]["next_id"]
    f.head[0]["next_id"] = order_id + 1
    return int(order_id)


@compiled
def place(f: Flow, i: int, where: int, side: int, price: int, quantity: int) -> bool:
    """Leave a limit order, and remember it in list `where`; False below the first tick."""
    if price < 1:
        return False
    order_id = new_id(f)
    count = f.counts[where] + 1
    f.orders[where, count - 1] = order_id
    f.counts[where] = count
    f.head[0]["longest"] = max(f.head[0]["longest"], count)
    return bool(send(f, NEW, anybody(f, f.rows[i]), order_id, side, price, quantity, GTC))


@compiled
def take(f: Flow, s: Any, account: int, side: int, quantity: int, walks: bool) -> bool:
    """Take at most what stands at the opposite best price, or walk the book with a market order."""
    there = shown(f, s, 1 - side)
    if there == 0:
        return False
    if walks:
        return bool(send(f, NEW, account, new_id(f), side, 0, quantity, -1))
    price = f.head[0]["bid"] if side == SELL else f.head[0]["ask"]
    return bool(send(f, NEW, account, new_id(f), side, price, min(quantity, there), IOC))


@inlined
def forget(f: Flow, where: int, at: int) -> None:
    """Take an order off a list."""
    f.counts[where] -= 1
    f.orders[where, at] = f.orders[where, f.counts[where]]


@compiled
def pick(f: Flow, s: Any, i: int, where: int) -> int:
    """A place in a list, drawn at random; -1 if the order there stands no more."""
    if f.counts[where] == 0:
        return -1
    at = below(f.rows[i], f.counts[where])
    if find(s, f.orders[where, at]) <= 0:
        forget(f, where, at)
        return -1
    return at


@compiled
def cancel(f: Flow, s: Any, where: int, at: int) -> bool:
    """Cancel an order of a list that stands."""
    order_id = f.orders[where, at]
    account = int(s.orders[find(s, order_id)]["account"])
    forget(f, where, at)
    return bool(send(f, CANCEL, account, order_id, 0, 0, 0, 0))
