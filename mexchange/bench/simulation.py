"""How fast whole markets are simulated, and how much room they take.

- **Python agents**: twenty market makers replace four quotes on each side every 10 ms and hear of
  each of their orders. A message is a command that reaches the exchange, or an event of their own
  that a hook has been told of.
- **Compiled flow**: anonymous traders send 400,000 commands a simulated second, and one strategy in
  Python looks at the book and replaces its quotes every 100 ms. Counted are all commands that go
  through the engine; measured once with and once without keeping every command and event.
- **A day** of the scenario `balanced_market`, in a process of its own, with commands and events
  written to disk as they come; an hour of it beside, to compare the peaks of memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mexchange.clock import nanoseconds
from mexchange.flow import Background, ZeroIntelligence
from mexchange.latency import ConstantLatency
from mexchange.markets import Asset, Fees, Market
from mexchange.simulation import Simulation
from mexchange.strategy import Fill, OrderUpdate, Strategy

__all__ = ["agents", "compiled_flow", "length_of", "measure"]

MARKET = Market(Asset("KCN", 2), Asset("EUR", 4), tick="0.01", lot="0.01", fees=(Fees(100, 250),))
FUNDS = {"EUR": 1 << 50, "KCN": 1 << 40}
PRICE = 10_000
MAKERS = 20
LIMIT_RATE = 200_000


class Maker(Strategy):
    """Replaces all of its quotes every 10 ms, around a price that moves a little."""

    levels: int = 4

    def on_start(self) -> None:
        self.answers = 0
        self.every("10ms", self.quote, first=1 + int(self.rng.integers(10_000_000)))

    def quote(self) -> None:
        for order in list(self.orders.values()):
            self.cancel(order)
        middle = PRICE + int(self.rng.integers(-3, 4))
        for away in range(1, self.levels + 1):
            self.buy(middle - away, 5)
            self.sell(middle + away, 5)

    def on_order(self, update: OrderUpdate) -> None:  # noqa: ARG002 - The hook hands it over.
        self.answers += 1

    def on_fill(self, fill: Fill) -> None:  # noqa: ARG002 - As above.
        self.answers += 1


class Joiner(Strategy):
    """Looks at the book every 100 ms and joins both sides of it."""

    def on_start(self) -> None:
        self.looks = 0
        self.every("100ms", self.quote)

    def quote(self) -> None:
        self.looks += 1
        self.cancel_all()
        book = self.book
        if book.bid and book.ask:
            self.buy(book.bid, 10, post_only=True)
            self.sell(book.ask, 10, post_only=True)


def _seconds(simulation: Simulation, length: int | str) -> float:
    simulation.start()
    before = time.perf_counter()
    simulation.advance(length)
    return time.perf_counter() - before


def agents(length: int | str = "1s") -> tuple[float, int]:
    """Seconds for so much of a market of makers in Python, and how many messages that was."""
    makers = [Maker() for _ in range(MAKERS)]
    simulation = Simulation(MARKET, makers, funds=FUNDS, latency=ConstantLatency("1ms"))
    seconds = _seconds(simulation, length)
    answers = sum(maker.answers for maker in makers)
    return seconds, len(simulation.transport.commands.whole()) + answers


def compiled_flow(length: int | str = "5s", *, keep: bool) -> tuple[float, int]:
    """Seconds for so much of a market of compiled flow, and how many commands that was."""
    traders = ZeroIntelligence(
        limit_rate=LIMIT_RATE, market_rate=LIMIT_RATE / 8, cancel_rate=LIMIT_RATE / 20
    )
    joiner = Joiner()
    simulation = Simulation(
        MARKET, [joiner], funds=FUNDS, latency=ConstantLatency("1ms"), keep=keep,
        background=[Background([traders], name="crowd")],
    )  # fmt: skip
    seconds = _seconds(simulation, length)
    assert joiner.looks > 0
    return seconds, simulation.transport.commands.rows


def length_of(hours: float) -> dict[str, float]:
    """Seconds, messages and peak memory (MB) of so much of balanced_market, in a new process."""
    with TemporaryDirectory(prefix="mexchange-") as folder:
        words = [sys.executable, "-m", __name__, str(hours), folder]
        done = subprocess.run(  # noqa: S603 - It is ourselves.
            words, check=True, capture_output=True, text=True
        )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def measure(repeat: int = 3, length: int | str = "5s", hours: float = 24) -> dict[str, Any]:
    """The best of `repeat` runs of each (of the day: one), and what a day takes of memory.

    Compiled flow runs for `length`, agents for a fifth of it, the day for `hours`.

    Keys: messages_per_second, compiled_commands_per_second, kept_commands_per_second, day_seconds,
    day_messages, day_peak_mb, hour_peak_mb.

    Raises ValueError for a `repeat` below one.
    """
    if repeat < 1:
        raise ValueError(f"repeat must be at least 1, not {repeat}")
    agents("10ms"), compiled_flow("101ms", keep=False)
    message_s = min(_each(*agents(nanoseconds(length) // 5)) for _ in range(repeat))
    compiled_s = min(_each(*compiled_flow(length, keep=False)) for _ in range(repeat))
    kept_s = min(_each(*compiled_flow(length, keep=True)) for _ in range(repeat))
    hour, day = length_of(hours / 24), length_of(hours)
    return {
        "messages_per_second": round(1 / message_s),
        "compiled_commands_per_second": round(1 / compiled_s),
        "kept_commands_per_second": round(1 / kept_s),
        "day_seconds": day["seconds"],
        "day_messages": day["messages"],
        "day_peak_mb": day["peak_mb"],
        "hour_peak_mb": hour["peak_mb"],
    }


def _each(seconds: float, number: int) -> float:
    return seconds / number


def _peak_mb() -> int:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
        return round(int(peak) / 1024)
    # Elsewhere; on Linux this would be the peak of who started us, if that was higher.
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main(arguments: list[str]) -> int:
    """Run so many hours of balanced_market, streaming into a folder, and print what it took."""
    hours, folder = arguments
    balanced = import_module("scenarios.balanced_market")
    balanced.simulation(seed=1).run("1s")
    simulation: Simulation = balanced.simulation(seed=1)
    simulation.start(Path(folder))
    before = time.perf_counter()
    simulation.advance(round(float(hours) * 3_600_000_000_000))
    seconds = time.perf_counter() - before
    measured = {
        "seconds": round(seconds, 3),
        "messages": simulation.transport.commands.rows,
        "peak_mb": _peak_mb(),
    }
    sys.stdout.write(json.dumps(measured))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
