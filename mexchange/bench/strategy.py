"""What a strategy pays: for a hook, for an order and back, and for one submit from Python.

- **hook**: recorded flow runs through engine, transport and book to a strategy whose `on_book` is
  called once for each instant at which something changed. The whole way counts, not only the call.
- **batched**: the same flow, with a thousand commands at each instant, so that the hook
  (`on_trades`) gets everything of an instant at once. Counted are the engine's events.
- **round trip**: a strategy buys one lot, and buys the next one as soon as `on_fill` tells it of
  the last: submit, match, settlement, ledger postings, `on_fill`.
- **submit**: `Exchange.submit` of an order that rests, and of one that trades, in turns.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mexchange.bench import engine
from mexchange.bench import flow as flows
from mexchange.exchange import Exchange
from mexchange.ledger import postings
from mexchange.markets import Asset, Fees, Market
from mexchange.records import CommandKind, Commands, Side, commands
from mexchange.simulation import Simulation
from mexchange.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from mexchange.strategy import Book, Fill, Trade

__all__ = ["measure"]

PRICE = 1_000
APART_NS = 1_000
"""Between one recorded command and the next."""
AT_ONCE = 1_000
"""Commands at one instant where hooks are batched."""
MONEY = 1 << 50


class Timed(Strategy):
    """Takes the time from its start to its stop: that of the run, without making its result."""

    def on_start(self) -> None:
        self.calls = 0
        self.seconds = -time.perf_counter()

    def on_stop(self) -> None:
        self.seconds += time.perf_counter()


class Watcher(Timed):
    """Counts the changes of the book."""

    def on_book(self, book: Book) -> None:  # noqa: ARG002 - The hook hands it over.
        self.calls += 1


class TradeWatcher(Timed):
    """Adds up what was traded."""

    def on_start(self) -> None:
        super().on_start()
        self.lots = 0

    def on_trades(self, book: Book, trades: list[Trade]) -> None:  # noqa: ARG002 - As above.
        self.calls += 1
        self.lots += sum([trade.quantity for trade in trades])


class Pinger(Timed):
    """Buys one lot after another, each when it has heard of the one before."""

    trips: int = 1

    def on_start(self) -> None:
        super().on_start()
        self.left = self.trips
        self.buy(PRICE, 1)

    def on_fill(self, fill: Fill) -> None:  # noqa: ARG002 - The hook hands it over.
        self.left -= 1
        if self.left:
            self.buy(PRICE, 1)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _flow(count: int, at_once: int) -> tuple[engine.Bench, Commands]:
    """A feed of so many commands, `at_once` of them at each instant."""
    bench = engine.Bench.of(flows.make("feed", count, engine.SEED))
    recorded = bench.commands.copy()
    recorded["time_ns"] = (1 + np.arange(count) // at_once) * at_once * APART_NS
    return bench, recorded


def hooks(count: int, *, batched: bool) -> tuple[float, int]:
    """Seconds for `count` recorded commands, and how many hooks (if batched: events) that was."""
    bench, recorded = _flow(count, AT_ONCE if batched else 1)
    watcher = TradeWatcher() if batched else Watcher()
    simulation = Simulation(
        bench.market, [watcher], funds={}, setup=engine.funding(), flow=[recorded]
    )
    before = simulation.exchange.sequence
    simulation.run("1h")
    assert watcher.calls > 0
    return watcher.seconds, simulation.exchange.sequence - before if batched else watcher.calls


def round_trips(count: int) -> float:
    """Seconds for `count` orders of a strategy, each sent when the one before was filled."""
    pinger = Pinger(trips=count)
    simulation = Simulation(_market(), [pinger], funds={"EUR": MONEY}, setup=_wall(count))
    simulation.run("1h")
    assert pinger.left == 0
    assert pinger.position == count

    def post() -> None:
        postings(simulation.transport.events.whole(), simulation.exchange.markets)

    return pinger.seconds + _timed(post)


def submits(count: int) -> float:
    """Seconds for `count` orders from Python, every second of which trades with the one before."""
    exchange = Exchange(_market())
    account = exchange.open_account()
    for asset in range(2):
        exchange.deposit(account, asset, MONEY)
    sides = [Side(n % 2) for n in range(count)]

    def work() -> None:
        for side in sides:
            exchange.submit(account, 0, side, 5, PRICE)

    seconds = _timed(work)
    assert exchange.last_price() == (PRICE if count > 1 else 0)
    return seconds


def _market() -> Market:
    return Market(Asset("KCN", 2), Asset("EUR", 4), tick="0.01", lot="0.01", fees=(Fees(100, 250),))


def _wall(lots: int) -> Commands:
    """Account 1 offers so many lots at `PRICE`."""
    batch = commands(3, kind=CommandKind.OPEN_ACCOUNT, account=1)
    batch["kind"][1:] = CommandKind.DEPOSIT, CommandKind.NEW
    batch["quantity"][1:] = lots, lots
    batch["side"][2], batch["price"][2] = Side.SELL, PRICE
    return batch


def measure(repeat: int = 3, count: int = 100_000) -> dict[str, Any]:
    """The best of `repeat` runs of each, over `count` commands or hooks, a fifth as many trips.

    Keys: hooks_per_second, hook_us, batched_events_per_second, round_trips_per_second,
    round_trip_us, submits_per_second, submit_us.

    Raises ValueError for a `repeat` below one.
    """
    if repeat < 1:
        raise ValueError(f"repeat must be at least 1, not {repeat}")
    trips = max(count // 5, 1)
    hook_s = min(_each(*hooks(count, batched=False)) for _ in range(repeat))
    event_s = min(_each(*hooks(count, batched=True)) for _ in range(repeat))
    trip_s = min(_each(round_trips(trips), trips) for _ in range(repeat))
    submit_s = min(_each(submits(count), count) for _ in range(repeat))
    return {
        "hooks_per_second": round(1 / hook_s),
        "hook_us": round(hook_s * 1e6, 3),
        "batched_events_per_second": round(1 / event_s),
        "round_trips_per_second": round(1 / trip_s),
        "round_trip_us": round(trip_s * 1e6, 3),
        "submits_per_second": round(1 / submit_s),
        "submit_us": round(submit_s * 1e6, 3),
    }


def _each(seconds: float, number: int) -> float:
    return seconds / number
