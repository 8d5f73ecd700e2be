"""Frames written to Parquet one after another into one file, in bounded memory."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["save_frames"]


def save_frames(frames: Iterable[pl.DataFrame], path: Path) -> None:
    """Write frames of equal columns, at least one, as one file. Raises OSError if that fails."""
    rest = iter(frames)
    first = next(rest)

    def source(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,  # noqa: ARG001 - Nobody asks for fewer.
        batch_size: int | None,  # noqa: ARG001
    ) -> Iterator[pl.DataFrame]:
        for frame in chain([first], rest):
            part = frame if with_columns is None else frame.select(with_columns)
            yield part if predicate is None else part.filter(predicate)

    register_io_source(source, schema=first.schema).sink_parquet(path)
