"""What holds for every stream of commands: the kernel is the reference, and is deterministic."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange.engine import Kernel
from mexchange.records import Side
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import Recipe, random_commands
from mexchange.testing.compare import assert_same
from mexchange.testing.profiles import PROFILES, awkward_markets

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 400
RECIPES = st.builds(
    Recipe,
    markets=st.integers(1, 3),
    profile=st.sampled_from(sorted(PROFILES)),
    seed=st.integers(0, 1 << 32),
    length=st.just(COUNT),
)


@given(recipe=RECIPES, batch=st.integers(10, COUNT))
def test_the_kernel_does_what_the_reference_does(recipe: Recipe, batch: int) -> None:
    assert_same(*recipe.made(), ReferenceEngine, Kernel, batch)


@given(recipe=RECIPES, cuts=st.lists(st.integers(0, COUNT), max_size=8))
def test_batches_do_not_matter(recipe: Recipe, cuts: list[int]) -> None:
    markets, commands = recipe.made()
    whole, parts = Kernel(markets), Kernel(markets)
    expected = whole.step(commands)
    pieces = [parts.step(piece) for piece in np.split(commands, sorted(cuts))]
    assert np.concatenate(pieces).tobytes() == expected.tobytes()
    assert parts.digest() == whole.digest()


@given(recipe=RECIPES, batch=st.integers(1, COUNT))
def test_streaming_gives_the_same_events(recipe: Recipe, batch: int) -> None:
    markets, commands = recipe.made()
    expected = Kernel(markets).step(commands)
    events = b"".join(view.tobytes() for view in Kernel(markets).stream(commands, batch))
    assert events == expected.tobytes()


@given(recipe=RECIPES)
def test_the_same_commands_lead_to_the_same_state(recipe: Recipe) -> None:
    markets, commands = recipe.made()
    first, second = Kernel(markets), Kernel(markets)
    assert first.step(commands).tobytes() == second.step(commands).tobytes()
    assert first.digest() == second.digest()
    assert first.snapshot() == second.snapshot()


@given(recipe=RECIPES, cut=st.integers(0, COUNT))
def test_a_restored_exchange_goes_on_as_the_first(recipe: Recipe, cut: int) -> None:
    markets, commands = recipe.made()
    kernel = Kernel(markets)
    kernel.step(commands[:cut])
    restored = Kernel.restore(kernel.snapshot())
    restored.check()
    assert restored.digest() == kernel.digest()
    assert restored.sequence == kernel.sequence
    assert restored.step(commands[cut:]).tobytes() == kernel.step(commands[cut:]).tobytes()
    assert restored.digest() == kernel.digest()
    restored.check()


@given(recipe=RECIPES)
def test_both_engines_show_the_same(recipe: Recipe) -> None:
    markets, commands = recipe.made()
    engines = ReferenceEngine(markets), Kernel(markets)
    for engine in engines:
        engine.step(commands)
    a, b = engines
    for market in range(len(markets)):
        assert a.best(market) == b.best(market)
        assert a.last_price(market) == b.last_price(market)
        for side in Side:
            for depth in (None, 0, 1, 3):
                assert np.array_equal(a.levels(market, side, depth), b.levels(market, side, depth))
    assert (a.time_ns, a.sequence, a.accounts) == (b.time_ns, b.sequence, b.accounts)
    assert a.tiers().tolist() == b.tiers().tolist()
    for account in range(a.accounts):
        for asset in range(len(a.assets)):
            assert a.balance(account, asset) == b.balance(account, asset)


def fingerprint(engine: type[Kernel | ReferenceEngine], count: int = 300) -> str:
    """A hash of all events and states of a stream of each profile."""
    state = blake2b(digest_size=16)
    for name in PROFILES:
        markets = awkward_markets(2)
        exchange = engine(markets)
        state.update(exchange.step(random_commands(markets, count, 7, name)).tobytes())
        state.update(exchange.digest().encode())
    return state.hexdigest()


def test_the_interpreted_kernel_is_the_compiled_one(root: Path) -> None:
    # Optimised arithmetic could differ from what the source says; and other processes hash
    # strings differently.
    script = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("properties", {__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.fingerprint(module.Kernel))
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONHASHSEED": "12"}
    interpreted = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=root, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert interpreted.stdout.strip() == fingerprint(Kernel) == fingerprint(ReferenceEngine)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("profile", PROFILES)
def test_thousands_of_commands(profile: str) -> None:
    markets = awkward_markets(3)
    assert_same(markets, random_commands(markets, 20_000, 1, profile), ReferenceEngine, Kernel, 500)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_a_million_commands(profile: str) -> None:
    markets = awkward_markets(3)
    count = 1_000_000 // len(PROFILES) + 1
    commands = random_commands(markets, count, 2, profile)
    assert_same(markets, commands, ReferenceEngine, Kernel, 4096)
