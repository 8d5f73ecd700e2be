"""mExchange: one deterministic exchange, to research on, to test strategies in and to run live.

The exchange is a state machine: commands go in, events come out, and the same commands always give
the same events. A tour, from the inside out:

- `records` says what a command and an event are; `markets` what an asset, a tick and a lot are.
- `Exchange` is the engine's face: open accounts, deposit, submit orders, read books and balances.
  Behind it stands the compiled kernel (`mexchange.engine`) or the same rules in plain Python
  (`mexchange.reference`).
- `Strategy` is what trades: a class with hooks (`on_start`, `on_book`, `on_fill`) and verbs (`buy`,
  `sell`, `cancel`).
- `Simulation` lets strategies trade in virtual time, through latencies, with one another.
  `mexchange.replay` and `mexchange.backtest` put them into recorded order flow.
- `Result` is what comes out: Polars frames of events, orders, trades, fills, books, equity,
  positions and a ledger that balances to the atom.

Names are imported when they are first used, so that `import mexchange` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mexchange.analytics.result import Result
    from mexchange.clock import SimClock, WallClock
    from mexchange.exchange import Exchange
    from mexchange.latency import Bursts, ConstantLatency, EmpiricalLatency, LogNormalLatency
    from mexchange.markets import Asset, Fees, Market
    from mexchange.records import (
        COMMAND,
        EVENT,
        CommandKind,
        EventKind,
        Flag,
        OrderType,
        Reason,
        SelfTrade,
        Side,
        TimeInForce,
    )
    from mexchange.simulation import Agent, Simulation
    from mexchange.strategy import Strategy
    from mexchange.transport import SimTransport

__all__ = [
    "COMMAND",
    "EVENT",
    "Agent",
    "Asset",
    "Bursts",
    "CommandKind",
    "ConstantLatency",
    "EmpiricalLatency",
    "EventKind",
    "Exchange",
    "Fees",
    "Flag",
    "LogNormalLatency",
    "Market",
    "OrderType",
    "Reason",
    "Result",
    "SelfTrade",
    "Side",
    "SimClock",
    "SimTransport",
    "Simulation",
    "Strategy",
    "TimeInForce",
    "WallClock",
    "__version__",
]

__version__ = "0.1.0"

_HOMES = {
    "analytics.result": ("Result",),
    "clock": ("SimClock", "WallClock"),
    "exchange": ("Exchange",),
    "latency": ("Bursts", "ConstantLatency", "EmpiricalLatency", "LogNormalLatency"),
    "markets": ("Asset", "Fees", "Market"),
    "records": (
        "COMMAND",
        "EVENT",
        "CommandKind",
        "EventKind",
        "Flag",
        "OrderType",
        "Reason",
        "SelfTrade",
        "Side",
        "TimeInForce",
    ),
    "simulation": ("Agent", "Simulation"),
    "strategy": ("Strategy",),
    "transport": ("SimTransport",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
