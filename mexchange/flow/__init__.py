"""Compiled background order flow: thousands of anonymous traders, made of ingredients.

Read `background` for how they are put together, one file for each ingredient, and `advance` for
how their commands reach the engine. docs/flow.md says what each is for.
"""

from __future__ import annotations

from mexchange.flow.background import Background
from mexchange.flow.base import Ingredient
from mexchange.flow.fundamental import Fundamental
from mexchange.flow.hawkes import Hawkes
from mexchange.flow.metaorders import Metaorders
from mexchange.flow.pace import Pace
from mexchange.flow.touch_refill import TouchRefill
from mexchange.flow.zero_intelligence import ZeroIntelligence

__all__ = [
    "Background",
    "Fundamental",
    "Hawkes",
    "Ingredient",
    "Metaorders",
    "Pace",
    "TouchRefill",
    "ZeroIntelligence",
]
