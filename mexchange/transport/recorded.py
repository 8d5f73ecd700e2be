"""Recorded commands, taken from sorted arrays as time goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mexchange.clock import FOREVER
from mexchange.records import COMMAND, Commands, TimeInForce
from mexchange.transport.background import Applied

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Recorded"]

CHUNK = 8192


class Recorded:
    """Plays arrays of commands at the times they bear; ValueError if these go back."""

    def __init__(self, exchange: Exchange, arrays: Iterable[Commands], start_ns: int) -> None:
        self._exchange = exchange
        self._arrays = iter(arrays)
        self._array = np.zeros(0, COMMAND)
        self._times = np.zeros(0, np.int64)
        self._done = 0
        self._last_ns = start_ns
        self._one_by_one = False
        self.next_ns = start_ns
        self._refill()

    def _refill(self) -> None:
        while self._done == len(self._array):
            array = next(self._arrays, None)
            if array is None:
                self.next_ns = FOREVER
                return
            times = np.ascontiguousarray(array["time_ns"])
            if len(times) and (times[0] < self._last_ns or (np.diff(times) < 0).any()):
                raise ValueError(f"recorded flow goes back in time after {self._last_ns} ns")
            self._array, self._times, self._done = array, times, 0
            self._last_ns = int(times[-1]) if len(times) else self._last_ns
            # Expiries are commands of their own, which must find their place between these.
            self._one_by_one = bool((array["time_in_force"] == TimeInForce.GTD).any())
        self.next_ns = int(self._times[self._done])

    def advance(
        self,
        until_ns: int,
        watched: npt.NDArray[np.bool_],  # noqa: ARG002 - It cannot be told beforehand.
    ) -> Iterator[Applied]:
        """Apply the next commands up to `until_ns`, about a chunk at most, whomever they concern.

        Those of one instant stay together, also across arrays: they make one message to everybody.
        """
        part = self._cut(self.next_ns if self._one_by_one else until_ns)
        while self.next_ns == part["time_ns"][-1]:
            part = np.concatenate([part, self._cut(self.next_ns)])
        yield part, self._exchange.step(part)

    def _cut(self, until_ns: int) -> Commands:
        times = self._times
        end = int(np.searchsorted(times, until_ns, "right"))
        if end > self._done + CHUNK:
            end = int(np.searchsorted(times, times[self._done + CHUNK - 1], "right"))
        part = self._array[self._done : end]
        self._done = end
        if end == len(self._array):
            self._refill()
        else:
            self.next_ns = int(times[end])
        return part
