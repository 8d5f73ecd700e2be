"""What a command and an event are: the dtypes and enums of `schema/mexchange.fbs`.

A record is at once a row of a NumPy array, an element of a FlatBuffers vector, a line of the
journal and what the kernel reads and writes. Nothing is parsed or copied field by field.

Units: prices in ticks, quantities in lots, money in atoms of an asset, times in nanoseconds.
Zero stands for "not given" in every optional field.

An event carries what settlement, market data, a strategy and an order history need, so that none
of them has to ask the engine again:

- `displayed` is the *change* of what the book shows at `price`, on the order's own side; for a
  TRADE or PREVENTED on the maker's side (the side opposite to `side`). Summing it by side and
  price gives the book.
- `hold` is the change of what the order holds (quote atoms for a buy, base atoms for a sell),
  `maker_hold` the same for the maker. Balances follow from these, from `quantity` × `price` and
  from the two fees.
- `quantity` is what the event is about (ordered, traded, cancelled, prevented), `left` what is
  still open of the order afterwards and `maker_left` the same for the maker.
- `client_order_id` and `account` belong to `order_id`; on a TRADE that is the taker.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "COMMAND",
    "EVENT",
    "Command",
    "CommandKind",
    "Commands",
    "EventKind",
    "Events",
    "Flag",
    "OrderType",
    "Reason",
    "SelfTrade",
    "Side",
    "TimeInForce",
    "commands",
    "order_id",
]


class CommandKind(IntEnum):
    """What a command asks for."""

    NONE = 0
    NEW = 1
    CANCEL = 2
    AMEND = 3
    REDUCE = 4
    CANCEL_ALL = 5
    DEPOSIT = 6
    WITHDRAW = 7
    OPEN_ACCOUNT = 8
    SET_TIER = 9
    TICK = 10


class EventKind(IntEnum):
    """What happened."""

    NONE = 0
    ACCEPTED = 1
    REJECTED = 2
    TRADE = 3
    RESTED = 4
    CANCELLED = 5
    EXPIRED = 6
    TRIGGERED = 7
    PULLED = 8
    AMENDED = 9
    REDUCED = 10
    PREVENTED = 11
    DEPOSITED = 12
    WITHDRAWN = 13
    ACCOUNT_OPENED = 14
    TIER_SET = 15


class Side(IntEnum):
    """The side of an order; of a trade, the side of its taker (the aggressor)."""

    BUY = 0
    SELL = 1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side(1 - self)


class OrderType(IntEnum):
    """How an order is priced and when it becomes active."""

    LIMIT = 0
    MARKET = 1
    STOP = 2
    STOP_LIMIT = 3
    TRAILING_STOP = 4
    TRAILING_STOP_LIMIT = 5


class TimeInForce(IntEnum):
    """How long an order stands."""

    GTC = 0
    IOC = 1
    FOK = 2
    GTD = 3


class SelfTrade(IntEnum):
    """What happens when an account would trade with itself; the taker's mode rules."""

    NONE = 0
    EXPIRE_TAKER = 1
    EXPIRE_MAKER = 2
    EXPIRE_BOTH = 3
    DECREMENT = 4


class Flag(IntFlag):
    """Bits of a command; `OFF_TICK` and `OFF_LOT` are set by the border to have it rejected."""

    POST_ONLY = 1
    TRAIL_BIPS = 2
    OFF_TICK = 4
    OFF_LOT = 8


