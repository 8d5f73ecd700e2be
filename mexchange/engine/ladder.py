"""Price levels: a 64-ary trie of bitmaps, so that no price costs more memory or time than another.

A ladder holds the levels of one side of one market, or of its waiting stops, by *key*: the price,
or its complement where the highest price is the best one. So the best level is always the lowest
key, and bids, asks and both kinds of stops share this code.

Sixty-four neighbouring levels form a leaf with one bitmap word; leaves hang below nodes of
sixty-four children with a word each, five storeys up to a root that covers 2^36 ticks. A small
table (`cache`) leads from the upper bits of a key straight to its leaf, so that near the touch a
level is reached with one load and one comparison. The next best level is usually the next bit of
the same word; else the walk climbs only as far as it must. Leaves and nodes without levels are
given back at once, so an order a billion ticks away costs one path of nodes while it stands, and
nothing afterwards.
"""

from __future__ import annotations

from mexchange.engine.bits import ALL, ONE, lowest_bit
from mexchange.engine.compiling import inlined, rare
from mexchange.engine.layout import (
    CACHE_SIZE,
    KEY_MASK,
    LEAVES_FREE,
    LEAVES_SPARE,
    LEAVES_USED,
    NO_KEY,
    NODES_FREE,
    NODES_SPARE,
    NODES_USED,
    State,
)

import numpy as np  # isort: skip

STOREYS = 5


@inlined
def key_of(which: int, price: int) -> int:
    """The key of a price in ladder `which` (0 bids, 1 asks, 2 buy stops, 3 sell stops)."""
    return price ^ KEY_MASK if which == 0 or which == 3 else price


@rare
def _new_leaf(s: State, ladder: int, block: int) -> int:
    """A leaf for the 64 keys of `block`, hung into the trie, with the nodes on the way to it."""
    node = int(s.ladders[ladder]["root"])
    for storey in range(STOREYS - 1, 0, -1):
        prefix = block >> (6 * storey)
        at = (node << 6) + (prefix & 63)
        bit = ONE << np.uint64(prefix & 63)
        if s.nodes[node]["bits"] & bit == 0:
            child = int(s.head[NODES_FREE])
            if child == 0:
                s.head[NODES_USED] += 1
                child = int(s.head[NODES_USED])
            else:
                s.head[NODES_FREE] = s.nodes[child]["parent"]
            s.head[NODES_SPARE] -= 1
            s.nodes[child]["bits"] = 0
            s.nodes[child]["parent"] = node
            s.nodes[child]["prefix"] = prefix
            s.children[at] = child
            s.nodes[node]["bits"] |= bit
        node = int(s.children[at])
    leaf = int(s.head[LEAVES_FREE])
    if leaf == 0:
        s.head[LEAVES_USED] += 1
        leaf = int(s.head[LEAVES_USED])
    else:
        s.head[LEAVES_FREE] = s.leaves[leaf]["parent"]
    s.head[LEAVES_SPARE] -= 1
    s.leaves[leaf]["bits"] = 0
    s.leaves[leaf]["parent"] = node
    s.leaves[leaf]["block"] = block
    s.children[(node << 6) + (block & 63)] = leaf
    s.nodes[node]["bits"] |= ONE << np.uint64(block & 63)
    return leaf


@rare
def _find_leaf(s: State, ladder: int, block: int) -> int:
    """The leaf of `block`, or 0; O(storeys)."""
    node = int(s.ladders[ladder]["root"])
    for storey in range(STOREYS - 1, -1, -1):
        position = (block >> (6 * storey)) & 63
        if s.nodes[node]["bits"] & (ONE << np.uint64(position)) == 0:
            return 0
        node = int(s.children[(node << 6) + position])
    return node


@inlined
def leaf_of(s: State, ladder: int, block: int) -> int:
    """The leaf of `block`, or 0, through the cache."""
    place = ladder * CACHE_SIZE + (block & (CACHE_SIZE - 1))
    known = s.cache[place]
    if known >> 32 == block:
        return known & 0xFFFFFFFF
    leaf = _find_leaf(s, ladder, block)
    if leaf != 0:
        s.cache[place] = block << 32 | leaf
    return leaf


