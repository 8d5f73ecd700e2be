"""The state of the exchange as arrays, and how they grow.

Zero means "none" in every index: slot, leaf, node and page 0 are never used, so new memory is
ready as it comes from the system. What matching touches of an order fits one 64-byte line
(`ORDER`); what a cancel or an event needs is in a second line (`DETAIL`); what only icebergs and
stops have is in a third (`SPECIAL`) and stale unless `bits` says otherwise.

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
SEQUENCE, TIME, AGE, LIVE, ICEBERGS, STOPS = 0, 1, 2, 3, 4, 5
EVENTS_OUT, HEAP_SIZE, NEXT_EXPIRY, ACCOUNTS = 6, 7, 8, 9
ORDERS_USED, ORDERS_FREE, LEAVES_USED, LEAVES_FREE = 10, 11, 12, 13
NODES_USED, NODES_FREE, DIRS_USED, PAGES_USED, PAGES_FREE = 14, 15, 16, 17, 18
CLIENTS_USED, LEAVES_SPARE, NODES_SPARE, ORDERS_SPARE, PAGES_SPARE = 19, 20, 21, 22, 23
FIRST_TRADE, LAST_TRADE, TRADES, TRADED, CANCELS = 24, 25, 26, 27, 28
HEAD_SIZE = 32

NEVER = (1 << 63) - 1
KEY_BITS = 36
KEY_MASK = (1 << KEY_BITS) - 1
NO_KEY = 1 << KEY_BITS
CACHE_SIZE = 256
PAGE_SIZE = 4096
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
        ("prev", "<i4"),
        ("next", "<i4"),
        ("carry", "<i4"),
        ("older", "<i4"),
        ("newer", "<i4"),
        ("market", "<u2"),
        ("bits", "u1"),
        ("tier", "u1"),
    ],
    align=True,
)
assert ORDER.itemsize == 64, "an order is one cache line"

DETAIL = np.dtype(
    [
        ("client_order_id", "<i8"),
        ("quantity", "<i8"),
        ("trigger_price", "<i8"),
        ("expiry_ns", "<i8"),
        ("accepted_ns", "<i8"),
        ("age", "<i8"),
        ("heap", "<i4"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("self_trade", "u1"),
        ("flags", "u1"),
        ("pad", "<i8"),
    ],
    align=True,
)
assert DETAIL.itemsize == 64, "the details of an order are one cache line"

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
    "details": (DETAIL, 1),
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
    "events": (EVENT, 1),
}
"""Every array of the state with its dtype and number of dimensions."""
DIMENSIONS.update(ARRAYS)


class State:
    """All arrays of an exchange, and the address at which compiled code finds them.

    Index 0 of orders, leaves, nodes, directories and pages means "none".
    """

    head: Ints
    orders: Records
    details: Records
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
    "orders": 1024, "leaves": 128, "nodes": 1024, "dirs": 128, "pages": 64, "clients": 256,
    "accounts": 64, "events": 8192,
}  # fmt: skip
"""Rows that a new state has room for."""


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
    head[ORDERS_SPARE] = first["orders"] - 1
    head[LEAVES_SPARE] = first["leaves"] - 1
    head[NODES_SPARE] = nodes_needed - 1 - len(ladders)
    head[PAGES_SPARE] = first["pages"] - 1
    return State(
        head=head,
        orders=np.zeros(first["orders"], ORDER),
        details=np.zeros(first["orders"], DETAIL),
        specials=np.zeros(first["orders"], SPECIAL),
        levels=np.zeros(first["leaves"] * 64, LEVEL),
        leaves=np.zeros(first["leaves"], LEAF),
        nodes=np.zeros(nodes_needed, NODE),
        children=np.zeros(nodes_needed * 64, np.int32),
        ladders=ladders,
        cache=np.full(len(ladders) * CACHE_SIZE, -1, np.int64),
        id_roots=np.zeros(SOURCE_LIMIT, np.int32),
        id_highs=np.zeros(SOURCE_LIMIT, np.int64),
        id_dirs=np.zeros(first["dirs"] * DIR_SIZE, np.int32),
        id_pages=np.zeros(first["pages"] * PAGE_SIZE, np.int32),
        id_done=np.zeros(first["pages"], np.int32),
        clients=np.zeros((first["clients"], 3), np.int64),
        balances=np.zeros((first["accounts"], len(assets), 2), np.int64),
        totals=np.zeros(len(assets), np.int64),
        accounts=np.zeros(first["accounts"], ACCOUNT),
        markets=_market_records(assets, markets),
        fees=_fee_table(markets),
        heap=np.zeros(first["orders"], np.int32),
        fired=np.zeros(first["orders"], np.int32),
        events=np.zeros(first["events"], EVENT),
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


def longer(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """A copy of `array` with room for `length` rows, zero behind the old ones."""
    grown = np.zeros((length, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def market_rows(state: State) -> Records:
    """Number and last price of every market."""
    rows = np.zeros(len(state.markets), MARKET_ROW)
    rows["market"] = np.arange(len(rows))
    rows["last_price"] = state.markets["last_price"]
    return rows
