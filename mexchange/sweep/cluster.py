"""A Dask cluster as an executor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

__all__ = ["ClusterError", "cluster"]


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
        yield connected.get_executor(pure=False, retries=0)


async def _ask(address: str, timeout_s: float) -> None:
    """Connect to a scheduler and leave again."""
    from distributed.comm import connect

    comm: Any = await connect(address, timeout=timeout_s)
    await comm.close()
