"""The frame of orders: what each asked for and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.analytics.frames.columns import Ints, labels, named
from mexchange.analytics.frames.trading import ABOUT_ACCOUNTS, spelled
from mexchange.records import EventKind, OrderType, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mexchange.analytics.frames.columns import Names, Units
    from mexchange.records import Events

__all__ = ["STATUSES", "order_frame"]

STATUSES = ("rejected", "open", "filled", "cancelled", "expired")
REJECTED, OPEN, FILLED, CANCELLED, EXPIRED = range(5)

_OF_TWO = (EventKind.TRADE, EventKind.PREVENTED)
_NEVER_OF_NEW = (
    Reason.UNKNOWN_KIND,
    Reason.UNKNOWN_ASSET,
    Reason.UNKNOWN_ORDER,
    Reason.NOT_OWNER,
    Reason.NOT_AMENDABLE,
    Reason.AMEND_BELOW_FILLED,
    Reason.INVALID_AMOUNT,
    Reason.INVALID_TIER,
    Reason.ACCOUNT_NOT_NEXT,
    Reason.DUPLICATE_ORDER_ID,
)
_OF_ANYTHING = (
    Reason.TIME_WENT_BACK,
    Reason.UNKNOWN_ACCOUNT,
    Reason.UNKNOWN_MARKET,
    Reason.INSUFFICIENT_FUNDS,
)


ORDER = np.dtype(
    [
        ("sequence", "<i8"),
        ("time_ns", "<i8"),
        ("order_id", "<i8"),
        ("client_order_id", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("account", "<u4"),
        ("market", "<u2"),
        ("reason", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
    ]
)
"""What an ACCEPTED or REJECTED event says about an order."""


def order_frame(parts: Callable[[], Iterable[Events]], names: Names, units: Units) -> pl.DataFrame:
    """One row an order that was accepted or rejected, in the order in which that happened.

    `parts` gives all events, in pieces, each time it is called.

    A rejection does not say which command it answers. One counts as an order's if its reason is one
    that new orders can have and no order of this id was accepted before; that of a command which is
    none of an order's (a withdrawal beyond what is there, say) is told by its missing price.
    """
    accepted, rejected = _rows(parts())
    rejected = rejected[_rejects_an_order(rejected, accepted)]
    rows = np.concatenate([accepted, rejected])
    life = _Lives(accepted)
    for events in parts():
        life.add(events)
    life.end()

    def both(of_accepted: Any, of_rejected: Any) -> Any:
        return np.concatenate([of_accepted, np.broadcast_to(of_rejected, len(rejected))])

    was_accepted = both(np.ones(len(accepted), np.bool_), False)
    market = np.minimum(rows["market"], len(names.markets) - 1)
    quantity = both(life.quantity, rejected["quantity"])
    reason = both(life.reason, rejected["reason"])
    status = both(life.status, REJECTED)
    frame = pl.DataFrame(
        {
            "order_id": rows["order_id"],
            "client_order_id": rows["client_order_id"],
            "account": rows["account"],
            "agent": names.of_agents(rows["account"]),
            "market": names.of_markets(rows["market"]),
            **spelled(rows),
            "price": _given(units.prices(both(life.price, rejected["price"]), market)),
            "quantity": _given(units.quantities(quantity, market)),
            "filled": units.quantities(both(life.filled, 0), market),
            "left": units.quantities(both(life.left, 0), market),
            "status": named(status, STATUSES),
            "reason": named(reason, labels(Reason), reason != Reason.NONE),
            "accepted_ns": _known(rows["time_ns"], was_accepted),
            "closed_ns": _known(both(life.closed_ns, rejected["time_ns"]), status != OPEN),
        }
    )
    return frame[np.argsort(rows["sequence"], kind="stable")] if len(rejected) else frame


def _rows(parts: Iterable[Events]) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
    """All orders that were accepted, and all rejections: arrays of `ORDER`."""
    kinds = EventKind.ACCEPTED, EventKind.REJECTED
    found: list[list[bytes]] = [[], []]
    for events in parts:
        kind = np.ascontiguousarray(events["kind"])
        for wanted, parts_of in zip(kinds, found, strict=True):
            places = np.flatnonzero(kind == wanted)
            rows = np.empty(len(places), ORDER)
            for name in ORDER.names or ():
                rows[name] = events[name][places]
            parts_of.append(rows.tobytes())
    accepted, rejected = (np.frombuffer(bytearray().join(each), ORDER) for each in found)
    return accepted, rejected


def _given(values: npt.NDArray[np.float64]) -> pl.Series:
    """Values with null for zero, which stands for "not given"."""
    return _known(values, values != 0)


def _known(values: Any, known: Any) -> pl.Series:
    """Values with null where they are not known."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(values))).to_series()


