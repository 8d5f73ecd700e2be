"""Every invariant of the state, checked from scratch. Slow on purpose: it believes nothing."""

from __future__ import annotations

import numpy as np

from mexchange.engine.layout import (
    ACCOUNTS,
    AVAILABLE,
    DIR_SIZE,
    EXPIRES,
    HEAP_SIZE,
    HELD,
    ICEBERG,
    ICEBERGS,
    KEY_MASK,
    LADDERS,
    LINKED,
    LIVE,
    MARKET_KIND,
    NO_KEY,
    ORDERS_FREE,
    ORDERS_USED,
    PAGE_SIZE,
    SELL_STOPS,
    SELLS,
    STOPS,
    TRAILS,
    WAITS,
    State,
)
from mexchange.engine.views import canonical_slots
from mexchange.markets import MONEY_LIMIT, PPM

__all__ = ["check"]


def check(s: State) -> None:
    """Verify the whole state; AssertionError names what is broken. O(state), plain Python."""
    seen = _check_books(s)
    slots = np.zeros(int(s.head[LIVE]) + 1, np.int32)
    count = canonical_slots(s.handle, slots)
    assert count == s.head[LIVE], f"{count} orders stand, {s.head[LIVE]} are counted as live"
    live = [int(slot) for slot in slots[:count]]
    assert len(set(live)) == count, "an order stands twice"
    trailing = [slot for slot in live if s.orders[slot]["bits"] & TRAILS and slot not in seen]
    assert len(seen) + len(trailing) == count, "an order stands on no ladder and does not trail"
    _check_orders(s, live)
    _check_accounts(s, live)
    _check_heap(s, live)
    _check_money(s, live)


def _check_books(s: State) -> set[int]:
    """Ladders sorted and complete, queues linked both ways, totals right; returns the slots."""
    seen: set[int] = set()
    for ladder in range(len(s.ladders)):
        keys = _keys(s, ladder)
        best = int(s.ladders[ladder]["best"])
        assert best == (keys[0][0] if keys else NO_KEY), f"ladder {ladder}: {best} is not best"
        for key, level in keys:
            seen.update(_check_level(s, ladder, key, level))
    for market in range(len(s.markets)):
        bid, ask = (int(s.ladders[market * LADDERS + side]["best"]) for side in (0, 1))
        if bid != NO_KEY and ask != NO_KEY:
            assert bid ^ KEY_MASK < ask, f"market {market} is crossed: {bid ^ KEY_MASK} >= {ask}"
    return seen


def _keys(s: State, ladder: int) -> list[tuple[int, int]]:
    """All (key, level) of a ladder in order, by a walk through every bitmap."""
    found: list[tuple[int, int]] = []

    def walk(node: int, storey: int) -> None:
        bits = int(s.nodes[node]["bits"])
        for position in range(64):
            if not bits >> position & 1:
                continue
            child = int(s.children[node * 64 + position])
            if storey > 0:
                assert s.nodes[child]["parent"] == node, f"node {child} has another parent"
                assert s.nodes[child]["bits"] != 0, f"node {child} is empty"
                walk(child, storey - 1)
                continue
            assert s.leaves[child]["parent"] == node, f"leaf {child} has another parent"
            word, block = int(s.leaves[child]["bits"]), int(s.leaves[child]["block"])
            assert word != 0, f"leaf {child} is empty"
            found.extend(
                (block * 64 + bit, child * 64 + bit) for bit in range(64) if word >> bit & 1
            )

    walk(int(s.ladders[ladder]["root"]), 4)
    assert found == sorted(found), f"ladder {ladder} is out of order"
    return found


def _check_level(s: State, ladder: int, key: int, level: int) -> list[int]:
    which = ladder % LADDERS
    price = key ^ KEY_MASK if which in (0, SELL_STOPS) else key
    queue: list[int] = []
    slot, before = int(s.levels[level]["head"]), 0
    while slot:
        o = s.orders[slot]
        where = f"order {o['order_id']} at {price} on ladder {ladder}"
        assert s.links[slot]["prev"] == before, f"{where}: wrong link back"
        assert o["level"] == level and o["market"] == ladder // LADDERS, f"{where}: wrong place"
        assert o["bits"] & SELLS == which % 2, f"{where}: wrong side"
        assert bool(o["bits"] & WAITS) == (which >= 2), f"{where}: waits or not?"
        at = s.orders[slot]["trigger_price"] if which >= 2 else o["price"]
        assert at == price, f"{where}: belongs at {at}"
        queue.append(slot)
        before, slot = slot, int(s.links[slot]["next"])
    assert queue, f"ladder {ladder}: level {price} is empty"
    assert s.levels[level]["tail"] == queue[-1], f"ladder {ladder}: level {price}: wrong tail"
    shown = sum(_displayed(s, slot) for slot in queue) if which < 2 else 0
    total = sum(int(s.orders[slot]["left"]) for slot in queue) if which < 2 else 0
    level_row = s.levels[level]
    assert level_row["displayed"] == shown, f"ladder {ladder}: level {price} shows wrongly"
    assert level_row["hidden"] == total - shown, f"ladder {ladder}: level {price} hides wrongly"
    return queue


def _displayed(s: State, slot: int) -> int:
    if s.orders[slot]["bits"] & ICEBERG:
        return int(s.specials[slot]["displayed"])
    return int(s.orders[slot]["left"])


