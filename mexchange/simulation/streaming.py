"""Runs that write what they keep to disk as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path

__all__ = ["folder_of_run", "streaming"]

_FOLDERS: ContextVar[Iterator[Path] | None] = ContextVar("folders", default=None)


@contextmanager
def streaming(folder: Path | str) -> Iterator[None]:
    """Every run that starts in this context writes its commands and events into a folder.

    For code that calls a scenario, which makes its simulations itself. The files of the first run
    stand in the folder, those of further ones in folders `run-2`, `run-3`, … in it.
    """
    first = Path(folder)
    further = (first / f"run-{number}" for number in count(2))
    folders = (place for places in ((first,), further) for place in places)
    token = _FOLDERS.set(folders)
    try:
        yield
    finally:
        _FOLDERS.reset(token)


def folder_of_run() -> Path | None:
    """Where the next run of this context is to write, if it is."""
    folders = _FOLDERS.get()
    return None if folders is None else next(folders)
