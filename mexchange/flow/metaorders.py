"""Metaorders: large orders, worked as long runs of small ones of the same sign.

After Lillo, Mike & Farmer, "Theory for long memory in supply and demand", Physical Review E 71
(2005): a fixed number of metaorders are worked at the same time; each child order is of one of them
at random; one that is done is replaced by a new one of random sign, whose number of children N has
P(N ≥ n) = (n / shortest)^-length_exponent. The autocorrelation of signs then falls as
lag^-(length_exponent - 1): signs have long memory for exponents below 2.

What others learn from it moves the value, and the price follows if anybody trades or quotes around
the value. A metaorder that has traded a quantity Q so far has moved it in proportion to √Q, the
square-root law of impact (Tóth et al., "Anomalous price impact and the critical nature of liquidity
in financial markets", Physical Review X 1 (2011)); once it is done a third of that is lost, so that
nobody gains on average by knowing of it (Farmer, Gerig, Lillo & Waelbroeck, "How efficiency shapes
market impact", Quantitative Finance 13 (2013), for exponents of 1.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Any, ClassVar

from mexchange.engine.compiling import compiled
from mexchange.flow.base import Sized
from mexchange.flow.draws import below, pareto, uniform
from mexchange.flow.layout import BUY, SIZE, Flow, after, shown, size_of, take
from mexchange.strategy.parameters import Range

__all__ = ["Metaorders", "act"]

RATE, ACTIVE, LENGTH, SHORTEST, LONGEST, STAY, LAST, FUNDS, NEXT = 3, 4, 5, 6, 7, 8, 9, 10, 11
IMPACT, REVERSAL = 12, 13
WORDS = 4
"""Of a metaorder: its side, how many children are left, its account, the lots it wanted so far."""


@dataclass(frozen=True)
class Metaorders(Sized):
    """Funds that split what they want into children, and take no more than the best level with one.

    `rate` children are sent a second by all of the `active` metaorders. `length_exponent` is the
    tail of the number of children, between `shortest` and `longest`. A child is of the same
    metaorder as the one before with probability `stay`, else of one drawn from all. New metaorders
    take the accounts of `funds` in turn, which nobody else uses; so their children are known by
    their account. When a metaorder has traded Q lots, it has moved the value by `impact` ×
    √(Q / size) ticks; its last child takes a `reversal` of that back.
    """

    kind: ClassVar[int] = 2

    rate: Annotated[float, Range(above=0, high=1e7)] = 1.0
    active: Annotated[int, Range(1, 1000)] = 5
    length_exponent: Annotated[float, Range(above=0, high=10)] = 1.5
    shortest: Annotated[int, Range(1, 100_000)] = 2
    longest: Annotated[int, Range(1, 10_000_000)] = 5_000
    stay: Annotated[float, Range(0, below=1)] = 0.0
    funds: Annotated[int, Range(1, 10_000)] = 50
    impact: Annotated[float, Range(0, 1000)] = 0.0
    reversal: Annotated[float, Range(0, 1)] = 1 / 3

    def check(self) -> None:
        """The longest is not shorter than the shortest."""
        super().check()
        if self.longest < self.shortest:
            raise self.wrong(f"longest {self.longest} is below shortest {self.shortest}")

    @property
    def own_accounts(self) -> int:
        """Those of the funds."""
        return self.funds

    def columns(self) -> dict[int, float]:
        """Rate, number, lengths."""
        own = {
            RATE: self.rate, ACTIVE: float(self.active), LENGTH: self.length_exponent,
            SHORTEST: float(self.shortest), LONGEST: float(self.longest), STAY: self.stay,
            FUNDS: float(self.funds), IMPACT: self.impact, REVERSAL: self.reversal,
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
        worked[at + 2] = row["account"] + int(p[NEXT])
        worked[at + 3] = 0
        p[NEXT] = p[NEXT] + 1.0 if p[NEXT] + 1.0 < p[FUNDS] else 0.0
    side, account = worked[at], worked[at + 2]
    lots = min(size_of(f, i), shown(f, s, 1 - side))
    worked[at + 1] -= 1
    worked[at + 3] += lots
    _teach(f, i, side, lots, worked[at + 3], worked[at + 1] == 0)
    wrote = take(f, s, account, side, lots, False)
    row["a_ns"] = after(f, row, p[RATE])
    return bool(wrote)


@compiled
def _teach(f: Flow, i: int, side: int, lots: int, so_far: int, last: bool) -> None:
    """Move the value by what others learn from a child of so many lots."""
    learnt = sqrt(so_far / f.p[i, SIZE]) - sqrt((so_far - lots) / f.p[i, SIZE])
    if last:
        learnt -= f.p[i, REVERSAL] * sqrt(so_far / f.p[i, SIZE])
    learnt *= f.p[i, IMPACT]
    value = f.head[0]["value"] + (learnt if side == BUY else -learnt)
    f.head[0]["value"] = max(value, 1.0)