def _slot_of(s: State, order_id: int) -> int:
    """Where the tables of ids lead for an order that is open."""
    source, counter = order_id >> 32, order_id & 0xFFFFFFFF
    middle = int(s.id_dirs[int(s.id_roots[source]) * DIR_SIZE + (counter >> 22)])
    page = int(s.id_dirs[middle * DIR_SIZE + (counter >> 12) % DIR_SIZE])
    return int(s.id_pages[page * PAGE_SIZE + counter % PAGE_SIZE])


def _hold_of(s: State, slot: int) -> int:
    """What a limit order should hold: base of what is left, or its cost at the worst fee."""
    o, m = s.orders[slot], s.markets[int(s.orders[slot]["market"])]
    if o["bits"] & SELLS:
        return int(o["left"]) * int(m["base_per_lot"])
    notional = int(o["price"]) * int(o["left"]) * int(m["quote_per_lot_tick"])
    worst_ppm = int(s.fees[int(o["market"]), int(o["tier"]), 2])
    return notional - (int(o["carry"]) - notional * worst_ppm) // PPM


def _check_orders(s: State, live: list[int]) -> None:
    for slot in live:
        o = s.orders[slot]
        name = f"order {o['order_id']}"
        assert 0 < o["left"] <= o["quantity"], f"{name}: left {o['left']} of {o['quantity']}"
        assert 0 <= o["carry"] < 1_000_000, f"{name}: fee carry {o['carry']}"
        assert o["bits"] & LINKED, f"{name} is not in its account's list"
        assert _slot_of(s, int(o["order_id"])) == slot, f"{name}: its id leads elsewhere"
        waiting_market = o["bits"] & WAITS and o["bits"] & MARKET_KIND
        expected = 0 if waiting_market else _hold_of(s, slot)
        assert o["hold"] == expected, f"{name} holds {o['hold']}, should hold {expected}"
        if o["bits"] & ICEBERG and not o["bits"] & WAITS:
            shown, display = s.specials[slot]["displayed"], s.specials[slot]["display_quantity"]
            assert 0 < shown <= min(display, o["left"]), f"{name} shows {shown}"
    icebergs = sum(bool(s.orders[slot]["bits"] & ICEBERG) for slot in live)
    assert icebergs == s.head[ICEBERGS], f"{icebergs} icebergs, {s.head[ICEBERGS]} counted"
    waiting = sum(bool(s.orders[slot]["bits"] & WAITS) for slot in live)
    assert waiting == s.head[STOPS], f"{waiting} stops wait, {s.head[STOPS]} counted"
    free = int(s.head[ORDERS_USED]) - len(live)
    slot, count = int(s.head[ORDERS_FREE]), 0
    while slot:
        slot, count = int(s.links[slot]["next"]), count + 1
    assert count == free, f"{count} slots on the free list, {free} are free"


def _check_accounts(s: State, live: list[int]) -> None:
    listed = 0
    for account in range(int(s.head[ACCOUNTS])):
        slot, before = int(s.accounts[account]["oldest"]), 0
        while slot:
            o = s.orders[slot]
            assert o["account"] == account, f"order {o['order_id']} in the list of {account}"
            assert s.kin[slot]["older"] == before, f"order {o['order_id']}: wrong link to the older"
            before, slot, listed = slot, int(s.kin[slot]["newer"]), listed + 1
        assert s.accounts[account]["newest"] == before, f"account {account}: wrong newest order"
    assert listed == len(live), f"{listed} orders in accounts' lists, {len(live)} live"


def _check_heap(s: State, live: list[int]) -> None:
    size = int(s.head[HEAP_SIZE])
    expiring = {slot for slot in live if s.orders[slot]["bits"] & EXPIRES}
    assert {int(slot) for slot in s.heap[:size]} == expiring, "the expiry heap holds other orders"

    def rank(at: int) -> tuple[int, int]:
        d = s.orders[int(s.heap[at])]
        return int(d["expiry_ns"]), int(d["age"])

    for at in range(size):
        assert s.orders[int(s.heap[at])]["heap"] == at + 1, f"heap place {at} is not noted"
        assert at == 0 or rank((at + 1) // 2 - 1) < rank(at), f"heap place {at} is out of order"


def _check_money(s: State, live: list[int]) -> None:
    """Holds equal open orders; nothing is negative; every asset's total is what was deposited."""
    accounts = int(s.head[ACCOUNTS])
    held = np.zeros((accounts, len(s.totals)), np.int64)
    for slot in live:
        o = s.orders[slot]
        m = s.markets[int(o["market"])]
        held[int(o["account"]), int(m["base"] if o["bits"] & SELLS else m["quote"])] += o["hold"]
    balances = s.balances[:accounts]
    wrong = np.argwhere(balances[:, :, HELD] != held)
    assert not len(wrong), f"account, asset {wrong[0].tolist()}: held is not what orders hold"
    assert (balances >= 0).all(), f"negative balance at {np.argwhere(balances < 0)[0].tolist()}"
    for asset in range(len(s.totals)):
        total = sum(int(x) for x in balances[:, asset, AVAILABLE]) + int(held[:, asset].sum())
        assert total == s.totals[asset], f"asset {asset}: {total} atoms, {s.totals[asset]} paid in"
        assert 0 <= total <= MONEY_LIMIT
