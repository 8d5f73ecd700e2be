"""Compiled background order flow: thousands of anonymous traders, made of ingredients.

Read `background` for how they are put together, one file for each ingredient, and `advance` for
how their commands reach the engine. docs/flow.md says what each is for.
"""

from __future__ import annotations

import numpy as np

from mexchange.exchange import Exchange
from mexchange.flow.advance import FOLDER
from mexchange.flow.background import Background
from mexchange.flow.base import Ingredient
from mexchange.flow.fundamental import Fundamental
from mexchange.flow.hawkes import Hawkes
from mexchange.flow.metaorders import Metaorders
from mexchange.flow.pace import Pace
from mexchange.flow.touch_refill import TouchRefill
from mexchange.flow.zero_intelligence import ZeroIntelligence
from mexchange.markets import Asset, Market

__all__ = [
    "Background",
    "Fundamental",
    "Hawkes",
    "Ingredient",
    "Metaorders",
    "Pace",
    "TouchRefill",
    "ZeroIntelligence",
    "compiled",
    "warm_up",
]


def compiled() -> bool:
    """Whether the flow's machine code is already on disk (a first compilation takes a while)."""
    names = [path.name for path in FOLDER.rglob("*.nbi")]
    return all(any(f"{entry}-" in name for name in names) for entry in ("advance", "look"))


def warm_up() -> None:
    """Compile the flow and the kernel, or load them, by letting a moment of flow pass."""
    exchange = Exchange(Market(Asset("A"), Asset("B")))
    flow = Background([ZeroIntelligence()], accounts=1)
    flow.connect(exchange, 0, seed=1)
    for _ in flow.advance(1_000_000_000, np.zeros(exchange.accounts, np.bool_)):
        pass
