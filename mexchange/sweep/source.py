"""What is run: a scenario as text, so that it can be sent to and recognised on any machine.

A sweep that was stopped goes on only with the code that it began with. So the identity of a run
contains a hash of the scenario and of all of mExchange that can change what comes of it; a worker
compares it with what it has itself, since a cluster may have another version installed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["Source", "SweepError", "code_hash"]

PACKAGES = ("mexchange", "strategies", "scenarios")
# What asks for runs and what shows them; no run is another because of it.
OUTSIDE = ("cli", "bench", "testing", "sweep", "gym", "__pycache__")

_loading = Lock()


class SweepError(ValueError):
    """What was asked for cannot be run; the message is one line."""


@dataclass(frozen=True)
class Source:
    """A scenario: the module that holds it, its text, and the name of its function.

    `module` is empty for a file of the user's own, which is then run from `text`.
    """

    module: str
    path: str
    text: str
    function: str = "run"

    @classmethod
    def of(cls, scenario: str | Path | ModuleType | Callable[..., Any]) -> Source:
        """From a name in `scenarios`, the path of a file, a module, or a function of a module.

        Raises SweepError if there is no such thing.
        """
        if isinstance(scenario, ModuleType):
            return cls._of_module(scenario, "run")
        if callable(scenario):
            module = sys.modules.get(scenario.__module__)
            name = getattr(scenario, "__qualname__", "")
            if module is None or module.__name__ == "__main__" or not name.isidentifier():
                raise SweepError(
                    f"{scenario!r} cannot be sent to other processes; write it into a file of its "
                    "own and name that"
                )
            return cls._of_module(module, name)
        if isinstance(scenario, Path) or scenario.endswith(".py"):
            path = Path(scenario)
            try:
                return cls("", str(path.resolve()), path.read_text(encoding="utf-8"))
            except OSError as error:
                raise SweepError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        if not scenario.isidentifier() or find_spec(f"scenarios.{scenario}") is None:
            raise SweepError(
                f"no scenario {scenario!r}; `mexchange scenarios` lists those there are"
            )
        return cls._of_module(importlib.import_module(f"scenarios.{scenario}"), "run")

    @classmethod
    def _of_module(cls, module: ModuleType, function: str) -> Source:
        path = module.__file__
        if path is None:
            raise SweepError(f"{module.__name__} has no file to be sent to other processes")
        importable = find_spec(module.__name__) if module.__name__ in sys.modules else None
        shared = module.__name__.split(".")[0] in PACKAGES and importable is not None
        text = Path(path).read_text(encoding="utf-8")
        return cls(module.__name__ if shared else "", str(Path(path).resolve()), text, function)

    @property
    def name(self) -> str:
        """What to call it."""
        return Path(self.path).stem

    def digest(self) -> str:
        """A hash of all code that decides what comes of a run."""
        state = blake2b(digest_size=16)
        state.update(f"{code_hash()}/{self.function}/{self.text}".encode())
        return state.hexdigest()

    def load(self) -> Callable[..., Result]:
        """Its function. Raises SweepError if it has none, and whatever its file raises."""
        with _loading:
            module = importlib.import_module(self.module) if self.module else _module(self)
        run = getattr(module, self.function, None)
        if not callable(run):
            raise SweepError(f"{self.path}: a scenario has a function run(seed, duration_ns)")
        return run  # type: ignore[no-any-return]


def _module(source: Source) -> ModuleType:
    """The module made of a source's text, once in a process."""
    key = blake2b(source.text.encode(), digest_size=8).hexdigest()
    name = f"mexchange_sweep_{key}.{source.name}"
    if name in sys.modules:
        return sys.modules[name]
    folder = str(Path(source.path).parent)
    if folder not in sys.path:  # It may import what stands beside it.
        sys.path.append(folder)
    module = ModuleType(name)
    module.__file__ = source.path
    # Strategies look their annotations up in the module by its name.
    sys.modules[name] = module
    try:
        code = compile(source.text, source.path, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102
    except BaseException:
        del sys.modules[name]
        raise
    return module


@cache
def code_hash() -> str:
    """A hash of all of mExchange, its strategies and scenarios as this process finds them."""
    files: dict[str, Path] = {}
    for package in PACKAGES:
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            for path in Path(place).rglob("*.py"):
                inner = path.relative_to(place)
                if inner.parts[0] not in OUTSIDE:  # What comes first on the path is imported.
                    files.setdefault(f"{package}/{inner.as_posix()}", path)
    state = blake2b(digest_size=16)
    for name, path in sorted(files.items()):
        state.update(f"{name}\0".encode())
        state.update(path.read_bytes())
    return state.hexdigest()
