"""Recorded messages under our own price-time priority: which commands each of them becomes.

A recorded feed says which order every message is about. Our engine decides for itself whom an
aggressor hits. Where the two differ (an order of the file was executed out of turn), later messages
about these orders would take the wrong quantity away, and the error would grow. So a small model of
the book follows the messages and keeps, for every order, what is left of it *here* and what is left
of it *in the file*. When an order is deleted in the file that has already traded here, the deletion
goes to the orders of that level that have traded in the file but not here. So the books stay equal
level by level, and what was moved is counted.

The loop is compiled; no row passes through Python.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mexchange.engine.compiling import compiled, entry

__all__ = ["ACTIONS", "AGGRESS", "COUNTS", "DELETE", "PLACE", "SHRINK", "follow"]

Int64 = npt.NDArray[np.int64]

PLACE: Final = 1
"""A new resting order."""
SHRINK: Final = 2
"""Take a quantity away from an order."""
DELETE: Final = 3
"""Cancel what is left of an order."""
AGGRESS: Final = 4
"""An immediate-or-cancel order of the other side."""

ACTIONS: Final = ("action", "message", "slot", "quantity", "expected")
"""The columns of what `follow` returns: `message` is a row of the input, `slot` the order it is
about (for AGGRESS the one that the file names, or −1), `quantity` what it asks for and `expected`
what it takes from the book (PLACE: what trades at once)."""

COUNTS: Final = (
    "unknown_orders",
    "unknown_quantity",
    "moved_orders",
    "moved_quantity",
    "gone_orders",
    "gone_quantity",
    "unfilled_executions",
    "unfilled_quantity",
    "crossing_orders",
    "crossing_quantity",
)
"""The differences that `follow` counts, as pairs (how many messages, how much quantity):

