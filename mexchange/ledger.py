"""Double entry: every event as postings that sum to zero, so that money can be followed.

A posting moves an amount of one asset on one account in one bucket: what is *available*, what is
*held* by open orders, or *external*, which is the world that deposits come from and withdrawals go
to. The postings of an event sum to zero for each asset. Summed over time, those that are not
external give the balances of the engine to the atom, and the external ones what is in it in all.

Nothing but the events is needed, since they say what was held, released, traded and charged.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mexchange.digest import BALANCE_ROW
from mexchange.records import EventKind, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.markets import Asset, Market
    from mexchange.records import Events

__all__ = ["POSTING", "Bucket", "Cause", "Postings", "assets_of", "balances", "check", "postings"]

HOUSE = 0


class Bucket(IntEnum):
    """Where an amount is."""

    AVAILABLE = 0
    HELD = 1
    EXTERNAL = 2


class Cause(IntEnum):
    """Why an amount moves. Also the order of the postings of one event."""

    DEPOSIT = 0
    WITHDRAWAL = 1
    TRADE = 2
    FEE = 3
    HOLD = 4
    """Also the release of what was held: the sign tells."""


POSTING = np.dtype(
    [
        ("sequence", "<i8"),
        ("time_ns", "<i8"),
        ("amount", "<i8"),
        ("account", "<u4"),
        ("asset", "<u2"),
        ("bucket", "u1"),
        ("cause", "u1"),
    ]
)
"""One side of a movement, in atoms of its asset; `sequence` and `time_ns` are the event's."""

Postings = npt.NDArray[np.void]
"""A one-dimensional array of dtype `POSTING`, by sequence."""
Ints = npt.NDArray[np.int64]


def assets_of(markets: Sequence[Market]) -> tuple[Asset, ...]:
    """The assets by number, as an engine for these markets numbers them: base before quote."""
    found = (asset for market in markets for asset in (market.base, market.quote))
    return tuple(dict.fromkeys(found))


def postings(events: Events, markets: Sequence[Market], *, holds: bool = True) -> Postings:
    """All postings of the events (any number, in order), none of them zero.

    Without `holds` those are left out, which move what is available to what is held or back, and so
    change nothing of what anybody has in all.

    `markets` are those of the engine that made the events. Takes about 12 postings for a trade
    between two resting limits' owners, two for an order that rests.
    """
    parts = [*_transfers(events), *_trades(events, markets)]
    if holds:
        parts += _holds(events, markets)
    joined: Postings = np.concatenate(parts) if parts else np.empty(0, POSTING)
    moving = np.flatnonzero(joined["amount"])
    return joined[moving[np.argsort(joined["sequence"][moving], kind="stable")]]


def balances(entries: Postings) -> npt.NDArray[np.void]:
    """What the postings sum up to as `BALANCE_ROW`, by account and asset, without empty ones.

    From all events of an engine these are its own `balance_rows()`; from some, the changes.
    """
    inside = entries[entries["bucket"] != Bucket.EXTERNAL]
    keys = inside["account"].astype(np.int64) << 16 | inside["asset"]
    found, place = np.unique(keys, return_inverse=True)
    rows = np.zeros(len(found), BALANCE_ROW)
    rows["account"], rows["asset"] = found >> 16, found & 0xFFFF
    for name, bucket in (("available", Bucket.AVAILABLE), ("held", Bucket.HELD)):
        chosen = inside["bucket"] == bucket
        np.add.at(rows[name], place[chosen], inside["amount"][chosen])
    owned: npt.NDArray[np.bool_] = (rows["available"] != 0) | (rows["held"] != 0)
    return rows[owned]


def check(entries: Postings) -> None:
    """Raise AssertionError, naming the first event, if any does not sum to zero in each asset."""
    if not len(entries):
        return
    sequence, width = entries["sequence"], int(entries["asset"].max()) + 1
    event = np.cumsum(np.diff(sequence, prepend=sequence[0]) != 0)
    sums = np.zeros((int(event[-1]) + 1) * width, np.int64)
    np.add.at(sums, event * width + entries["asset"], entries["amount"])
    wrong = np.flatnonzero(sums)
    if wrong.size:
        number, asset = divmod(int(wrong[0]), width)
        raise AssertionError(
            f"event {sequence[np.searchsorted(event, number)]} creates {sums[wrong[0]]} atoms of "
            f"asset {asset} out of nothing"
        )


