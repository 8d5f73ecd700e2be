"""Metaorders: large orders, worked as long runs of small ones of the same sign.

After Lillo, Mike & Farmer, "Theory for long memory in supply and demand", Physical Review E 71
(2005): a fixed number of metaorders are worked at the same time; each child order is of one of them
at random; one that is done is replaced by a new one of random sign, whose number of children N has
P(N ≥ n) = (n / shortest)^-length_exponent. The autocorrelation of signs then falls as
lag^-(length_exponent - 1): signs have long memory for exponents below 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from mexchange.engine.compiling import compiled
from mexchange.flow.base import Sized
from mexchange.flow.draws import below, pareto, uniform
from mexchange.flow.layout import Flow, after, anybody, size_of, take
from mexchange.strategy.parameters import Range

__all__ = ["Metaorders", "act"]

RATE, ACTIVE, LENGTH, SHORTEST, LONGEST, STAY, LAST = 3, 4, 5, 6, 7, 8, 9
WORDS = 3
"""Of a metaorder: its side, how many children are left, its account."""


@dataclass(frozen=True)
class Metaorders(Sized):
    """Funds that split what they want into children, and take no more than the best level with one.

    `rate` children are sent a second by all of the `active` metaorders. `length_exponent` is the
    tail of the number of children, between `shortest` and `longest`. A child is of the same
    metaorder as the one before with probability `stay`, else of one drawn from all.
    """

    kind: ClassVar[int] = 2

    rate: Annotated[float, Range(above=0, high=1e7)] = 1.0
    active: Annotated[int, Range(1, 1000)] = 5
    length_exponent: Annotated[float, Range(above=0, high=10)] = 1.5
    shortest: Annotated[int, Range(1, 100_000)] = 2
    longest: Annotated[int, Range(1, 10_000_000)] = 5_000
    stay: Annotated[float, Range(0, below=1)] = 0.0

    def check(self) -> None:
        """The longest is not shorter than the shortest."""
        super().check()
        if self.longest < self.shortest:
            raise self.wrong(f"longest {self.longest} is below shortest {self.shortest}")

    def columns(self) -> dict[int, float]:
        """Rate, number, lengths."""
        own = {
            RATE: self.rate, ACTIVE: float(self.active), LENGTH: self.length_exponent,
            SHORTEST: float(self.shortest), LONGEST: float(self.longest), STAY: self.stay,
        }  # fmt: skip
        return {**super().columns(), **own}


@compiled
def act(f: Flow, s: Any, i: int) -> bool:
    """Send a child of one of the metaorders; set the next alarm."""
    p, row = f.p[i], f.rows[i]
    if uniform(row) >= p[STAY]:
        p[LAST] = float(below(row, int(p[ACTIVE])))
    worked = f.orders[row["list"]]
    at = WORDS * int(p[LAST])
    if worked[at + 1] == 0:
        length = p[SHORTEST] * pareto(row, p[LENGTH])
        worked[at] = below(row, 2)
        worked[at + 1] = int(min(length, p[LONGEST]))
        worked[at + 2] = anybody(f, row)
    worked[at + 1] -= 1
    wrote = take(f, s, worked[at + 2], worked[at], size_of(f, i), False)
    row["a_ns"] = after(f, row, p[RATE])
    return bool(wrote)
