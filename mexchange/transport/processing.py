"""The time that the exchange itself takes: one command after another, in a queue.

A message is served whole, for so long for each of its commands, and what comes of it happens when
the last is done. Flow bears the times at which it happens; it occupies the server as if each of its
commands had arrived then, so that a flood of it delays everybody who sends.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from mexchange.clock import FOREVER
from mexchange.records import COMMAND, Commands

__all__ = ["Processing"]


class Processing:
    """A server that takes `each_ns` for a command, and the messages that wait for it."""

    def __init__(self, each_ns: int) -> None:
        self.each_ns = each_ns
        self._free_ns = 0
        self._waiting: deque[tuple[int, bytes]] = deque()

    @property
    def next_ns(self) -> int:
        """When the next message is done."""
        return self._waiting[0][0] if self._waiting else FOREVER

    def occupy(self, commands: Commands) -> None:
        """Commands of flow, in their order, take its time."""
        count = len(commands)
        # With free(i) = max(free(i - 1), time(i)) + each, the last is the latest of these.
        after = commands["time_ns"] + self.each_ns * np.arange(count, 0, -1)
        self._free_ns = max(self._free_ns + count * self.each_ns, int(after.max(initial=0)))

    def enter(self, now_ns: int, packed: bytes) -> None:
        """A message arrives; those before it are served first."""
        count = len(packed) // COMMAND.itemsize
        self._free_ns = max(self._free_ns, now_ns) + count * self.each_ns
        batch = np.frombuffer(packed, COMMAND).copy()
        batch["time_ns"] = self._free_ns
        self._waiting.append((self._free_ns, batch.tobytes()))

    def leave(self, now_ns: int) -> bytes:
        """The commands of what is done by now."""
        done = b""
        while self._waiting and self._waiting[0][0] <= now_ns:
            done += self._waiting.popleft()[1]
        return done
