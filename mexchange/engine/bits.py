"""What a machine does in few instructions if one asks for just that; plain Python without JIT."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

__all__ = ["ALL", "ONE", "lowest_bit", "millionth"]

ONE = np.uint64(1)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic
def _count_trailing_zeros(typing_context: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


def lowest_bit(word: Any) -> int:
    """Index of the lowest set bit of a non-zero uint64."""
    value = int(word)
    return (value & -value).bit_length() - 1


@overload(lowest_bit)
def _lowest_bit(word):  # type: ignore[no-untyped-def]
    return lambda word: _count_trailing_zeros(word)


def millionth(value: Any) -> int:
    """`value // 10 ** 6` of a number that is not negative, whose sign then needs no care."""
    return int(value) // 1_000_000


@overload(millionth)
def _millionth(value):  # type: ignore[no-untyped-def]
    return lambda value: np.int64(np.uint64(value) // np.uint64(1_000_000))
