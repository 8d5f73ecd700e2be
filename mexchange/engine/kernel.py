"""The kernel as an object: batches in, events out, and everything one may ask of the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mexchange.digest import BALANCE_ROW, digest
from mexchange.engine import saving, views
from mexchange.engine.checks import check
from mexchange.engine.growth import grow
from mexchange.engine.layout import (
    ACCOUNTS,
    AVAILABLE,
    EVENTS_OUT,
    HELD,
    LIVE,
    SEQUENCE,
    TIME,
    Ints,
    Records,
    State,
    allocate,
    market_rows,
)
from mexchange.engine.step import step
from mexchange.markets import Asset, Market
from mexchange.records import COMMAND, EVENT, Commands, Events, Side

__all__ = ["Kernel"]

BATCH = 8192


class Kernel:
    """The compiled exchange over a fixed set of markets.

    `markets` are numbered as given, assets in order of first appearance. Raises ValueError when
    there is no market, a name comes twice, or an asset is given with two scales.
    """

    def __init__(self, markets: Sequence[Market]) -> None:
        self.markets = tuple(markets)
        self.assets = assets_of(self.markets)
        self._state: State = allocate(self.assets, self.markets)

    def step(self, commands: Commands) -> Events:
        """Apply a batch; returns its events as an array that the caller owns. O(commands)."""
        commands = _writeable(np.ascontiguousarray(commands, COMMAND))
        applied = step(self._state.handle, commands)
        if applied == len(commands):
            return self._events().copy()
        parts = [self._events().copy()]
        parts += [events.copy() for events in self.stream(commands[applied:])]
        return np.concatenate(parts)

    def _events(self) -> Events:
        """A view of the events that the last call wrote."""
        return self._state.events[: self._state.head[EVENTS_OUT]].view(EVENT)

    def stream(self, commands: Commands, batch: int = BATCH) -> Iterator[Events]:
        """Apply commands in batches of at most `batch`; yields a view of each batch's events.

        A view is valid until the next one is asked for: nothing is copied, and the events stay in
        the processor's cache.
        """
        commands = _writeable(commands)
        done, count = 0, len(commands)
        while done < count:
            part = commands[done : done + batch]
            applied = step(self._state.handle, part)
            done += applied
            if applied:
                yield self._events()
            if applied < len(part):
                self.make_room()

    @property
    def handle(self) -> Any:
        """The state as compiled code is given it; another one after `make_room`."""
        return self._state.handle

    def make_room(self) -> None:
        """Grow what is short, after compiled code was told by `step` that there is no room."""
        self._state = grow(self._state)

    def order_rows(self) -> Records:
        """All open orders as `ORDER_ROW`s: by market bids, asks, buy stops, sell stops."""
        return views.order_rows(self._state)

    def balance_rows(self) -> Records:
        """All balances that are not empty, as `BALANCE_ROW`s by account and asset."""
        balances = self._state.balances[: self.accounts]
        account, asset = np.nonzero(balances.any(axis=2))
        rows = np.zeros(len(account), BALANCE_ROW)
        rows["account"], rows["asset"] = account, asset
        rows["available"] = balances[account, asset, AVAILABLE]
        rows["held"] = balances[account, asset, HELD]
        return rows

    def market_rows(self) -> Records:
        """Number and last price of every market, as `MARKET_ROW`s."""
        return market_rows(self._state)

    def tiers(self) -> Ints:
        """The fee tier of every account."""
        return self._state.accounts["tier"][: self.accounts].astype(np.int64)

    def digest(self) -> str:
        """The hash of everything accounts and markets can see; see `mexchange.digest`."""
        return digest(self.order_rows(), self.balance_rows(), self.market_rows(), self.tiers())

    def check(self) -> None:
        """Verify every invariant; AssertionError says which one is broken and where. O(state)."""
        check(self._state)

    def snapshot(self) -> bytes:
        """The whole state, compressed, with its markets and the hash of its schema."""
        return saving.save(self._state, self.markets)

    @classmethod
    def restore(cls, data: bytes) -> Kernel:
        """A kernel from a snapshot; ValueError if it is damaged or of another schema."""
        state, markets = saving.load(data)
        kernel = cls(markets)
        kernel._state = state
        return kernel

    def levels(self, market: int, side: Side, depth: int | None = None) -> Ints:
        """Price levels, best first: an array [n, 3] of ticks, displayed lots and orders."""
        most = self.orders if depth is None else min(depth, self.orders)
        rows = np.zeros((most, 3), np.int64)
        return rows[: views.walk_levels(self._state.handle, market, int(side), most, rows)]

    def best(self, market: int) -> tuple[int, int, int, int]:
        """(bid, quantity, ask, quantity) in ticks and displayed lots; zeros where empty."""
        return views.best(self._state, market)

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """(available, held) in atoms."""
        row = self._state.balances[account, asset]
        return int(row[AVAILABLE]), int(row[HELD])

    def last_price(self, market: int) -> int:
        """The last trade in ticks, 0 before the first."""
        return int(self._state.markets["last_price"][market])

    def next_counter(self, source: int) -> int:
        """One more than the highest counter that a source's accepted orders had; 0 before any."""
        return int(self._state.id_highs[source])

    @property
    def time_ns(self) -> int:
        """The time of the last command applied."""
        return int(self._state.head[TIME])

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return int(self._state.head[SEQUENCE])

    @property
    def accounts(self) -> int:
        """How many accounts are open, the house included."""
        return int(self._state.head[ACCOUNTS])

    @property
    def orders(self) -> int:
        """How many orders are open, waiting stops included."""
        return int(self._state.head[LIVE])

    def __repr__(self) -> str:
        names = ", ".join(market.name for market in self.markets)
        return f"<Kernel {names}: {self.accounts} accounts, {self.orders} orders>"


def _writeable(commands: Commands) -> Commands:
    """An array that may be written to, since Numba would compile all again for one that may not."""
    return commands if commands.flags.writeable else commands.copy()


def assets_of(markets: tuple[Market, ...]) -> tuple[Asset, ...]:
    """The assets of some markets in order of first appearance; ValueError if they do not agree."""
    if not markets:
        raise ValueError("an exchange needs at least one market")
    if len(markets) >= 65535:
        raise ValueError(f"{len(markets)} markets are more than 65534")
    found: dict[str, Asset] = {}
    for market in markets:
        for asset in (market.base, market.quote):
            if found.setdefault(asset.name, asset) != asset:
                raise ValueError(f"asset {asset.name} is given with two scales")
    names = [market.name for market in markets]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"market {name} is given twice")
    return tuple(found.values())
