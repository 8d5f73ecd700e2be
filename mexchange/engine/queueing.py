"""Where orders stand: slots, the queue of a price level, an account's list, the expiry heap.

Every list is threaded through the orders themselves, so joining and leaving one is O(1) and
allocates nothing.
"""

from __future__ import annotations

from mexchange.engine.compiling import compiled, inlined, rare
from mexchange.engine.ids import retire
from mexchange.engine.ladder import key_of, occupy, vacate
from mexchange.engine.layout import (
    BUY_STOPS,
    EXPIRES,
    HEAP_SIZE,
    ICEBERG,
    ICEBERGS,
    LADDERS,
    LINKED,
    LIVE,
    NEVER,
    NEXT_EXPIRY,
    ORDERS_FREE,
    ORDERS_USED,
    SELLS,
    STOPS,
    TRAILS,
    WAITS,
    State,
)


@inlined
def type_of(s: State, slot: int) -> int:
    """The type an order was given with."""
    return s.orders[slot]["what"] >> 56


@inlined
def tif_of(s: State, slot: int) -> int:
    """The time in force of an order."""
    return int(s.orders[slot]["how"]) & 255


@inlined
def mode_of(s: State, slot: int) -> int:
    """The self-trade mode of an order."""
    return int(s.orders[slot]["how"]) >> 8 & 255


@inlined
def flags_of(s: State, slot: int) -> int:
    """The flags an order was given with."""
    return int(s.orders[slot]["how"]) >> 16


@inlined
def new_slot(s: State) -> int:
    """A free slot; the caller fills it."""
    slot = int(s.head[ORDERS_FREE])
    if slot == 0:
        s.head[ORDERS_USED] += 1
        slot = int(s.head[ORDERS_USED])
    else:
        s.head[ORDERS_FREE] = s.links[slot]["next"]
    s.head[LIVE] += 1
    return slot


@inlined
def displayed_of(s: State, slot: int) -> int:
    """What the book shows of a resting order."""
    if int(s.orders[slot]["bits"]) & ICEBERG:
        return int(s.specials[slot]["displayed"])
    return int(s.orders[slot]["left"])


@inlined
def append(s: State, level: int, slot: int) -> None:
    """Join the back of a level's queue."""
    tail = int(s.levels[level]["tail"])
    s.links[slot]["prev"] = tail
    s.links[slot]["next"] = 0
    if tail == 0:
        s.levels[level]["head"] = slot
    else:
        s.links[tail]["next"] = slot
    s.levels[level]["tail"] = slot


@inlined
def unchain(s: State, level: int, slot: int) -> None:
    """Leave a level's queue."""
    before, after = int(s.links[slot]["prev"]), int(s.links[slot]["next"])
    if before == 0:
        s.levels[level]["head"] = after
    else:
        s.links[before]["next"] = after
    if after == 0:
        s.levels[level]["tail"] = before
    else:
        s.links[after]["prev"] = before


@inlined
def rest(s: State, slot: int) -> int:
    """Put an order into its book, showing one slice if it is an iceberg; returns what it shows."""
    o = s.orders[slot]
    side = int(o["bits"]) & SELLS
    ladder = int(o["market"]) * LADDERS + side
    level = occupy(s, ladder, key_of(side, o["price"]))
    o["level"] = level
    append(s, level, slot)
    shown = o["left"]
    if int(o["bits"]) & ICEBERG:
        shown = min(shown, s.specials[slot]["display_quantity"])
        s.specials[slot]["displayed"] = shown
        s.levels[level]["hidden"] += o["left"] - shown
    s.levels[level]["displayed"] += shown
    if int(o["bits"]) & LINKED == 0:
        link(s, slot)
    return int(shown)


@compiled
def rest_apart(s: State, slot: int) -> int:
    """`rest`, for who seldom needs it: not inlined."""
    return rest(s, slot)


@inlined
def pull(s: State, slot: int) -> int:
    """Take an order out of its book; returns what it showed."""
    o = s.orders[slot]
    level = int(o["level"])
    shown = displayed_of(s, slot)
    unchain(s, level, slot)
    s.levels[level]["displayed"] -= shown
    s.levels[level]["hidden"] -= o["left"] - shown
    if s.levels[level]["head"] == 0:
        vacate(s, int(o["market"]) * LADDERS + (int(o["bits"]) & SELLS), level)
    return shown


@rare
def pull_apart(s: State, slot: int) -> int:
    """`pull`, for who seldom needs it: not inlined."""
    return pull(s, slot)


@inlined
def link(s: State, slot: int) -> None:
    """Join the account's list of open orders, as its newest, and the expiry heap if it expires."""
    o = s.orders[slot]
    account = int(o["account"])
    newest = int(s.accounts[account]["newest"])
    s.kin[slot]["older"] = newest
    s.kin[slot]["newer"] = 0
    if newest == 0:
        s.accounts[account]["oldest"] = slot
    else:
        s.kin[newest]["newer"] = slot
    s.accounts[account]["newest"] = slot
    o["bits"] = int(o["bits"]) | LINKED
    if int(o["bits"]) & EXPIRES:
        _heap_push(s, slot)


