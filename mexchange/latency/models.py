"""What a model is, and those whose delays do not depend on when it is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mexchange.clock import nanoseconds

__all__ = [
    "QUANTILES",
    "ConstantLatency",
    "Latency",
    "LogNormalLatency",
    "Tabled",
    "generator",
    "positive",
]

QUANTILES = 1 << 14
"""A log-normal delay is one of so many equally likely ones."""
FEW, DRAWS = 8, 1024


def generator(seed: int, name: str) -> np.random.Generator:
    """The random generator that belongs to a name in the run with this seed.

    >>> bool(generator(1, "maker").random() == generator(1, "maker").random())
    True
    """
    key = blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "little")))


class Latency(ABC):
    """A model of delays each way.

    A subclass says what its delays are by `way`, or by `line` if they depend on when it is.
    """

    @abstractmethod
    def least(self) -> tuple[int, int]:
        """The shortest delays there can be, in nanoseconds: to the exchange and back."""

    @abstractmethod
    def most(self) -> tuple[int, int]:
        """The longest delays there can be, in nanoseconds: to the exchange and back."""

    @abstractmethod
    def way(self, back: bool, seed: int, name: str) -> Iterator[int]:
        """The delays in nanoseconds, without end, of one line in one direction."""

    def line(self, back: bool, seed: int, name: str, part: str = "") -> Callable[[int], int]:
        """What gives the delay of each next message, told the time at which that is sent.

        `name` is whose line it is; `part` tells apart several in the same direction.
        """
        delays = self.way(back, seed, f"{name}/{part}" if part else name)
        return lambda _: next(delays)


def positive(length: int | str, what: str) -> int:
    """A length of time in nanoseconds; ValueError that says `what` if it is less than one."""
    delay = nanoseconds(length)
    if delay < 1:
        raise ValueError(f"{what} {length!r} is not at least 1 ns")
    return delay


@dataclass(frozen=True)
class ConstantLatency(Latency):
    """The same delay always: `there` to the exchange and `back` (default: the same) from it.

    >>> ConstantLatency("1ms", "500us").least()
    (1000000, 500000)

    Raises ValueError for less than a nanosecond.
    """

    there: int | str = "1ms"
    back: int | str | None = None
    _ns: tuple[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        back = self.there if self.back is None else self.back
        object.__setattr__(
            self, "_ns", (positive(self.there, "there latency"), positive(back, "back latency"))
        )

    def least(self) -> tuple[int, int]:
        """Both delays."""
        return self._ns

    def most(self) -> tuple[int, int]:
        """Both delays."""
        return self._ns

    def way(self, back: bool, seed: int, name: str) -> Iterator[int]:  # noqa: ARG002
        """The delay again and again."""
        return repeat(self._ns[back])

    def line(self, back: bool, *_: object) -> Callable[[int], int]:
        """The delay always."""
        delay = self._ns[back]
        return lambda _: delay


class Tabled(Latency):
    """Delays that are picked at random from a table each way: equally likely ones, ascending."""

    _tables: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

    def least(self) -> tuple[int, int]:
        """The first entry of each table."""
        return int(self._tables[0][0]), int(self._tables[1][0])

    def most(self) -> tuple[int, int]:
        """The last entry of each table."""
        return int(self._tables[0][-1]), int(self._tables[1][-1])

    def way(self, back: bool, seed: int, name: str) -> Iterator[int]:
        """Independent draws."""
        table = self._tables[back]
        draws = generator(seed, f"latency/{'back' if back else 'there'}/{name}")
        # Few at first, since most of thousands of lines are used rarely; all draws are the same.
        count = FEW
        while True:
            yield from table[draws.integers(0, len(table), count)].tolist()
            count = min(2 * count, DRAWS)

    def share_below(self, length: int | str, back: bool = False) -> float:
        """Which share of the delays is below `length`."""
        table = self._tables[back]
        return float(np.searchsorted(table, nanoseconds(length))) / len(table)


@dataclass(frozen=True)
class LogNormalLatency(Tabled):
    """Delays around a median, with the long tail of real networks.

    `there` and `back` (default: the same) are the medians, `sigma` the standard deviation of the
    logarithm: with 0.5 one delay in twenty is above 2.3 times the median, one in a thousand above
    4.7 times. `floor` is what no delay is below.

    Raises ValueError for a median below the floor, a floor below 1 ns or a sigma outside 0 … 4.

    >>> model = LogNormalLatency("1ms", sigma=0.3)
    >>> delays = model.way(False, 1, "maker")
    >>> all(100_000 < next(delays) < 10_000_000 for _ in range(100))
    True
    """

    there: int | str = "1ms"
    back: int | str | None = None
    sigma: float = 0.5
    floor: int | str = 1
    _tables: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        floor = positive(self.floor, "floor latency")
        if not 0 <= self.sigma <= 4:
            raise ValueError(f"sigma {self.sigma!r} is not in 0 … 4")
        back = self.there if self.back is None else self.back
        medians = positive(self.there, "there latency"), positive(back, "back latency")
        if min(medians) < floor:
            raise ValueError(f"a median latency is below the floor of {floor} ns")
        tables = tuple(_table(median, self.sigma, floor) for median in medians)
        object.__setattr__(self, "_tables", tables)


@lru_cache(maxsize=64)
def _table(median: int, sigma: float, floor: int) -> npt.NDArray[np.int64]:
    """Equally likely delays, ascending; one array for all models alike.

    Chance then picks whole numbers from a table, so that a last bit of `exp` that differs between
    processors cannot change a run: here it would have to fall on a rounding edge.
    """
    normal = NormalDist().inv_cdf
    half = [normal((2 * i + 1) / (2 * QUANTILES)) for i in range(QUANTILES // 2)]
    scores = half + [-score for score in reversed(half)]
    return np.array([max(floor, round(median * math.exp(sigma * score))) for score in scores])
