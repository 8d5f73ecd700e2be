"""The other end of `Processes`: `python -m mexchange.sweep.worker DESCRIPTOR`."""

from __future__ import annotations

import os
import pickle
import sys
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread


def serve(pipe: Connection) -> None:
    """Answer calls, one after another, until nobody is at the other end."""
    calls: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(pipe, calls), daemon=True).start()
    while True:
        try:
            call, args, options = pickle.loads(calls.get())  # noqa: S301 - From who started us.
            answer = True, call(*args, **options)
        except Exception as error:
            answer = False, error
        try:
            packed = pickle.dumps(answer)
        except Exception as error:
            packed = pickle.dumps((False, RuntimeError(f"the answer cannot be sent: {error}")))
        pipe.send_bytes(packed)


def _listen(pipe: Connection, calls: SimpleQueue[bytes]) -> None:
    """Beside a run that may take long: if whoever asked for it is gone, nobody needs it."""
    try:
        while True:
            calls.put(pipe.recv_bytes())
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
