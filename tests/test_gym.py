"""Environments to learn in: what is seen, done and paid is what the exchange's books say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import polars as pl
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from mexchange import ConstantLatency, Simulation
from mexchange.gym import Execution, MarketMaking, TaskEnv, crowd
from mexchange.records import Side
from mexchange.simulation import Agent
from scenarios import quickstart
from strategies import MarketMaker, RandomTrader

ROOT = Path(__file__).resolve().parent.parent
NAMES = ["mexchange/MarketMaking-v0", "mexchange/Execution-v0"]
TASKS: dict[str, Callable[..., Any]] = {"making": MarketMaking, "execution": Execution}


def quiet(seed: int, players: Sequence[Agent]) -> Simulation:
    """Five orders of five KCN on each side, 10 ticks apart around 100.00, and nobody else."""
    return Simulation(
        quickstart.MARKET,
        players,
        funds=quickstart.FUNDS,
        latency=ConstantLatency("1ms"),
        seed=seed,
        setup=quickstart.seed_book(),
        accounts={1: "seeder"},
        engine="reference",
    )


def lively(seed: int, players: Sequence[Agent]) -> Simulation:
    """Strategies in Python beside the players."""
    others = [MarketMaker(period="100ms"), RandomTrader(period="50ms"), RandomTrader(period="50ms")]
    return Simulation(
        quickstart.MARKET,
        [*others, *players],
        funds=quickstart.FUNDS,
        latency=ConstantLatency("1ms"),
        seed=seed,
        setup=quickstart.seed_book(),
        accounts={1: "seeder"},
    )


def environment(kind: str, world: Any = crowd, steps: int = 40, **options: Any) -> TaskEnv:
    plan: dict[str, Any] = {"step": "1s", "horizon": f"{steps}s", "warmup": "1s"}
    return TaskEnv(TASKS[kind](**options), world, **plan)


def actions(count: int, seed: int = 3) -> list[Any]:
    return list(np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype(np.float32))


def play(env: TaskEnv, seed: int | None, sent: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Everything that an episode gives, its observations as lists; as long as it goes on."""
    observation, info = env.reset(seed=seed)
    steps: list[tuple[Any, ...]] = [(observation.tolist(), info)]
    for action in sent:
        observation, *rest = env.step(action)
        steps.append((observation.tolist(), *rest))
        if rest[1] or rest[2]:
            break
    return steps


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("render_mode", [None, "ansi"])
def test_gymnasium_finds_nothing_wrong(name: str, render_mode: str | None) -> None:
    env = gymnasium.make(name, horizon="20s", render_mode=render_mode)
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("world", [crowd, lively])
def test_the_seed_and_the_actions_decide_everything(kind: str, world: Any) -> None:
    sent = actions(30)
    first = play(environment(kind, world, 30), 11, sent)
    again = environment(kind, world, 30)
    assert play(again, 11, sent) == first
    assert "digest" in first[-1][-1]
    following = play(again, None, sent)
    assert following != first
    assert play(again, 12, sent)[-1][-1]["digest"] != first[-1][-1]["digest"]
    play(again, 11, sent)
    assert play(again, None, sent) == following


@pytest.mark.parametrize("kind", TASKS)
def test_observations_stay_within_bounds(kind: str) -> None:
    env = environment(kind)
    space = env.observation_space
    assert space.shape == (len(env.task.features),)
    for observation, *_ in play(env, 1, actions(40)):
        assert np.array(observation, np.float32) in space


def test_rewards_of_a_maker_add_up_to_its_pnl() -> None:
    env = environment("making", aversion=0)
    steps = play(env, 5, [np.array([-0.9, -0.9], np.float32)] * 40)
    assert len(steps) == 41
    result = env.result()
    agent = result.agents.filter(agent="agent").row(0, named=True)
    assert agent["fills"] > 10
    assert sum(step[1] for step in steps[1:]) == pytest.approx(agent["pnl"], abs=1e-9)
    assert steps[-1][-1]["pnl"] == pytest.approx(agent["pnl"], abs=1e-9)
    assert steps[-1][-1]["inventory"] == pytest.approx(agent["inventory"])
    assert steps[-1][-1]["digest"] == result.digest


