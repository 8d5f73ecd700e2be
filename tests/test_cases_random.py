"""A random stream of each profile: both engines agree, also where the kernel is interpreted."""

from __future__ import annotations

import pytest

from mexchange.engine import Kernel
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.compare import assert_same
from mexchange.testing.profiles import PROFILES, awkward_markets

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("count", [1, 3])
def test_both_engines_agree(profile: str, count: int) -> None:
    markets = awkward_markets(count)
    commands = random_commands(markets, 1500, seed=count, profile=profile)
    assert_same(markets, commands, ReferenceEngine, Kernel, batch=100)
