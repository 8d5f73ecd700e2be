"""Time: virtual or real, behind one interface, in integer nanoseconds.

Whoever wants something to happen later gives a clock a callback (`call_at`). A coroutine may also
sleep in trio, since both clocks are trio clocks: trio asks its clock how long to wait only when no
task can run, and that is where the callbacks are called, without a task switch.

`SimClock` jumps to the next thing there is to do. `WallClock` waits for it.
"""

from __future__ import annotations

import math
import re
import time  # det-ok: WallClock is the one door through which real time enters
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from heapq import heappop, heappush

import trio

__all__ = ["Clock", "SimClock", "WallClock", "nanoseconds"]

SECOND = 1_000_000_000
FOREVER = 1 << 62
UNITS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND,
    "min": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND,
}  # fmt: skip
_PART = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(sorted(UNITS, key=len, reverse=True))})\s*")

Callback = Callable[[], object]
Task = Callable[[], Awaitable[object]]


def nanoseconds(length: int | str) -> int:
    """A length of time in nanoseconds: an int is taken as such, a text has units.

    Raises TypeError for anything else and ValueError for a text that is no length of time.

    >>> nanoseconds("1.5s"), nanoseconds("1h30m") // SECOND, nanoseconds(250)
    (1500000000, 5400, 250)
    """
    if isinstance(length, bool) or not isinstance(length, int | str):
        raise TypeError(f"{length!r} is no length of time; write 100_000_000 (ns) or '100ms'")
    if isinstance(length, int):
        return length
    parts = _PART.findall(length)
    total = sum((Decimal(number) * UNITS[unit] for number, unit in parts), Decimal(0))
    if not parts or _PART.sub("", length).strip() or total != int(total):
        raise ValueError(f"{length!r} is no length of time; write '250us', '100ms', '90s', '1h30m'")
    return int(total)


class Clock(trio.abc.Clock):
    """What `SimClock` and `WallClock` have in common.

    Callbacks that are due at the same time are called in the order in which they were asked for.
    Trio's seconds count from `start_ns`.
    """

    now_ns: int

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self._agenda: list[tuple[int, int, Callback]] = []
        self._asked = 0
        self._end_ns = FOREVER
        self._woken = False
        self._over: trio.Event | None = None
        self._failure: BaseException | None = None

    def call_at(self, time_ns: int, callback: Callback) -> None:
        """Have `callback` called at `time_ns`, or at once (after what is due before) if past."""
        self._asked += 1
        heappush(self._agenda, (time_ns, self._asked, callback))

    def woke(self) -> None:
        """To be called by a callback that let a task run on, which is then given its turn."""
        self._woken = True

    async def sleep_until(self, time_ns: int) -> None:
        """Let a task sleep until exactly `time_ns`, which a float of seconds cannot say."""
        event = trio.Event()

        def wake() -> None:
            self._woken = True
            event.set()

        self.call_at(time_ns, wake)
        await event.wait()

    @abstractmethod
    def run(self, end_ns: int = FOREVER, tasks: Sequence[Task] = ()) -> None:
        """Do what is due before `end_ns`, with `tasks` running, which are cancelled then.

        An exception of a callback or a task ends the run and is raised.
        """

    def start_clock(self) -> None:
        """For trio, which calls this once."""

    def _call_due(self, until_ns: int) -> bool:
        """Call what is due up to `until_ns`; whether trio has something to do now."""
        agenda = self._agenda
        try:
            while agenda and agenda[0][0] <= until_ns:
                self._reach(agenda[0][0])
                heappop(agenda)[2]()
                if self._woken:
                    self._woken = False
                    return True
        except BaseException as error:  # An exception must not pass through trio's own loop.
            self._finish(error)
            return True
        return False

    def _reach(self, time_ns: int) -> None:
        """The time of the next callback has come."""

    def _finish(self, failure: BaseException | None = None) -> None:
        self._failure = self._failure or failure
        if self._over is not None:
            self._over.set()

    def _run_trio(self, tasks: Sequence[Task]) -> None:
        async def main() -> None:
            self._over = trio.Event()
            async with trio.open_nursery() as nursery:
                for task in tasks:
                    nursery.start_soon(task)
                await self._over.wait()
                nursery.cancel_scope.cancel()

        try:
            trio.run(main, clock=self)  # det-ok: this is the place that owns the clock
        except BaseExceptionGroup as group:
            raise _only(group) from None
        if self._failure is not None:
            raise self._failure


