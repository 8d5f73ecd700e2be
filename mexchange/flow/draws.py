"""Chance for compiled code: whole numbers from xoshiro128++, the rest from + - * / alone.

Every ingredient has a generator of its own (Blackman & Vigna 2018), whose four words of 32 bits
stand in 64-bit ones, so that the same lines run without JIT, where NumPy would complain of every
overflow. `log` and `exp` of a machine's library may differ in their last bit from another's: here
they are tables, rounded to 40 bits, and a few additions and multiplications, which IEEE 754 defines
to the bit. So the same seed gives the same flow everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mexchange.engine.compiling import compiled, inlined

__all__ = ["below", "exp", "exponential", "pareto", "quantised", "uniform"]

WORD = 0xFFFFFFFF
FRACTION = 1.0 / (1 << 32)
STEPS = 1024
LN2 = 0.6931471805599453
LOG2E = 1.4426950408889634


def quantised(value: float) -> float:
    """`value` rounded to a multiple of 2^-40: whatever differs in a last bit is gone."""
    return round(value * (1 << 40)) / (1 << 40)


_LOGS = np.array([quantised(-math.log(0.5 + i / (2 * STEPS))) for i in range(STEPS + 1)])
_ROOTS = np.array([quantised(2 ** (i / 64)) for i in range(64)])
_POWERS = np.array([2.0**k for k in range(-64, 65)])
_LN2 = quantised(LN2)


@inlined
def _rotated(word: int, by: int) -> int:
    return ((word << by) | (word >> (32 - by))) & WORD


@compiled
def draw(r: Any) -> int:
    """The next 32 random bits of a row's generator."""
    s0, s1, s2, s3 = r["s0"], r["s1"], r["s2"], r["s3"]
    result = (_rotated((s0 + s3) & WORD, 7) + s0) & WORD
    s2 ^= s0
    s3 ^= s1
    r["s0"] = s0 ^ s3
    r["s2"] = s2 ^ ((s1 << 9) & WORD)
    r["s1"] = s1 ^ s2
    r["s3"] = _rotated(s3, 11)
    return int(result)


@inlined
def uniform(r: Any) -> float:
    """A number in (0, 1)."""
    return (draw(r) + 0.5) * FRACTION


@inlined
def below(r: Any, bound: int) -> int:
    """A whole number in 0 … bound - 1, for bounds below 2^31."""
    return (draw(r) * bound) >> 32


@compiled
def exponential(r: Any) -> float:
    """An exponential number of mean 1, at most 22.9."""
    word = 2 * draw(r) + 1
    halvings = 0
    while word >> 32 == 0:
        word <<= 1
        halvings += 1
    i = (word >> 22) & (STEPS - 1)
    part = (word & ((1 << 22) - 1)) * (1.0 / (1 << 22))
    return halvings * _LN2 + (_LOGS[i] + (_LOGS[i + 1] - _LOGS[i]) * part)


@compiled
def exp(x: float) -> float:
    """e^x to about nine digits; clipped beyond 2^±64."""
    y = x * LOG2E
    k = int(y)
    if k > y:
        k -= 1
    if k < -64:
        return 0.0
    if k > 63:
        return float(_POWERS[128])
    rest = y - k
    j = int(rest * 64)
    g = (rest - j * (1.0 / 64)) * LN2
    curve = 1.0 + g * (1.0 + g * (0.5 + g * (1.0 / 6 + g * (1.0 / 24))))
    return float(_ROOTS[j] * curve * _POWERS[k + 64])


@inlined
def pareto(r: Any, exponent: float) -> float:
    """A number x ≥ 1 with P(x > t) = t^-exponent."""
    return exp(exponential(r) / exponent)
