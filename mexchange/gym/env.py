"""A task as a Gymnasium environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Space

from mexchange.gym.episode import Episode, Plan
from mexchange.gym.execution import Execution
from mexchange.gym.making import MarketMaking
from mexchange.gym.task import Task
from mexchange.gym.world import World, crowd

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["ExecutionEnv", "MarketMakingEnv", "TaskEnv"]

Array = npt.NDArray[np.float32]


class TaskEnv(gymnasium.Env[Array, Array]):
    """One agent with a task in a world, a step of simulated time at a time.

    Args:
        task: what the agent sees, does and is paid.
        world: makes the simulation of each episode from a seed and the agent to be put into it.
        step: how much simulated time a step is.
        horizon: how long an episode is; so many steps later it is truncated.
        warmup: how long the market runs before an episode begins.
        render_mode: "ansi", whose `render` is a line of text, or None.

    `reset(seed=…)` decides all that follows: the same seed and actions give the same observations,
    rewards and digest. The run's own seed is in `info["seed"]`.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["ansi"],
        "render_fps": 1,
    }
    agent = "agent"

    def __init__(
        self,
        task: Task,
        world: World = crowd,
        *,
        step: int | str = "1s",
        horizon: int | str = "10m",
        warmup: int | str = "5s",
        render_mode: str | None = None,
    ) -> None:
        self.task = task
        self.plan = Plan(world, step, horizon, warmup)
        self.render_mode = render_mode
        self.observation_space = cast("Space[Array]", task.observation_space)
        self.action_space = cast("Space[Array]", task.action_space)
        self._episode: Episode | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin an episode in a new run, with a seed that is drawn from the environment's own."""
        super().reset(seed=seed, options=options)
        drawn = int(self.np_random.integers(1 << 31))
        self._episode = Episode(self.plan, {self.agent: self.task}, drawn)
        return self.task.observe(), self._episode.info(self.task)

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Act, and let a step of time pass. Raises ValueError for what is no action."""
        episode, task = self._running(), self.task
        if self._ended(episode):
            raise gymnasium.error.ResetNeeded("the episode is over; call reset()")
        task.take(action)
        episode.advance()
        reward, done, over = task.reward(), task.done, episode.over
        return task.observe(), reward, done, over and not done, episode.info(task)

    def _ended(self, episode: Episode) -> bool:
        return episode.over or self.task.done

    def _running(self) -> Episode:
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("there is no episode yet; call reset()")
        return self._episode

    def render(self) -> str | None:
        """A line about where the episode is."""
        if self.render_mode is None:
            return None
        episode = self._running()
        what = ", ".join(f"{name} {value}" for name, value in episode.info(self.task).items())
        return f"step {episode.step} of {episode.steps}: {self.task.player.book}; {what}"

    def result(self) -> Result:
        """The run of this episode as far as it went, with all its frames; `reset` comes next."""
        result = self._running().result()
        self._episode = None
        return result


class MarketMakingEnv(TaskEnv):
    """`mexchange/MarketMaking-v0`: a `MarketMaking` task; `task` are its parameters."""

    def __init__(
        self, world: World = crowd, *, render_mode: str | None = None, **task: Any
    ) -> None:
        plan = {name: task.pop(name) for name in ("step", "horizon", "warmup") if name in task}
        super().__init__(MarketMaking(**task), world, render_mode=render_mode, **plan)


class ExecutionEnv(TaskEnv):
    """`mexchange/Execution-v0`: an `Execution` task; `task` are its parameters."""

    def __init__(
        self, world: World = crowd, *, render_mode: str | None = None, **task: Any
    ) -> None:
        plan = {name: task.pop(name) for name in ("step", "horizon", "warmup") if name in task}
        super().__init__(Execution(**task), world, render_mode=render_mode, **plan)
