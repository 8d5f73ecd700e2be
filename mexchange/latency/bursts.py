"""Delays that are long for a while: bad weather on a line, or on all lines at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil

from mexchange.latency.models import Latency, generator, positive

__all__ = ["Bursts"]

SPAN = 64
"""For so many bursts, in the mean, the times are drawn at once."""


@dataclass(frozen=True)
class Bursts(Latency):
    """Any model, with times in which its delays are `factor` times as long.

    Calm and burst take turns; either lasts for an exponentially distributed time, `every` and
    `lasts` in the mean (a two-state Markov process). So delays are correlated in time, which
    independent draws never are. The bursts of an agent are those of its line both ways. With a
    `name` they come at the same times to everybody whose model has that name: the exchange's own.

    Raises TypeError if `model` is none, ValueError for a factor outside 1 … 1,000,000 or a mean
    that is not positive.

    >>> from mexchange.latency import LogNormalLatency
    >>> model = Bursts(LogNormalLatency("200us"), every="30s", lasts="500ms", factor=20)
    >>> model.least() == model.model.least()
    True
    """

    model: Latency
    every: int | str = "1m"
    lasts: int | str = "1s"
    factor: float = 10.0
    name: str = ""
    _means: tuple[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.model, Latency):
            raise TypeError(f"{self.model!r} is no latency; write Bursts(ConstantLatency('1ms'))")
        if not 1 <= self.factor <= 1e6:
            raise ValueError(f"factor {self.factor!r} is not in 1 … 1,000,000")
        means = positive(self.every, "every"), positive(self.lasts, "lasts")
        object.__setattr__(self, "_means", means)

    def least(self) -> tuple[int, int]:
        """Those of the model, in the calm."""
        return self.model.least()

    def most(self) -> tuple[int, int]:
        """Those of the model, in a burst."""
        there, back = self.model.most()
        return ceil(there * self.factor), ceil(back * self.factor)

    def way(self, back: bool, seed: int, name: str) -> Iterator[int]:
        """The delays of the calm."""
        return self.model.way(back, seed, name)

    def line(self, back: bool, seed: int, name: str, part: str = "") -> Callable[[int], int]:
        """The model's delays, longer in bursts."""
        inner = self.model.line(back, seed, name, part)
        bursts = self.times(seed, name)
        factor = self.factor

        def delay(time_ns: int) -> int:
            length = inner(time_ns)
            return round(length * factor) if bursts(time_ns) else length

        return delay

    def times(self, seed: int, name: str) -> Callable[[int], bool]:
        """What tells whether there is a burst at a time, on the lines of this name."""
        key = f"latency/bursts/{self.name}" if self.name else f"latency/bursts of/{name}"
        calm, burst = self._means
        span = SPAN * (calm + burst)
        drawn, turns = -1, [0]

        def is_burst(time_ns: int) -> bool:
            nonlocal drawn, turns
            number, since = divmod(time_ns, span)
            if number != drawn:
                # Drawn by its number, so that any time can be asked for in any order.
                drawn, turns = number, self._turns(seed, f"{key}/{number}", span)
            # Calm comes first: it is a burst after an odd number of turns.
            return bisect_right(turns, since) % 2 == 1

        return is_burst

    def _turns(self, seed: int, key: str, span: int) -> list[int]:
        """The times within a span at which calm and burst take turns, a burst first."""
        draws = generator(seed, key)
        means = self._means
        state = 1 if draws.random() * (means[0] + means[1]) < means[1] else 0
        turns = [0] if state else []
        time = 0
        while time < span:
            # The state that begins in the middle goes on as long as a fresh one: it has no memory.
            time += max(1, round(draws.standard_exponential() * means[state]))
            turns.append(time)
            state = 1 - state
        return turns
