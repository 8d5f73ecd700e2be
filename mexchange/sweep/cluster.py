"""A Dask cluster as an executor.

Dask answers the death of a worker by playing all that it had again on the others, three times, and
by losing results that had not been fetched. So each run is played in a process beside the worker,
and takes nothing with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from mexchange.sweep.processes import apart

__all__ = ["ClusterError", "cluster"]

P = ParamSpec("P")
T = TypeVar("T")


class ClusterError(RuntimeError):
    """The cluster cannot be used; the message is one line that says why."""


@contextmanager
def cluster(address: str, timeout_s: float = 4) -> Iterator[Executor]:
    """The executor of the Dask cluster whose scheduler is at `address` (`tcp://host:8786`).

    Raises ClusterError if Dask is not installed, if no scheduler answers within `timeout_s`
    seconds, or if it has no worker by then.
    """
    try:
        import distributed
    except ImportError:
        raise ClusterError("a cluster needs Dask: pip install 'mexchange[cluster]'") from None
    # A client that could not connect goes on trying after its exception, so ask first. In a
    # thread, since a notebook has an event loop that runs.
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(asyncio.run, _ask(address, timeout_s)).result()
        except Exception as error:  # Whatever answers there may make Dask raise anything.
            raise ClusterError(f"no Dask cluster at {address!r}: {error}") from None
    client: Any = distributed.Client
    with client(address, timeout=timeout_s, set_as_default=False) as connected:
        try:
            connected.wait_for_workers(1, timeout=timeout_s)
        except TimeoutError:
            raise ClusterError(f"the Dask cluster at {address!r} has no workers") from None
        # A run is no pure function to Dask, which would else answer from what it remembers.
        yield _Apart(connected.get_executor(pure=False, retries=0))


class _Apart(Executor):
    """Has calls made beside the workers of another executor."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def submit(self, call: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> Future[T]:
        """Have `call` called somewhere in the cluster."""
        return self._inner.submit(apart, call, *args, **options)


async def _ask(address: str, timeout_s: float) -> None:
    """Connect to a scheduler and leave again."""
    import distributed.comm

    connect: Any = vars(distributed.comm)["connect"]
    await (await connect(address, timeout=timeout_s)).close()
