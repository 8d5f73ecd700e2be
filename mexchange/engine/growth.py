"""Making room: every array doubles when the kernel says that it could run out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mexchange.engine.compiling import entry
from mexchange.engine.ids import rehash
from mexchange.engine.layout import (
    ACCOUNTS,
    CLIENTS_USED,
    DIR_SIZE,
    DIRS_USED,
    EVENT_WORDS,
    ICEBERGS,
    LADDERS,
    LEAVES_SPARE,
    LIVE,
    NODES_SPARE,
    PAGE_SIZE,
    PAGES_SPARE,
    STOPS,
    Ints,
    State,
    longer,
    zeros,
)
from mexchange.engine.needs import BLOCK, events_needed, leaves_needed

__all__ = ["grow"]


@entry
def _rehash(old: Ints, new: Ints) -> None:
    rehash(old, new)


def _doubled(length: int, spare: int, needed: int) -> int:
    """`length` doubled until `needed` rows are spare."""
    more = length
    while more - length + spare < needed:
        more *= 2
    return more


def grow(s: State) -> State:
    """The state with room for the next block; arrays that have it stay as they are."""
    head = s.head
    changes: dict[str, npt.NDArray[Any]] = {}
    leaves = int(leaves_needed(int(head[STOPS])))

    length = _doubled(len(s.orders), len(s.orders) - 1 - int(head[LIVE]), BLOCK)
    if length > len(s.orders):
        for name in ("orders", "links", "kin", "specials", "heap", "fired"):
            changes[name] = longer(getattr(s, name), length)

    length = _doubled(len(s.leaves), int(head[LEAVES_SPARE]), leaves)
    if length > len(s.leaves):
        head[LEAVES_SPARE] += length - len(s.leaves)
        changes["leaves"] = longer(s.leaves, length)
        changes["levels"] = longer(s.levels, length * 64)

    length = _doubled(len(s.nodes), int(head[NODES_SPARE]), LADDERS * leaves)
    if length > len(s.nodes):
        head[NODES_SPARE] += length - len(s.nodes)
        changes["nodes"] = longer(s.nodes, length)
        changes["children"] = longer(s.children, length * 64)

    length = _doubled(len(s.id_done), int(head[PAGES_SPARE]), BLOCK)
    if length > len(s.id_done):
        head[PAGES_SPARE] += length - len(s.id_done)
        changes["id_done"] = longer(s.id_done, length)
        changes["id_pages"] = longer(s.id_pages, length * PAGE_SIZE)

    dirs = len(s.id_dirs) // DIR_SIZE
    length = _doubled(dirs, dirs - 1 - int(head[DIRS_USED]), 2 * BLOCK)
    if length > dirs:
        changes["id_dirs"] = longer(s.id_dirs, length * DIR_SIZE)

    length = len(s.clients)
    while length < 2 * (int(head[CLIENTS_USED]) + BLOCK):
        length *= 2
    if length > len(s.clients):
        table = np.zeros((length, 3), np.int64)
        _rehash(s.clients, table)
        changes["clients"] = table

    length = _doubled(len(s.accounts), len(s.accounts) - int(head[ACCOUNTS]), BLOCK)
    if length > len(s.accounts):
        changes["accounts"] = longer(s.accounts, length)
        changes["balances"] = longer(s.balances, length)

    events = int(events_needed(int(head[LIVE]), int(head[ICEBERGS])))
    if 4 * len(s.events) < 5 * events:
        changes["events"] = zeros(2 * events, EVENT_WORDS)
    return s.replace(**changes)
