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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite.binding import Linkage
from numba.core import types
from numba.core.codegen import CPUCodeLibrary

__all__ = ["cache_folder", "compiled", "entry", "entry_into", "inlined", "rare"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def _fingerprint() -> str:
    state = blake2b(digest_size=8)
    state.update(f"{sys.version} {numba.__version__}".encode())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), here.parent / "records.py"]):
        state.update(path.read_bytes())
    return state.hexdigest()


def cache_folder(built_on_it: Path | None = None) -> Path:
    """Where the compiled kernel is kept: under the user's cache folder, else a temporary one.

    Compiled code of the folder `built_on_it`, which calls parts of the kernel, has a place of its
    own for every state of its sources and the kernel's.
    """
    name = _FINGERPRINT
    if built_on_it is not None:
        state = blake2b(name.encode(), digest_size=8)
        for path in sorted(built_on_it.glob("*.py")):
            state.update(path.read_bytes())
        name = f"{built_on_it.name}-{state.hexdigest()}"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "mexchange" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "mexchange" / name
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def compiled(function: F) -> F:
    """A function of the kernel, inlined or not as LLVM thinks best."""
    return _part(function)


def inlined(function: F) -> F:
    """A small function of the hot path: inlined wherever it is called."""
    return _part(function, inline=True)


def rare(function: F) -> F:
    """A function that few commands need: kept away from the code of the hot path."""
    path = [*function.__module__.split("."), function.__qualname__]
    _RARE.append("_ZN" + "".join(f"{len(name)}{name}" for name in path) + "B")
    return _part(function)


def _part(function: F, inline: bool = False) -> F:
    """Compile a function for 64-bit integers only, and leave optimising it to the entry.

    By itself Numba makes a version of it for every literal and every width of integer, and
    optimises it again with all that it calls wherever it is called: six times the work.
    """
    # Said both ways, since Numba would have a part inherit it from whoever calls it first.
    result: Any = numba.njit(function, forceinline=inline, **_OPTIONS)
    if numba.config.DISABLE_JIT:
        return function
    template = result.get_call_template

    def widened(kind: Any) -> Any:
        return types.int64 if isinstance(kind, types.Integer) else types.unliteral(kind)

    def get_call_template(args: Any, kws: Any) -> Any:
        with _optimising_by(lambda library: None):
            return template(tuple(map(widened, args)), kws)

    result.get_call_template = get_call_template
    return cast(F, result)


def entry(function: F) -> F:
    """A function that Python calls: compiled as a whole with all it leads to, and kept on disk."""
    return entry_into(cache_folder(), function)


def entry_into(folder: Path, function: F) -> F:
    """An `entry` that is kept in a folder of `cache_folder`."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        result: Any = numba.njit(function, cache=True, **_OPTIONS)
    finally:
        numba.config.CACHE_DIR = before
    if numba.config.DISABLE_JIT:
        return function
    compile_version = result.compile

    def compile_whole(signature: Any) -> Any:
        with _optimising_by(_optimise_whole):
            return compile_version(signature)

    result.compile = compile_whole
    return cast(F, result)


_optimise = CPUCodeLibrary._optimize_final_module


def _optimise_whole(library: Any) -> None:
    """Optimise an entry and all its parts, which nobody else calls, at once."""
    for function in library._final_module.functions:
        if function.is_declaration or function.linkage != Linkage.linkonce_odr:
            continue
        function.linkage = Linkage.internal
        if any(function.name.startswith(name) for name in _RARE):
            function.add_function_attribute("noinline")
            function.add_function_attribute("cold")
    _optimise(library)


@contextmanager
def _optimising_by(optimise: Callable[[Any], None]) -> Iterator[None]:
    before = CPUCodeLibrary._optimize_final_module
    CPUCodeLibrary._optimize_final_module = optimise
    try:
        yield
    finally:
        CPUCodeLibrary._optimize_final_module = before


_RARE: list[str] = []
_FINGERPRINT = _fingerprint()
