"""The digest: one hash of everything that accounts and markets can see.

It is taken over rows in a canonical order, so it depends on neither slot numbers nor the way that
led to the state: two exchanges with the same balances, books, waiting stops, fee tiers and last
trades have the same digest. Ids that were used by orders now gone are history and left out.

Canonical order: markets by number, in each the bids (best first, then queue order), the asks
(likewise), the buy stops and the sell stops (by acceptance); balances by account, then asset,
without the empty ones.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

__all__ = ["BALANCE_ROW", "MARKET_ROW", "ORDER_ROW", "digest"]

ORDER_ROW = np.dtype(
    [
        ("order_id", "<i8"),
        ("client_order_id", "<i8"),
        ("account", "<i8"),
        ("market", "<i8"),
        ("side", "<i8"),
        ("type", "<i8"),
        ("time_in_force", "<i8"),
        ("self_trade", "<i8"),
        ("flags", "<i8"),
        ("tier", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("left", "<i8"),
        ("displayed", "<i8"),
        ("display_quantity", "<i8"),
        ("hold", "<i8"),
        ("fee_carry", "<i8"),
        ("trigger_price", "<i8"),
        ("trailing_offset", "<i8"),
        ("extreme", "<i8"),
        ("protection_price", "<i8"),
        ("expiry_ns", "<i8"),
        ("accepted_ns", "<i8"),
    ]
)
"""An open order. `displayed` is 0 and `extreme` is set only while it waits for its trigger;
`quantity` is the total it was last accepted or amended to, `trigger_price` the activation of a
trailing stop. `type` stays what it was; an order that fired is in a book instead of the stops."""

BALANCE_ROW = np.dtype(
    [("account", "<i8"), ("asset", "<i8"), ("available", "<i8"), ("held", "<i8")]
)
MARKET_ROW = np.dtype([("market", "<i8"), ("last_price", "<i8")])


def digest(
    orders: npt.NDArray[np.void],
    balances: npt.NDArray[np.void],
    markets: npt.NDArray[np.void],
    tiers: npt.NDArray[np.int64],
) -> str:
    """The hash, as 32 hexadecimal digits, of canonical rows; `tiers` is indexed by account."""
    state = blake2b(digest_size=16)
    for rows, dtype in (
        (orders, ORDER_ROW),
        (balances, BALANCE_ROW),
        (markets, MARKET_ROW),
        (tiers, np.dtype("<i8")),
    ):
        packed = np.ascontiguousarray(rows, dtype)
        state.update(len(packed).to_bytes(8, "little"))
        state.update(packed.tobytes())
    return state.hexdigest()
