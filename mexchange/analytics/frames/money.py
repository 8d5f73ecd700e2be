"""Frames of money: postings, and positions after each event that moved them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.analytics.frames.columns import named
from mexchange.ledger import Bucket, Cause

if TYPE_CHECKING:
    from mexchange.analytics.frames.columns import Names, Units
    from mexchange.ledger import Postings

__all__ = ["POSITION", "ledger_frame", "position_frame", "position_rows"]

BUCKETS = tuple(bucket.name.lower() for bucket in Bucket)
CAUSES = tuple(cause.name.lower() for cause in Cause)

POSITION = np.dtype(
    [
        ("sequence", "<i8"),
        ("time_ns", "<i8"),
        ("account", "<i8"),
        ("asset", "<i8"),
        ("available", "<i8"),
        ("held", "<i8"),
    ]
)


def ledger_frame(entries: Postings, names: Names) -> pl.DataFrame:
    """The postings with names for numbers."""
    return pl.DataFrame(
        {
            "sequence": entries["sequence"],
            "time_ns": entries["time_ns"],
            "account": entries["account"],
            "asset": names.of_assets(entries["asset"]),
            "bucket": named(entries["bucket"], BUCKETS),
            "amount_atoms": entries["amount"],
            "kind": named(entries["cause"], CAUSES),
        }
    )


def position_rows(entries: Postings) -> npt.NDArray[np.void]:
    """What accounts had of assets after each event that moved it: `POSITION`, in atoms.

    By account, asset and sequence.
    """
    inside = entries[entries["bucket"] != Bucket.EXTERNAL]
    key = inside["account"].astype(np.int64) << 16 | inside["asset"]
    order = np.argsort(key, kind="stable")
    inside, key = inside[order], key[order]
    if not len(key):
        return np.empty(0, POSITION)
    begins = np.diff(key, prepend=-1) != 0
    ends = np.append(begins[1:] | (np.diff(inside["sequence"]) != 0), True)
    rows = np.empty(int(ends.sum()), POSITION)
    for name in ("sequence", "time_ns", "account", "asset"):
        rows[name] = inside[name][ends]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(key)), 0))[ends]
    for name, bucket in (("available", Bucket.AVAILABLE), ("held", Bucket.HELD)):
        moved = np.where(inside["bucket"] == bucket, inside["amount"], 0)
        # The sum may wrap around, and then does so again in the difference.
        total = np.cumsum(moved)
        rows[name] = total[ends] - (total - moved)[first]
    return rows


def position_frame(rows: npt.NDArray[np.void], names: Names, units: Units) -> pl.DataFrame:
    """Positions by sequence, in units of the asset and in atoms."""
    rows = rows[np.argsort(rows["sequence"], kind="stable")]
    asset, total = rows["asset"], rows["available"] + rows["held"]
    return pl.DataFrame(
        {
            "sequence": rows["sequence"],
            "time_ns": rows["time_ns"],
            "account": rows["account"].astype(np.uint32),
            "agent": names.of_agents(rows["account"]),
            "asset": names.of_assets(asset),
            "available": units.amounts(rows["available"], asset),
            "held": units.amounts(rows["held"], asset),
            "total": units.amounts(total, asset),
            "available_atoms": rows["available"],
            "held_atoms": rows["held"],
            "total_atoms": total,
        }
    )
