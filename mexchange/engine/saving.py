"""Snapshots: the arrays of the state, cut to what is used and compressed.

A snapshot begins with a magic word, a format version and a hash of all layouts it depends on, so
that a foreign one is refused instead of misread; it ends with a checksum of everything before.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from io import BytesIO
from typing import Any

import numpy as np
import zstandard

from mexchange.engine import layout
from mexchange.engine.layout import (
    ACCOUNTS,
    ARRAYS,
    CACHE_SIZE,
    DIR_SIZE,
    DIRS_USED,
    FIRST,
    LEAVES_SPARE,
    LEAVES_USED,
    NODES_SPARE,
    NODES_USED,
    ORDERS_USED,
    PAGE_SIZE,
    PAGES_SPARE,
    PAGES_USED,
    Ints,
    State,
    longer,
)
from mexchange.markets import Asset, Fees, Market
from mexchange.records import COMMAND, EVENT

__all__ = ["load", "save"]

MAGIC = b"mEXsnap1"
_HASH_SIZE = 16


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=_HASH_SIZE).digest()


def _schema() -> bytes:
    """A hash of every layout that a snapshot depends on."""
    names = ("ORDER", "SPECIAL", "LEVEL", "LEAF", "NODE", "LADDER", "MARKET", "ACCOUNT")
    layouts = [getattr(layout, name) for name in names] + [COMMAND, EVENT]
    sizes = [layout.HEAD_SIZE, layout.KEY_BITS, PAGE_SIZE, DIR_SIZE, CACHE_SIZE]
    return _hash(repr([dtype.descr for dtype in layouts] + sizes).encode())


def _describe(markets: tuple[Market, ...]) -> bytes:
    def plain(market: Market) -> dict[str, Any]:
        return {
            "base": [market.base.name, market.base.scale],
            "quote": [market.quote.name, market.quote.scale],
            "tick": str(market.tick),
            "lot": str(market.lot),
            "min_notional": str(market.min_notional),
            "fees": [[fees.maker_ppm, fees.taker_ppm] for fees in market.fees],
            "max_price": market.max_price,
            "max_quantity": market.max_quantity,
        }

    return json.dumps([plain(market) for market in markets]).encode()


def _markets(text: bytes) -> tuple[Market, ...]:
    return tuple(
        Market(
            base=Asset(*item["base"]),
            quote=Asset(*item["quote"]),
            tick=item["tick"],
            lot=item["lot"],
            min_notional=item["min_notional"],
            fees=tuple(Fees(*rates) for rates in item["fees"]),
            max_price=item["max_price"],
            max_quantity=item["max_quantity"],
        )
        for item in json.loads(text)
    )


def _used(s: State) -> dict[str, int]:
    """How many rows of each array that grows are in use."""
    orders, leaves = int(s.head[ORDERS_USED]) + 1, int(s.head[LEAVES_USED]) + 1
    nodes, pages = int(s.head[NODES_USED]) + 1, int(s.head[PAGES_USED]) + 1
    accounts, dirs = int(s.head[ACCOUNTS]), int(s.head[DIRS_USED]) + 1
    return {
        "orders": orders, "links": orders, "kin": orders, "specials": orders, "heap": orders,
        "fired": 0,
        "levels": leaves * 64, "leaves": leaves, "nodes": nodes, "children": nodes * 64,
        "id_pages": pages * PAGE_SIZE, "id_done": pages, "id_dirs": dirs * DIR_SIZE,
        "accounts": accounts, "balances": accounts, "events": 0,
    }  # fmt: skip


def _spare_after_cut(s: State, used: dict[str, int]) -> Ints:
    """The counters as they are once `FIRST` rows are put behind what is used."""
    head = s.head.copy()
    for counter, name in (
        (LEAVES_SPARE, "leaves"), (NODES_SPARE, "nodes"),
        (PAGES_SPARE, "id_done"),
    ):  # fmt: skip
        unused = len(getattr(s, name)) - used[name]
        head[counter] += FIRST["pages" if name == "id_done" else name] - unused
    return head


def save(s: State, markets: tuple[Market, ...]) -> bytes:
    """The state as bytes."""
    used = _used(s)
    buffer = BytesIO()
    arrays = {name: array[: used.get(name)] for name, array in s.arrays().items()}
    arrays["head"] = _spare_after_cut(s, used)
    np.savez(buffer, allow_pickle=False, _markets=np.frombuffer(_describe(markets), "u1"), **arrays)
    body = MAGIC + _schema() + zstandard.compress(buffer.getvalue(), 3)
    return body + _hash(body)


def load(data: bytes) -> tuple[State, tuple[Market, ...]]:
    """State and markets of a snapshot; ValueError if it is damaged or of another schema."""
    body, checksum = data[:-_HASH_SIZE], data[-_HASH_SIZE:]
    if not body.startswith(MAGIC):
        raise ValueError("this is not a snapshot of mExchange (or of another format version)")
    if _hash(body) != checksum:
        raise ValueError("the snapshot is damaged: its checksum does not match")
    start = len(MAGIC) + _HASH_SIZE
    if body[len(MAGIC) : start] != _schema():
        raise ValueError("the snapshot was written with another schema of the records")
    with np.load(BytesIO(zstandard.decompress(body[start:])), allow_pickle=False) as arrays:
        markets = _markets(arrays["_markets"].tobytes())
        return _widen(State(**{name: arrays[name] for name in ARRAYS})), markets


def _widen(s: State) -> State:
    """The arrays of a snapshot with at least the room that a fresh state has."""
    used = _used(s)
    old = int(s.head[ORDERS_USED]) + 1
    more = {
        "orders": FIRST["orders"], "links": FIRST["orders"], "kin": FIRST["orders"],
        "specials": FIRST["orders"],
        "heap": FIRST["orders"], "fired": FIRST["orders"] + old,
        "levels": FIRST["leaves"] * 64, "leaves": FIRST["leaves"],
        "nodes": FIRST["nodes"], "children": FIRST["nodes"] * 64,
        "id_pages": FIRST["pages"] * PAGE_SIZE, "id_done": FIRST["pages"],
        "id_dirs": FIRST["dirs"] * DIR_SIZE, "accounts": FIRST["accounts"],
        "balances": FIRST["accounts"], "events": FIRST["events"],
    }  # fmt: skip
    wider = {name: longer(getattr(s, name), used[name] + more[name]) for name in more}
    return s.replace(**wider)
