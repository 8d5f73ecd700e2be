"""Several agents in one market: the parallel API, and that it is one market."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from gymnasium.error import ResetNeeded

from mexchange.gym import Execution, MarketMaking, ParallelEnv, TaskEnv

PLAN: dict[str, Any] = {"step": "1s", "horizon": "30s", "warmup": "1s"}


def market(**plan: Any) -> ParallelEnv:
    tasks = {
        "maker": MarketMaking(aversion=0),
        "rival": MarketMaking(aversion=0),
        "buyer": Execution("buy", "10"),
    }
    return ParallelEnv(tasks, **PLAN | plan)


def play(env: ParallelEnv, seed: int | None) -> list[Any]:
    """All that happens with actions that are drawn from a seed."""
    draw = np.random.default_rng(5)
    observations, infos = env.reset(seed)
    history: list[Any] = [(observations, infos)]
    while env.agents:
        chosen = {name: draw.uniform(-1, 1, 2).astype(np.float32) for name in env.agents}
        history.append(env.step(chosen))
    return history


def plain(history: list[Any]) -> list[Any]:
    """The same with lists for arrays, which can be compared."""
    return [
        tuple({n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in part.items()}
              for part in step)
        for step in history
    ]  # fmt: skip


def test_it_is_what_pettingzoo_asks_for() -> None:
    env = market()
    assert env.possible_agents == ["maker", "rival", "buyer"]
    assert env.unwrapped is env
    assert isinstance(env.metadata, dict)
    assert (env.num_agents, env.max_num_agents) == (0, 3)
    for name in env.possible_agents:
        assert env.observation_space(name) is env.observation_space(name)
        assert env.action_space(name) is env.action_space(name)
    alive: set[str] = set(env.possible_agents)
    history = play(env, 1)
    for observations, *rest in history:
        assert set(observations) == alive
        assert all(set(part) == alive for part in rest)
        for name, observation in observations.items():
            assert observation in env.observation_space(name)
        if len(rest) > 1:
            _, terminated, truncated, _ = rest
            alive -= {name for name in terminated if terminated[name] or truncated[name]}
    assert not alive
    assert env.num_agents == 0
    env.close()


def test_the_seed_decides_everything() -> None:
    env = market()
    first = plain(play(env, 3))
    assert plain(play(market(), 3)) == first
    assert plain(play(env, None)) != first
    assert plain(play(env, 3)) == first


def test_who_is_done_leaves_and_the_others_go_on() -> None:
    env = market()
    env.reset(seed=1)
    steps = 0
    while "buyer" in env.agents:
        chosen = {name: np.array([1, 1], np.float32) for name in env.agents}
        _, _, terminated, truncated, infos = env.step(chosen)
        steps += 1
    assert terminated == {"maker": False, "rival": False, "buyer": True}
    assert not any(truncated.values())
    assert "digest" in infos["buyer"]
    assert env.agents == ["maker", "rival"]
    while env.agents:
        *_, truncated, infos = env.step({n: np.ones(2, np.float32) for n in env.agents})
        steps += 1
    assert steps == 30
    assert truncated == {"maker": True, "rival": True}
    result = env.result()
    assert infos["maker"]["digest"] == result.digest
    bought = result.fills.filter(agent="buyer")["quantity"].sum()
    assert bought == pytest.approx(10)


def test_agents_trade_with_one_another_and_are_paid_for_it() -> None:
    env = market(horizon="60s")
    totals: dict[str, float] = dict.fromkeys(env.possible_agents, 0.0)
    env.reset(seed=2)
    while env.agents:
        close = {"maker": [-1, -1], "rival": [-0.8, -0.8], "buyer": [-0.5, 1]}
        _, rewards, *_ = env.step({name: np.array(close[name], np.float32) for name in env.agents})
        for name, reward in rewards.items():
            totals[name] += reward
    result = env.result()
    names = dict(zip(result.agents["agent"], result.agents["account"], strict=True))
    met = result.trades.filter(
        (pl.col("taker_account") == names["buyer"])
        & pl.col("maker_account").is_in([names["maker"], names["rival"]])
    )
    assert met.height > 0
    pnl = dict(zip(result.agents["agent"], result.agents["pnl"], strict=True))
    for name in ("maker", "rival"):
        assert totals[name] == pytest.approx(pnl[name], abs=1e-9)


def test_one_agent_is_what_a_single_environment_is() -> None:
    alone = TaskEnv(MarketMaking(), **PLAN)
    parallel = ParallelEnv({"agent": MarketMaking()}, **PLAN)
    alone.reset(seed=4)
    parallel.reset(seed=4)
    for _ in range(30):
        action = np.array([-0.8, -0.7], np.float32)
        observation, reward, _, _, info = alone.step(action)
        observations, rewards, _, _, infos = parallel.step({"agent": action})
        assert observations["agent"].tolist() == observation.tolist()
        assert (rewards["agent"], infos["agent"]) == (reward, info)


def test_what_does_not_fit_is_refused() -> None:
    env = market()
    with pytest.raises(ResetNeeded, match="no episode yet"):
        env.step({})
    env.reset(seed=1)
    still = {name: np.ones(2, np.float32) for name in env.agents}
    with pytest.raises(ValueError, match="no agent 'byer'; did you mean 'buyer'"):
        env.step(still | {"byer": np.ones(2)})
    with pytest.raises(ValueError, match="no action for rival, buyer"):
        env.step({"maker": np.ones(2)})
    play(env, 1)
    with pytest.raises(ResetNeeded, match="is over"):
        env.step({})
    with pytest.raises(ValueError, match="nobody in it"):
        ParallelEnv({})
    task = MarketMaking()
    with pytest.raises(ValueError, match="same task"):
        ParallelEnv({"one": task, "other": task})
