"""How the kernel is compiled, and where the machine code is kept.

Numba's cache looks only at the file of the function itself: after a change in another file of the
kernel it would go on running the old code. So the cache lives in a folder named by a hash of all
kernel sources, Python's and Numba's version; nothing in it can be stale. Only entry points are
cached, since what they call is compiled into them.

`NUMBA_DISABLE_JIT=1` runs the same source as plain Python, to be stepped through in a debugger.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numba

__all__ = ["cache_folder", "compiled", "entry", "inlined"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def _fingerprint() -> str:
    state = blake2b(digest_size=8)
    state.update(f"{sys.version} {numba.__version__}".encode())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), here.parent / "records.py"]):
        state.update(path.read_bytes())
    return state.hexdigest()


def cache_folder() -> Path:
    """Where the compiled kernel is kept: under the user's cache folder, else a temporary one."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "mexchange" / _FINGERPRINT
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "mexchange" / _FINGERPRINT
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def compiled(function: F) -> F:
    """A function of the kernel, compiled into whoever calls it."""
    result: F = numba.njit(function, **_OPTIONS)
    return result


def inlined(function: F) -> F:
    """A small function of the hot path: always inlined, so that it may take the whole state."""
    result: F = numba.njit(function, forceinline=True, **_OPTIONS)
    return result


def entry(function: F) -> F:
    """A function that Python calls: compiled and kept on disk."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        result: F = numba.njit(function, cache=True, **_OPTIONS)
    finally:
        numba.config.CACHE_DIR = before
    return result


_FINGERPRINT = _fingerprint()
