"""`Episode`: one run of a world with players in it, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mexchange.clock import nanoseconds
from mexchange.gym.player import Player
from mexchange.gym.task import Task
from mexchange.gym.world import World
from mexchange.simulation import Agent, Simulation

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["Episode", "Plan"]


@dataclass(frozen=True)
class Plan:
    """How long a step, an episode and what comes before it are, in ns or as texts.

    Raises ValueError for lengths that are not positive or do not fit together.
    """

    world: World
    step: int | str = "1s"
    horizon: int | str = "10m"
    warmup: int | str = "5s"

    def __post_init__(self) -> None:
        step, horizon = nanoseconds(self.step), nanoseconds(self.horizon)
        if step <= 0:
            raise ValueError(f"step {self.step!r} is not positive")
        if horizon < 2 * step or horizon % step:
            raise ValueError(f"horizon {self.horizon!r} is not two or more steps of {self.step!r}")
        if nanoseconds(self.warmup) < 0:
            raise ValueError(f"warmup {self.warmup!r} is negative")


class Episode:
    """A run with one player a task, which begins after the warmup of the plan.

    Raises TypeError or ValueError for a world that makes no simulation with the players in it.
    """

    def __init__(self, plan: Plan, tasks: Mapping[str, Task], seed: int) -> None:
        self.seed = seed
        self.tasks = tasks
        self._step_ns = nanoseconds(plan.step)
        self.steps = nanoseconds(plan.horizon) // self._step_ns
        self.step = 0
        players = {name: Player() for name in tasks}
        simulation = plan.world(seed, [Agent(player, name) for name, player in players.items()])
        if not isinstance(simulation, Simulation):
            raise TypeError(f"the world made {simulation!r}, not a Simulation")
        present = [agent.strategy for agent in simulation.agents]
        for name, player in players.items():
            if not any(player is strategy for strategy in present):
                raise ValueError(f"the world left {name!r} out; give its agents to the Simulation")
        self._simulation = simulation
        self._players = list(players.values())
        simulation.start()
        if warmup := nanoseconds(plan.warmup):
            simulation.advance(warmup)
        for name, task in tasks.items():
            players[name].begin(simulation.exchange)
            task.begin(players[name], self.steps, self._step_ns)

    def advance(self) -> None:
        """Let a step pass; after the last one also what settles the tasks."""
        self.step += 1
        for task in self.tasks.values():
            task.step = self.step
        self._pass()
        if self.over:
            sent = [task.settle() for task in self.tasks.values()]
            if any(sent):
                self._pass()

    def _pass(self) -> None:
        self._simulation.advance(self._step_ns)
        for player in self._players:
            player.look()

    @property
    def over(self) -> bool:
        """Whether all steps have been made."""
        return self.step >= self.steps

    def info(self, task: Task) -> dict[str, Any]:
        """What else there is to know of a task, the run and the time."""
        info = {"time_ns": self._simulation.clock.now_ns, "seed": self.seed, **task.info()}
        if self.over or task.done:
            info["digest"] = self._simulation.exchange.digest()
        return info

    def result(self) -> Result:
        """What came of the run; it cannot go on afterwards."""
        return self._simulation.finish()
