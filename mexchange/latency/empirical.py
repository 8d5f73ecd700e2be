"""Delays as they were measured, from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mexchange.clock import UNITS
from mexchange.latency.models import QUANTILES, Tabled

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EmpiricalLatency"]

COLUMNS = {f"delay_{unit}": UNITS[unit] for unit in ("ns", "us", "ms", "s")}
LONGEST_NS = 3_600 * UNITS["s"]


@dataclass(frozen=True)
class EmpiricalLatency(Tabled):
    """Delays that are distributed as those in a file.

    `there` and `back` (default: the same) are CSV files with a header, or Parquet files. One column
    is `delay_ns`, `delay_us`, `delay_ms` or `delay_s`: a measured delay in each row. With a column
    `quantile` beside it, ascending within 0 … 1, a row is a quantile of the distribution, and what
    is between two rows is interpolated.

    The draws are independent; `Bursts` correlates them. Raises ValueError, naming the file, for one
    that cannot be read, has no such column or no rows, and for a delay that is no number, less than
    1 ns or more than an hour.
    """

    there: str | Path
    back: str | Path | None = None
    _tables: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        there = _table(Path(self.there))
        tables = there, there if self.back is None else _table(Path(self.back))
        object.__setattr__(self, "_tables", tables)


def _table(path: Path) -> npt.NDArray[np.int64]:
    """Equally likely delays of a file, ascending."""
    frame = _read(path)
    named = [name for name in frame.columns if name in COLUMNS]
    if len(named) != 1:
        wanted = ", ".join(COLUMNS)
        raise ValueError(f"{path}: needs one column {wanted}; it has {', '.join(frame.columns)}")
    if frame.is_empty():
        raise ValueError(f"{path}: has no rows")
    delays = _numbers(path, frame[named[0]]) * COLUMNS[named[0]]
    wrong = np.flatnonzero(~((delays >= 1) & (delays <= LONGEST_NS)))
    if len(wrong):
        shown = frame[named[0]][int(wrong[0])]
        raise ValueError(
            f"{path}: row {wrong[0] + 1}: {named[0]} {shown} is not between 1 ns and an hour"
        )
    if "quantile" in frame.columns:
        return _between(path, _numbers(path, frame["quantile"]), delays)
    return np.sort(np.rint(delays).astype(np.int64))


def _between(
    path: Path, quantiles: npt.NDArray[np.float64], delays: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Equally likely delays of a distribution of which some quantiles are known."""
    rising = (np.diff(quantiles) > 0).all() and (np.diff(delays) >= 0).all()
    if not rising or quantiles[0] < 0 or quantiles[-1] > 1:
        raise ValueError(f"{path}: quantiles and delays must ascend, quantiles within 0 … 1")
    middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.rint(np.interp(middles, quantiles, delays)).astype(np.int64)


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    if path.suffix not in {".csv", ".parquet"}:
        raise ValueError(f"{path}: a file of latencies ends in .csv or .parquet")
    try:
        return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: is not a {path.suffix[1:]} file with a header: {reason}"
        ) from None


def _numbers(path: Path, column: pl.Series) -> npt.NDArray[np.float64]:
    if not column.dtype.is_numeric() or column.null_count():
        raise ValueError(f"{path}: not every {column.name} is a number")
    return column.to_numpy().astype(np.float64)
