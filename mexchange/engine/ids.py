"""From an order id to its slot without hashing, and from a client order id with it.

An order id is a source and a dense counter. Each source has a table of pages of 4,096 counters,
reached through two directories of 1,024 entries; a page holds the slot of an open order, 0 for a
counter never seen and -1 for an order that is gone. A page whose orders are all gone is given back
and page 1, where all are gone, stands in its place, so the table costs memory for what is open, not
for what has been. Directory 0 and page 0 are empty and stand for all that is not there yet, so that
an id is found by four loads and without a branch.

Client order ids are optional. They stand in an open-addressing table `(account + 1, client order
id, order id)` for good, so that a retry after the fill is still recognised.
"""

from __future__ import annotations

from typing import Any

from mexchange.engine.compiling import compiled, inlined, rare
from mexchange.engine.layout import (
    CLIENTS_USED,
    DIR_SIZE,
    DIRS_USED,
    GONE_PAGE,
    ID_WINDOW,
    PAGE_BITS,
    PAGE_SIZE,
    PAGES_FREE,
    PAGES_SPARE,
    PAGES_USED,
    SEAT,
    State,
)
from mexchange.records import SOURCE_LIMIT

GONE = -1
_HALF = 0xFFFFFFFF


@inlined
def valid_id(s: State, order_id: int) -> bool:
    """Whether a new order may carry this id: its source exists and its counter is not far ahead."""
    source = order_id >> 32
    if source < 0 or source >= SOURCE_LIMIT:
        return False
    return (order_id & 0xFFFFFFFF) < s.id_highs[source] + ID_WINDOW


@inlined
def seat(s: State, order_id: int) -> int:
    """Where an id stands in the pages; its source must exist. Page 0 is that of ids never used."""
    counter = order_id & 0xFFFFFFFF
    top = int(s.id_roots[order_id >> 32])
    middle = int(s.id_dirs[top * DIR_SIZE + (counter >> 22)])
    page = int(s.id_dirs[middle * DIR_SIZE + ((counter >> PAGE_BITS) & (DIR_SIZE - 1))])
    return page * PAGE_SIZE + (counter & (PAGE_SIZE - 1))


@inlined
def find(s: State, order_id: int) -> int:
    """The slot of an open order, 0 for an id never used, `GONE` for one that was."""
    source = order_id >> 32
    if source < 0 or source >= SOURCE_LIMIT:
        return 0
    return int(s.id_pages[seat(s, order_id)])


@inlined
def assign(s: State, order_id: int, slot: int) -> int:
    """Note the slot of a new order, whose id is valid and stands at `head[SEAT]`; its place."""
    source = order_id >> 32
    counter = order_id & 0xFFFFFFFF
    if counter >= s.id_highs[source]:
        s.id_highs[source] = counter + 1
    place = s.head[SEAT]
    if place < PAGE_SIZE:
        place = _new_place(s, source, counter)
    s.id_pages[place] = slot
    return place


@rare
def _new_place(s: State, source: int, counter: int) -> int:
    top = int(s.id_roots[source])
    if top == 0:
        s.head[DIRS_USED] += 1
        top = int(s.head[DIRS_USED])
        s.id_roots[source] = top
    middle = int(s.id_dirs[top * DIR_SIZE + (counter >> 22)])
    if middle == 0:
        s.head[DIRS_USED] += 1
        middle = int(s.head[DIRS_USED])
        s.id_dirs[top * DIR_SIZE + (counter >> 22)] = middle
    page = int(s.head[PAGES_FREE])
    if page == 0:
        s.head[PAGES_USED] += 1
        page = int(s.head[PAGES_USED])
    else:
        s.head[PAGES_FREE] = s.id_pages[page * PAGE_SIZE]
        s.id_pages[page * PAGE_SIZE] = 0
    s.head[PAGES_SPARE] -= 1
    s.id_done[page] = 0
    s.id_dirs[middle * DIR_SIZE + ((counter >> PAGE_BITS) & (DIR_SIZE - 1))] = page
    return page * PAGE_SIZE + (counter & (PAGE_SIZE - 1))


@inlined
def retire(s: State, order_id: int, place: int) -> None:
    """Note that the order of this id, which stands at this place, is gone."""
    s.id_pages[place] = GONE
    page = place >> PAGE_BITS
    done = s.id_done[page] + 1
    s.id_done[page] = done
    if done == PAGE_SIZE:
        _free_page(s, order_id, page)


@rare
def _free_page(s: State, order_id: int, page: int) -> None:
    source, counter = order_id >> 32, order_id & 0xFFFFFFFF
    middle = int(s.id_dirs[int(s.id_roots[source]) * DIR_SIZE + (counter >> 22)])
    s.id_dirs[middle * DIR_SIZE + ((counter >> PAGE_BITS) & (DIR_SIZE - 1))] = GONE_PAGE
    for place in range(page * PAGE_SIZE, (page + 1) * PAGE_SIZE):
        s.id_pages[place] = 0
    s.id_pages[page * PAGE_SIZE] = s.head[PAGES_FREE]
    s.head[PAGES_FREE] = page
    s.head[PAGES_SPARE] += 1


@inlined
def _probe(size: int, account: int, client_order_id: int) -> int:
    """Where to begin to look in a table of `size` rows, a power of two."""
    name = int(client_order_id)
    mixed = (name ^ (name >> 32)) & _HALF
    mixed = (mixed * 0x9E3779B1 + int(account) * 0x85EBCA6B) & _HALF
    mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & _HALF
    return (mixed ^ (mixed >> 13)) & (size - 1)


@rare
def _client_row(clients: Any, account: int, client_order_id: int) -> int:
    """The row that holds this client order id, or the empty one where it belongs."""
    size = clients.shape[0]
    at = _probe(size, account, client_order_id)
    while clients[at, 0] != 0:
        if clients[at, 0] == account + 1 and clients[at, 1] == client_order_id:
            break
        at = (at + 1) & (size - 1)
    return at


@rare
def find_client(s: State, account: int, client_order_id: int) -> int:
    """The order id first given under this client order id, or -1."""
    at = _client_row(s.clients, account, client_order_id)
    return -1 if s.clients[at, 0] == 0 else int(s.clients[at, 2])


@rare
def assign_client(s: State, account: int, client_order_id: int, order_id: int) -> None:
    """Note a new client order id."""
    at = _client_row(s.clients, account, client_order_id)
    s.clients[at, 0] = account + 1
    s.clients[at, 1] = client_order_id
    s.clients[at, 2] = order_id
    s.head[CLIENTS_USED] += 1


@compiled
def rehash(old: Any, new: Any) -> None:
    """Move all rows of one client table into a larger empty one."""
    for row in range(old.shape[0]):
        if old[row, 0] != 0:
            at = _client_row(new, old[row, 0] - 1, old[row, 1])
            new[at] = old[row]
