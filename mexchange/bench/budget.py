"""Every speed that is promised, measured: what `mexchange bench` prints.

Absolute numbers are those of one core of the machine that the promises were made on; how the
kernel compares with the usual design on the same machine is what `bench/compare.py` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mexchange.bench import engine, simulation, strategy
from mexchange.bench import flow as flows

__all__ = ["Line", "measure"]

COMMANDS = 2_000_000
TIMES = ("µs", "s")
FEED_TARGET, SLOWEST_TARGET = 35e6, 10e6


@dataclass(frozen=True)
class Line:
    """One speed: `value` and `target` in `unit`, of which more is better unless it is a time."""

    name: str
    value: float
    target: float
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the promise is kept on this machine."""
        return self.value <= self.target if self.unit in TIMES else self.value >= self.target

    def shown(self, value: float) -> str:
        """`value` with its unit, for people."""
        if self.unit in TIMES:
            return f"{value:.1f} {self.unit}"
        if value >= 1e6:
            return f"{value / 1e6:.1f} M {self.unit}"
        return f"{value / 1e3:.0f} k {self.unit}"

    def as_dict(self) -> dict[str, Any]:
        """The line for JSON."""
        target = {"target": self.target, "unit": self.unit, "reached": self.reached}
        return {"value": self.value} | target


def measure(
    repeat: int = 3,
    commands: int = COMMANDS,
    hooks: int = 100_000,
    length: int | str = "5s",
    hours: float = 24,
) -> list[Line]:
    """All speeds, the best of `repeat` runs of each, over so many commands and so long times."""
    speeds = {}
    for kind in flows.KINDS:
        bench = engine.Bench.of(flows.make(kind, commands, engine.SEED))
        speeds[kind] = commands / min(bench.time()[0] for _ in range(repeat))
    slowest = min(speeds, key=lambda kind: speeds[kind])
    felt = strategy.measure(repeat, hooks)
    world = simulation.measure(repeat, length, hours)
    return [
        Line("engine, flow feed", round(speeds["feed"]), FEED_TARGET, "commands/s"),
        Line(
            f"engine, the slowest flow ({slowest})",
            round(speeds[slowest]),
            SLOWEST_TARGET,
            "commands/s",
        ),
        Line("one submit from Python", felt["submit_us"], 5, "µs"),
        Line("order of a strategy, there and back", felt["round_trip_us"], 20, "µs"),
        Line("hooks, one by one", felt["hooks_per_second"], 250e3, "hooks/s"),
        Line("hooks, batched", felt["batched_events_per_second"], 1e6, "events/s"),
        Line("market of Python agents", world["messages_per_second"], 250e3, "messages/s"),
        Line("market of compiled flow", world["compiled_commands_per_second"], 5e6, "commands/s"),
        Line("a day of balanced_market", world["day_seconds"], 15, "s"),
    ]
