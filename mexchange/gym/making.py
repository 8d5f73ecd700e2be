"""Market making: quote both sides, earn the spread, keep the inventory small."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from mexchange.gym.player import Player
from mexchange.gym.task import MARKET, Feature, Task, amount
from mexchange.markets import Number
from mexchange.records import Side

__all__ = ["MarketMaking"]


class MarketMaking(Task):
    """Each step one bid and one ask of `size`, as far from the mid as the action says.

    An action of -1 is at the mid of everybody else's orders, 1 is `max_distance_bps` away from it.
    Prices are rounded away from the mid and sent post-only; a quote that stays where it is keeps
    its place in the queue. A side that could bring the inventory beyond `max_inventory` is not
    quoted.

    The reward is the change of what trading has brought, marked at the mid, less `aversion` times
    the squared inventory times the seconds of a step: the running penalty of Cartea, Jaimungal and
    Penalva (2015), Algorithmic and High-Frequency Trading, chapter 10. In units of the quote asset,
    the inventory in units of the base asset.

    Raises ValueError for parameters out of range.
    """

    features = (
        Feature("inventory", "of max_inventory", -2, 2),
        Feature("bid_distance", "of max_distance_bps; -1 without a bid", -1, 2),
        Feature("ask_distance", "of max_distance_bps; -1 without an ask", -1, 2),
        Feature("time_left", "of the episode", 0, 1),
        *MARKET,
    )
    actions = ("bid_distance", "ask_distance")

    def __init__(
        self,
        size: Number = "1",
        max_inventory: Number = "20",
        max_distance_bps: float = 10,
        aversion: float = 1e-4,
    ) -> None:
        self.size, self.max_inventory = amount("size", size), amount("max_inventory", max_inventory)
        if not 0 < max_distance_bps < 10_000:
            raise ValueError(f"max_distance_bps {max_distance_bps!r} is not between 0 and 10000")
        if not 0 <= aversion < 1e9:
            raise ValueError(f"aversion {aversion!r} is not at least 0")
        self.max_distance_bps, self.aversion = max_distance_bps, aversion

    def begin(self, player: Player, steps: int, step_ns: int) -> None:
        """An episode begins."""
        super().begin(player, steps, step_ns)
        self._lots = player.market.lots(self.size)
        self._most = player.market.lots(self.max_inventory)
        self._worth2 = 0
        self._mid2 = player.others_mid2

    def act(self, action: Sequence[float]) -> None:
        """Bring the quotes to where they should be."""
        player = self.player
        wanted = self._wanted(action)
        for order in list(player.orders.values()):
            if order.left != self._lots or not wanted.pop((order.side, order.price), None):
                player.cancel(order)
        for side, price in wanted:
            send = player.sell if side else player.buy
            send(price, self._lots, post_only=True)

    def _wanted(self, action: Sequence[float]) -> dict[tuple[Side, int], bool]:
        """Side and price of the quotes, as far as there is a mid and the inventory allows them."""
        player, mid = self.player, self._mid2 / 2
        down, up = (mid * self.max_distance_bps * (each + 1) / 20_000 for each in action)
        bid, ask = floor(mid - down), ceil(mid + up)
        wanted = {}
        if bid > 0 and player.position + self._lots <= self._most:
            wanted[Side.BUY, bid] = True
        if mid and player.position - self._lots >= -self._most:
            wanted[Side.SELL, max(ask, bid + 1)] = True
        return wanted

    def measure(self) -> list[float]:
        """What the features measure."""
        player, best = self.player, {Side.BUY: -1.0, Side.SELL: -1.0}
        self._mid2 = player.others_mid2
        for order in player.orders.values():
            away = player.bps(abs(order.price - self._mid2 / 2)) / self.max_distance_bps
            if best[order.side] < 0 or away < best[order.side]:
                best[order.side] = away
        return [
            player.position / self._most,
            best[Side.BUY],
            best[Side.SELL],
            self.time_left,
            *self.market(),
        ]

    def reward(self) -> float:
        """Change of worth less the price of the inventory."""
        player = self.player
        worth2 = player.worth2(player.mark2)
        earned, self._worth2 = worth2 - self._worth2, worth2
        held = player.base(player.lots)
        return player.quote(earned) - self.aversion * held * held * self.step_ns / 1e9

    def info(self) -> dict[str, Any]:
        """What trading has brought (quote) and the inventory (base)."""
        player = self.player
        return {"pnl": player.quote(self._worth2), "inventory": player.base(player.lots)}