def _entries(
    events: Events, cause: Cause, bucket: Bucket, account: Any, asset: Any, amount: Ints
) -> Postings:
    """One posting for each of the events; scalars stand for all of them."""
    rows = np.empty(len(events), POSTING)
    rows["sequence"], rows["time_ns"] = events["sequence"], events["time_ns"]
    rows["account"], rows["asset"], rows["amount"] = account, asset, amount
    rows["bucket"], rows["cause"] = bucket, cause
    return rows


def _transfers(events: Events) -> list[Postings]:
    """Deposits and withdrawals: from outside to what is available, or back."""
    parts = []
    for kind, cause, sign in (
        (EventKind.DEPOSITED, Cause.DEPOSIT, 1),
        (EventKind.WITHDRAWN, Cause.WITHDRAWAL, -1),
    ):
        moved = events[events["kind"] == kind]
        account, asset, amount = moved["account"], moved["asset"], sign * moved["quantity"]
        parts.append(_entries(moved, cause, Bucket.AVAILABLE, account, asset, amount))
        parts.append(_entries(moved, cause, Bucket.EXTERNAL, account, asset, -amount))
    return parts


def _trades(events: Events, markets: Sequence[Market]) -> list[Postings]:
    """Base one way, quote the other, and both fees to the house, all in what is available."""
    traded = events[events["kind"] == EventKind.TRADE]
    base, quote = (column[traded["market"]] for column in _asset_numbers(markets))
    per_lot = np.array([market.base_per_lot for market in markets], np.int64)
    per_lot_tick = np.array([market.quote_per_lot_tick for market in markets], np.int64)
    lots = np.where(traded["side"] == Side.BUY, traded["quantity"], -traded["quantity"])
    bought = lots * per_lot[traded["market"]]
    paid = lots * traded["price"] * per_lot_tick[traded["market"]]
    taker, maker = traded["account"], traded["maker_account"]

    def entry(cause: Cause, account: Any, asset: Ints, amount: Ints) -> Postings:
        return _entries(traded, cause, Bucket.AVAILABLE, account, asset, amount)

    return [
        entry(Cause.TRADE, taker, base, bought),
        entry(Cause.TRADE, maker, base, -bought),
        entry(Cause.TRADE, taker, quote, -paid),
        entry(Cause.TRADE, maker, quote, paid),
        entry(Cause.FEE, taker, quote, -traded["fee"]),
        entry(Cause.FEE, HOUSE, quote, traded["fee"]),
        entry(Cause.FEE, maker, quote, -traded["maker_fee"]),
        entry(Cause.FEE, HOUSE, quote, traded["maker_fee"]),
    ]


def _holds(events: Events, markets: Sequence[Market]) -> list[Postings]:
    """What orders hold or release: quote for a buy, base for a sell."""
    base, quote = _asset_numbers(markets)
    parts = []
    for account, hold, buys in (
        ("account", "hold", Side.BUY),
        ("maker_account", "maker_hold", Side.SELL),
    ):
        moved = events[events[hold] != 0]
        asset = np.where(
            moved["side"] == buys, quote[moved["market"]], base[moved["market"]]
        )  # The maker's side is the other one, so of a selling taker the maker is the buyer.
        for bucket, sign in ((Bucket.AVAILABLE, -1), (Bucket.HELD, 1)):
            amount = sign * moved[hold]
            parts.append(_entries(moved, Cause.HOLD, bucket, moved[account], asset, amount))
    return parts


def _asset_numbers(markets: Sequence[Market]) -> tuple[Ints, Ints]:
    """The numbers of base and quote of each market."""
    number = {asset: place for place, asset in enumerate(assets_of(markets))}
    base = np.array([number[market.base] for market in markets], np.int64)
    quote = np.array([number[market.quote] for market in markets], np.int64)
    return base, quote
