"""What a recorded flow does to the book: the recorded part of it, read off after each message."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mexchange.data.depth import CHANGE, DepthBuilder, changes
from mexchange.data.feed_log import FeedLog, Outcome
from mexchange.data.lobster_flow import Flow
from mexchange.exchange import Exchange
from mexchange.records import EventKind, Events

__all__ = ["Watch", "exchange_for"]

Int64 = npt.NDArray[np.int64]

CHUNK = 8192


def exchange_for(flow: Flow, engine: str = "kernel") -> Exchange:
    """A new exchange of the flow's market, in which its account has all the money it needs."""
    exchange = Exchange(flow.market, engine=engine)
    account = exchange.open_account()
    if account != flow.account:
        raise ValueError(f"the flow is of account {flow.account}, not {account}")
    for asset, atoms in enumerate(flow.funds()):
        exchange.deposit(account, asset, atoms)
    return exchange


class Watch:
    """Takes in all events of an exchange that a flow is sent to; others may trade there too.

    `add` them in their order, then ask.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._log = FeedLog(flow)
        self._changes: list[npt.NDArray[np.void]] = [np.empty(0, CHANGE)]
        self._starts: list[npt.NDArray[np.bool_]] = []

    def add(self, events: Events) -> None:
        """Take note of events."""
        self._log.add(events)
        of_maker = (events["kind"] == EventKind.TRADE) | (events["kind"] == EventKind.PREVENTED)
        owner = np.where(of_maker, events["maker_account"], events["account"])
        starts = FeedLog.starts(events) & (events["account"] == self.flow.account)
        kept = (owner == self.flow.account) | starts
        self._changes.append(changes(events[kept]))
        self._starts.append(starts[kept])

    def outcome(self) -> Outcome:
        """How the flow went."""
        return self._log.outcome()

    def rows(self, depth: int, until: int | None = None) -> Int64:
        """What the recorded account shows after each message from the first one sent on.

        Args:
            depth: how many levels of each side.
            until: the message before which to stop; None goes on to the last.

        Returns int64 [messages, depth, 4]: ask price, ask quantity, bid price, bid quantity, in
        ticks and lots; zeros where there is no level.
        """
        every = np.concatenate(self._changes)
        builder = DepthBuilder(every["price"])
        ends = self._ends(self.flow.messages if until is None else until)
        parts = [np.zeros((0, depth, 4), np.int64)]
        done = 0
        for begin in range(0, len(ends), CHUNK):
            some = ends[begin : begin + CHUNK]
            parts.append(builder.rows(every[done : int(some[-1])], some - done, depth))
            done = int(some[-1])
        return np.concatenate(parts)

    def _ends(self, until: int) -> Int64:
        """How many of the changes have happened after each message: int64 [messages]."""
        flow = self.flow
        starts = np.flatnonzero(np.concatenate([np.empty(0, np.bool_), *self._starts]))
        begins = np.append(starts, sum(len(part) for part in self._changes))
        sent = np.searchsorted(flow.message, np.arange(flow.first, until), side="right")
        return np.asarray(begins[flow.anonymous + sent])
