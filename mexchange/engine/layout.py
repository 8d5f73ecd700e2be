"""The state of the exchange as arrays, and how they grow.

Zero means "none" in every index: slot, leaf, node and page 0 are never used, so new memory is
ready as it comes from the system. An order is two cache lines side by side, of which
matching touches the first; what only icebergs and stops have stands apart (`SPECIAL`) and is stale
unless `bits` says otherwise.

Arrays never grow inside the kernel. `step` returns early when one could run out, and `grow` doubles
what is short.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mexchange.digest import MARKET_ROW
from mexchange.engine.handle import DIMENSIONS, address_table, handle
from mexchange.markets import MAX_TIERS, Asset, Market
from mexchange.records import EVENT, SOURCE_LIMIT

__all__ = ["State", "allocate"]

Records = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]

# Where the counters stand in `State.head`.
SEQUENCE, TIME, LIVE, ICEBERGS, STOPS = 0, 1, 2, 3, 4
EVENTS_OUT, HEAP_SIZE, NEXT_EXPIRY, ACCOUNTS = 5, 6, 7, 8
ORDERS_USED, ORDERS_FREE, LEAVES_USED, LEAVES_FREE = 9, 10, 11, 12
NODES_USED, NODES_FREE, DIRS_USED, PAGES_USED, PAGES_FREE = 13, 14, 15, 16, 17
CLIENTS_USED, LEAVES_SPARE, NODES_SPARE, PAGES_SPARE = 18, 19, 20, 21
FIRST_TRADE, LAST_TRADE, SEAT = 22, 23, 24
HEAD_SIZE = 32

LINE = 64
NEVER = (1 << 63) - 1
KEY_BITS = 36
KEY_MASK = (1 << KEY_BITS) - 1
NO_KEY = 1 << KEY_BITS
CACHE_SIZE = 256
PAGE_BITS = 12
PAGE_SIZE = 1 << PAGE_BITS
GONE_PAGE = 1
"""The page of all counters whose orders are gone."""
DIR_SIZE = 1024
ID_WINDOW = 1 << 20
ALL_MARKETS = 65535
MOST_SLICES = 100

# What a ladder holds: `market * LADDERS + which`.
LADDERS = 4
BIDS, ASKS, BUY_STOPS, SELL_STOPS = 0, 1, 2, 3

# Bits of an order.
SELLS, ICEBERG, WAITS, LINKED, BY_QUOTE, MARKET_KIND, EXPIRES, TRAILS = 1, 2, 4, 8, 16, 32, 64, 128

AVAILABLE, HELD = 0, 1

ORDER = np.dtype(
    [
        ("order_id", "<i8"),
        ("price", "<i8"),
        ("left", "<i8"),
        ("hold", "<i8"),
        ("level", "<i4"),
        ("account", "<i4"),
        ("carry", "<i4"),
        ("market", "<u2"),
        ("bits", "u1"),
        ("tier", "u1"),
        ("what", "<i8"),
        ("how", "<i4"),
        ("heap", "<i4"),
        # The second line.
        ("client_order_id", "<i8"),
        ("quantity", "<i8"),
        ("trigger_price", "<i8"),
        ("expiry_ns", "<i8"),
        ("accepted_ns", "<i8"),
        ("age", "<i8"),
        ("seat", "<i8"),
        ("pad", "<i8"),
    ],
    align=True,
)
assert ORDER.itemsize == 2 * LINE, "an order is two cache lines"
assert ORDER.fields is not None
assert ORDER.fields["client_order_id"][1] == LINE, "the first holds what matching touches"

LINKS = np.dtype([("prev", "<i4"), ("next", "<i4")], align=True)
"""An order's neighbours in the queue of its level; free slots are chained by `next`."""
KIN = np.dtype([("older", "<i4"), ("newer", "<i4")], align=True)
"""An order's neighbours among the open orders of its account."""

SPECIAL = np.dtype(
    [
        ("displayed", "<i8"),
        ("display_quantity", "<i8"),
        ("trailing_offset", "<i8"),
        ("extreme", "<i8"),
        ("protection_price", "<i8"),
        ("quote_quantity", "<i8"),
        ("elected_at", "<i8"),
        ("prev", "<i4"),
        ("next", "<i4"),
        ("active", "<i8"),
    ],
    align=True,
)

