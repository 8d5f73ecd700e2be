"""How long a message is on its way: to the exchange, and back from it.

A model is a description; `line` makes of it what gives the delays of one line, drawn from a
generator of its own, which is seeded by the run's seed and the line's name. So no line's delays
depend on who else is there.

Delays are whole nanoseconds, at least 1: nobody sees or reaches anything in no time.
"""

from mexchange.latency.bursts import Bursts
from mexchange.latency.empirical import EmpiricalLatency
from mexchange.latency.models import ConstantLatency, Latency, LogNormalLatency, generator

__all__ = [
    "Bursts",
    "ConstantLatency",
    "EmpiricalLatency",
    "Latency",
    "LogNormalLatency",
    "generator",
]