@inlined
def level_at(s: State, ladder: int, key: int) -> int:
    """The level of an occupied key, as an index into `levels`."""
    return (leaf_of(s, ladder, key >> 6) << 6) | (key & 63)


@inlined
def occupy(s: State, ladder: int, key: int) -> int:
    """The level of `key`, made if it is not there; O(1) near the touch, else O(storeys)."""
    block = key >> 6
    leaf = leaf_of(s, ladder, block)
    if leaf == 0:
        leaf = _new_leaf(s, ladder, block)
        s.cache[ladder * CACHE_SIZE + (block & (CACHE_SIZE - 1))] = block << 32 | leaf
    s.leaves[leaf]["bits"] |= ONE << np.uint64(key & 63)
    if key < s.ladders[ladder]["best"]:
        s.ladders[ladder]["best"] = key
    return (leaf << 6) | (key & 63)


@inlined
def vacate(s: State, ladder: int, level: int) -> None:
    """Take an emptied level off its ladder and find the new best; O(1) near the touch."""
    leaf = level >> 6
    rest = s.leaves[leaf]["bits"] & ~(ONE << np.uint64(level & 63))
    s.leaves[leaf]["bits"] = rest
    if rest == 0:
        _drop_leaf(s, ladder, leaf)
    else:
        block = int(s.leaves[leaf]["block"]) << 6
        if s.ladders[ladder]["best"] == block | (level & 63):
            s.ladders[ladder]["best"] = block | lowest_bit(rest)


@rare
def _drop_leaf(s: State, ladder: int, leaf: int) -> None:
    block = int(s.leaves[leaf]["block"])
    place = ladder * CACHE_SIZE + (block & (CACHE_SIZE - 1))
    if s.cache[place] >> 32 == block:
        s.cache[place] = -1
    node = int(s.leaves[leaf]["parent"])
    s.leaves[leaf]["parent"] = s.head[LEAVES_FREE]
    s.head[LEAVES_FREE] = leaf
    s.head[LEAVES_SPARE] += 1
    storey = 0
    position = block & 63
    root = int(s.ladders[ladder]["root"])
    while True:
        s.nodes[node]["bits"] &= ~(ONE << np.uint64(position))
        if s.nodes[node]["bits"] != 0 or node == root:
            break
        parent = int(s.nodes[node]["parent"])
        position = int(s.nodes[node]["prefix"]) & 63
        s.nodes[node]["parent"] = s.head[NODES_FREE]
        s.head[NODES_FREE] = node
        s.head[NODES_SPARE] += 1
        node = parent
        storey += 1
    if s.ladders[ladder]["best"] >> 6 == block:
        s.ladders[ladder]["best"] = _lowest_below(s, node, storey)


@rare
def _lowest_below(s: State, node: int, storey: int) -> int:
    """The lowest key under a node; storey 0 is the one whose children are leaves."""
    if s.nodes[node]["bits"] == 0:
        return NO_KEY
    while storey >= 0:
        node = int(s.children[(node << 6) + lowest_bit(s.nodes[node]["bits"])])
        storey -= 1
    return int(s.leaves[node]["block"]) << 6 | lowest_bit(s.leaves[node]["bits"])


@rare
def next_key(s: State, ladder: int, key: int) -> int:
    """The lowest occupied key above an occupied one, or `NO_KEY`; O(storeys)."""
    leaf = leaf_of(s, ladder, key >> 6)
    position = key & 63
    word = s.leaves[leaf]["bits"]
    rest = word & (ALL << np.uint64(position)) & ~(ONE << np.uint64(position))
    if rest != 0:
        return (key >> 6 << 6) | lowest_bit(rest)
    node = int(s.leaves[leaf]["parent"])
    position = int(s.leaves[leaf]["block"]) & 63
    for storey in range(STOREYS):
        word = s.nodes[node]["bits"]
        rest = word & (ALL << np.uint64(position)) & ~(ONE << np.uint64(position))
        if rest != 0:
            below = int(s.children[(node << 6) + lowest_bit(rest)])
            if storey > 0:
                return _lowest_below(s, below, storey - 1)
            return int(s.leaves[below]["block"]) << 6 | lowest_bit(s.leaves[below]["bits"])
        position = int(s.nodes[node]["prefix"]) & 63
        node = int(s.nodes[node]["parent"])
    return NO_KEY
