"""Markets as environments to learn in: Gymnasium for one agent, parallel dicts for several.

Importing it registers `mexchange/MarketMaking-v0` and `mexchange/Execution-v0`. What an agent sees,
does and is paid is a `Task`; where it does so is a world, a function that makes a `Simulation` with
the players in it. docs/reinforcement_learning.md describes both.
"""

try:
    import gymnasium
except ImportError:
    raise ImportError("mexchange.gym needs Gymnasium: pip install 'mexchange[rl]'") from None

from mexchange.gym.env import ExecutionEnv, MarketMakingEnv, TaskEnv
from mexchange.gym.execution import Execution
from mexchange.gym.making import MarketMaking
from mexchange.gym.parallel import ParallelEnv
from mexchange.gym.player import Player
from mexchange.gym.task import Feature, Task
from mexchange.gym.world import World, crowd

__all__ = [
    "Execution",
    "ExecutionEnv",
    "Feature",
    "MarketMaking",
    "MarketMakingEnv",
    "ParallelEnv",
    "Player",
    "Task",
    "TaskEnv",
    "World",
    "crowd",
]

gymnasium.register("mexchange/MarketMaking-v0", "mexchange.gym.env:MarketMakingEnv")
gymnasium.register("mexchange/Execution-v0", "mexchange.gym.env:ExecutionEnv")
