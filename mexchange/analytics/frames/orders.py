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


def order_frame(events: Events, names: Names, units: Units) -> pl.DataFrame:
    """One row an order that was accepted or rejected, in the order in which that happened.

    A rejection does not say which command it answers. One counts as an order's if its reason is one
    that new orders can have and no order of this id was accepted before; that of a command which is
    none of an order's (a withdrawal beyond what is there, say) is told by its missing price.
    """
    accepted = events[events["kind"] == EventKind.ACCEPTED]
    rejected = events[_rejects_an_order(events, accepted)]
    rows = np.concatenate([accepted, rejected])
    life = _Lives(events, accepted)

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


def _given(values: npt.NDArray[np.float64]) -> pl.Series:
    """Values with null for zero, which stands for "not given"."""
    return _known(values, values != 0)


def _known(values: Any, known: Any) -> pl.Series:
    """Values with null where they are not known."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(values))).to_series()


def _rejects_an_order(events: Events, accepted: Events) -> npt.NDArray[np.bool_]:
    """Which events reject a new order."""
    refused = events["kind"] == EventKind.REJECTED
    reasons = events["reason"][refused]
    bare = (events["price"][refused] == 0) & (events["type"][refused] == OrderType.LIMIT)
    ids = accepted["order_id"]
    order = np.argsort(ids, kind="stable")
    place, known = _find(ids[order], events["order_id"][refused])
    since = np.full(len(reasons), np.iinfo(np.int64).max)
    since[known] = accepted["sequence"][order][place[known]]
    new = since > events["sequence"][refused]
    new &= ~np.isin(reasons, _NEVER_OF_NEW) & ~(np.isin(reasons, _OF_ANYTHING) & bare)
    result: npt.NDArray[np.bool_] = refused.copy()
    result[refused] = new
    return result


def _find(ids: Any, wanted: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Where each of `wanted` is in the sorted `ids`, and whether it is there at all."""
    if not len(ids):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return place, ids[place] == wanted


class _Lives:
    """What became of accepted orders: arrays, one entry an order, in the order of acceptance."""

    def __init__(self, events: Events, accepted: Events) -> None:
        self._by_id = np.argsort(accepted["order_id"], kind="stable")
        self._ids = accepted["order_id"][self._by_id]
        self.price, self.quantity = accepted["price"].copy(), accepted["quantity"].copy()
        self.filled = np.zeros(len(accepted), np.int64)
        self._amend(events)
        kinds = events["kind"]
        about = ~np.isin(kinds, (*ABOUT_ACCOUNTS, EventKind.REJECTED))
        as_taker = self._last(events, about, "order_id")
        as_maker = self._last(events, np.isin(kinds, _OF_TWO), "maker_order_id")
        self._end(events, as_taker, as_maker)

    def _places(self, ids: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Rows of the orders with these ids, and which ids are known at all."""
        place, known = _find(self._ids, ids)
        return self._by_id[place[known]], known

    def _amend(self, events: Events) -> None:
        amended = events[events["kind"] == EventKind.AMENDED]
        rows, known = self._places(amended["order_id"])
        # Of several values for one row an assignment keeps the last, which is the latest.
        self.price[rows] = amended["price"][known]
        self.quantity[rows] = amended["quantity"][known]
        traded = events[events["kind"] == EventKind.TRADE]
        for name in ("order_id", "maker_order_id"):
            rows, known = self._places(traded[name])
            np.add.at(self.filled, rows, traded["quantity"][known])

    def _last(self, events: Events, chosen: Any, name: str) -> Ints:
        """The place of the last of the chosen events of each order, -1 if there is none."""
        places = np.flatnonzero(chosen)
        rows, known = self._places(events[name][places])
        last = np.full(len(self._ids), -1)
        last[rows] = places[known]
        return last

    def _end(self, events: Events, as_taker: Ints, as_maker: Ints) -> None:
        """Status and what goes with it from the last event of each order."""
        is_maker = as_maker > as_taker
        last = events[np.maximum(as_taker, as_maker)]
        self.left = np.where(is_maker, last["maker_left"], last["left"])
        kind = last["kind"]
        gone = self.left == 0
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
        self.reason = last["reason"].copy()
        self.reason[gone & (kind == EventKind.PREVENTED)] = Reason.SELF_TRADE
        self.closed_ns = last["time_ns"].copy()
