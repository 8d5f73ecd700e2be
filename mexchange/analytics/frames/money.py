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

__all__ = ["POSITION", "Positions", "ledger_frame", "position_frame", "position_rows"]

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
    return Positions().add(entries)


class Positions:
    """What accounts have of assets, from postings in pieces."""

    def __init__(self) -> None:
        self._keys = np.empty(0, np.int64)
        self._had = np.empty((2, 0), np.int64)

    def add(self, entries: Postings) -> npt.NDArray[np.void]:
        """What the next postings made of it, as `position_rows` says."""
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
        had = self._admit(key[begins])
        group = np.cumsum(begins) - 1
        first = np.flatnonzero(begins)[group[ends]]
        last = np.append(np.flatnonzero(begins)[1:], len(key)) - 1
        for place, (name, bucket) in enumerate(
            (("available", Bucket.AVAILABLE), ("held", Bucket.HELD))
        ):
            moved = np.where(inside["bucket"] == bucket, inside["amount"], 0)
            # The sum may wrap around, and then does so again in the difference.
            total = np.cumsum(moved)
            rows[name] = total[ends] - (total - moved)[first] + self._had[place][had][group[ends]]
            self._had[place][had] = rows[name][np.searchsorted(np.flatnonzero(ends), last)]
        return rows

    def _admit(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where these keys (ascending) are among all, after making room for new ones."""
        every = np.union1d(self._keys, keys)
        if len(every) > len(self._keys):
            had = np.zeros((2, len(every)), np.int64)
            had[:, np.searchsorted(every, self._keys)] = self._had
            self._keys, self._had = every, had
        return np.searchsorted(every, keys)


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
