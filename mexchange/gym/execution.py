"""Execution: work a parent order until a deadline, for as little more than the price at arrival."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import Any, Literal

from mexchange.gym.player import Player
from mexchange.gym.task import MARKET, Feature, Task, amount
from mexchange.markets import Number
from mexchange.records import Side, TimeInForce

__all__ = ["Execution"]


class Execution(Task):
    """Buy or sell `quantity` before the episode ends, by one limit order a step.

    The action's `pace` of 0 orders what a TWAP would, the remaining quantity over the remaining
    steps; -1 nothing, 1 twice as much. Its `urgency` places the price: 0 at the best price of the
    own side, 1 at the best of the other side, -1 `max_distance_bps` behind the own. What is not
    filled expires before the next step. What is left after the last step is sent as a market order,
    which gets a step more.

    The reward is the implementation shortfall (Perold, 1988) with a minus: what was paid more than
    the mid at the begin, fees included, in basis points of the parent order's value. What even the
    market order does not get counts the mid at the end and `leftover_bps` more.

    Raises ValueError for parameters out of range.
    """

    features = (
        Feature("remaining", "of quantity", 0, 1),
        Feature("time_left", "of the episode", 0, 1),
        Feature("drift", "bps, of the mid against the order since the begin", -10, 10, 10),
        Feature("last_fill", "of the last step's order", 0, 1),
        *MARKET,
    )
    actions = ("pace", "urgency")

    def __init__(
        self,
        side: Literal["buy", "sell"] = "buy",
        quantity: Number = "100",
        max_distance_bps: float = 10,
        leftover_bps: float = 100,
    ) -> None:
        if side not in {"buy", "sell"}:
            raise ValueError(f"side {side!r} is not one of: buy, sell")
        if not 0 <= max_distance_bps < 10_000:
            raise ValueError(f"max_distance_bps {max_distance_bps!r} is not between 0 and 10000")
        if not 0 <= leftover_bps < 1e9:
            raise ValueError(f"leftover_bps {leftover_bps!r} is not at least 0")
        self.side = Side.BUY if side == "buy" else Side.SELL
        self.quantity = amount("quantity", quantity)
        self.max_distance_bps, self.leftover_bps = max_distance_bps, leftover_bps

    def begin(self, player: Player, steps: int, step_ns: int) -> None:
        """An episode begins, at the price of its arrival."""
        super().begin(player, steps, step_ns)
        self._sign = -1 if self.side else 1
        self._lots = player.market.lots(self.quantity)
        self._arrival2 = player.mark2
        if not self._arrival2:
            raise ValueError("the market has no price at the begin; give it a longer warmup")
        self._ordered = self._filled = 0
        self._settled = False
        self._shortfall = 0.0

    @property
    def remaining(self) -> int:
        """Lots that are still to be traded."""
        return self._lots - abs(self.player.lots)

    def act(self, action: Sequence[float]) -> None:
        """Send the order of this step."""
        pace, urgency = action
        slices = (pace + 1) * self.remaining / max(1, self.steps - self.step)
        self._ordered = min(self.remaining, ceil(slices)) if pace > -1 else 0
        self._filled = self.remaining
        price = self._price(urgency)
        if not self._ordered or price <= 0:
            return
        player = self.player
        send = player.sell if self.side else player.buy
        # Gone just before the next step, so that two of them can never trade too much.
        expiry_ns = player.now + self.step_ns - 1
        send(price, self._ordered, time_in_force=TimeInForce.GTD, expiry_ns=expiry_ns)

    def _price(self, urgency: float) -> int:
        """Ticks, rounded away from the other side of the book; 0 if there is no price."""
        player, sign = self.player, self._sign
        near, far = player.book.bid, player.book.ask
        if self.side:
            near, far = far, near
        near, far = near or player.mid2 // 2, far or (player.mid2 + 1) // 2
        if urgency >= 0:
            price = near + urgency * (far - near)
        else:
            price = near + sign * urgency * near * self.max_distance_bps / 10_000
        return floor(price) if sign > 0 else ceil(price)

    def settle(self) -> bool:
        """Send what is left as a market order."""
        self._settled = True
        if self.remaining:
            send = self.player.sell if self.side else self.player.buy
            send(None, self.remaining)
        return self.remaining > 0

    @property
    def done(self) -> bool:
        """Whether all has been traded."""
        return self.remaining == 0

    def measure(self) -> list[float]:
        """What the features measure."""
        player, remaining = self.player, self.remaining
        filled = (self._filled - remaining) / self._ordered if self._ordered else 0.0
        drift = 10_000 * self._sign * (player.mid2 - self._arrival2) / self._arrival2
        return [remaining / self._lots, self.time_left, drift, filled, *self.market()]

    def reward(self) -> float:
        """The shortfall that this step has added, with a minus."""
        before, self._shortfall = self._shortfall, self._cost()
        return before - self._shortfall

    def _cost(self) -> float:
        """The shortfall so far, in basis points of the parent order's value at arrival."""
        player = self.player
        a_tick = player.market.quote_per_lot_tick
        value2 = self._lots * self._arrival2 * a_tick
        cost = 10_000 * -player.worth2(self._arrival2) / value2
        if self._settled and self.remaining:
            moved2 = self._sign * (player.mark2 - self._arrival2)
            left = self.remaining / self._lots
            cost += left * (10_000 * moved2 / self._arrival2 + self.leftover_bps)
        return cost

    def info(self) -> dict[str, Any]:
        """The shortfall so far (bps of the parent order's value) and what is left (base)."""
        return {
            "shortfall_bps": self._shortfall,
            "remaining": self.player.base(self.remaining),
        }
