"""Where a sweep keeps what has been played: one Parquet file a run, written as it comes.

A file is there as a whole or not at all, so a sweep may be killed at any moment. Its name is the
identity of the run, so another grid or more seeds in the same folder find what is there already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mexchange.sweep.job import Failure

__all__ = ["Store"]


class Store:
    """The folder of a sweep: `parts/<run>.parquet`, and at the end `results.parquet`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / "parts"
        self._parts.mkdir(parents=True, exist_ok=True)

    def part(self, run: str) -> pl.DataFrame | None:
        """What a run gave, if it has been played."""
        path = self._parts / f"{run}.parquet"
        try:
            return pl.read_parquet(path)
        except FileNotFoundError:
            return None
        except (pl.exceptions.PolarsError, OSError):
            return None  # Damaged by something else than us; it is played again.

    def keep(self, run: str, part: pl.DataFrame) -> None:
        """Write what a run gave."""
        path = self._parts / f"{run}.parquet"
        written = path.with_suffix(".tmp")
        part.write_parquet(written)
        written.replace(path)

    def describe(self, what: dict[str, Any]) -> None:
        """Write what is swept, for people, beside its parts."""
        self._write("sweep.json", what)

    def conclude(self, frame: pl.DataFrame, failures: Sequence[Failure]) -> None:
        """Write the whole frame, and what failed."""
        if not frame.is_empty():
            frame.write_parquet(self.folder / "results.parquet")
        listed = [
            {
                "parameters": dict(failure.parameters),
                "seed": failure.seed,
                "error": failure.error,
                "traceback": failure.traceback,
            }
            for failure in failures
        ]
        self._write("failures.json", listed)

    def _write(self, name: str, value: Any) -> None:
        text = json.dumps(value, indent=2, default=str)
        (self.folder / name).write_text(text + "\n", encoding="utf-8")
