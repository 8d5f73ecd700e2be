"""What every ingredient of a flow is: a frozen description, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

from mexchange.flow.layout import NEVER_NS
from mexchange.strategy.parameters import ParameterError, Range, take

__all__ = ["Ingredient", "Sized"]


@dataclass(frozen=True)
class Ingredient:
    """A kind of anonymous traders. Raises ParameterError for a value that a field cannot take."""

    kind: ClassVar[int]
    """Its number in `advance`."""

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in take(type(self), given).items():
            object.__setattr__(self, name, value)
        self.check()

    def check(self) -> None:
        """Raise ParameterError if the parameters do not go together."""

    def wrong(self, what: str) -> ParameterError:
        """The error of parameters that do not go together."""
        return ParameterError(f"{type(self).__name__}: {what}")

    @property
    def lists(self) -> int:
        """How many lists of orders it keeps."""
        return 1

    @property
    def own_accounts(self) -> int:
        """How many accounts it has to itself."""
        return 0

    def columns(self) -> dict[int, float]:
        """Its parameters as compiled code reads them, by column."""
        return {}

    def alarms(self, start_ns: int) -> tuple[int, int]:
        """When its two alarms ring first."""
        return start_ns, NEVER_NS


@dataclass(frozen=True)
class Sized(Ingredient):
    """An ingredient whose orders have sizes in lots: P(size > x) = (x / size)^-size_exponent.

    With exponent 0 all are `size`; none is larger than `largest`.
    """

    size: Annotated[int, Range(1, 1_000_000)] = 10
    size_exponent: Annotated[float, Range(0, 20)] = 0.0
    largest: Annotated[int, Range(1, 10_000_000)] = 100_000

    def check(self) -> None:
        """The largest is not smaller than the smallest."""
        if self.largest < self.size:
            raise self.wrong(f"largest {self.largest} is smaller than size {self.size}")

    def columns(self) -> dict[int, float]:
        """Size, exponent, largest."""
        return {0: float(self.size), 1: self.size_exponent, 2: float(self.largest)}
