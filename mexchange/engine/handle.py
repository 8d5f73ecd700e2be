"""The state as the kernel sees it: one address, from which every array is reached.

A compiled function that took two dozen arrays would take two hundred arguments: slow to compile and
slow to call, from Python above all. So the state keeps a table with the address and shape of each
of its arrays, and compiled code is handed the address of that table. `as_state` turns it into a
value of a Numba type of its own, and from there on everything is an address:

- `s.orders` is a *table*: indexed with integers it gives a row or a number, and it has a `shape`;
- `s.orders[slot]` is a *row*: indexed with the name of a field it gives or takes a number.

That is all of an array that the kernel uses, and it compiles to a few instructions where Numba's
own arrays carry their whole description about. Numbers of any width are read as 64-bit ones, so
that there is one version of every function. Each field is marked as memory of its own for LLVM's
alias analysis, which then knows that writing an event does not change an order. Indices are never
negative and never checked, and nothing is reference counted: the `State` object outlives the call.

With JIT off `as_state` hands back the object itself, and the same source runs on its arrays.
"""

from __future__ import annotations

import operator
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import (
    intrinsic,
    lower_builtin,
    lower_getattr,
    lower_getattr_generic,
    overload,
)

from mexchange.records import COMMAND

__all__ = ["DIMENSIONS", "address_table", "as_commands", "as_state", "handle"]

COLUMNS = 4
"""Words an array has in the table: its address and up to three dimensions."""
COMMAND_WORDS = np.dtype(
    {
        "names": [*(COMMAND.names or ()), "shape"],
        "formats": [*(COMMAND[name] for name in COMMAND.names or ()), "<i8"],
        "offsets": [*(field[1] for field in (COMMAND.fields or {}).values()), 96],
        "itemsize": COMMAND.itemsize,
    }
)
"""A command with its small fields, from `kind` on, also as one word."""
assert COMMAND.fields is not None
assert [COMMAND.fields[name][1] for name in ("kind", "side", "type")] == [96, 97, 98]
assert [COMMAND.fields[name][1] for name in ("time_in_force", "self_trade", "flags")] == [
    99,
    100,
    101,
]
DIMENSIONS: dict[str, tuple[np.dtype[Any], int]] = {}
"""Dtype and number of dimensions of each array, in the order of the table; filled by `layout`."""

WORD = ir.IntType(64)


def _word_type(dtype: np.dtype[Any]) -> Any:
    """The type as which a number is read: bitmaps are unsigned words, all else is int64."""
    return types.uint64 if dtype == np.uint64 else types.int64


class StateType(types.Type):
    """The type of the state."""

    def __init__(self) -> None:
        super().__init__(name="mexchange.State")


class TableType(types.Type):
    """The type of one array of the state."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"mexchange.State.{name}")
        self.array = name
        self.dtype, self.ndim = DIMENSIONS[name]
        self.row = list(DIMENSIONS).index(name)
        self.element = RowType(name, self.dtype) if self.dtype.names else _word_type(self.dtype)


class RowType(types.Type):
    """The type of one record of an array."""

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        super().__init__(name=f"mexchange.row.{name}")
        self.array = name
        self.dtype = dtype

    def field(self, name: str) -> tuple[np.dtype[Any], int]:
        """Dtype and offset of a field."""
        assert self.dtype.fields is not None
        dtype, offset = self.dtype.fields[name][:2]
        return dtype, offset


class CommandsType(types.Type):
    """The type of a batch of commands."""

    def __init__(self) -> None:
        super().__init__(name="mexchange.Commands")


STATE, COMMANDS = StateType(), CommandsType()


@register_default(StateType)
@register_default(TableType)
@register_default(RowType)
@register_default(CommandsType)
class _AddressModel(models.PrimitiveModel):
    """One machine word: the address of the table of arrays, of one row of it, or of a record."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD)


# Reading and writing numbers.


def _mark(builder: Any, access: Any, place: str) -> None:
    """Tell LLVM that memory of this name overlaps with memory of no other name."""
    module = builder.module
    root = module.add_metadata([ir.MetaDataString(module, "mexchange")])
    zero = ir.Constant(WORD, 0)
    kind = module.add_metadata([ir.MetaDataString(module, place), root, zero])
    access.set_metadata("tbaa", module.add_metadata([kind, kind, zero]))


def _load(builder: Any, address: Any, dtype: np.dtype[Any], place: str) -> Any:
    kind = ir.IntType(8 * dtype.itemsize)
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    _mark(builder, value, place)
    if dtype.itemsize == WORD.width // 8:
        return value
    return (builder.zext if dtype.kind == "u" else builder.sext)(value, WORD)


def _store(builder: Any, address: Any, dtype: np.dtype[Any], place: str, value: Any) -> None:
    kind = ir.IntType(8 * dtype.itemsize)
    if dtype.itemsize != WORD.width // 8:
        value = builder.trunc(value, kind)
    _mark(builder, builder.store(value, builder.inttoptr(address, kind.as_pointer())), place)


# The state and its tables.


@infer_getattr
class _StateAttributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, kind: Any, name: str) -> Any:
        return TableType(name) if name in DIMENSIONS else None


