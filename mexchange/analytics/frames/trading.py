"""Frames of what happened: events as they are, trades and fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.frames.columns import Names, Units, labels, named
from mexchange.records import (
    EventKind,
    OrderType,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
)

if TYPE_CHECKING:
    from mexchange.records import Events

__all__ = ["ABOUT_ACCOUNTS", "ROLES", "event_frame", "fill_frame", "spelled", "trade_frame"]

ROLES = ("maker", "taker")

ABOUT_ACCOUNTS = (
    EventKind.DEPOSITED,
    EventKind.WITHDRAWN,
    EventKind.ACCOUNT_OPENED,
    EventKind.TIER_SET,
)
_ABOUT_MONEY = (EventKind.DEPOSITED, EventKind.WITHDRAWN, EventKind.REJECTED)


def event_frame(events: Events, names: Names) -> pl.DataFrame:
    """Every field of the events, in ticks, lots and atoms, with names for numbers.

    What an event has no use for is null: a deposit has no market and no side, a trade no asset.
    """
    orders = ~np.isin(events["kind"], ABOUT_ACCOUNTS)
    replaced = {
        "market": names.of_markets(events["market"], orders),
        "asset": names.of_assets(events["asset"], np.isin(events["kind"], _ABOUT_MONEY)),
        "kind": named(events["kind"], labels(EventKind)),
        "reason": named(events["reason"], labels(Reason)),
        **spelled(events, orders),
        "self_trade": named(events["self_trade"], labels(SelfTrade), orders),
    }
    fields = [name for name in events.dtype.names or () if not name.startswith("pad")]
    return pl.DataFrame(
        {name: replaced.get(name, np.ascontiguousarray(events[name])) for name in fields}
    )


def spelled(events: Events, known: Any = None) -> dict[str, pl.Series]:
    """Side, type and time in force by name."""
    return {
        "side": named(events["side"], labels(Side), known),
        "type": named(events["type"], labels(OrderType), known),
        "time_in_force": named(events["time_in_force"], labels(TimeInForce), known),
    }


def trade_frame(events: Events, names: Names, units: Units) -> pl.DataFrame:
    """One row a trade."""
    traded = events[events["kind"] == EventKind.TRADE]
    market = traded["market"]
    return pl.DataFrame(
        {
            "sequence": traded["sequence"],
            "time_ns": traded["time_ns"],
            "market": names.of_markets(market),
            "price": units.prices(traded["price"], market),
            "quantity": units.quantities(traded["quantity"], market),
            "aggressor": named(traded["side"], labels(Side)),
            "maker_order_id": traded["maker_order_id"],
            "taker_order_id": traded["order_id"],
            "maker_account": traded["maker_account"],
            "taker_account": traded["account"],
        }
    )


def fill_frame(events: Events, names: Names, units: Units) -> pl.DataFrame:
    """Two rows a trade: its maker's, then its taker's."""
    traded = events[events["kind"] == EventKind.TRADE]

    def both(maker: Any, taker: Any) -> Any:
        return np.stack([maker, taker], axis=1).reshape(-1)

    def twice(name: str) -> Any:
        return np.repeat(traded[name], 2)

    market, account = twice("market"), both(traded["maker_account"], traded["account"])
    fee = both(traded["maker_fee"], traded["fee"])
    return pl.DataFrame(
        {
            "sequence": twice("sequence"),
            "time_ns": twice("time_ns"),
            "market": names.of_markets(market),
            "account": account,
            "agent": names.of_agents(account),
            "order_id": both(traded["maker_order_id"], traded["order_id"]),
            "side": named(both(1 - traded["side"], traded["side"]), labels(Side)),
            "role": named(np.tile([0, 1], len(traded)), ROLES),
            "price": units.prices(twice("price"), market),
            "quantity": units.quantities(twice("quantity"), market),
            "fee": units.amounts(fee, units.quote[market]),
            "fee_atoms": fee,
        }
    )
