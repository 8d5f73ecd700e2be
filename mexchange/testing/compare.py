"""Two engines, the same commands: where they first differ, and the fewest commands that show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mexchange.markets import Market
from mexchange.records import (
    CommandKind,
    Commands,
    EventKind,
    Events,
    OrderType,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
)

__all__ = ["Engine", "assert_same", "described", "difference", "smallest"]

EFFORT = 1_000_000
"""How many commands to run through both engines, about, in search of a short example."""
ENUMS = {
    "reason": Reason,
    "side": Side,
    "type": OrderType,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
}


class Engine(Protocol):
    """What both engines offer and a comparison needs."""

    def step(self, commands: Commands) -> Events:
        """Apply commands; their events."""

    def order_rows(self) -> npt.NDArray[np.void]:
        """Open orders in canonical order."""

    def balance_rows(self) -> npt.NDArray[np.void]:
        """Balances that are not empty in canonical order."""

    def market_rows(self) -> npt.NDArray[np.void]:
        """Last prices."""

    def tiers(self) -> npt.NDArray[np.int64]:
        """Fee tiers by account."""

    def digest(self) -> str:
        """A hash of these four."""

    def check(self) -> None:
        """AssertionError if an invariant does not hold."""


Maker = Callable[[Sequence[Market]], Engine]


def described(rows: npt.NDArray[np.void]) -> str:
    """One line a command, event or row: its kind, then every field that is not zero."""
    return "\n".join(_line(row) for row in rows)


def _line(row: np.void) -> str:
    names = row.dtype.names or ()
    priced = "price" in names and row["price"] != 0
    parts = []
    if "kind" in names:
        kinds = EventKind if "sequence" in names else CommandKind
        parts.append(_named(kinds, int(row["kind"])))
    for name in names:
        value = int(row[name])
        told = value != 0 or (priced and name in {"side", "left"})
        if name == "kind" or not told:
            continue
        parts.append(f"{name}={_named(ENUMS[name], value) if name in ENUMS else value}")
    return " ".join(parts)


def _named(kinds: type, value: int) -> str:
    try:
        return str(kinds(value).name)
    except ValueError:
        return str(value)


def difference(
    markets: Sequence[Market], commands: Commands, left: Maker, right: Maker, batch: int = 256
) -> str | None:
    """What differs first between two engines, or is broken in one of them; None if nothing is.

    Events are compared after each batch, then state and invariants. The text names the command,
    and shows the events of both.
    """
    a, b = left(markets), right(markets)
    for start in range(0, len(commands), batch):
        part = commands[start : start + batch]
        if not np.array_equal(a.step(part), b.step(part)) or a.digest() != b.digest():
            return _pinned(markets, commands[: start + batch], start, left, right)
        for engine in (a, b):
            fault = _fault(engine)
            if fault:
                return f"after command {start + len(part) - 1}: {fault}"
    return None


def _fault(engine: Engine) -> str | None:
    try:
        engine.check()
    except AssertionError as error:
        return f"{type(engine).__name__}: {error}"
    return None


def _pinned(
    markets: Sequence[Market], commands: Commands, start: int, left: Maker, right: Maker
) -> str:
    """The difference that is known to be at or after `start`, one command at a time."""
    a, b = left(markets), right(markets)
    a.step(commands[:start])
    b.step(commands[:start])
    for number in range(start, len(commands)):
        one = commands[number : number + 1]
        events = a.step(one), b.step(one)
        title = f"command {number}: {described(one)}\n"
        if not np.array_equal(*events):
            return title + _both(a, b, *(described(rows) for rows in events))
        if a.digest() != b.digest():
            return title + _both(a, b, *(_state(engine) for engine in (a, b)))
    return f"commands {start} to {len(commands)} differ as a batch, but not one by one"


def _both(a: Engine, b: Engine, left: str, right: str) -> str:
    """Two texts by line, without what they have in common, for the message."""
    first, second = left.splitlines(), right.splitlines()
    only = [line for line in first if line not in second]
    others = [line for line in second if line not in first]
    return "\n".join(
        [
            f"{type(a).__name__} has:",
            *(f"  - {line}" for line in only or ["(the same lines in another order)"]),
            f"{type(b).__name__} has:",
            *(f"  + {line}" for line in others or ["(the same lines in another order)"]),
        ]
    )


def _state(engine: Engine) -> str:
    tables = engine.order_rows(), engine.balance_rows(), engine.market_rows()
    return "\n".join([*map(described, tables), f"tiers {engine.tiers().tolist()}"])


def assert_same(
    markets: Sequence[Market], commands: Commands, left: Maker, right: Maker, batch: int = 256
) -> None:
    """AssertionError with what differs first and the fewest commands that show a difference."""
    found = difference(markets, commands, left, right, batch)
    if found is None:
        return
    few = smallest(
        commands,
        lambda some: difference(markets, some, left, right, len(some)) is not None,
        tries=max(20, min(400, EFFORT // len(commands))),
    )
    again = difference(markets, few, left, right, 1)
    raise AssertionError(f"{found}\n\nIn short:\n{described(few)}\n\n{again}")


def smallest(commands: Commands, fails: Callable[[Commands], bool], tries: int = 400) -> Commands:
    """Fewer of `commands` for which `fails` is still true, by leaving out ever smaller parts."""
    size = max(len(commands) // 2, 1)
    while tries > 0:
        start = 0
        while start < len(commands) and tries > 0:
            fewer = np.delete(commands, slice(start, start + size))
            tries -= 1
            if len(fewer) and fails(fewer):
                commands = fewer
            else:
                start += size
        if size == 1:
            break
        size //= 2
    return commands
