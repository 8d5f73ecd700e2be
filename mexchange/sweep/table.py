"""What comes of a sweep: one frame, and the mean of its cells with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any

import polars as pl

from mexchange.sweep.job import Failure, Row

__all__ = ["Sweep", "frame_of", "student_t"]


@dataclass(frozen=True)
class Sweep:
    """What came of a sweep.

    `frame` has one row a run and agent: `run` (its identity), the parameters, `seed`, the figures
    of the run (`digest`, `events`, `trades` …), `agent`, and the agent's figures (`pnl`, `fills`
    …), as `Result.summary` gives them. `parameters` are the names of the columns that make a cell,
    `failures` the runs that gave no result, `resumed` how many of the runs had been played before.
    """

    frame: pl.DataFrame
    parameters: tuple[str, ...]
    failures: tuple[Failure, ...]
    resumed: int

    @property
    def runs(self) -> int:
        """How many runs gave a result."""
        return 0 if self.frame.is_empty() else self.frame["run"].n_unique()

    def cells(self, *figures: str, confidence: float = 0.95) -> pl.DataFrame:
        """One row a cell and agent: `runs`, and of each figure (default: pnl) mean and interval.

        Columns `<figure>`, `<figure>_low`, `<figure>_high`. The interval is Student's, of the mean
        over the seeds, which are independent runs; null with fewer than two of them.

        Raises ValueError for a figure that the frame does not have as a number.
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence {confidence!r} is not between 0 and 1")
        wanted = figures or ("pnl",)
        if self.frame.is_empty():
            return pl.DataFrame()
        numbers = [
            name
            for name, kind in self.frame.schema.items()
            if (kind.is_numeric() or kind == pl.Null) and name not in {*self.parameters, "seed"}
        ]
        for figure in wanted:
            if figure not in numbers:
                raise ValueError(f"no figure {figure!r}; there are: {', '.join(numbers)}")
        keys = [*self.parameters, "agent"]
        most = int(self.frame.group_by(keys).len()["len"].max())  # type: ignore[arg-type]
        quantiles = {n: student_t((1 + confidence) / 2, n - 1) for n in range(2, most + 1)}
        columns = []
        for figure in wanted:
            value = pl.col(figure).cast(pl.Float64)
            n = value.count()
            factor = n.replace_strict(quantiles, default=None, return_dtype=pl.Float64)
            half = factor * value.std() / n.sqrt()
            mean = value.mean()
            columns += [
                mean.alias(figure),
                (mean - half).alias(f"{figure}_low"),
                (mean + half).alias(f"{figure}_high"),
            ]
        return self.frame.group_by(keys, maintain_order=True).agg(pl.len().alias("runs"), *columns)


def frame_of(
    rows: Sequence[Row], parameters: Mapping[str, Any], seed: int, run: str
) -> pl.DataFrame:
    """The part of the frame that one run gives. A figure named like a parameter gets `agent_`."""
    own = {"run": run, **{name: _plain(value) for name, value in parameters.items()}, "seed": seed}
    named = [
        own | {f"agent_{name}" if name in own else name: value for name, value in row.items()}
        for row in rows
    ]
    return pl.DataFrame(named, infer_schema_length=None)


def _plain(value: Any) -> Any:
    """A parameter as a column can hold it: exact numbers become floats, for people to plot."""
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def student_t(p: float, freedom: int) -> float:
    """The quantile of Student's distribution, to six digits, for 0.5 < p < 1.

    Hill, G. W. (1970): Algorithm 396: Student's t-quantiles. Communications of the ACM 13 (10).

    >>> [round(student_t(0.975, freedom), 3) for freedom in (1, 2, 4, 19)]
    [12.706, 4.303, 2.776, 2.093]
    """
    n = freedom
    both = 2 * (1 - p)
    if n == 1:
        return 1 / math.tan(both * math.pi / 2)
    if n == 2:
        return math.sqrt(2 / (both * (2 - both)) - 2)
    a = 1 / (n - 0.5)
    b = 48 / (a * a)
    c = ((20_700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * both) ** (2 / n)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(both / 2)
        y = x * x
        if n < 5:
            c += 0.3 * (n - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y * y)
    else:
        y = (
            (1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1
        ) * (n + 1) / (n + 2) + 1 / y
    return math.sqrt(n * y)
