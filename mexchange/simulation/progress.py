"""The bar that shows how far a run is, on standard error, and only where someone looks at it."""

from __future__ import annotations

from datetime import timedelta  # det-ok: writes a length of simulated time, reads no clock
from types import TracebackType
from typing import TYPE_CHECKING

from mexchange.clock import SECOND, SimClock

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Bar"]

STEPS = 200


class Bar:
    """A context in which a run shows its simulated time and its events per second.

    It is drawn from callbacks of the clock, without a thread; they touch nothing that is simulated,
    so that a run with it gives the same as one without.
    """

    def __init__(self, clock: SimClock, exchange: Exchange, end_ns: int, title: str) -> None:
        # It is imported here because most runs show no bar.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._clock, self._exchange = clock, exchange
        self._start_ns, self._end_ns = clock.now_ns, end_ns
        self._first = exchange.sequence
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[simulated]}"),
            TextColumn("{task.fields[rate]}"),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._length = max(end_ns - self._start_ns, 1)
        self._task = self._progress.add_task(title, total=self._length, simulated="", rate="")

    def __enter__(self) -> Bar:
        self._progress.start()
        self._show()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._draw()
        self._progress.stop()

    def _show(self) -> None:
        self._draw()
        next_ns = self._clock.now_ns + max(self._length // STEPS, 1)
        if next_ns < self._end_ns:
            self._clock.call_at(next_ns, self._show)

    def _draw(self) -> None:
        task = self._progress.tasks[0]
        done = self._clock.now_ns - self._start_ns
        events = self._exchange.sequence - self._first
        rate = f"{events / task.elapsed:,.0f} events/s" if task.elapsed else ""
        simulated = f"{_clock_time(done)} of {_clock_time(self._length)}"
        self._progress.update(self._task, completed=done, simulated=simulated, rate=rate)
        self._progress.refresh()


def _clock_time(length_ns: int) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=length_ns // SECOND))
