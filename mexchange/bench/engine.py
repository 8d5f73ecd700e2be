"""How many commands a second the kernel takes, on one order flow.

The kernel does all of its work: ids, bounds, risk and holds for 10,000 funded accounts, matching,
settlement of both sides and fees, and an event for everything that happens. Reading the file and
making records of it are not timed; neither is the counting, which is done in a run of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mexchange.bench import flow as flows
from mexchange.markets import MONEY_LIMIT, PRICE_LIMIT, Asset, Fees, Market
from mexchange.records import (
    CommandKind,
    Commands,
    EventKind,
    OrderType,
    TimeInForce,
    commands,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mexchange.engine import Kernel

__all__ = ["ACCOUNTS", "Bench", "funding", "measure", "prepare", "to_commands"]

ACCOUNTS = 10_000
FEES = Fees(maker_ppm=100, taker_ppm=250)
LOWEST_MAX_PRICE = 1 << 24
SEED = 7


def to_commands(rows: flows.Rows) -> Commands:
    """Flow rows (int64 [n, 5]) as command records; ids become the counters of source 0.

    Orders are scattered over the accounts 1 … 10,000, a cancel comes from the account of its order.

    Raises ValueError, naming the row, for an order whose id, price or quantity no market can take.
    """
    op, side, name, price, quantity = rows.T
    order, limit = op != flows.CANCEL, op == flows.LIMIT
    _require(order & ((name < 0) | (name >= 1 << 32)), name, "id", "0..2^32-1")
    _require(limit & ((price < 1) | (price > PRICE_LIMIT)), price, "price", f"1..{PRICE_LIMIT}")
    most = _market_over(price, limit).max_quantity
    _require(order & ((quantity < 1) | (quantity > most)), quantity, "quantity", f"1..{most}")
    batch = commands(len(rows), order_id=name, side=side)
    batch["time_ns"] = np.arange(1, len(rows) + 1)
    batch["account"] = 1 + name * 7919 % ACCOUNTS
    batch["kind"] = np.where(order, CommandKind.NEW, CommandKind.CANCEL)
    batch["quantity"] = np.where(order, quantity, 0)
    batch["price"] = np.where(limit, price, 0)
    market = op == flows.MARKET
    batch["type"] = np.where(market, OrderType.MARKET, OrderType.LIMIT)
    batch["time_in_force"] = np.where(market, TimeInForce.IOC, TimeInForce.GTC)
    return batch


def _require(bad: Any, values: Any, what: str, allowed: str) -> None:
    """Raises ValueError at the first bad row."""
    rows = np.flatnonzero(bad)
    if rows.size:
        raise ValueError(f"row {rows[0]}: {what} {values[rows[0]]} is not in {allowed}")


def _market_over(price: Any, limit: Any) -> Market:
    """A market whose highest price is above all of these."""
    highest = int(price[limit].max()) if limit.any() else 1
    room = min(PRICE_LIMIT, max(LOWEST_MAX_PRICE, 2 * highest))
    base, quote = Asset("KCN", 2), Asset("EUR", 4)
    return Market(base, quote, tick="0.01", lot="0.01", fees=(FEES,), max_price=room)


def funding() -> Commands:
    """Opens every account and gives it as much of both assets as all of them can have."""
    everyone = np.arange(1, ACCOUNTS + 1)
    opening = commands(ACCOUNTS, kind=CommandKind.OPEN_ACCOUNT, account=everyone)
    amount = (MONEY_LIMIT - 1) // (ACCOUNTS + 1)
    deposits = [
        commands(ACCOUNTS, kind=CommandKind.DEPOSIT, account=everyone, asset=asset, quantity=amount)
        for asset in (0, 1)
    ]
    return np.concatenate([opening, *deposits])


@dataclass
class Bench:
    """A flow as commands, ready to be run again and again, each time in a fresh exchange."""

    commands: Commands
    market: Market

    @classmethod
    def of(cls, rows: flows.Rows) -> Bench:
        """From flow rows, int64 [n, 5]; ValueError for rows that cannot be commands."""
        return cls(to_commands(rows), _market_over(rows[:, 3], rows[:, 0] == flows.LIMIT))

    def fresh(self) -> Kernel:
        """An empty exchange with funded accounts."""
        from mexchange.engine import Kernel

        kernel = Kernel((self.market,))
        for _ in kernel.stream(funding()):
            pass
        return kernel

    def time(self) -> tuple[float, int]:
        """Seconds that one run takes, and the sequence number it ends with."""
        kernel = self.fresh()
        start = time.perf_counter()
        for _ in kernel.stream(self.commands):
            pass
        return time.perf_counter() - start, kernel.sequence

    def count(self) -> tuple[dict[str, int | str], int]:
        """What happens in a run (trades, traded_quantity, cancelled, resting, digest), untimed.

        The second value is the sequence number it ends with.
        """
        kernel = self.fresh()
        trades = traded = cancelled = 0
        for events in kernel.stream(self.commands):
            kinds = np.bincount(events["kind"], minlength=len(EventKind))
            trades += int(kinds[EventKind.TRADE])
            cancelled += int(kinds[EventKind.CANCELLED])
            traded += int(events["quantity"][events["kind"] == EventKind.TRADE].sum())
        counts: dict[str, int | str] = {
            "trades": trades,
            "traded_quantity": traded,
            "cancelled": cancelled,
            "resting": len(kernel.order_rows()),
            "digest": kernel.digest(),
        }
        return counts, kernel.sequence


def prepare(flow: Path | None = None, commands: int = 2_000_000) -> Bench:
    """A flow file, or a `feed` of so many `commands`, ready to be measured.

    Raises OSError or ValueError for a file that cannot be used.
    """
    if flow is None:
        return Bench.of(flows.make("feed", commands, SEED))
    rows = flows.load(flow)
    try:
        return Bench.of(rows)
    except ValueError as error:
        raise ValueError(f"{flow}: {error}") from None


def measure(bench: Bench, repeat: int = 5) -> dict[str, Any]:
    """The best of `repeat` runs.

    Keys: commands, seconds, commands_per_second, trades, traded_quantity, cancelled, resting,
    digest.

    Raises ValueError for a `repeat` below one, RuntimeError if two runs differ.
    """
    if repeat < 1:
        raise ValueError(f"repeat must be at least 1, not {repeat}")
    counts, last = bench.count()
    best = float("inf")
    for _ in range(repeat):
        seconds, sequence = bench.time()
        if sequence != last:
            raise RuntimeError(f"two runs of the same flow differ: {sequence} and {last} events")
        best = min(best, seconds)
    return {
        "commands": len(bench.commands),
        "seconds": round(best, 6),
        "commands_per_second": round(len(bench.commands) / best),
        **counts,
    }
