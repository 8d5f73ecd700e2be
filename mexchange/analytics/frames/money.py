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
        places = np.flatnonzero(entries["bucket"] != Bucket.EXTERNAL)
        if not len(places):
            return np.empty(0, POSITION)
        key = entries["account"][places].astype(np.int64) << 16 | entries["asset"][places]
        order = np.argsort(key, kind="stable")
        places, key = places[order], key[order]
        sequence, amount = entries["sequence"][places], entries["amount"][places]
        bucket = entries["bucket"][places]
        begins = np.diff(key, prepend=-1) != 0
        ends = np.append(begins[1:] | (np.diff(sequence) != 0), True)
        first, last = np.flatnonzero(begins), np.flatnonzero(np.append(begins[1:], True))
        group = (np.cumsum(begins) - 1)[ends]
        rows = np.empty(len(group), POSITION)
        rows["sequence"], rows["time_ns"] = sequence[ends], entries["time_ns"][places[ends]]
        rows["account"], rows["asset"] = key[ends] >> 16, key[ends] & 0xFFFF
        had = self._admit(key[begins])
        of_last = np.searchsorted(np.flatnonzero(ends), last)
        for own, name, kind in zip(self._had, BUCKETS[:2], Bucket, strict=False):
            moved = np.where(bucket == kind, amount, 0)
            # The sum may wrap around, and then does so again in the difference.
            total = np.cumsum(moved)
            before = own[had] - (total - moved)[first]
            rows[name] = total[ends] + before[group]
            own[had] = rows[name][of_last]
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