class Reason(IntEnum):
    """Why a command was rejected (1 to 39) or an order ended (40 and above)."""

    NONE = 0
    TIME_WENT_BACK = 1
    UNKNOWN_KIND = 2
    UNKNOWN_ACCOUNT = 3
    UNKNOWN_MARKET = 4
    UNKNOWN_ASSET = 5
    UNKNOWN_ORDER = 6
    INVALID_ORDER_ID = 7
    DUPLICATE_ORDER_ID = 8
    DUPLICATE_CLIENT_ORDER_ID = 9
    INVALID_FIELD = 10
    INVALID_COMBINATION = 11
    OFF_TICK = 12
    OFF_LOT = 13
    INVALID_QUANTITY = 14
    INVALID_PRICE = 15
    INVALID_TRIGGER = 16
    INVALID_OFFSET = 17
    INVALID_DISPLAY = 18
    INVALID_EXPIRY = 19
    INVALID_QUOTE_QUANTITY = 20
    INVALID_PROTECTION = 21
    BELOW_MIN_NOTIONAL = 22
    POST_ONLY_WOULD_CROSS = 23
    FOK_NOT_FILLABLE = 24
    INSUFFICIENT_FUNDS = 25
    NOT_AMENDABLE = 26
    AMEND_BELOW_FILLED = 27
    INVALID_AMOUNT = 28
    INVALID_TIER = 29
    ACCOUNT_NOT_NEXT = 30
    NOT_OWNER = 31
    REQUESTED = 40
    IOC_REMAINDER = 41
    NO_LIQUIDITY = 42
    PROTECTION_REACHED = 43
    QUOTE_SPENT = 44
    TIME_PASSED = 45
    SELF_TRADE = 46


COMMAND = np.dtype(
    [
        ("time_ns", "<i8"),
        ("order_id", "<i8"),
        ("client_order_id", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("display_quantity", "<i8"),
        ("trigger_price", "<i8"),
        ("trailing_offset", "<i8"),
        ("expiry_ns", "<i8"),
        ("quote_quantity", "<i8"),
        ("protection_price", "<i8"),
        ("account", "<u4"),
        ("market", "<u2"),
        ("asset", "<u2"),
        ("kind", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("self_trade", "u1"),
        ("flags", "u1"),
        ("pad", "<u2"),
    ],
    align=True,
)
assert COMMAND.itemsize == 104, "a Command is 104 bytes on the wire"

EVENT = np.dtype(
    [
        ("sequence", "<i8"),
        ("time_ns", "<i8"),
        ("order_id", "<i8"),
        ("client_order_id", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("left", "<i8"),
        ("displayed", "<i8"),
        ("hold", "<i8"),
        ("fee", "<i8"),
        ("trigger_price", "<i8"),
        ("expiry_ns", "<i8"),
        ("maker_order_id", "<i8"),
        ("maker_left", "<i8"),
        ("maker_hold", "<i8"),
        ("maker_fee", "<i8"),
        ("account", "<u4"),
        ("maker_account", "<u4"),
        ("market", "<u2"),
        ("asset", "<u2"),
        ("kind", "u1"),
        ("reason", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("self_trade", "u1"),
        ("flags", "u1"),
        ("pad0", "u1"),
        ("pad1", "<u4"),
    ],
    align=True,
)
assert EVENT.itemsize == 152, "an Event is 152 bytes on the wire"

Commands = npt.NDArray[np.void]
"""A one-dimensional array of dtype `COMMAND`."""
Events = npt.NDArray[np.void]
"""A one-dimensional array of dtype `EVENT`."""

SOURCE_SHIFT = 32
SOURCE_LIMIT = 1 << 16
COUNTER_LIMIT = 1 << SOURCE_SHIFT


def order_id(source: int, counter: int) -> int:
    """The id of the `counter`-th order (from 0) of a sender: `source << 32 | counter`.

    A source is whoever gives ids: a gateway, a simulated agent, a data feed. Counters should be
    dense, since the engine finds an order through a table indexed by them.

    >>> order_id(1, 7)
    4294967303

    Raises ValueError when either is out of range.
    """
    if not 0 <= source < SOURCE_LIMIT:
        raise ValueError(f"source {source} is not in 0..{SOURCE_LIMIT - 1}")
    if not 0 <= counter < COUNTER_LIMIT:
        raise ValueError(f"counter {counter} is not in 0..{COUNTER_LIMIT - 1}")
    return source << SOURCE_SHIFT | counter


def commands(count: int, **fields: Any) -> Commands:
    """`count` commands, zero but for the given fields (scalars or arrays of that length).

    >>> batch = commands(2, kind=CommandKind.NEW, price=[100, 101], quantity=5)
    >>> batch["price"].tolist()
    [100, 101]
    """
    batch = np.zeros(count, COMMAND)
    for name, value in fields.items():
        batch[name] = value
    return batch


def Command(**fields: Any) -> Commands:
    """One command, as an array of length one."""
    return commands(1, **fields)
