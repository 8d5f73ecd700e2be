"""Replay of recorded order flow through the engine, held against the book that was published.

The flow runs as commands; the book that our engine has after each message is rebuilt from its
events and compared, row by row and level by level, with the published one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter  # det-ok: throughput is reported, nothing else depends on it
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mexchange.data.errors import DataError
from mexchange.data.lobster import Book, Messages, find_opening, read_book, read_messages
from mexchange.data.lobster_flow import Flow, Levels, to_flow
from mexchange.data.watch import Watch, exchange_for
from mexchange.markets import Market

__all__ = ["ReplayReport", "replay"]

BATCH = 8192
PASSES = 5
ENOUGH_S = 0.5
"""No further pass against the clock is begun after so many seconds of them."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay came to.

    Attributes:
        messages: in the message file.
        seconds: that the engine takes: checks, holds, matching, settlement, events. It is the best
            of a few passes of their own, so reading files, making commands, comparing books and
            compiling are not in it.
        events_per_second: messages by `seconds`.
        rows_compared: published rows that were compared, each as a whole.
        levels_compared: of each side, in every row.
        rows_exact: rows equal in all prices and sizes of these levels.
        first_mismatch_row: row of the book file (from 0), None if there is none.
        executions: visible executions in the file.
        executions_at_best: those whose price was our best price.
        executions_hit_named_order: those that our price-time priority gave, whole, to the very
            order that the file names.
        executions_hit_opening_book: how many of these were orders that stood before the first
            message, which share one anonymous order for each price here.
        hidden_executions: which do not touch the visible book.
        commands, events: of the engine in `seconds`.
        divergence: what did not go as in the file; see `mexchange.data.feed_log.Outcome`.
        opening_book: the file whose first row was the book to start from, None for an empty book.
        opening_levels: how many levels of each side that row has.
        digest: of the engine's state at the end.
    """

    messages: int
    seconds: float
    events_per_second: float
    rows_compared: int
    levels_compared: int
    rows_exact: int
    first_mismatch_row: int | None
    executions: int
    executions_at_best: int
    executions_hit_named_order: int
    executions_hit_opening_book: int
    hidden_executions: int
    commands: int
    events: int
    divergence: dict[str, int]
    opening_book: str | None
    opening_levels: int
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)


def replay(
    messages: str | Path | Messages,
    book: str | Path | Book | None = None,
    *,
    opening: str | Path | Book | None = None,
    levels: int | None = None,
    market: Market | None = None,
    engine: Literal["kernel", "reference"] = "kernel",
    batch: int = BATCH,
) -> ReplayReport:
    """Replay LOBSTER messages and compare with the published book.

    Args:
        book: the order book file to compare with; row `k` is the book after message `k`, and it
            may end before the messages do. None compares nothing.
        opening: an order book file whose first row is the book that the replay starts from.
            Default: `book` or, if it has more levels, a file of the same day beside the messages
            (see `find_opening`); without any, an empty book.
        levels: how many levels of each side to compare. Default: nine tenths of those that `book`
            has, because an order that stands deeper than the last published level is in neither
            file, and is missed when its level moves up.
        market: default `lobster_market`.
        engine, batch: which engine, and how many commands it is given at once.

    Raises DataError for files that cannot be used, ValueError for `levels` that are not there.
    """
    messages = messages if isinstance(messages, Messages) else read_messages(messages)
    book = _book(book)
    opening = find_opening(messages, book) if opening is None else _book(opening)
    if book is not None and len(book) > len(messages):
        raise DataError(
            book.path, f"has {len(book)} rows for the {len(messages)} rows of {messages.path}"
        )
    if levels is not None and (book is None or not 1 <= levels <= book.levels):
        there = "no book to compare with" if book is None else f"only {book.levels} in {book.path}"
        raise ValueError(f"cannot compare {levels} levels: there are {there}")
    if book is not None and levels is None:
        levels = book.levels - book.levels // 10
    flow = to_flow(messages, opening, market=market)
    run = _Run(flow, engine, batch)
    exact = None if book is None else run.compare(Levels.of(book, flow.market), levels)
    outcome, seconds = run.watch.outcome(), run.seconds()
    return ReplayReport(
        messages=len(messages),
        seconds=seconds,
        events_per_second=len(messages) / seconds if seconds else 0.0,
        rows_compared=0 if exact is None else len(exact),
        levels_compared=levels or 0,
        rows_exact=0 if exact is None else int(np.count_nonzero(exact)),
        first_mismatch_row=_first_miss(exact, flow.first),
        executions=outcome.executions,
        executions_at_best=outcome.at_best,
        executions_hit_named_order=outcome.hit_named,
        executions_hit_opening_book=outcome.hit_opening,
        hidden_executions=flow.counts["messages_executed_hidden"],
        commands=len(flow.commands),
        events=run.events,
        divergence=outcome.divergence,
        opening_book=None if opening is None else opening.path,
        opening_levels=0 if opening is None else opening.levels,
        digest=run.exchange.digest(),
    )


def _book(book: str | Path | Book | None) -> Book | None:
    return book if book is None or isinstance(book, Book) else read_book(book)


def _first_miss(exact: npt.NDArray[np.bool_] | None, first: int) -> int | None:
    if exact is None or exact.all():
        return None
    return first + int(np.argmin(exact))


class _Run:
    """A flow through an engine of its own, watched, and once more against the clock."""

    def __init__(self, flow: Flow, engine: Literal["kernel", "reference"], batch: int) -> None:
        self.watch = Watch(flow)
        self._flow, self._engine, self._batch = flow, engine, batch
        self.exchange = exchange_for(flow, engine)
        for events in self.exchange.stream(flow.opening, batch):
            self.watch.add(events)
        opened = self.exchange.sequence
        for events in self.exchange.stream(flow.commands, batch):
            self.watch.add(events)
        self.events = self.exchange.sequence - opened

    def seconds(self) -> float:
        """How long the engine takes for the flow, with all code compiled and nobody watching."""
        passes: list[float] = []
        while len(passes) < PASSES and sum(passes) < ENOUGH_S:
            exchange = exchange_for(self._flow, self._engine)
            exchange.step(self._flow.opening)
            began = perf_counter()
            for _ in exchange.stream(self._flow.commands, self._batch):
                pass
            passes.append(perf_counter() - began)
        return min(passes)

    def compare(self, published: Levels, levels: int | None) -> npt.NDArray[np.bool_]:
        """Which rows of the published book, from the first message on, equal ours."""
        rows = published.rows[self._flow.first :, :levels]
        ours = self.watch.rows(rows.shape[1], len(published.rows))
        return np.asarray((ours == rows).all(axis=(1, 2)))
