"""One command after another: who acts next, what he does to the book as it is, what came of it.

The kernel is not compiled into this: it is called where its machine code stands, by its address,
one command at a time, as one compiled function calls another. Such a call costs a few nanoseconds;
compiling a second kernel would take as long as the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from mexchange.engine.compiling import cache_folder, compiled, entry_into
from mexchange.engine.handle import as_state
from mexchange.engine.layout import EVENTS_OUT, ICEBERGS, LIVE, TIME
from mexchange.engine.needs import events_needed
from mexchange.engine.step import step
from mexchange.flow import fundamental, hawkes, metaorders, pace, touch_refill, zero_intelligence
from mexchange.flow.layout import NEVER_NS, Flow, touch
from mexchange.records import EVENT, EventKind

__all__ = ["DONE", "FOLDER", "FULL", "GROW", "SEEN", "advance", "kernel_address", "look"]

ZERO, HAWKES, META, REFILL, VALUE, PACE = range(6)
DONE, FULL, SEEN, GROW = 0, 1, 2, 3
"""Why `advance` came back: time is up, a piece is full, a watched account, no room."""
TRADE, PREVENTED = int(EventKind.TRADE), int(EventKind.PREVENTED)

FOLDER = cache_folder(Path(__file__).parent)
"""Where its machine code is kept."""


# The kernel, by its address.


def kernel_address(commands: Any) -> int:
    """Where the compiled `step` stands; 0 with JIT off."""
    if numba.config.DISABLE_JIT:
        return 0
    signature = (types.int64, numba.typeof(commands))
    step.compile(signature)  # type: ignore[attr-defined]
    code = step.overloads[signature]  # type: ignore[attr-defined]
    return int(code.library.get_pointer_to_function(code.fndesc.llvm_func_name))


def call_step(address: int, handle: Any, commands: Any) -> int:
    """`step(handle, commands)`."""
    return int(step(handle, commands))


@intrinsic
def _call_step(typing_context: Any, address: Any, handle: Any, commands: Any) -> Any:
    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        given = [types.int64, sig.args[2]]
        kind = context.call_conv.get_function_type(types.int64, given)
        place = builder.inttoptr(args[0], kind.as_pointer())
        _, done = context.call_conv.call_function(builder, place, types.int64, given, args[1:])
        return done

    return types.int64(types.int64, types.int64, commands), codegen


@overload(call_step)
def _call_step_overload(address, handle, commands):  # type: ignore[no-untyped-def]
    return lambda address, handle, commands: _call_step(address, handle, commands)


def copy_events(source: Any, out: Any, at: int, count: int) -> None:
    """Copy the first `count` events of the engine's to place `at` of `out`."""
    out[at : at + count] = source[:count].view(EVENT)


@intrinsic
def _copy_events(typing_context: Any, source: Any, out: Any, at: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word, byte = ir.IntType(64), ir.IntType(8).as_pointer()
        row = builder.inttoptr(args[0], word.as_pointer())
        origin = builder.inttoptr(builder.load(row), byte)
        array = context.make_array(sig.args[1])(context, builder, args[1])
        size = ir.Constant(word, EVENT.itemsize)
        target = builder.add(builder.ptrtoint(array.data, word), builder.mul(args[2], size))
        length = builder.mul(args[3], size)
        cgutils.raw_memcpy(builder, builder.inttoptr(target, byte), origin, length, 1)
        return context.get_dummy_value()

    return types.void(source, out, types.int64, types.int64), codegen


@overload(copy_events)
def _copy_events_overload(source, out, at, count):  # type: ignore[no-untyped-def]
    return lambda source, out, at, count: _copy_events(source, out, at, count)


# One after another.


@compiled
def _next(f: Flow) -> int:
    """Who acts next; the first of several at the same time."""
    first, best = 0, NEVER_NS
    for i in range(f.rows.shape[0]):
        row = f.rows[i]
        alarm = min(row["a_ns"], row["b_ns"])
        if alarm < best:
            first, best = i, alarm
    return first


@compiled
def _act(f: Flow, s: Any, i: int) -> bool:
    """Let an ingredient act; whether it wrote a command."""
    kind = f.rows[i]["kind"]
    if kind == ZERO:
        return bool(zero_intelligence.act(f, s, i))
    if kind == HAWKES:
        return bool(hawkes.act(f, s, i))
    if kind == META:
        return bool(metaorders.act(f, s, i))
    if kind == REFILL:
        return bool(touch_refill.act(f, s, i))
    if kind == VALUE:
        return bool(fundamental.act(f, s, i))
    return bool(pace.act(f, i))


@compiled
def _look(f: Flow, s: Any) -> None:
    """Have everybody who watches the book see it."""
    touch(f, s)
    for i in range(f.rows.shape[0]):
        if f.rows[i]["kind"] == REFILL:
            touch_refill.look(f, s, i)


@compiled
def _concerns(f: Flow, watched: Any, first: int, last: int) -> bool:
    """Whether an event is of a watched account."""
    for n in range(first, last):
        e = f.events[n]
        if watched[e["account"]]:
            return True
        kind = e["kind"]
        if (kind == TRADE or kind == PREVENTED) and watched[e["maker_account"]]:
            return True
    return False


def look(handle: Any, f: Flow) -> int:
    """See what others did to the book; when the flow acts next."""
    s = as_state(handle)
    h = f.head[0]
    h["now_ns"] = max(h["now_ns"], s.head[TIME])
    _look(f, s)
    row = f.rows[_next(f)]
    return min(row["a_ns"], row["b_ns"])


def advance(
    address: int, handle: Any, f: Flow, watched: Any, until_ns: int, most: int
) -> tuple[int, int]:
    """Act up to and including `until_ns`, or until `most` commands stand in the buffer.

    Returns why it stopped and when the flow acts next. An instant is never cut in two, except to
    make room; then the command at the end of the buffer waits to be applied.
    """
    s = as_state(handle)
    h = f.head[0]
    seen = False
    while True:
        if h["pending"] == 0:
            i = _next(f)
            due = min(f.rows[i]["a_ns"], f.rows[i]["b_ns"])
            if due > until_ns:
                return DONE, due
            if due > h["now_ns"]:
                if seen:
                    return SEEN, due
                if h["commands"] >= most:
                    return FULL, due
            events = h["events"] + events_needed(s.head[LIVE], s.head[ICEBERGS])
            room = h["longest"] < f.orders.shape[1] and h["commands"] < f.commands.shape[0]
            if not room or events > f.events.shape[0]:
                return GROW, due
            h["now_ns"] = max(h["now_ns"], due)
            if not _act(f, s, i):
                continue
            h["pending"] = 1
        n = h["commands"]
        if call_step(address, handle, f.commands[n : n + 1]) == 0:
            return GROW, h["now_ns"]
        count = s.head[EVENTS_OUT]
        copy_events(s.events, f.events, h["events"], count)
        seen = seen or _concerns(f, watched, h["events"], h["events"] + count)
        h["events"] += count
        h["commands"] = n + 1
        h["pending"] = 0
        _look(f, s)


advance, look = entry_into(FOLDER, advance), entry_into(FOLDER, look)
if not numba.config.DISABLE_JIT:
    # Nothing here makes an array, so none needs to be counted: that would take most of the time.
    for _entry in (advance, look):
        vars(_entry)["targetoptions"]["_nrt"] = False
