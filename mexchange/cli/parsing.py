"""From what a user types to what the commands work with."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from mexchange.cli.errors import UserError, refusing, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from mexchange.strategy import Strategy

__all__ = [
    "data_files",
    "declared",
    "defaults",
    "duration",
    "existing",
    "load_module",
    "load_strategy",
    "make_strategy",
    "parameters",
    "scenario_options",
    "strategies_there",
]

UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(" + "|".join(sorted(UNITS_NS, key=len, reverse=True)) + ")")
_TRUTH = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def duration(text: str) -> int:
    """A time such as `1h`, `90s`, `1h30m` or `250ms` in nanoseconds; UserError if it is not one.

    >>> duration("1h30m") // 60_000_000_000
    90
    """
    compact = text.strip()
    parts = _PART.findall(compact)
    if not parts or _PART.sub("", compact).strip():
        raise UserError(f"{text!r} is not a duration; write 90s, 15m, 1h or 1h30m")
    total = sum(Decimal(number) * UNITS_NS[unit] for number, unit in parts)
    if total != int(total) or total <= 0:
        raise UserError(f"{text!r} is not a positive whole number of nanoseconds")
    return int(total)


def existing(path: Path) -> Path:
    """`path`, which must be a file that can be read; UserError says what is wrong with it."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a file")
    try:
        with path.open("rb"):
            return path
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({(error.strerror or '').lower()})") from None


def data_files(text: str) -> tuple[Path, Path | None]:
    """The message and the order book file named by `lobster:MESSAGES[,BOOK]`."""
    kind, colon, rest = text.partition(":")
    if not colon or not rest:
        raise UserError(f"--data {text!r}: write lobster:MESSAGES or lobster:MESSAGES,BOOK")
    if kind != "lobster":
        raise unknown("kind of data", kind, ["lobster"])
    messages, comma, book = rest.partition(",")
    if not messages or (comma and not book):
        raise UserError(f"--data {text!r}: write lobster:MESSAGES or lobster:MESSAGES,BOOK")
    return existing(Path(messages)), existing(Path(book)) if book else None


def load_strategy(name: str) -> type[Strategy]:
    """The strategy class called `name`: one of `strategies`, `FILE.py:Class` or `module:Class`."""
    from mexchange.strategy import Strategy

    where, colon, class_name = name.rpartition(":")
    known = _classes(load_module(where), Strategy) if colon else strategies_there()
    if class_name not in known:
        raise unknown("strategy", class_name, known)
    return known[class_name]


def strategies_there() -> dict[str, type[Strategy]]:
    """The strategies that come with mExchange, by name."""
    from mexchange.strategy import Strategy

    # By its name, as a plugin: mexchange itself stands below the strategies and needs none.
    return _classes(importlib.import_module("strategies"), Strategy)


def _classes(module: ModuleType, base: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, base) and value is not base and not name.startswith("_")
    }


def load_module(where: str) -> ModuleType:
    """The module that `where` names: `FILE.py` or `package.module`; UserError if it fails."""
    if not where.endswith(".py"):
        sys.path.append(str(Path.cwd()))
        try:
            return importlib.import_module(where)
        except ImportError as error:
            raise UserError(f"cannot import {where!r}: {error}") from None
    path = existing(Path(where))
    # The name is ours, so that a file called random.py replaces nothing.
    spec = importlib.util.spec_from_file_location(f"mexchange_user_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.append(str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"{where}, line {error.lineno}: {error.msg}") from None
    except Exception as error:
        here = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == where]
        line = f", line {here[-1]}" if here else ""
        raise UserError(f"{where}{line}: {type(error).__name__}: {error}") from None
    return module


def make_strategy(strategy: type[Strategy], given: Sequence[str]) -> Strategy:
    """A strategy with the parameters `given` as `key=value`; UserError for a wrong one."""
    values = parameters(strategy, given)
    with refusing(TypeError, ValueError):
        return strategy(**values)


def scenario_options(run: Callable[..., Any], given: Sequence[str]) -> dict[str, Any]:
    """Parameters of a scenario's `run` from `key=value` texts; UserError for a wrong one."""
    from mexchange.strategy.parameters import take

    values = parameters(run, given)
    with refusing(ValueError):
        taken = take(run, values)
    return {name: taken[name] for name in values}


def declared(what: Any) -> dict[str, Any]:
    """Name and type of every parameter of a strategy class or of a scenario's `run`.

    UserError if they cannot be read.
    """
    from mexchange.strategy.parameters import parameters_of

    with refusing(ValueError):
        return parameters_of(what)


def defaults(what: Any) -> dict[str, str]:
    """Name and value, as text, of every parameter of a strategy class or of a scenario's `run`."""
    from mexchange.strategy.parameters import default_of

    return {name: str(default_of(what, name)) for name in declared(what)}


def parameters(what: Any, given: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts as typed parameters of a strategy class or of a scenario's `run`.

    UserError for a name that it does not have or a text that is not of its type.
    """
    from mexchange.strategy.parameters import name_of

    known = declared(what)
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--param {text!r}: write key=value")
        if name not in known:
            raise unknown(f"parameter of {name_of(what)}", name, known)
        if name in values:
            raise UserError(f"--param {name} is given twice")
        try:
            values[name] = _convert(value, known[name])
        except (ValueError, InvalidOperation):
            raise UserError(f"--param {name}: {value!r} is not {_wanted(known[name])}") from None
    return values


def _convert(text: str, hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        return _convert(text, get_args(hint)[0])
    if origin is Literal:
        return _look_up(text, {str(value).lower(): value for value in get_args(hint)})
    if origin in {Union, UnionType}:
        return _first_that_fits(text, get_args(hint))
    if hint is type(None):
        return _look_up(text, {"none": None})
    if hint is bool:
        return _look_up(text, _TRUTH)
    converters: dict[Any, Callable[[str], Any]] = {int: int, float: float, Decimal: Decimal}
    return converters.get(hint, str)(text)


def _wanted(hint: Any) -> str:
    """In words, what may be given for a type."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _wanted(get_args(hint)[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if origin in {Union, UnionType}:
        return " or ".join(_wanted(inner) for inner in get_args(hint))
    words = {int: "a whole number", bool: "true or false", float: "a number", Decimal: "a number"}
    return "none" if hint is type(None) else words.get(hint, "a text")


def _look_up(text: str, values: dict[str, Any]) -> Any:
    if text.lower() not in values:
        raise ValueError(text)
    return values[text.lower()]


def _first_that_fits(text: str, hints: tuple[Any, ...]) -> Any:
    # Strings fit everything, so they come last.
    for hint in sorted(hints, key=lambda hint: hint is str):
        try:
            return _convert(text, hint)
        except (ValueError, InvalidOperation):
            continue
    raise ValueError(text)