LEVEL = np.dtype(
    [("displayed", "<i8"), ("hidden", "<i8"), ("head", "<i4"), ("tail", "<i4")], align=True
)
LEAF = np.dtype([("bits", "<u8"), ("parent", "<i4"), ("block", "<i4")], align=True)
NODE = np.dtype([("bits", "<u8"), ("parent", "<i4"), ("prefix", "<i4")], align=True)
EVENT_WORDS = np.dtype(
    [(name, "<i8") for name in (EVENT.names or ())[:16]]
    + [("parties", "<i8"), ("what", "<i8"), ("how", "<i8")]
)
"""An event as the kernel writes it: nineteen words, the last three packed from small fields.

`parties` is account and maker's account; `what` is market, asset, kind, reason, side and type;
`how` is time in force, self-trade mode and flags. An order's `what` and `how` are the same, ready
to be copied.
"""
assert EVENT_WORDS.itemsize == EVENT.itemsize
assert EVENT.fields is not None
assert [EVENT.fields[name][1] for name in ("account", "maker_account")] == [128, 132]
assert [EVENT.fields[name][1] for name in ("market", "asset", "kind")] == [136, 138, 140]
assert [EVENT.fields[name][1] for name in ("reason", "side", "type")] == [141, 142, 143]
assert [EVENT.fields[name][1] for name in ("time_in_force", "self_trade")] == [144, 145]
assert EVENT.fields["flags"][1] == 146

LADDER = np.dtype([("best", "<i8"), ("root", "<i4"), ("pad", "<i4")], align=True)
MARKET = np.dtype(
    [
        ("max_price", "<i8"),
        ("max_quantity", "<i8"),
        ("min_notional", "<i8"),
        ("base_per_lot", "<i8"),
        ("quote_per_lot_tick", "<i8"),
        ("last_price", "<i8"),
        ("base", "<i4"),
        ("quote", "<i4"),
        ("trail_first", "<i4"),
        ("trail_last", "<i4"),
    ],
    align=True,
)
ACCOUNT = np.dtype([("oldest", "<i4"), ("newest", "<i4"), ("tier", "<i8")], align=True)


ARRAYS: dict[str, tuple[np.dtype[Any], int]] = {
    "head": (np.dtype("<i8"), 1),
    "orders": (ORDER, 1),
    "links": (LINKS, 1),
    "kin": (KIN, 1),
    "specials": (SPECIAL, 1),
    "levels": (LEVEL, 1),
    "leaves": (LEAF, 1),
    "nodes": (NODE, 1),
    "children": (np.dtype("<i4"), 1),
    "ladders": (LADDER, 1),
    "cache": (np.dtype("<i8"), 1),
    "id_roots": (np.dtype("<i4"), 1),
    "id_highs": (np.dtype("<i8"), 1),
    "id_dirs": (np.dtype("<i4"), 1),
    "id_pages": (np.dtype("<i4"), 1),
    "id_done": (np.dtype("<i4"), 1),
    "clients": (np.dtype("<i8"), 2),
    "balances": (np.dtype("<i8"), 3),
    "totals": (np.dtype("<i8"), 1),
    "accounts": (ACCOUNT, 1),
    "markets": (MARKET, 1),
    "fees": (np.dtype("<i8"), 3),
    "heap": (np.dtype("<i4"), 1),
    "fired": (np.dtype("<i4"), 1),
    "events": (EVENT_WORDS, 1),
}
"""Every array of the state with its dtype and number of dimensions."""
DIMENSIONS.update(ARRAYS)


class State:
    """All arrays of an exchange, and the address at which compiled code finds them.

    Index 0 of orders, leaves, nodes, directories and pages means "none".
    """

    head: Ints
    orders: Records
    links: Records
    kin: Records
    specials: Records
    levels: Records
    leaves: Records
    nodes: Records
    children: Slots
    ladders: Records
    cache: Ints
    id_roots: Slots
    id_highs: Ints
    id_dirs: Slots
    id_pages: Slots
    id_done: Slots
    clients: Ints
    balances: Ints
    totals: Ints
    accounts: Records
    markets: Records
    fees: Ints
    heap: Slots
    fired: Slots
    events: Records

    def __init__(self, **arrays: npt.NDArray[Any]) -> None:
        for name in ARRAYS:
            setattr(self, name, arrays[name])
        self._table = address_table([arrays[name] for name in ARRAYS])
        self.address = int(self._table.ctypes.data)
        self.handle = handle(self)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in ARRAYS}

    def replace(self, **changes: npt.NDArray[Any]) -> State:
        """A state with some arrays replaced and the others shared."""
        return State(**{**self.arrays(), **changes})


