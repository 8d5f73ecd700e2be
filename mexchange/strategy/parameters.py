"""The parameters of a strategy: public annotated attributes with a value, checked when it is made.

    class Joiner(Strategy):
        size: Annotated[Decimal, Range(above=0)] = Decimal(1)
        levels: Annotated[int, Range(1, 50)] = 3
        side: Literal["buy", "sell"] = "buy"
        period: Duration = "100ms"

Those of a scenario are the arguments of its `run` besides seed, duration_ns and progress, declared
alike.

What may be given for a type: an int for float; an int or a text for Decimal; nothing else for int,
str and bool. `X | None` allows None. A `Duration` is a text. Other types are left to the strategy's
own `check`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from mexchange.clock import nanoseconds

__all__ = [
    "Duration", "Length", "ParameterError", "Range", "default_of", "name_of", "parameters_of",
    "take",
]  # fmt: skip


class ParameterError(ValueError):
    """A parameter that a strategy does not have, or a value that it cannot take."""


@dataclass(frozen=True)
class Range:
    """Bounds of a number: at least `low`, at most `high`, more than `above`, less than `below`."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: Any) -> bool:
        """Whether `value` is within."""
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = (("at least", self.low), ("more than", self.above)) + (
            ("at most", self.high), ("less than", self.below),
        )  # fmt: skip
        return " and ".join(f"{words} {bound}" for words, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Length:
    """A text that is a length of time, positive unless `zero` may be."""

    zero: bool = False

    def holds(self, value: Any) -> bool:
        """Whether `value` is one."""
        try:
            length = nanoseconds(value)
        except ValueError:
            return False
        return length > 0 or (self.zero and length == 0)

    def __str__(self) -> str:
        least = "" if self.zero else "positive "
        return f"a {least}length of time: '250us', '100ms', '90s', '1h30m'"


Duration = Annotated[str, Length()]
"""A positive length of time, as '100ms'."""

SCENARIO_OWN = ("seed", "duration_ns", "progress")
"""The arguments that every scenario has."""

Declares = type | Callable[..., Any]
"""What has parameters: a strategy class, or the `run` of a scenario."""


@cache
def parameters_of(what: Declares) -> dict[str, Any]:
    """Name → annotation (with `Annotated` kept) of every parameter of a strategy class or scenario.

    Raises ParameterError for an annotation that names something unknown.
    """
    try:
        if isinstance(what, type):
            hints = get_type_hints(what, include_extras=True)
        else:
            hints = _argument_hints(what)
    except NameError as error:
        raise ParameterError(
            f"{name_of(what)}: an annotation cannot be read ({error}); import its type at the "
            "top of the file, not under TYPE_CHECKING"
        ) from None
    return {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_")
        and get_origin(hint) is not ClassVar
        and (not isinstance(what, type) or hasattr(what, name))
    }


def _argument_hints(run: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of the arguments that are parameters; those of others are not read."""
    given = {
        name: each.annotation
        for name, each in inspect.signature(run).parameters.items()
        if name not in SCENARIO_OWN and each.default is not each.empty
    }
    for name, annotation in given.items():
        if annotation is inspect.Parameter.empty:
            raise ParameterError(f"{name_of(run)}: {name} has no type")
    names = getattr(run, "__globals__", {})
    return get_type_hints(SimpleNamespace(__annotations__=given), names, include_extras=True)


def default_of(what: Declares, name: str) -> Any:
    """The value that a parameter has if none is given."""
    if isinstance(what, type):
        return getattr(what, name)
    return inspect.signature(what).parameters[name].default


def name_of(what: Declares) -> str:
    """The name of a class; of a scenario's `run` that of its file."""
    if isinstance(what, type):
        return what.__name__
    return what.__module__.rpartition(".")[2].removeprefix("mexchange_user_")


def take(what: Declares, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters, as given or as declared, each checked against its annotation.

    Raises ParameterError, whose one line says what is wrong and what would be right.
    """
    known = parameters_of(what)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else "."
            raise ParameterError(
                f"{name_of(what)} has no parameter {name!r}{guess} "
                f"It has: {', '.join(known) or 'none'}"
            )
    values = {}
    for name, hint in known.items():
        value = given[name] if name in given else default_of(what, name)
        try:
            values[name] = _fit(value, hint)
        except ValueError as error:
            shown = str(value) if isinstance(value, Decimal) else repr(value)
            raise ParameterError(
                f"{name_of(what)}: {name} = {shown} is wrong: it must be {error}"
            ) from None
    return values


def _fit(value: Any, hint: Any) -> Any:
    """`value` as `hint` says; ValueError whose text says what would be right."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *extras = get_args(hint)
        value = _fit(value, inner)
        for bounds in extras:
            if isinstance(bounds, Range | Length) and value is not None and not bounds.holds(value):
                raise ValueError(str(bounds))
        return value
    if origin in {Union, UnionType}:
        return _first(value, get_args(hint))
    if origin is Literal:
        if value not in get_args(hint):
            raise ValueError(f"one of {', '.join(map(repr, get_args(hint)))}")
        return value
    return _plain(value, hint)


def _first(value: Any, hints: tuple[Any, ...]) -> Any:
    problems = []
    for hint in hints:
        try:
            return _fit(value, hint)
        except ValueError as error:
            problems.append(str(error))
    raise ValueError(" or ".join(problems))


def _plain(value: Any, hint: Any) -> Any:
    if hint is NoneType:
        if value is not None:
            raise ValueError("None")
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number (float)")
        value = float(value)
        if not math.isfinite(value):
            raise ValueError("a finite number")
    elif hint is Decimal:
        value = _decimal(value)
    elif hint is int and isinstance(value, bool):
        raise ValueError("a whole number (int)")
    elif hint in {int, str, bool} and not isinstance(value, hint):
        raise ValueError({int: "a whole number (int)", str: "a text", bool: "True or False"}[hint])
    return value


def _decimal(value: Any) -> Decimal:
    fault = "an exact number: a Decimal, an int or a text such as '0.5'"
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise ValueError(fault)  # noqa: TRY004 - The caller makes one error of all of these.
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise ValueError(fault) from None
    if not number.is_finite():
        raise ValueError("a finite number")
    return number
