"""What trading made of holdings, fill by fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mexchange.records import Side

if TYPE_CHECKING:
    from mexchange.analytics.frames.columns import Names, Units
    from mexchange.records import Events

__all__ = ["inventory_frame"]


def inventory_frame(traded: Events, names: Names, units: Units) -> pl.DataFrame:
    """After each fill, what its account has bought less what it has sold of the market's base.

    By account, market and sequence.
    """
    lots = np.where(traded["side"] == Side.BUY, traded["quantity"], -traded["quantity"])
    account = np.concatenate([traded["maker_account"], traded["account"]])
    market, sequence = (np.tile(traded[name], 2) for name in ("market", "sequence"))
    order = np.lexsort((sequence, market, account))
    signed = np.concatenate([-lots, lots])[order]
    account, market = account[order], market[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (account[1:] != account[:-1]) | (market[1:] != market[:-1])
    total = np.cumsum(signed)
    before = (total - signed)[begins]
    held = total - before[np.cumsum(begins) - 1] if len(order) else total
    return pl.DataFrame(
        {
            "sequence": sequence[order],
            "time_ns": np.tile(traded["time_ns"], 2)[order],
            "account": account,
            "agent": names.of_agents(account),
            "market": names.of_markets(market),
            "inventory": units.quantities(held, market),
            "inventory_lots": held,
        }
    )