@lower_getattr_generic(StateType)
def _table_of(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    return builder.add(value, ir.Constant(WORD, TableType(name).row * COLUMNS * 8))


def _column(builder: Any, row: Any, column: int) -> Any:
    """A word of the table. It never changes during a call, so one load serves all of it."""
    place = builder.inttoptr(builder.add(row, ir.Constant(WORD, column * 8)), WORD.as_pointer())
    loaded = builder.load(place)
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


@infer_getattr
class _TableAttributes(AttributeTemplate):
    key = TableType

    def resolve_shape(self, table: Any) -> Any:
        return types.UniTuple(types.int64, table.ndim)


@lower_getattr(TableType, "shape")
def _shape(context: Any, builder: Any, table: Any, row: Any) -> Any:
    lengths = [_column(builder, row, 1 + axis) for axis in range(table.ndim)]
    return cgutils.pack_array(builder, lengths)


def _indexes(table: Any, index: Any) -> bool:
    if not isinstance(table, TableType):
        return False
    parts = index.types if isinstance(index, types.BaseTuple) else (index,)
    return len(parts) == table.ndim and all(isinstance(part, types.Integer) for part in parts)


@infer_global(operator.getitem)
class _TableGet(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        table, index = args
        return signature(table.element, table, index) if _indexes(table, index) else None


@infer_global(operator.setitem)
class _TableSet(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        table, index, _ = args
        if not _indexes(table, index):
            return None
        return signature(types.none, table, index, table.element)


def _address(context: Any, builder: Any, table: Any, index: Any, row: Any, at: Any) -> Any:
    """The address of an element."""
    kinds, parts = (index,), [at]
    if isinstance(index, types.BaseTuple):
        kinds, parts = index.types, cgutils.unpack_tuple(builder, at)
    place = ir.Constant(WORD, 0)
    for axis, (kind, part) in enumerate(zip(kinds, parts, strict=True)):
        if axis:
            place = builder.mul(place, _column(builder, row, 1 + axis))
        place = builder.add(place, context.cast(builder, part, kind, types.int64))
    offset = builder.mul(place, ir.Constant(WORD, table.dtype.itemsize))
    return builder.add(_column(builder, row, 0), offset)


@lower_builtin(operator.getitem, TableType, types.Integer)
@lower_builtin(operator.getitem, TableType, types.BaseTuple)
def _table_get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table, index = sig.args
    address = _address(context, builder, table, index, *args)
    if isinstance(table.element, RowType):
        return address
    return _load(builder, address, table.dtype, table.array)


@lower_builtin(operator.setitem, TableType, types.Integer, types.Any)
@lower_builtin(operator.setitem, TableType, types.BaseTuple, types.Any)
def _table_set(context: Any, builder: Any, sig: Any, args: Any) -> None:
    table, index, kind = sig.args
    row, at, value = args
    address = _address(context, builder, table, index, row, at)
    value = context.cast(builder, value, kind, table.element)
    _store(builder, address, table.dtype, table.array, value)


# Rows and their fields.


@infer
class _RowGet(AbstractTemplate):
    key = "static_getitem"

    def generic(self, args: Any, kws: Any) -> Any:
        row, name = args
        if isinstance(row, RowType) and isinstance(name, str):
            return signature(_word_type(row.field(name)[0]), *args)
        return None


@infer
class _RowSet(AbstractTemplate):
    key = "static_setitem"

    def generic(self, args: Any, kws: Any) -> Any:
        row, name, _ = args
        if isinstance(row, RowType) and isinstance(name, str):
            kind = _word_type(row.field(name)[0])
            return signature(types.void, row, types.literal(name), kind)
        return None


@lower_builtin("static_getitem", RowType, types.StringLiteral)
def _row_get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    row, name = sig.args[0], args[1]
    dtype, offset = row.field(name)
    address = builder.add(args[0], ir.Constant(WORD, offset))
    return _load(builder, address, dtype, f"{row.array}.{name}")


@lower_builtin("static_setitem", RowType, types.StringLiteral, types.Any)
def _row_set(context: Any, builder: Any, sig: Any, args: Any) -> None:
    row, _, kind = sig.args
    address, name, value = args
    dtype, offset = row.field(name)
    value = context.cast(builder, value, kind, _word_type(dtype))
    address = builder.add(address, ir.Constant(WORD, offset))
    _store(builder, address, dtype, f"{row.array}.{name}", value)


# The way in.


def as_state(handle: Any) -> Any:
    """The state behind a handle."""
    return handle


@intrinsic
def _state_at(typing_context: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return args[0]

    return STATE(types.int64), codegen


@overload(as_state)
def _as_state(handle):  # type: ignore[no-untyped-def]
    return lambda handle: _state_at(handle)


def as_commands(commands: Any) -> Any:
    """An array of commands, of which elements can be taken as rows."""
    return commands.view(COMMAND_WORDS)


@intrinsic
def _commands_at(typing_context: Any, commands: Any) -> Any:
    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        return builder.ptrtoint(array.data, WORD)

    return COMMANDS(commands), codegen


@overload(as_commands)
def _as_commands(commands):  # type: ignore[no-untyped-def]
    return lambda commands: _commands_at(commands)


@infer_global(operator.getitem)
class _CommandGet(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], CommandsType) and isinstance(args[1], types.Integer):
            return signature(RowType("command", COMMAND_WORDS), *args)
        return None


@lower_builtin(operator.getitem, CommandsType, types.Integer)
def _command_get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    at = context.cast(builder, args[1], sig.args[1], types.int64)
    return builder.add(args[0], builder.mul(at, ir.Constant(WORD, COMMAND_WORDS.itemsize)))


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
