"""`Task`: what an agent sees, what it can do, and what it is paid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box

from mexchange.gym.player import DEPTH, TREND, Player
from mexchange.markets import Number, decimal

__all__ = ["MARKET", "Feature", "Task", "amount"]


@dataclass(frozen=True)
class Feature:
    """A number of an observation: what is measured over `scale`, cut off at `low` and `high`."""

    name: str
    unit: str
    low: float
    high: float
    scale: float = 1.0


MARKET = (
    Feature("spread", "bps of the mid", 0, 10, 10),
    Feature("imbalance", "bids less asks over both, at the best", -1, 1),
    Feature("depth_imbalance", f"the same over {DEPTH} levels", -1, 1),
    Feature("change", "bps, of the mid since the last step", -10, 10, 10),
    Feature("trend", f"bps, of the mid over {TREND} steps", -10, 10, 10),
    Feature("volatility", "bps a step", 0, 10, 10),
)
"""What every task sees of the market."""


class Task(ABC):
    """One agent's task. It is told of an episode by `begin`, and belongs to one agent.

    `features` are the observation, in order; actions are `actions` numbers from -1 to 1.
    """

    features: ClassVar[tuple[Feature, ...]]
    actions: ClassVar[tuple[str, ...]]

    player: Player
    steps: int
    """How many steps the episode has."""
    step_ns: int
    step: int
    """How many of them are over."""

    @property
    def observation_space(self) -> Box:
        """One number a feature, as float32."""
        low = np.array([feature.low for feature in self.features], np.float32)
        high = np.array([feature.high for feature in self.features], np.float32)
        return Box(low, high, dtype=np.float32)

    @property
    def action_space(self) -> Box:
        """One number from -1 to 1 for each of `actions`, as float32."""
        return Box(-1, 1, (len(self.actions),), np.float32)

    def begin(self, player: Player, steps: int, step_ns: int) -> None:
        """An episode begins."""
        self.player, self.steps, self.step_ns, self.step = player, steps, step_ns, 0

    @abstractmethod
    def act(self, action: Sequence[float]) -> None:
        """Send what the action means; its numbers are within their bounds."""

    @abstractmethod
    def measure(self) -> Sequence[float]:
        """What the features measure now, in their units."""

    @abstractmethod
    def reward(self) -> float:
        """What has been earned since it was asked the last time; asked once a step."""

    def settle(self) -> bool:
        """All steps are over: send what has to be; whether anything was sent."""
        return False

    @property
    def done(self) -> bool:
        """Whether the task has been accomplished before its time."""
        return False

    def info(self) -> dict[str, Any]:
        """What else there is to know."""
        return {}

    def take(self, action: Any) -> None:
        """Act, after the action has been looked at; ValueError if it is none."""
        try:
            numbers = np.asarray(action, np.float64)
        except (TypeError, ValueError):
            numbers = np.zeros(0)
        if numbers.shape != (len(self.actions),) or not np.isfinite(numbers).all():
            raise ValueError(
                f"action {action!r} is not {len(self.actions)} finite numbers: "
                f"{', '.join(self.actions)}"
            )
        self.act(np.clip(numbers, -1, 1).tolist())

    def observe(self) -> npt.NDArray[np.float32]:
        """What the agent sees: an array of one number a feature."""
        seen = zip(self.measure(), self.features, strict=True)
        values = [min(max(value / f.scale, f.low), f.high) for value, f in seen]
        return np.array(values, np.float32)

    @property
    def time_left(self) -> float:
        """Which part of the episode is still to come."""
        return max(0.0, 1 - self.step / self.steps)

    def market(self) -> list[float]:
        """What the features of `MARKET` measure."""
        player = self.player
        return [
            player.bps(player.book.spread),
            player.imbalance(),
            player.imbalance(DEPTH),
            player.moved_bps(1),
            player.moved_bps(TREND),
            player.volatility_bps,
        ]


def amount(name: str, value: Number) -> Decimal:
    """A positive quantity of the base asset; ValueError, or TypeError for a float."""
    number = decimal(value)
    if number <= 0:
        raise ValueError(f"{name} {value!r} is not more than 0")
    return number
