"""A background flow on an exchange of its own, for tests of flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mexchange.exchange import Exchange
from mexchange.flow import Background, Ingredient
from mexchange.markets import Asset, Market
from mexchange.records import COMMAND, EVENT, Commands, Events, Side

__all__ = ["MARKET", "WALL", "World"]

MARKET = Market(Asset("KCN", 8), Asset("EUR", 8))
WALL = 400_000


class World:
    """An exchange with a flow, connected; keeps what is applied.

    With `walls` an account of its own shows that many orders of `WALL` lots at the opening bid and
    ask, so that the touch does not move. Options are those of `Background`.
    """

    def __init__(
        self, ingredients: Sequence[Ingredient], seed: int = 1, *, walls: int = 0, **options: Any
    ) -> None:
        self.exchange = Exchange(MARKET)
        if walls:
            own = self.exchange.open_account()
            for asset in ("KCN", "EUR"):
                self.exchange.deposit(own, asset, 1 << 60)
            for _ in range(walls):
                self.exchange.submit(own, 0, Side.BUY, WALL, 9_999)
                self.exchange.submit(own, 0, Side.SELL, WALL, 10_000)
        self.flow = Background(ingredients, **{"accounts": 40, **options})
        self.log = list(self.flow.connect(self.exchange, 0, seed))
        self.nobody = np.zeros(self.exchange.accounts + 8, np.bool_)

    def run(self, until_ns: int, step_ns: int | None = None) -> World:
        """Advance to a time, in pieces of `step_ns`; returns itself."""
        step = step_ns or until_ns
        for time_ns in [*range(step, until_ns, step), until_ns]:
            self.log += self.flow.advance(time_ns, self.nobody)
        return self

    @property
    def commands(self) -> Commands:
        """All of the flow so far."""
        return np.frombuffer(bytearray().join(part.tobytes() for part, _ in self.log), COMMAND)

    @property
    def events(self) -> Events:
        """All that came of it."""
        return np.frombuffer(bytearray().join(part.tobytes() for _, part in self.log), EVENT)
