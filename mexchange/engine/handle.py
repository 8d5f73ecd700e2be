"""The state as the kernel sees it: one address, from which every array is reached.

A compiled function that took two dozen arrays would take two hundred arguments: slow to compile and
slow to call, from Python above all. So the state keeps a table with the address and shape of each of
its arrays, and compiled code is handed the address of that table. `as_state` turns it into a value
of its own Numba type whose attributes are the arrays; they are not reference counted, since the
`State` object outlives every call. With JIT off `as_state` hands back the object itself, and the
same source runs on it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, overload

__all__ = ["DIMENSIONS", "address_table", "as_state", "handle"]

COLUMNS = 4
"""Words an array has in the table: its address and up to three dimensions."""
DIMENSIONS: dict[str, tuple[np.dtype[Any], int]] = {}
"""Dtype and number of dimensions of each array, in the order of the table; filled by `layout`."""


class StateType(types.Type):  # type: ignore[misc]
    """The type of the state in compiled code."""

    def __init__(self) -> None:
        super().__init__(name="mexchange.engine.State")


STATE = StateType()


@register_default(StateType)
class _StateModel(models.PrimitiveModel):  # type: ignore[misc]
    """The address of the table, in one machine word."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64))


def _array_type(name: str) -> Any:
    dtype, dimensions = DIMENSIONS[name]
    return types.Array(numba.from_dtype(dtype), dimensions, "C")


@infer_getattr
class _StateAttributes(AttributeTemplate):  # type: ignore[misc]
    key = StateType

    def generic_resolve(self, kind: Any, name: str) -> Any:
        return _array_type(name) if name in DIMENSIONS else None


@lower_getattr_generic(StateType)  # type: ignore[untyped-decorator]
def _array_of(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """The array `name`, read from its row of the table."""
    word = ir.IntType(64)
    row = list(DIMENSIONS).index(name) * COLUMNS
    table = builder.inttoptr(value, word.as_pointer())

    def read(column: int) -> Any:
        place = builder.gep(table, [ir.Constant(word, row + column)])
        loaded = builder.load(place)
        # The table never changes during a call, so one load serves a whole function.
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    array_type = _array_type(name)
    array = context.make_array(array_type)(context, builder)
    data = builder.inttoptr(read(0), array.data.type)
    itemsize = ir.Constant(word, DIMENSIONS[name][0].itemsize)
    shape = [read(1 + axis) for axis in range(array_type.ndim)]
    strides: list[Any] = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    items = shape[0]
    for length in shape[1:]:
        items = builder.mul(items, length)
    array.data, array.itemsize, array.nitems = data, itemsize, items
    array.shape = cgutils.pack_array(builder, shape)
    array.strides = cgutils.pack_array(builder, strides)
    array.meminfo = ir.Constant(array.meminfo.type, None)
    array.parent = ir.Constant(array.parent.type, None)
    return array._getvalue()


@intrinsic  # type: ignore[untyped-decorator]
def _state_at(typing_context: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return args[0]

    return STATE(types.int64), codegen


def as_state(handle: Any) -> Any:
    """The state behind a handle."""
    return handle


@overload(as_state)  # type: ignore[untyped-decorator]
def _as_state(handle):  # type: ignore[no-untyped-def]
    return lambda handle: _state_at(handle)


def address_table(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """Address and shape of each array, in the order of `DIMENSIONS`."""
    table = np.zeros((len(arrays), COLUMNS), np.int64)
    for row, array, (name, (dtype, dimensions)) in zip(
        table, arrays, DIMENSIONS.items(), strict=True
    ):
        assert array.dtype == dtype and array.ndim == dimensions, f"{name} has another shape"
        assert array.flags.c_contiguous and array.flags.aligned, f"{name} is not contiguous"
        row[0] = array.ctypes.data
        row[1 : 1 + dimensions] = array.shape
    return table


def handle(state: Any) -> Any:
    """What compiled functions are given for a state: its address; with JIT off the state itself."""
    return state if numba.config.DISABLE_JIT else state.address


