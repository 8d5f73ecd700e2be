"""Several agents in one market: dicts by name, as the parallel API of PettingZoo has them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box
from gymnasium.utils import seeding

from mexchange.gym.episode import Episode, Plan
from mexchange.gym.task import Task
from mexchange.gym.world import World, crowd

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["ParallelEnv"]

Array = npt.NDArray[np.float32]
Steps = tuple[
    dict[str, Array], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
]


class ParallelEnv:
    """Agents, each with a task of its own, that trade with one another in one world.

    It has what PettingZoo asks of a parallel environment and needs nothing of it: `possible_agents`
    and `agents`, `observation_space(agent)`, `action_space(agent)`, `reset`, `step`, `close`. All
    agents act at the same instants; their messages meet at the exchange as those of strategies do.
    An agent whose task is done leaves `agents`; at the end of the horizon all of them do.

    Arguments are those of `TaskEnv`, with tasks by the name of their agent. Raises ValueError for
    no tasks, or one task with two names.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        world: World = crowd,
        *,
        step: int | str = "1s",
        horizon: int | str = "10m",
        warmup: int | str = "5s",
    ) -> None:
        if not tasks:
            raise ValueError("an environment without tasks has nobody in it; give some")
        given = list(tasks.values())
        if any(one is other for n, one in enumerate(given) for other in given[:n]):
            raise ValueError("two agents have the same task object; give each one of its own")
        self.tasks = dict(tasks)
        self.plan = Plan(world, step, horizon, warmup)
        self.metadata: dict[str, Any] = {"name": "mexchange", "render_modes": []}
        self.render_mode = None
        self.possible_agents = list(tasks)
        self.agents: list[str] = []
        self._spaces = {
            name: (task.observation_space, task.action_space) for name, task in tasks.items()
        }
        self._random: np.random.Generator | None = None
        self._episode: Episode | None = None

    @property
    def num_agents(self) -> int:
        """How many agents are there now."""
        return len(self.agents)

    @property
    def max_num_agents(self) -> int:
        """How many agents there can be."""
        return len(self.possible_agents)

    @property
    def unwrapped(self) -> ParallelEnv:
        """Itself."""
        return self

    def observation_space(self, agent: str) -> Box:
        """What an agent can see; the same object each time."""
        return self._spaces[agent][0]

    def action_space(self, agent: str) -> Box:
        """What an agent can do; the same object each time."""
        return self._spaces[agent][1]

    def reset(
        self,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - Part of the API.
    ) -> tuple[dict[str, Array], dict[str, dict[str, Any]]]:
        """Begin an episode with all agents; the seed decides all that follows."""
        if seed is not None or self._random is None:
            self._random, _ = seeding.np_random(seed)
        self._episode = Episode(self.plan, self.tasks, int(self._random.integers(1 << 31)))
        self.agents = list(self.possible_agents)
        observations = {name: self.tasks[name].observe() for name in self.agents}
        return observations, {name: self._episode.info(self.tasks[name]) for name in self.agents}

    def step(self, actions: Mapping[str, Any]) -> Steps:
        """All agents act, and a step of time passes; what came of it by agent.

        Raises ValueError unless there is one action for each of `agents`, and ResetNeeded when
        nobody is left.
        """
        episode = self._running()
        if not self.agents:
            raise gymnasium.error.ResetNeeded("the episode is over; call reset()")
        for name in actions:
            if name not in self.agents:
                near = get_close_matches(name, self.agents, n=1)
                guess = f"; did you mean {near[0]!r}?" if near else "."
                raise ValueError(f"no agent {name!r}{guess} There is: {', '.join(self.agents)}")
        missing = [name for name in self.agents if name not in actions]
        if missing:
            raise ValueError(f"no action for {', '.join(missing)}")
        acting = self.agents
        for name in acting:
            self.tasks[name].take(actions[name])
        episode.advance()
        tasks = {name: self.tasks[name] for name in acting}
        rewards = {name: task.reward() for name, task in tasks.items()}
        terminated = {name: task.done for name, task in tasks.items()}
        truncated = {name: episode.over and not terminated[name] for name in acting}
        self.agents = [n for n in acting if not (terminated[n] or truncated[n])]
        observations = {name: task.observe() for name, task in tasks.items()}
        infos = {name: episode.info(task) for name, task in tasks.items()}
        return observations, rewards, terminated, truncated, infos

    def _running(self) -> Episode:
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("there is no episode yet; call reset()")
        return self._episode

    def render(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to let go of."""

    def result(self) -> Result:
        """The run of this episode as far as it went, with all its frames; `reset` comes next."""
        result = self._running().result()
        self._episode, self.agents = None, []
        return result