- unknown: deletions of orders that neither the messages nor the opening book have;
- moved: deletions that went to other orders, because priority here differs from the file's;
- gone: deletions of quantity that nobody has any more;
- unfilled: executions that found too little;
- crossing: new orders that trade at once here, though they rested in the file.
"""
_UNKNOWN, _MOVED, _GONE, _UNFILLED, _CROSSING = range(0, 10, 2)

_NEW, _EXECUTED = 1, 4

# Columns of the orders: left here, left in the file, level, neighbours in the level's queue, and
# which message executed the last of it, here as in the file.
_LEFT, _OWED, _LEVEL, _NEXT, _PREVIOUS, _ENDED = range(6)
# Columns of the levels (two for each price, bids at even places): first and last of the queue.
_HEAD, _TAIL = range(2)


@compiled
def _append(orders: Any, levels: Any, best: Any, slot: int) -> None:
    """Put an order at the end of its level's queue."""
    level = orders[slot, _LEVEL]
    last = levels[level, _TAIL]
    orders[slot, _PREVIOUS] = last
    orders[slot, _NEXT] = -1
    if last >= 0:
        orders[last, _NEXT] = slot
    else:
        levels[level, _HEAD] = slot
    levels[level, _TAIL] = slot
    if level % 2 == 0:
        best[0] = max(best[0], level // 2)
    else:
        best[1] = min(best[1], level // 2)


@compiled
def _take(orders: Any, levels: Any, slot: int, quantity: int) -> None:
    """Take a quantity from an order; it leaves the queue when it is empty."""
    orders[slot, _LEFT] -= quantity
    if orders[slot, _LEFT] > 0:
        return
    level = orders[slot, _LEVEL]
    before, after = orders[slot, _PREVIOUS], orders[slot, _NEXT]
    if before >= 0:
        orders[before, _NEXT] = after
    else:
        levels[level, _HEAD] = after
    if after >= 0:
        orders[after, _PREVIOUS] = before
    else:
        levels[level, _TAIL] = before


@compiled
def _trade(orders: Any, levels: Any, best: Any, resting: int, limit: int, quantity: int) -> int:
    """Match against the resting side (0 bids, 1 asks) down or up to a price; what was traded."""
    step = 2 * resting - 1
    end = (len(levels) // 2 - 1) * resting
    traded = 0
    while traded < quantity and (limit - best[resting]) * step >= 0:
        slot = levels[2 * best[resting] + resting, _HEAD]
        if slot >= 0:
            amount = min(quantity - traded, orders[slot, _LEFT])
            _take(orders, levels, slot, amount)
            traded += amount
        elif best[resting] == end:
            break
        else:
            best[resting] += step
    return traded


@compiled
def _act(
    actions: Any, used: int, action: int, row: int, slot: int, quantity: int, expected: int
) -> int:
    """Write one action; the number of actions now."""
    actions[used, 0] = action
    actions[used, 1] = row
    actions[used, 2] = slot
    actions[used, 3] = quantity
    actions[used, 4] = expected
    return used + 1


@compiled
def _withdraw(
    orders: Any, levels: Any, actions: Any, used: int, row: int, slot: int, quantity: int
) -> int:
    """Delete a quantity of one order that has it; the number of actions now."""
    _take(orders, levels, slot, quantity)
    action = DELETE if orders[slot, _LEFT] == 0 else SHRINK
    return _act(actions, used, action, row, slot, quantity, quantity)


@compiled
def _delete(
    orders: Any, levels: Any, counts: Any, actions: Any, used: int, row: int, slot: int, size: int
) -> int:
    """A deletion of `size` that names `slot`; the number of actions now."""
    orders[slot, _OWED] = max(0, orders[slot, _OWED] - size)
    missing = size
    if orders[slot, _LEFT] > 0:
        amount = min(missing, orders[slot, _LEFT])
        used = _withdraw(orders, levels, actions, used, row, slot, amount)
        missing -= amount
    if missing == 0:
        return used
    moved = 0
    other = levels[orders[slot, _LEVEL], _HEAD]
    while other >= 0 and moved < missing:
        following = orders[other, _NEXT]
        amount = min(missing - moved, orders[other, _LEFT] - orders[other, _OWED])
        if amount > 0:
            used = _withdraw(orders, levels, actions, used, row, other, amount)
            moved += amount
        other = following
    if moved > 0:
        counts[_MOVED] += 1
        counts[_MOVED + 1] += moved
    if moved < missing:
        counts[_GONE] += 1
        counts[_GONE + 1] += missing - moved
    return used


@entry
def _follow(messages: Any, opened: int, orders: Any, levels: Any, counts: Any, actions: Any) -> int:
    """The loop of `follow` over messages [kind, side, rank, size, slot]; the number of actions."""
    best = np.array([0, len(levels) // 2 - 1])
    for slot in range(opened):
        _append(orders, levels, best, slot)
    used = 0
    for row in range(len(messages)):
        kind, side, rank = messages[row, 0], messages[row, 1], messages[row, 2]
        size, slot = messages[row, 3], messages[row, 4]
        if kind == _NEW:
            traded = _trade(orders, levels, best, 1 - side, rank, size)
            orders[slot, _OWED] = size
            orders[slot, _LEFT] = size - traded
            if traded > 0:
                counts[_CROSSING] += 1
                counts[_CROSSING + 1] += traded
            if traded < size:
                _append(orders, levels, best, slot)
            used = _act(actions, used, PLACE, row, slot, size, traded)
        elif kind == _EXECUTED:
            traded = _trade(orders, levels, best, side, rank, size)
            if slot >= 0:
                orders[slot, _OWED] = max(0, orders[slot, _OWED] - size)
                if orders[slot, _OWED] == 0 and orders[slot, _LEFT] == 0:
                    orders[slot, _ENDED] = row
            if traded < size:
                counts[_UNFILLED] += 1
                counts[_UNFILLED + 1] += size - traded
            used = _act(actions, used, AGGRESS, row, slot, size, traded)
        elif slot < 0 or (slot < opened and orders[slot, _OWED] < size):
            counts[_UNKNOWN] += 1
            counts[_UNKNOWN + 1] += size
        else:
            used = _delete(orders, levels, counts, actions, used, row, slot, size)
    return used


def follow(
    kind: Int64, side: Int64, price: Int64, size: Int64, slots: Int64, opening: Int64
) -> tuple[Int64, Int64, dict[str, int]]:
    """What each message does to the book under our priority.

    Args:
        kind, side, price, size: [messages]; kinds are 1 new, 2 reduced, 3 deleted, 4 executed;
            side is that of the resting order, 0 for a bid; prices may be in any unit.
        slots: [messages], the resting order that a message is about: first those of `opening` in
            its order, then one for each message of kind 1; −1 for none of them.
        opening: [orders, 3], side, price and size of what stood before the first message.

    Returns an int64 array [actions, 5] with the columns `ACTIONS`, in the order of the messages;
    for each order the message that executed the last of it, here as in the file, or −1; and what is
    counted, by the names `COUNTS`.
    """
    prices = np.unique(np.concatenate([price, opening[:, 1]]))
    rank = np.searchsorted(prices, price)
    opened, placed = len(opening), kind == _NEW
    orders = np.zeros((opened + int(np.count_nonzero(placed)), 6), np.int64)
    orders[:, _ENDED] = -1
    orders[:opened, _LEFT] = orders[:opened, _OWED] = opening[:, 2]
    orders[:opened, _LEVEL] = 2 * np.searchsorted(prices, opening[:, 1]) + opening[:, 0]
    orders[slots[placed], _LEVEL] = (2 * rank + side)[placed]
    levels = np.full((2 * max(1, len(prices)), 2), -1, np.int64)
    counts = np.zeros(len(COUNTS), np.int64)
    # A message writes at most one action, and one more for every order that it empties.
    actions = np.zeros((2 * len(kind) + len(orders), len(ACTIONS)), np.int64)
    messages = np.column_stack([kind, side, rank, size, slots]).astype(np.int64, copy=False)
    used = _follow(np.ascontiguousarray(messages), opened, orders, levels, counts, actions)
    return actions[:used], orders[:, _ENDED], dict(zip(COUNTS, counts.tolist(), strict=True))
