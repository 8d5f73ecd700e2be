"""`Player`: the strategy through which an environment acts in a market."""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import TYPE_CHECKING

from mexchange.records import Side
from mexchange.strategy import Strategy

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Player"]

TREND = 10
"""Steps that a trend goes back."""
DECAY = 0.9
"""What a step leaves of the squared changes before it in the volatility."""
DEPTH = 5
"""Levels that count as depth."""


class Player(Strategy):
    """Does nothing by itself and is never woken: an environment looks and acts through it.

    What a task observes is what has arrived, after the latency, as for every strategy. What it is
    paid is computed from the exchange's own books, so that rewards add up to what the report of the
    run says.
    """

    mark2: int
    """Twice the mid at the exchange; while a side is empty, the last one that there was."""

    def begin(self, exchange: Exchange) -> None:
        """The task begins here and now."""
        self._exchange = exchange
        market = self.market
        self._base = exchange.asset(market.base.name)
        self._quote = exchange.asset(market.quote.name)
        self._before = self._owned = self._balances()
        self._mids: deque[int] = deque(maxlen=TREND + 1)
        self._square = 0.0
        self.mark2 = 0
        self.look()

    def look(self) -> None:
        """A step is over: take in what has arrived by now, and read the exchange's books."""
        self._receive()
        mids = self._mids
        mids.append(self.book.mid2 or (mids[-1] if mids else 2 * self.book.last))
        moved = self.moved_bps(1)
        self._square = DECAY * self._square + (1 - DECAY) * moved * moved
        self._owned = self._balances()
        bid, _, ask, _ = self._exchange.best(self.home)
        if bid and ask:
            self.mark2 = bid + ask
        elif not self.mark2:
            self.mark2 = 2 * self._exchange.last_price(self.home)

    # What it sees.

    @property
    def mid2(self) -> int:
        """Twice the mid that was seen last, in ticks; 0 if there was none yet."""
        return self._mids[-1]

    @property
    def others_mid2(self) -> int:
        """Twice the mid of what everybody else shows; that of all where nobody else does.

        Who quoted around a mid that is made by his own quotes would chase himself.
        """
        own: dict[int, int] = {}
        for order in self.orders.values():
            own[order.price] = own.get(order.price, 0) + order.left
        best = [
            next((p for p, lots in self.book.levels(side, len(own) + 1) if lots > own.get(p, 0)), 0)
            for side in Side
        ]
        return sum(best) if all(best) else self.mid2

    def bps(self, ticks: float) -> float:
        """A distance in ticks, in basis points of the mid."""
        return 20_000 * ticks / self.mid2 if self.mid2 else 0.0

    def moved_bps(self, steps: int) -> float:
        """How far the mid has moved in the last `steps` (at most 10) steps."""
        mids = self._mids
        before = mids[max(0, len(mids) - 1 - steps)]
        return 10_000 * (mids[-1] - before) / before if before else 0.0

    @property
    def volatility_bps(self) -> float:
        """The standard deviation of the mid's changes a step, the last ones weighing most."""
        return sqrt(self._square)

    def imbalance(self, depth: int = 1) -> float:
        """Displayed bids less asks over their sum, of the best `depth` levels, -1 … 1."""
        book = self.book
        if depth == 1:
            bid, ask = book.bid_quantity, book.ask_quantity
        else:
            bid = sum(lots for _, lots in book.levels(Side.BUY, depth))
            ask = sum(lots for _, lots in book.levels(Side.SELL, depth))
        return (bid - ask) / (bid + ask) if bid + ask else 0.0

    # What is true.

    def _balances(self) -> tuple[int, int]:
        """Atoms of the base and of the quote asset, at the exchange."""
        balance, account = self._exchange.balance, self._port.account
        return sum(balance(account, self._base)), sum(balance(account, self._quote))

    @property
    def lots(self) -> int:
        """Lots bought less lots sold since the task began, at the exchange."""
        return (self._owned[0] - self._before[0]) // self.market.base_per_lot

    def worth2(self, mark2: int) -> int:
        """Twice what trading has brought since the task began, in atoms of the quote asset.

        Fees are in it, and what has been bought counts `mark2` / 2 ticks a unit.
        """
        cash = self._owned[1] - self._before[1]
        return 2 * cash + self.lots * mark2 * self.market.quote_per_lot_tick

    def quote(self, atoms2: int) -> float:
        """Half of `atoms2` in units of the quote asset."""
        return atoms2 / float(2 * 10**self.market.quote.scale)

    def base(self, lots: int) -> float:
        """Lots in units of the base asset."""
        return float(self.market.quantity(lots))