def _only(error: BaseException) -> BaseException:
    """The exception in a group of one; anything else as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class SimClock(Clock):
    """Virtual time: it stands still while something happens and jumps to what comes next.

    >>> clock = SimClock()
    >>> clock.call_at(5, lambda: print("at", clock.now_ns))
    >>> clock.run(end_ns=10)
    at 5
    >>> clock.now_ns
    10

    `run` leaves what is due at `end_ns` itself undone, so that runs can be put end to end.
    """

    def __init__(self, start_ns: int = 0) -> None:
        super().__init__(start_ns)
        self.now_ns = start_ns
        self._reached = 0.0
        self._sleep_ns = FOREVER

    @property
    def next_ns(self) -> int:
        """The earliest time at which anything can happen after what happens now."""
        soonest = min(self._end_ns, self._sleep_ns)
        return min(self._agenda[0][0], soonest) if self._agenda else soonest

    @property
    def end_ns(self) -> int:
        """When the run that goes on ends."""
        return self._end_ns

    def call_at(self, time_ns: int, callback: Callback) -> None:
        """Have `callback` called at `time_ns`; ValueError if that is past."""
        if time_ns < self.now_ns:
            raise ValueError(f"time {time_ns} is past: it is {self.now_ns}")
        self._asked += 1
        heappush(self._agenda, (time_ns, self._asked, callback))

    def skip_to(self, time_ns: int) -> bool:
        """Go on to `time_ns` within a callback, if nothing else is due until and at that time.

        For who has many things to do in a row: it saves the way through the agenda.
        """
        agenda = self._agenda
        if (
            (agenda and agenda[0][0] <= time_ns)
            or self._woken
            or time_ns >= self._end_ns
            or time_ns >= self._sleep_ns
        ):
            return False
        self.now_ns = time_ns
        return True

    def run(self, end_ns: int = FOREVER, tasks: Sequence[Task] = ()) -> None:
        """Do all that is due before `end_ns`; without one, until nothing is left to do."""
        if end_ns < self.now_ns:
            raise ValueError(f"the end {end_ns} is past: it is {self.now_ns}")
        self._end_ns = end_ns
        if tasks:
            self._run_trio(tasks)
        else:
            agenda = self._agenda
            while agenda and agenda[0][0] < end_ns:
                self.now_ns, _, callback = heappop(agenda)
                callback()
        if end_ns != FOREVER:
            self.now_ns = end_ns

    def current_time(self) -> float:
        """Seconds since the start, for trio."""
        return max(self._reached, (self.now_ns - self.start_ns) / SECOND)

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Do what is due before trio's next deadline and jump there; never sleeps."""
        at_ns = FOREVER
        if deadline < math.inf:
            at_ns = max(self.now_ns, self.start_ns + round(deadline * SECOND))
        self._sleep_ns = at_ns
        until_ns = min(at_ns, self._end_ns - 1)
        if self._failure is None and self._call_due(until_ns):
            return 0
        if at_ns >= self._end_ns or (at_ns == FOREVER and self._over is not None):
            self._finish()
            return 0
        if at_ns == FOREVER:
            return math.inf
        # Seconds computed from nanoseconds may be one ulp below the deadline, which then would
        # never be over: trio must be told exactly what it asked for.
        self.now_ns = at_ns
        self._reached = max(self._reached, deadline)
        return 0

    def _reach(self, time_ns: int) -> None:
        self.now_ns = time_ns


class WallClock(Clock):
    """Real time, in nanoseconds since 1970. It never goes back, whatever happens to the system's.

    `run` calls what became due; who was late is called as soon as possible.
    """

    def __init__(self) -> None:
        self._origin_ns = time.time_ns() - time.monotonic_ns()
        super().__init__(self.now_ns)

    @property
    def now_ns(self) -> int:  # type: ignore[override]
        """The time."""
        return self._origin_ns + time.monotonic_ns()

    def run(self, end_ns: int = FOREVER, tasks: Sequence[Task] = ()) -> None:
        """Do what becomes due until `end_ns`; without one, until a callback or a task fails."""
        self._end_ns = end_ns
        self._run_trio(tasks)

    def current_time(self) -> float:
        """Seconds since the start, for trio."""
        return (self.now_ns - self.start_ns) / SECOND

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Do what is due, and say how long nothing else is."""
        if self._failure is None and self._call_due(min(self.now_ns, self._end_ns - 1)):
            return 0
        now_ns = self.now_ns
        if now_ns >= self._end_ns:
            self._finish()
            return 0
        soonest = min(self._end_ns, self._agenda[0][0] if self._agenda else FOREVER)
        return max(0.0, min(deadline - self.current_time(), (soonest - now_ns) / SECOND))
