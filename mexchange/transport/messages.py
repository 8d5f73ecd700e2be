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
_PAIRS = frozenset({int(EventKind.TRADE), int(EventKind.PREVENTED)})

packed = _COMMAND.pack
"""One command, given the values of its fields."""


def own_rows(events: Events, at: list[int], owners: Container[int]) -> dict[int, Own]:
    """The events at some places, by their time and by those accounts of `owners` they concern."""
    if len(at) == len(events):
        data = events.tobytes()
    else:
        data = b"".join([events[place : place + 1].tobytes() for place in at])
    instants: dict[int, Own] = {}
    own: Own = {}
    now_ns = -1
    for row in _EVENT.iter_unpack(data):
        if row[TIME] != now_ns:
            now_ns = row[TIME]
            own = instants[now_ns] = {}
        account, kind = row[ACCOUNT], row[KIND]
        if account in own:
            own[account].append(row)
        elif account in owners:
            own[account] = [row]
        if kind in _PAIRS:
            maker = row[MAKER]
            if maker != account:
                if maker in own:
                    own[maker].append(row)
                elif maker in owners:
                    own[maker] = [row]
    return instants
