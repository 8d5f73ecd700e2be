"""A strategy inside recorded order flow: both meet in one book, in virtual time.

The recorded account sends its commands at their recorded times. The strategy sees and reaches the
market through latencies and trades with its own money; recorded aggressors hit its orders where
those are first in the queue. What then no longer goes as recorded is counted, see docs/lobster.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mexchange.data.feed_log import Outcome
from mexchange.data.lobster import Book, Messages, find_opening, read_book, read_messages
from mexchange.data.lobster_flow import Flow, to_flow
from mexchange.data.watch import Watch, exchange_for
from mexchange.latency import Latency
from mexchange.markets import Market, Number
from mexchange.records import Command, CommandKind, Commands, Events, commands
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Strategy

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["RECORDED", "backtest"]

RECORDED = "recorded"
"""The name of the account whose orders are the recorded ones."""
ENDOWMENT = 10_000
"""How many lots a strategy has at first, and the price of how many, unless it is told."""


def backtest(
    strategy: Strategy | type[Strategy],
    messages: str | Path | Messages,
    book: str | Path | Book | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    market: Market | None = None,
    funds: Mapping[str, Number] | None = None,
    latency: Latency | None = None,
    seed: int = 1,
    progress: bool = False,
    engine: Literal["kernel", "reference"] = "kernel",
) -> Result:
    """Run a strategy inside the order flow of a LOBSTER message file.

    Args:
        strategy: a strategy that has not run yet, or its class, made with `parameters`.
        book: an order book file, whose first row is the book to start from. Default as in
            `replay`: a file of the same day beside the messages, else an empty book.
        market: default `lobster_market`.
        funds: what the strategy has at first, asset → amount (an int is atoms). Default: 10,000
            lots and the money for as many at the first price.
        latency: the strategy's, each way; default 1 ms.
        progress: show a bar on standard error.

    Returns a Result whose `extra` has how the flow went: `messages`, `executions`,
    `executions_at_best`, `executions_hit_named_order`, `recorded_touch` (the share of messages
    after which the best prices of the recorded orders are those that they are without the
    strategy) and `divergence` (see `mexchange.data.feed_log.Outcome`).

    Raises DataError for files that cannot be used, ValueError for parameters or funds that do not
    fit. A strategy that raises is stopped, see `Simulation.run`.
    """
    if isinstance(strategy, type):
        strategy = strategy(**(parameters or {}))
    elif parameters:
        raise ValueError(f"{strategy!r} is made already; give its class to give it parameters")
    messages = messages if isinstance(messages, Messages) else read_messages(messages)
    before = book if book is None or isinstance(book, Book) else read_book(book, 1)
    opening = find_opening(messages, before)
    start_ns = int(messages.time_ns[0])
    flow = to_flow(messages, opening, market=market, expiring=True)
    name = type(strategy).__name__
    simulation = Simulation(
        flow.market,
        [Agent(strategy, name)],
        funds=_endowment(flow) if funds is None else funds,
        latency=latency,
        seed=seed,
        setup=_setup(flow),
        flow=[flow.commands],
        accounts={flow.account: RECORDED},
        start_ns=start_ns,
        title=f"{name} in {flow.market.name} {messages.date}".rstrip(),
        parameters={
            "messages": Path(messages.path).name,
            "opening_book": "none" if opening is None else Path(opening.path).name,
        },
        engine=engine,
    )
    result = simulation.run(int(messages.time_ns[-1]) - start_ns + 1, progress=progress)
    result.extra |= {"focus": name, "messages": len(messages)}
    result.extra |= _compared(flow, result.records, engine)
    return result


def _endowment(flow: Flow) -> dict[str, int]:
    """Lots, and the money for as many at the first price of the flow, in atoms."""
    market = flow.market
    both = np.concatenate([flow.commands, flow.opening])
    prices = both["price"][both["kind"] == CommandKind.NEW]
    return {
        market.base.name: ENDOWMENT * market.base_per_lot,
        market.quote.name: market.notional(prices[0] if len(prices) else 0, ENDOWMENT),
    }


def _setup(flow: Flow) -> Commands:
    """The recorded account with its money, and the book that stood before."""
    opened = Command(kind=CommandKind.OPEN_ACCOUNT, account=flow.account)
    paid = commands(
        2,
        kind=CommandKind.DEPOSIT,
        account=flow.account,
        asset=[0, 1],
        quantity=list(flow.funds()),
    )
    return np.concatenate([opened, paid, flow.opening])


def _compared(flow: Flow, events: Events, engine: str) -> dict[str, Any]:
    """How the flow went, held against the file and against the same flow by itself."""
    ours, alone = Watch(flow), Watch(flow)
    ours.add(events)
    exchange = exchange_for(flow, engine)
    for part in (flow.opening, flow.commands):
        for undisturbed in exchange.stream(part):
            alone.add(undisturbed)
    prices = ours.rows(1)[:, 0, ::2], alone.rows(1)[:, 0, ::2]
    same = (prices[0] == prices[1]).all(axis=1)
    outcome: Outcome = ours.outcome()
    return {
        "executions": outcome.executions,
        "executions_at_best": outcome.at_best,
        "executions_hit_named_order": outcome.hit_named,
        "recorded_touch": round(float(same.mean()), 6) if len(same) else 1.0,
        "divergence": outcome.divergence,
    }
