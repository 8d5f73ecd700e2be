"""Reading the state: orders in canonical order, levels of a book."""

from __future__ import annotations

from typing import Any

import numpy as np

from mexchange.digest import ORDER_ROW
from mexchange.engine.compiling import compiled, entry
from mexchange.engine.handle import as_state
from mexchange.engine.ladder import key_of, level_at, next_key
from mexchange.engine.layout import (
    ASKS,
    BIDS,
    ICEBERG,
    LADDERS,
    LIVE,
    NO_KEY,
    SELLS,
    WAITS,
    Records,
    State,
)


@compiled
def _ladder_slots(s: State, ladder: int, out: Any, n: int) -> int:
    """Append the slots of a ladder, best first, then queue order."""
    key = s.ladders[ladder]["best"]
    while key != NO_KEY:
        slot = int(s.levels[level_at(s, ladder, key)]["head"])
        while slot != 0:
            out[n] = slot
            n += 1
            slot = int(s.links[slot]["next"])
        key = next_key(s, ladder, key)
    return n


@entry
def canonical_slots(handle: Any, out: Any) -> int:
    """All live slots: markets by number, in each bids, asks, then waiting stops as they stand."""
    s = as_state(handle)
    n = 0
    for market in range(s.markets.shape[0]):
        for which in range(LADDERS):
            n = _ladder_slots(s, market * LADDERS + which, out, n)
        slot = int(s.markets[market]["trail_first"])
        while slot != 0:
            out[n] = slot
            n += 1
            slot = int(s.specials[slot]["next"])
    return n


@entry
def walk_levels(handle: Any, market: int, side: int, most: int, out: Any) -> int:
    """Write up to `most` levels as (price, displayed, orders), best first; returns how many."""
    s = as_state(handle)
    ladder = market * LADDERS + side
    key = s.ladders[ladder]["best"]
    n = 0
    while key != NO_KEY and n < most:
        level = level_at(s, ladder, key)
        orders = 0
        slot = int(s.levels[level]["head"])
        while slot != 0:
            orders += 1
            slot = int(s.links[slot]["next"])
        out[n, 0] = key_of(side, key)
        out[n, 1] = s.levels[level]["displayed"]
        out[n, 2] = orders
        n += 1
        key = next_key(s, ladder, key)
    return n


def best(state: State, market: int) -> tuple[int, int, int, int]:
    """Best bid and ask with what they show: (bid, quantity, ask, quantity); zeros where empty."""
    found: list[int] = []
    row = np.zeros((1, 3), np.int64)
    for which in (BIDS, ASKS):
        count = walk_levels(state.handle, market, which, 1, row)
        found += [int(row[0, 0]), int(row[0, 1])] if count else [0, 0]
    return found[0], found[1], found[2], found[3]


def order_rows(state: State) -> Records:
    """All open orders as `ORDER_ROW`s in canonical order."""
    slots = np.zeros(int(state.head[LIVE]), np.int32)
    slots = slots[: canonical_slots(state.handle, slots)]
    orders, specials = state.orders[slots], state.specials[slots]
    bits = orders["bits"].astype(np.int64)
    waits, iceberg = (bits & WAITS) != 0, (bits & ICEBERG) != 0
    special = iceberg | (orders["what"] >> 56 > 0)
    rows = np.zeros(len(slots), ORDER_ROW)
    for name in ("order_id", "account", "market", "tier", "price", "left", "hold"):
        rows[name] = orders[name]
    for name in (
        "client_order_id", "quantity", "trigger_price", "expiry_ns", "accepted_ns",
    ):  # fmt: skip
        rows[name] = orders[name]
    for name in ("display_quantity", "trailing_offset", "protection_price"):
        rows[name] = np.where(special, specials[name], 0)
    rows["side"] = bits & SELLS
    rows["type"] = orders["what"] >> 56
    how = orders["how"].astype(np.int64)
    rows["time_in_force"], rows["self_trade"], rows["flags"] = how & 255, how >> 8 & 255, how >> 16
    rows["fee_carry"] = orders["carry"]
    rows["extreme"] = np.where(waits & special, specials["extreme"], 0)
    rows["displayed"] = np.where(iceberg, specials["displayed"], orders["left"])
    rows["displayed"][waits] = 0
    age = np.where(waits, orders["age"], np.arange(len(slots)))
    group = rows["market"] * 4 + np.where(waits, 2, 0) + rows["side"]
    return rows[np.lexsort((age, group))]