def test_inventory_is_charged() -> None:
    sent = [np.array([-0.9, -0.9], np.float32)] * 40
    free, charged = (play(environment("making", aversion=a), 5, sent) for a in (0, 0.01))
    for (_, gained, *_, info), (_, reward, *_) in zip(free[1:], charged[1:], strict=True):
        assert gained - reward == pytest.approx(0.01 * info["inventory"] ** 2, abs=1e-9)
    assert any(step[-1]["inventory"] for step in free)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_rewards_of_an_execution_add_up_to_its_shortfall(side: Any) -> None:
    env = environment("execution", side=side, quantity="30")
    steps = play(env, 2, actions(40))
    result = env.result()
    fills = result.fills.filter(agent="agent")
    assert fills["side"].unique().to_list() == [side.upper()]
    assert fills["quantity"].sum() == pytest.approx(30)
    before = result.book.filter(pl.col("time_ns") < 10**9).row(-1, named=True)
    arrival = (before["bid"] + before["ask"]) / 2
    sign = 1 if side == "buy" else -1
    paid = (sign * (fills["price"] - arrival) * fills["quantity"] + fills["fee"]).sum()
    shortfall = 10_000 * paid / (30 * arrival)
    assert sum(step[1] for step in steps[1:]) == pytest.approx(-shortfall)
    assert steps[-1][-1]["shortfall_bps"] == pytest.approx(shortfall)


def orders(env: TaskEnv) -> list[tuple[str, int, int]]:
    player = env.task.player
    return sorted((o.side.name, o.price, o.left) for o in player.orders.values())


def test_a_maker_quotes_where_it_says() -> None:
    env = environment("making", quiet, size="2", max_distance_bps=20, max_inventory="5")
    observation, _ = env.reset(seed=1)
    seen = dict(zip([f.name for f in env.task.features], observation.tolist(), strict=True))
    assert seen["spread"] == pytest.approx(2.0)  # 9990 to 10010: 20 basis points, over 10.
    assert seen["time_left"] == 1
    assert (seen["bid_distance"], seen["ask_distance"], seen["inventory"]) == (-1, -1, 0)
    # Half of 20 bps below the mid of 10000 is 9990; -1 is the mid itself.
    observation, *_ = env.step(np.array([0, -1], np.float32))
    assert orders(env) == [("BUY", 9990, 200), ("SELL", 10000, 200)]
    kept = set(env.task.player.orders)
    env.step(np.array([0.5, -1], np.float32))
    # The ask has stayed, and the mid of the others' orders as well.
    assert orders(env) == [("BUY", 9985, 200), ("SELL", 10000, 200)]
    assert len(kept & set(env.task.player.orders)) == 1


def test_a_maker_at_its_limit_quotes_one_side() -> None:
    def eager(seed: int, players: Sequence[Agent]) -> Simulation:
        sellers = [RandomTrader(period="100ms", limit_share=0.0)]
        return Simulation(
            quickstart.MARKET, [*players, *sellers], funds=quickstart.FUNDS, seed=seed,
            setup=quickstart.seed_book(), engine="reference",
        )  # fmt: skip

    env = environment("making", eager, 60, size="1", max_inventory="1")
    inventories, sides = [], []
    env.reset(seed=4)
    for _ in range(60):
        *_, info = env.step(np.array([-1, -1], np.float32))
        inventories.append(info["inventory"])
        sides.append({order.side for order in env.task.player.orders.values()})
    assert max(map(abs, inventories)) == 1
    assert {Side.BUY} in sides
    assert {Side.SELL} in sides


def test_an_order_that_waits_is_sent_at_the_end() -> None:
    env = environment("execution", quiet, 5, quantity="8")
    steps = play(env, 1, [np.array([-1, 0], np.float32)] * 5)
    assert [step[0][0] for step in steps] == [1, 1, 1, 1, 1, 0]
    assert [step[2] for step in steps[1:]] == [False] * 4 + [True]
    # 5 KCN at 100.10 and 3 at 100.20, with a fee of a basis point, against 100.00.
    expected = 10_000 * ((500.5 + 300.6) * 1.0001 - 800) / 800
    assert sum(step[1] for step in steps[1:]) == pytest.approx(-expected)


def test_what_cannot_be_traded_is_charged() -> None:
    env = environment("execution", quiet, 2, quantity="30", leftover_bps=500)
    steps = play(env, 1, [np.array([-1, 0], np.float32)] * 2)
    assert steps[-1][2:4] == (False, True)
    assert steps[-1][-1]["remaining"] == 5
    prices = np.array([100.1, 100.2, 100.3, 100.4, 100.5])
    # The asks are gone, so what is left counts the last mid that there was.
    paid = (5 * prices * 1.0001).sum() - 25 * 100
    expected = 10_000 * paid / 3_000 + 5 / 30 * 500
    assert steps[-1][-1]["shortfall_bps"] == pytest.approx(expected, abs=1)


