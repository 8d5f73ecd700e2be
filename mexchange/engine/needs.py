"""How much room a block of commands could need, whatever its commands are."""

from __future__ import annotations

from mexchange.engine.compiling import inlined
from mexchange.engine.layout import (
    ACCOUNTS,
    CLIENTS_USED,
    DIR_SIZE,
    DIRS_USED,
    EVENTS_OUT,
    ICEBERGS,
    LADDERS,
    LEAVES_SPARE,
    LIVE,
    MOST_SLICES,
    NODES_SPARE,
    PAGES_SPARE,
    STOPS,
    State,
)

BLOCK = 32
"""Commands between two looks at whether there is room for more."""
EVENTS_A_COMMAND = 16
EVENTS_AN_ORDER = 4


@inlined
def leaves_needed(stops: int) -> int:
    """Free leaves a block could use: each command and each waiting stop may open a level."""
    return 2 * BLOCK + stops


@inlined
def events_needed(live: int, icebergs: int) -> int:
    """Events a block could write: every order may end, every iceberg show all its slices."""
    per_order = EVENTS_AN_ORDER * (live + BLOCK)
    return EVENTS_A_COMMAND * BLOCK + per_order + MOST_SLICES * (icebergs + BLOCK)


@inlined
def has_room(s: State) -> bool:
    """Whether the next block fits."""
    leaves = leaves_needed(s.head[STOPS])
    events = events_needed(s.head[LIVE], s.head[ICEBERGS])
    return bool(
        s.orders.shape[0] - 1 - s.head[LIVE] >= BLOCK
        and s.head[LEAVES_SPARE] >= leaves
        and s.head[NODES_SPARE] >= LADDERS * leaves
        and s.head[PAGES_SPARE] >= BLOCK
        and s.id_dirs.shape[0] // DIR_SIZE - 1 - s.head[DIRS_USED] >= 2 * BLOCK
        and s.clients.shape[0] >= 2 * (s.head[CLIENTS_USED] + BLOCK)
        and s.accounts.shape[0] >= s.head[ACCOUNTS] + BLOCK
        and s.events.shape[0] >= s.head[EVENTS_OUT] + events
    )
