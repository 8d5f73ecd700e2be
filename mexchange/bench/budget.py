"""Every speed that is promised, measured: what `mexchange bench` prints.

Absolute numbers are those of one core of the machine that the promises were made on; how the
kernel compares with the usual design on the same machine is what `bench/compare.py` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mexchange.bench import engine, strategy
from mexchange.bench import flow as flows

__all__ = ["Line", "measure"]

COMMANDS = 2_000_000
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
        return self.value <= self.target if self.unit == "µs" else self.value >= self.target

    def shown(self, value: float) -> str:
        """`value` with its unit, for people."""
        if self.unit == "µs":
            return f"{value:.1f} µs"
        if value >= 1e6:
            return f"{value / 1e6:.1f} M {self.unit}"
        return f"{value / 1e3:.0f} k {self.unit}"

    def as_dict(self) -> dict[str, Any]:
        """The line for JSON."""
        target = {"target": self.target, "unit": self.unit, "reached": self.reached}
        return {"value": self.value} | target


def measure(repeat: int = 3, commands: int = COMMANDS, hooks: int = 100_000) -> list[Line]:
    """All speeds, the best of `repeat` runs of each; flows of so many commands."""
    speeds = {}
    for kind in flows.KINDS:
        bench = engine.Bench.of(flows.make(kind, commands, engine.SEED))
        speeds[kind] = commands / min(bench.time()[0] for _ in range(repeat))
    slowest = min(speeds, key=lambda kind: speeds[kind])
    felt = strategy.measure(repeat, hooks)
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
    ]
