"""How many steps a second the learning environments make, and how long a reset takes.

python bench/environments.py [--episodes 5]

A fixed policy plays whole episodes; the best one counts. Processor time is measured, since a busy
machine slows whoever runs. `crowd` is the default world of compiled flow; `strategies` has three
strategies in Python instead.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

import mexchange.gym  # noqa: F401 - Registers the environments.
from mexchange.simulation import Agent, Simulation
from scenarios import quickstart
from strategies import MarketMaker, RandomTrader

POLICIES = {"MarketMaking": [-0.6, -0.6], "Execution": [-0.2, 0.5]}


def strategies(seed: int, players: Sequence[Agent]) -> Simulation:
    """A market maker and two random traders beside the players."""
    return Simulation(
        quickstart.MARKET,
        [MarketMaker(period="200ms"), RandomTrader(), RandomTrader(), *players],
        funds=quickstart.FUNDS,
        setup=quickstart.seed_book(),
        seed=seed,
    )


def measure(task: str, episodes: int, options: dict[str, Any]) -> tuple[float, float]:
    """Steps a second of the best episode, seconds of the best reset."""
    env: Any = gymnasium.make(f"mexchange/{task}-v0", disable_env_checker=True, **options)
    action = np.array(POLICIES[task], np.float32)
    env.reset(seed=0)
    rates, resets = [], []
    for seed in range(episodes):
        began = time.process_time()
        env.reset(seed=seed)
        ready, steps, over = time.process_time(), 0, False
        while not over:
            _, _, terminated, truncated, _ = env.step(action)
            steps, over = steps + 1, terminated or truncated
        rates.append(steps / (time.process_time() - ready))
        resets.append(ready - began)
    return max(rates), min(resets)


def main() -> None:
    """Print a line for each environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=5)
    episodes = parser.parse_args().episodes
    short = {"step": "100ms", "horizon": "1m"}
    for title, task, options in (
        ("market making, crowd, 1 s", "MarketMaking", {}),
        ("market making, crowd, 100 ms", "MarketMaking", short),
        ("execution, crowd, 1 s", "Execution", {}),
        ("market making, strategies, 1 s", "MarketMaking", {"world": strategies}),
    ):
        rate, reset = measure(task, episodes, options)
        print(f"{title:32} {rate:8,.0f} steps/s   reset {1000 * reset:5.1f} ms")


if __name__ == "__main__":
    main()