@inlined
def close(s: State, slot: int) -> None:
    """The order is over: leave the account's list and the heap, retire the id, free the slot."""
    o = s.orders[slot]
    bits = int(o["bits"])
    if bits & LINKED:
        account = int(o["account"])
        older, newer = int(s.kin[slot]["older"]), int(s.kin[slot]["newer"])
        if older == 0:
            s.accounts[account]["oldest"] = newer
        else:
            s.kin[older]["newer"] = newer
        if newer == 0:
            s.accounts[account]["newest"] = older
        else:
            s.kin[newer]["older"] = older
        if bits & EXPIRES:
            _heap_remove(s, slot)
    if bits & ICEBERG:
        s.head[ICEBERGS] -= 1
    retire(s, o["order_id"], o["seat"])
    o["bits"] = 0
    o["left"] = 0
    o["order_id"] = -1
    s.links[slot]["next"] = s.head[ORDERS_FREE]
    s.head[ORDERS_FREE] = slot
    s.head[LIVE] -= 1


@compiled
def close_apart(s: State, slot: int) -> None:
    """`close`, for who seldom needs it: not inlined."""
    close(s, slot)


@rare
def wait(s: State, slot: int) -> None:
    """Put a stop where it waits: on the ladder of its trigger, or in the list of trailing ones."""
    o = s.orders[slot]
    o["bits"] = int(o["bits"]) | WAITS
    market = int(o["market"])
    s.head[STOPS] += 1
    if int(o["bits"]) & TRAILS:
        last = int(s.markets[market]["trail_last"])
        s.specials[slot]["prev"] = last
        s.specials[slot]["next"] = 0
        if last == 0:
            s.markets[market]["trail_first"] = slot
        else:
            s.specials[last]["next"] = slot
        s.markets[market]["trail_last"] = slot
    else:
        which = BUY_STOPS + (int(o["bits"]) & SELLS)
        level = occupy(s, market * LADDERS + which, key_of(which, s.orders[slot]["trigger_price"]))
        o["level"] = level
        append(s, level, slot)
    link(s, slot)


@rare
def stop_waiting(s: State, slot: int) -> None:
    """Take a stop away from where it waits."""
    o = s.orders[slot]
    market = int(o["market"])
    o["bits"] = int(o["bits"]) & ~WAITS
    s.head[STOPS] -= 1
    if int(o["bits"]) & TRAILS:
        before, after = int(s.specials[slot]["prev"]), int(s.specials[slot]["next"])
        if before == 0:
            s.markets[market]["trail_first"] = after
        else:
            s.specials[before]["next"] = after
        if after == 0:
            s.markets[market]["trail_last"] = before
        else:
            s.specials[after]["prev"] = before
    else:
        level = int(o["level"])
        unchain(s, level, slot)
        if s.levels[level]["head"] == 0:
            which = BUY_STOPS + (int(o["bits"]) & SELLS)
            vacate(s, market * LADDERS + which, level)


@inlined
def _earlier(s: State, a: int, b: int) -> bool:
    """Whether order `a` expires before `b`, the older first at the same time."""
    x, y = s.orders[a], s.orders[b]
    if x["expiry_ns"] != y["expiry_ns"]:
        return bool(x["expiry_ns"] < y["expiry_ns"])
    return bool(x["age"] < y["age"])


@rare
def _sift(s: State, at: int, slot: int) -> None:
    """Put an order into the heap at or near a free place (places count from 1)."""
    size = int(s.head[HEAP_SIZE])
    while at > 1 and _earlier(s, slot, int(s.heap[(at >> 1) - 1])):
        parent = int(s.heap[(at >> 1) - 1])
        s.heap[at - 1] = parent
        s.orders[parent]["heap"] = at
        at >>= 1
    while 2 * at <= size:
        child = 2 * at
        if child < size and _earlier(s, int(s.heap[child]), int(s.heap[child - 1])):
            child += 1
        if not _earlier(s, int(s.heap[child - 1]), slot):
            break
        s.heap[at - 1] = s.heap[child - 1]
        s.orders[int(s.heap[at - 1])]["heap"] = at
        at = child
    s.heap[at - 1] = slot
    s.orders[slot]["heap"] = at
    s.head[NEXT_EXPIRY] = s.orders[int(s.heap[0])]["expiry_ns"]


@rare
def _heap_push(s: State, slot: int) -> None:
    s.head[HEAP_SIZE] += 1
    _sift(s, int(s.head[HEAP_SIZE]), slot)


@rare
def _heap_remove(s: State, slot: int) -> None:
    at = int(s.orders[slot]["heap"])
    size = int(s.head[HEAP_SIZE])
    last = int(s.heap[size - 1])
    s.head[HEAP_SIZE] = size - 1
    if last != slot:
        _sift(s, at, last)
    elif size == 1:
        s.head[NEXT_EXPIRY] = NEVER
