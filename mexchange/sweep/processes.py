"""An executor of processes that stand on their own.

`concurrent.futures.ProcessPoolExecutor` loses every run that waits when one process dies, runs the
user's main module again in each of its processes (so that a script or a notebook needs a guard),
and leaves them behind when it is killed. Here each process is started afresh with the interpreter,
speaks over a pipe of its own, takes nothing down but the run that it plays, and ends when the other
end of its pipe is gone.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache
from multiprocessing import Pipe
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, ParamSpec, TypeVar

__all__ = ["Processes", "WorkerError", "apart"]

P = ParamSpec("P")
T = TypeVar("T")
STDERR = 2


class WorkerError(RuntimeError):
    """The process that played a run ended without an answer; the message says how."""


class Processes(Executor):
    """At most `workers` processes (default: one a processor), started when they are needed."""

    def __init__(self, workers: int | None = None) -> None:
        if workers is None:
            workers = os.cpu_count() or 1
        if workers < 1:
            raise ValueError(f"{workers} workers cannot play anything; give at least 1")
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, "sweep")
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._all: list[_Worker] = []
        self._lock = Lock()
        self._over = False

    def submit(self, call: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> Future[T]:
        """Have `call`, which must be importable, called in one of the processes."""
        return self._threads.submit(self._call, pickle.dumps((call, args, options)))

    def _call(self, packed: bytes) -> Any:
        try:
            worker = self._idle.get_nowait()
        except Empty:
            worker = self._start()
        done, answer = worker.ask(packed)
        self._idle.put(worker)
        if done:
            return answer
        raise answer

    def _start(self) -> _Worker:
        with self._lock:
            if self._over:
                raise WorkerError("the executor has been shut down")
            worker = _Worker()
            self._all.append(worker)
            return worker

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: after all that was submitted, or at once with `cancel_futures`."""
        if not cancel_futures:
            self._threads.shutdown(wait=wait)
        with self._lock:
            self._over = True
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        for worker in self._all:
            worker.end()
        self._threads.shutdown(wait=wait)


class _Worker:
    """A process that answers one call at a time."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        # It finds the same modules, and nothing in the folder where it happens to be started.
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
        self._process = subprocess.Popen(  # noqa: S603 - Ourselves.
            [sys.executable, "-P", "-m", "mexchange.sweep.worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=STDERR,
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for who asked for the sweep, who then ends these.
        )
        theirs.close()

    def ask(self, packed: bytes) -> tuple[bool, Any]:
        """Whether the call returned, and what it returned or raised."""
        try:
            self._pipe.send_bytes(packed)
            answer: tuple[bool, Any] = self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerError(f"the worker died ({self._fate()})") from None
        return answer

    def _fate(self) -> str:
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


@cache
def _beside() -> Processes:
    processes = Processes()
    atexit.register(processes.shutdown, cancel_futures=True)
    return processes


def apart(call: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T:
    """Call it in a process beside this one, which then outlives whatever becomes of the call."""
    return _beside().submit(call, *args, **options).result()
