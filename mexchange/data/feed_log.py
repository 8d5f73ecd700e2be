"""What the engine made of a recorded flow, and where that differs from the recording.

Every command of a flow starts with exactly one event of its account (accepted, rejected, cancelled
or reduced), and the commands arrive in their order. So the k-th such event belongs to the k-th
command, also when strategies trade in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mexchange.data.lobster_flow import NO_ORDER, Flow
from mexchange.records import CommandKind, EventKind, Events, Reason

__all__ = ["FeedLog", "Outcome"]

Int64 = npt.NDArray[np.int64]

_FIELDS = (
    "kind",
    "reason",
    "price",
    "quantity",
    "order_id",
    "maker_order_id",
    "maker_account",
)
_LOG = np.dtype([(name, "i8") for name in _FIELDS])
_STARTS = (EventKind.ACCEPTED, EventKind.REJECTED, EventKind.CANCELLED, EventKind.REDUCED)
_KINDS = (*_STARTS, EventKind.TRADE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a recorded flow went.

    `executions` are those of the file that were sent; `at_best` found their price to be our best;
    `hit_named` traded whole with the very order that the file names, `hit_opening` of these with
    an order that stood before the first message, which has no id of its own here. `missed` has the
    message rows of the others.

    `divergence` counts what did not go as in the file, as numbers of messages and of lots:

    - `unknown_*`: deletions of orders that neither the file nor the opening book has;
    - `moved_*`: deletions that went to other orders of the level, because our priority had given
      the named one to an earlier aggressor;
    - `gone_*`: deletions of quantity that nobody had any more even without a strategy;
    - `missing_*`: deletions of orders that are not there any more;
    - `short_*`, `long_*`: deletions that took less or more than in the file;
    - `unfilled_*`: executions that found too little;
    - `expired_*`: orders that were still there when the file had executed all of them;
    - `crossing_*`: new orders that traded at once, though they rested in the file;
    - `displaced_*`: executions, or parts of them, at a better price than the file's;
    - `strategy_*`: executions, or parts of them, that strategies' orders got;
    - `rejected_orders`: any other reject; there should be none.
    """

    executions: int
    at_best: int
    hit_named: int
    hit_opening: int
    missed: Int64
    divergence: dict[str, int]


class FeedLog:
    """Collects the events of a flow's account; `add` them in order, `outcome` counts."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._parts: list[npt.NDArray[np.void]] = []
        self._expired = np.zeros(2, np.int64)

    @staticmethod
    def starts(events: Events) -> npt.NDArray[np.bool_]:
        """Which events are the first of a command."""
        return np.isin(events["kind"], _STARTS)

    def add(self, events: Events) -> None:
        """Take note of events, which may include those of others."""
        own = events["account"] == self._flow.account
        over = events["quantity"][own & (events["reason"] == Reason.TIME_PASSED)]
        self._expired += len(over), over.sum()
        kept = events[own & np.isin(events["kind"], _KINDS)]
        part = np.empty(len(kept), _LOG)
        for name in _FIELDS:
            part[name] = kept[name]
        self._parts.append(part)

    def outcome(self) -> Outcome:
        """Compare what was added so far with what the file expects."""
        flow = self._flow
        log = np.concatenate(self._parts) if self._parts else np.empty(0, _LOG)
        starts = np.isin(log["kind"], _STARTS)
        ordinal = np.cumsum(starts) - 1 - flow.anonymous
        since = ordinal >= 0
        log, ordinal, starts = log[since], ordinal[since], starts[since]
        sent = int(ordinal[-1]) + 1 if len(ordinal) else 0
        trades = log["kind"] == EventKind.TRADE
        taken = _total(ordinal, log["quantity"], sent, ~np.isin(log["kind"], _STARTS[:2]))
        rejects = np.zeros(sent, np.int64)
        rejects[ordinal[starts]] = np.where(
            log["kind"][starts] == EventKind.REJECTED, log["reason"][starts], 0
        )
        executed = flow.is_execution()[:sent]
        first_price = np.full(sent, -1, np.int64)
        first_price[ordinal[trades][::-1]] = log["price"][trades][::-1]
        at_best = executed & (first_price == flow.commands["price"][:sent])
        by_named = trades & (log["maker_order_id"] == flow.named[ordinal])
        named = flow.named[:sent] != NO_ORDER
        hit = (
            executed
            & named
            & (_total(ordinal, log["quantity"], sent, by_named) == flow.commands["quantity"][:sent])
        )
        opening = flow.anonymous
        first_id = int(flow.opening["order_id"][0]) if opening else 0
        of_opening = hit & (flow.named[:sent] < first_id + opening)
        return Outcome(
            executions=int(np.count_nonzero(executed)),
            at_best=int(np.count_nonzero(at_best)),
            hit_named=int(np.count_nonzero(hit)),
            hit_opening=int(np.count_nonzero(of_opening)),
            missed=flow.message[:sent][executed & ~hit],
            divergence=self._divergence(log[trades], ordinal[trades], taken, rejects),
        )

    def _divergence(
        self, trades: npt.NDArray[np.void], ordinal: Int64, taken: Int64, rejects: Int64
    ) -> dict[str, int]:
        """The counts that `Outcome.divergence` describes."""
        flow, sent = self._flow, len(taken)
        orders = flow.commands["kind"][:sent] == CommandKind.NEW
        executed = flow.is_execution()[:sent]
        expected = np.where(executed, flow.commands["quantity"][:sent], flow.expected[:sent])
        lack = expected - taken
        gone = rejects == Reason.UNKNOWN_ORDER
        accepted = rejects == Reason.NONE
        of_execution = executed[ordinal]
        elsewhere = of_execution & (trades["price"] != flow.commands["price"][ordinal])
        others = of_execution & (trades["maker_account"] != flow.account)
        crossing = orders & ~executed & (taken > 0)
        result = {
            name: flow.counts[name]
            for kind in ("unknown", "moved", "gone")
            for name in (f"{kind}_orders", f"{kind}_quantity")
        }
        for name, which, quantity in (
            ("missing", ~orders & gone, lack),
            ("short", ~orders & accepted & (lack > 0), lack),
            ("long", ~orders & accepted & (lack < 0), -lack),
            ("unfilled", executed & accepted & (lack > 0), lack),
            ("crossing", crossing, taken),
        ):
            result[f"{name}_orders"] = int(np.count_nonzero(which))
            result[f"{name}_quantity"] = int(quantity[which].sum())
        result["expired_orders"], result["expired_quantity"] = self._expired.tolist()
        for name, which in (("displaced", elsewhere), ("strategy", others)):
            result[f"{name}_orders"] = len(np.unique(ordinal[which]))
            result[f"{name}_quantity"] = int(trades["quantity"][which].sum())
        refused = np.count_nonzero(~accepted & ~(~orders & gone))
        return result | {"rejected_orders": int(refused)}


def _total(ordinal: Int64, quantity: Int64, sent: int, which: npt.NDArray[np.bool_]) -> Int64:
    """The quantity that some events add up to for each command: int64 [sent]."""
    total = np.zeros(sent, np.int64)
    np.add.at(total, ordinal[which], quantity[which])
    return total