def test_an_even_pace_is_a_twap() -> None:
    env = environment("execution", lively, 20, quantity="20")
    env.reset(seed=3)
    remaining = []
    while True:
        _, _, terminated, truncated, info = env.step(np.array([0, 1], np.float32))
        remaining.append(info["remaining"])
        if terminated or truncated:
            break
    assert terminated
    assert np.abs(np.array(remaining) - np.arange(19, 19 - len(remaining), -1)).max() <= 3


@pytest.mark.parametrize("seed", range(3))
def test_never_more_than_the_parent_order_is_traded(seed: int) -> None:
    env = environment("execution", lively, 20, quantity="15")
    steps = play(env, seed, actions(20, seed))
    assert all(0 <= step[-1]["remaining"] <= 15 for step in steps)
    bought = env.result().fills.filter(agent="agent")["quantity"].sum()
    assert bought == pytest.approx(15 - steps[-1][-1]["remaining"])


@pytest.mark.parametrize("action", [[0.1], [0, 0, 0], [float("nan"), 0], None, "up", {}])
def test_what_is_no_action_is_refused(action: Any) -> None:
    env = environment("making", quiet)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="2 finite numbers: bid_distance, ask_distance"):
        env.step(action)


def test_it_has_to_be_reset_first_and_after_the_end() -> None:
    env = environment("making", quiet, 2)
    with pytest.raises(ResetNeeded, match="no episode yet"):
        env.step(np.zeros(2, np.float32))
    play(env, 1, actions(2))
    with pytest.raises(ResetNeeded, match="is over"):
        env.step(np.zeros(2, np.float32))
    env.result()
    with pytest.raises(ResetNeeded, match="no episode yet"):
        env.result()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step": "0s"}, "step '0s' is not positive"),
        ({"step": "7s", "horizon": "1m"}, "two or more steps"),
        ({"step": "7s", "horizon": "7s"}, "two or more steps"),
        ({"warmup": -1}, "negative"),
        ({"warmup": "soon"}, "no length of time"),
        ({"size": "0"}, "size '0' is not more than 0"),
        ({"size": "many"}, "not a number"),
        ({"max_distance_bps": 0}, "max_distance_bps"),
        ({"aversion": -1}, "aversion"),
    ],
)
def test_parameters_out_of_range_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gymnasium.make(NAMES[0], **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"side": "both"}, "buy, sell"),
        ({"quantity": "-3"}, "not more than 0"),
        ({"leftover_bps": -1}, "leftover_bps"),
        ({"max_distance_bps": -1}, "max_distance_bps"),
    ],
)
def test_wrong_orders_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gymnasium.make(NAMES[1], **options)


def test_a_world_has_to_have_the_player_in_it() -> None:
    env = environment("making", lambda seed, players: quiet(seed, []))
    with pytest.raises(ValueError, match="left 'agent' out"):
        env.reset()
    wrong: Any = lambda seed, players: (seed, players)  # noqa: E731
    with pytest.raises(TypeError, match="not a Simulation"):
        environment("making", wrong).reset()


def test_an_empty_market_has_no_arrival_price() -> None:
    def empty(seed: int, players: Sequence[Agent]) -> Simulation:
        return Simulation(quickstart.MARKET, players, funds=quickstart.FUNDS, seed=seed,
                          engine="reference")  # fmt: skip

    with pytest.raises(ValueError, match="longer warmup"):
        environment("execution", empty).reset()
    steps = play(environment("making", empty, 3), 1, actions(3))
    assert all(step[1] == 0 for step in steps[1:])


def test_a_line_of_text() -> None:
    env = gymnasium.make(NAMES[1], world=quiet, horizon="3s", render_mode="ansi")
    env.reset(seed=1)
    env.step(np.array([-1, 0], np.float32))
    line = env.render()
    assert isinstance(line, str)
    assert line.startswith("step 1 of 3: <Book KCN/EUR: 5.00 @ 99.90 / 5.00 @ 100.10>; time_ns ")


def test_many_at_once() -> None:
    env = gymnasium.make_vec(NAMES[0], 2, vectorization_mode="sync", horizon="5s")
    observations, _ = env.reset(seed=1)
    assert observations.shape == (2, len(MarketMaking.features))
    assert not np.array_equal(observations[0], observations[1])
    env.close()


def test_without_gymnasium_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['gymnasium'] = None; import mexchange.gym"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "ImportError: mexchange.gym needs Gymnasium: pip install 'mexchange[rl]'" in done.stderr
