"""What travels back from the exchange, and how a command is packed for its way there."""

from __future__ import annotations

from collections.abc import Container
from struct import Struct

from mexchange.records import COMMAND, EVENT, EventKind, Events
from mexchange.transport.feed import Update

__all__ = ["KIND", "TIME", "Message", "Own", "Row", "own_rows", "packed"]

Row = tuple[int, ...]
"""An event as a tuple, its fields in the order of `EVENT`."""
Message = tuple[int, list[Update], list[Row] | None]
"""When it arrives, what is public, and the rows of one's own account (None: none)."""
Own = dict[int, list[Row]]
"""Rows of one instant by the account that they concern."""

_COMMAND = Struct("<11qIHH6BH")
assert _COMMAND.size == COMMAND.itemsize, "one command is packed as the record is laid out"
_CODES = {"i8": "q", "u4": "I", "u2": "H", "u1": "B"}
assert EVENT.fields is not None
assert EVENT.names is not None
_EVENT = Struct("<" + "".join(_CODES[EVENT.fields[name][0].str[1:]] for name in EVENT.names))
assert _EVENT.size == EVENT.itemsize, "no padding that is not a field"
TIME, ACCOUNT, MAKER, KIND = map(EVENT.names.index, ("time_ns", "account", "maker_account", "kind"))
_TRADE, _PREVENTED = int(EventKind.TRADE), int(EventKind.PREVENTED)

packed = _COMMAND.pack
"""One command, given the values of its fields."""


def own_rows(events: Events, at: list[int], owners: Container[int]) -> dict[int, Own]:
    """The events at some places, by their time and by those accounts of `owners` they concern."""
    if len(at) < len(events) >> 3:
        data, at = (
            b"".join([events[place : place + 1].tobytes() for place in at]),
            [*range(len(at))],
        )
    else:
        data = events.tobytes()
    size, unpack = EVENT.itemsize, _EVENT.unpack_from
    instants: dict[int, Own] = {}
    for place in at:
        row = unpack(data, place * size)
        own = instants.setdefault(row[TIME], {})
        account = row[ACCOUNT]
        if account in owners:
            own.setdefault(account, []).append(row)
        if row[KIND] == _TRADE or row[KIND] == _PREVENTED:
            maker = row[MAKER]
            if maker != account and maker in owners:
                own.setdefault(maker, []).append(row)
    return instants
