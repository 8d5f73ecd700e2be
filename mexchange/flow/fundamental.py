"""Fundamental traders: they know a value, and trade when the price is away from it.

The value moves by news: at the times of a Poisson process it jumps up or down by an exponential
number of ticks, and between them it returns to the price at which the market opened, as an
Ornstein-Uhlenbeck process does, so slowly that within a day it is close to a random walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from mexchange.engine.compiling import compiled
from mexchange.flow.base import Sized
from mexchange.flow.draws import below, exponential, uniform
from mexchange.flow.layout import BUY, SELL, Flow, after, anybody, size_of, take
from mexchange.strategy.parameters import Range

__all__ = ["Fundamental", "act"]

RATE, MARGIN, FULL, NEWS, JUMP, REVERSION = 3, 4, 5, 6, 7, 8


@dataclass(frozen=True)
class Fundamental(Sized):
    """Traders around a value of their own.

    `news_rate` times a second the value jumps by an exponential number of ticks with mean `jump`,
    either way; `reversion` is the share of the way back to the opening price that it goes a second.
    When the best ask is more than `margin` ticks below the value they buy at it, when the best bid
    is more than that above it they sell: `rate` times a second at a distance of `full` ticks or
    more, proportionally less often nearer to the value, and no more than the best level.
    """

    kind: ClassVar[int] = 4

    rate: Annotated[float, Range(above=0, high=1e7)] = 1.0
    margin: Annotated[float, Range(-100, 10_000)] = 0.0
    full: Annotated[float, Range(above=0, high=10_000)] = 5.0
    news_rate: Annotated[float, Range(above=0, high=1e6)] = 0.5
    jump: Annotated[float, Range(0, 10_000)] = 0.5
    reversion: Annotated[float, Range(0, 1)] = 0.0001

    def columns(self) -> dict[int, float]:
        """Rates, margins, news."""
        own = {
            RATE: self.rate, MARGIN: self.margin, FULL: self.full,
            NEWS: self.news_rate, JUMP: self.jump, REVERSION: self.reversion / self.news_rate,
        }  # fmt: skip
        return {**super().columns(), **own}

    def alarms(self, start_ns: int) -> tuple[int, int]:
        """Both ring at once."""
        return start_ns, start_ns


@compiled
def _news(f: Flow, i: int) -> None:
    """Move the value. It reverts at the times of news, by as much as is due in the mean."""
    row, p, h = f.rows[i], f.p[i], f.head[0]
    jump = exponential(row) * p[JUMP]
    if below(row, 2) == 1:
        jump = -jump
    value = h["value"] + jump + (h["anchor"] - h["value"]) * p[REVERSION]
    h["value"] = max(value, 1.0)


@compiled
def _trade(f: Flow, s: Any, i: int) -> bool:
    """Buy what is cheap, sell what is dear."""
    row, p, h = f.rows[i], f.p[i], f.head[0]
    cheap, dear = h["value"] - h["ask"] - p[MARGIN], h["bid"] - h["value"] - p[MARGIN]
    side, away = (BUY, cheap) if cheap > dear else (SELL, dear)
    if away <= 0.0 or uniform(row) * p[FULL] >= away:
        return False
    return bool(take(f, s, anybody(f, row), side, size_of(f, i), False))


@compiled
def act(f: Flow, s: Any, i: int) -> bool:
    """News or a look at the price, whichever alarm rings."""
    row, p = f.rows[i], f.p[i]
    if row["a_ns"] <= row["b_ns"]:
        _news(f, i)
        row["a_ns"] = after(f, row, p[NEWS])
        return False
    wrote = _trade(f, s, i)
    row["b_ns"] = after(f, row, p[RATE])
    return bool(wrote)