FIRST = {
    "orders": 1 << 16, "leaves": 1 << 12, "nodes": 1 << 14, "dirs": 128, "pages": 1 << 10,
    "clients": 256, "accounts": 1 << 10, "events": 1 << 16,
}  # fmt: skip
"""Rows that a new state has room for. Memory that nothing has touched costs nothing."""


def allocate(assets: tuple[Asset, ...], markets: tuple[Market, ...]) -> State:
    """The state of an exchange in which nothing has happened."""
    first = FIRST
    ladders = np.zeros(len(markets) * LADDERS, LADDER)
    ladders["best"] = NO_KEY
    ladders["root"] = np.arange(1, len(ladders) + 1)
    nodes_needed = max(first["nodes"], 4 * len(ladders))
    head = np.zeros(HEAD_SIZE, np.int64)
    head[NEXT_EXPIRY] = NEVER
    head[ACCOUNTS] = 1
    head[NODES_USED] = len(ladders)
    head[LEAVES_SPARE] = first["leaves"] - 1
    head[NODES_SPARE] = nodes_needed - 1 - len(ladders)
    head[PAGES_USED] = GONE_PAGE
    head[PAGES_SPARE] = first["pages"] - 1 - GONE_PAGE
    pages = zeros(first["pages"] * PAGE_SIZE, np.int32)
    pages[GONE_PAGE * PAGE_SIZE : (GONE_PAGE + 1) * PAGE_SIZE] = -1
    return State(
        head=head,
        orders=zeros(first["orders"], ORDER),
        links=zeros(first["orders"], LINKS),
        kin=zeros(first["orders"], KIN),
        specials=zeros(first["orders"], SPECIAL),
        levels=zeros(first["leaves"] * 64, LEVEL),
        leaves=zeros(first["leaves"], LEAF),
        nodes=zeros(nodes_needed, NODE),
        children=zeros(nodes_needed * 64, np.int32),
        ladders=ladders,
        cache=np.full(len(ladders) * CACHE_SIZE, -1, np.int64),
        id_roots=zeros(SOURCE_LIMIT, np.int32),
        id_highs=zeros(SOURCE_LIMIT, np.int64),
        id_dirs=zeros(first["dirs"] * DIR_SIZE, np.int32),
        id_pages=pages,
        id_done=zeros(first["pages"], np.int32),
        clients=zeros((first["clients"], 3), np.int64),
        balances=zeros((first["accounts"], len(assets), 2), np.int64),
        totals=zeros(len(assets), np.int64),
        accounts=zeros(first["accounts"], ACCOUNT),
        markets=_market_records(assets, markets),
        fees=_fee_table(markets),
        heap=zeros(first["orders"], np.int32),
        fired=zeros(first["orders"], np.int32),
        events=zeros(first["events"], EVENT_WORDS),
    )


def _market_records(assets: tuple[Asset, ...], markets: tuple[Market, ...]) -> Records:
    records = np.zeros(len(markets), MARKET)
    for record, market in zip(records, markets, strict=True):
        record["max_price"] = market.max_price
        record["max_quantity"] = market.max_quantity
        record["min_notional"] = market.min_notional_atoms
        record["base_per_lot"] = market.base_per_lot
        record["quote_per_lot_tick"] = market.quote_per_lot_tick
        record["base"] = assets.index(market.base)
        record["quote"] = assets.index(market.quote)
    return records


def _fee_table(markets: tuple[Market, ...]) -> Ints:
    """Maker, taker and worst rate by market and tier; tiers past a market's last pay its last."""
    table = np.zeros((len(markets), MAX_TIERS, 3), np.int64)
    for rows, market in zip(table, markets, strict=True):
        for tier in range(MAX_TIERS):
            fees = market.fees[min(tier, len(market.fees) - 1)]
            rows[tier] = fees.maker_ppm, fees.taker_ppm, fees.worst_ppm
    return table


def zeros(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of zeros that begins with a cache line, so that no order stands across three."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + 2 * LINE, np.uint8)
    first = -memory.ctypes.data % (2 * LINE)
    return memory[first : first + size].view(dtype).reshape(shape)


def longer(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """A copy of `array` with room for `length` rows, zero behind the old ones."""
    grown = zeros((length, *array.shape[1:]), array.dtype)
    grown.view(np.uint8).reshape(-1)[: array.nbytes] = array.view(np.uint8).reshape(-1)
    return grown


def market_rows(state: State) -> Records:
    """Number and last price of every market."""
    rows = np.zeros(len(state.markets), MARKET_ROW)
    rows["market"] = np.arange(len(rows))
    rows["last_price"] = state.markets["last_price"]
    return rows