def _rejects_an_order(
    refused: npt.NDArray[np.void], accepted: npt.NDArray[np.void]
) -> npt.NDArray[np.bool_]:
    """Which rejections are those of a new order."""
    reasons = refused["reason"]
    bare = (refused["price"] == 0) & (refused["type"] == OrderType.LIMIT)
    order = np.argsort(accepted["order_id"], kind="stable")
    place, known = _find(accepted["order_id"][order], refused["order_id"])
    since = np.full(len(reasons), np.iinfo(np.int64).max)
    since[known] = accepted["sequence"][order[place[known]]]
    new: npt.NDArray[np.bool_] = since > refused["sequence"]
    new &= ~np.isin(reasons, _NEVER_OF_NEW) & ~(np.isin(reasons, _OF_ANYTHING) & bare)
    return new


def _find(ids: Any, wanted: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Where each of `wanted` is in the sorted `ids`, and whether it is there at all."""
    if not len(ids):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return place, ids[place] == wanted


class _Lives:
    """What became of accepted orders: arrays, one entry an order, in the order of acceptance."""

    def __init__(self, accepted: npt.NDArray[np.void]) -> None:
        count = len(accepted)
        self._by_id = np.argsort(accepted["order_id"], kind="stable")
        self._ids = accepted["order_id"][self._by_id]
        self.price, self.quantity = accepted["price"].copy(), accepted["quantity"].copy()
        self.filled, self.left = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.closed_ns = np.zeros(count, np.int64)
        self.status, self.reason = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
        self._kind = np.zeros(count, np.uint8)

    def add(self, events: Events) -> None:
        """Take in the next events. Of several values for one order an assignment keeps the last."""
        kinds = np.ascontiguousarray(events["kind"])
        amended = np.flatnonzero(kinds == EventKind.AMENDED)
        rows, known = self._places(events["order_id"][amended])
        self.price[rows] = events["price"][amended[known]]
        self.quantity[rows] = events["quantity"][amended[known]]
        traded = np.flatnonzero(kinds == EventKind.TRADE)
        for name in ("order_id", "maker_order_id"):
            rows, known = self._places(events[name][traded])
            np.add.at(self.filled, rows, events["quantity"][traded[known]])
        own = np.flatnonzero(~np.isin(kinds, (*ABOUT_ACCOUNTS, EventKind.REJECTED)))
        as_taker, known = self._places(events["order_id"][own])
        own = own[known]
        of_two = np.flatnonzero(np.isin(kinds, _OF_TWO))
        as_maker, known = self._places(events["maker_order_id"][of_two])
        of_two = of_two[known]
        places = np.concatenate([own, of_two])
        order = np.argsort(places, kind="stable")
        rows, places = np.concatenate([as_taker, as_maker])[order], places[order]
        left = np.concatenate([events["left"][own], events["maker_left"][of_two]])
        self.left[rows] = left[order]
        self._kind[rows] = kinds[places]
        self.reason[rows] = events["reason"][places]
        self.closed_ns[rows] = events["time_ns"][places]

    def end(self) -> None:
        """Status from the last event of each order."""
        kind, gone = self._kind, self.left == 0
        self.status = np.select(
            [
                kind == EventKind.CANCELLED,
                kind == EventKind.EXPIRED,
                gone & (kind == EventKind.PREVENTED),
                gone,
            ],
            [CANCELLED, EXPIRED, EXPIRED, FILLED],
            OPEN,
        )
        self.reason[gone & (kind == EventKind.PREVENTED)] = Reason.SELF_TRADE

    def _places(self, ids: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Rows of the orders with these ids, and which ids are known at all."""
        place, known = _find(self._ids, ids)
        return self._by_id[place[known]], known
