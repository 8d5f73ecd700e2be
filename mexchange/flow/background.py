"""`Background`: ingredients put together into the order flow of one market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mexchange.engine import Kernel
from mexchange.flow.advance import FULL, GROW, advance, kernel_address, look
from mexchange.flow.base import Ingredient
from mexchange.flow.draws import WORD
from mexchange.flow.layout import COLUMNS, HEAD, ROW, Flow, roomier
from mexchange.flow.pace import Pace
from mexchange.flow.zero_intelligence import ZeroIntelligence
from mexchange.latency import generator
from mexchange.markets import MONEY_LIMIT, Market, Number
from mexchange.records import (
    COMMAND,
    EVENT,
    CommandKind,
    Commands,
    EventKind,
    Events,
    Reason,
    Side,
    commands,
    order_id,
)

if TYPE_CHECKING:
    from mexchange.exchange import Exchange

__all__ = ["Background"]

PIECE = 8192
"""Commands after which a piece ends, with the instant."""
WIDTH = 3072
"""Orders that a list has room for at first; memory that nothing has touched costs nothing."""
MOST_OPENING = 5_000_000
"""Orders that a book may open with."""
OWN_SOURCE = (1 << 16) - 1


class Background:
    """The order flow of thousands of anonymous traders in one market, compiled.

    `ingredients` act independently, each with chances of its own, seeded by the run's seed, the
    market, `name` and its place in the list. `market` is a number or a name; `price` is where the
    market opens, in quote; `accounts` is how many accounts the traders share, beside those that an
    ingredient has to itself, each with so much of both assets that it lasts. The book opens as each
    `ZeroIntelligence` would have it in the mean.

    Time goes forward only; how it is cut into pieces changes nothing. Everything that it sends is a
    command like any other: the log of a run, replayed, gives the same digest.

    Raises ValueError for no ingredient, two of `Pace`, or numbers out of range.
    """

    def __init__(
        self,
        ingredients: Sequence[Ingredient],
        *,
        market: int | str = 0,
        price: Number = 100,
        accounts: int = 1_000,
        name: str = "background",
    ) -> None:
        self.ingredients = tuple(ingredients)
        for ingredient in self.ingredients:
            if not isinstance(ingredient, Ingredient):
                raise TypeError(f"{ingredient!r} is no ingredient of a flow")
        if not self.ingredients:
            raise ValueError("a background without ingredients does nothing; give it some")
        if sum(isinstance(ingredient, Pace) for ingredient in self.ingredients) > 1:
            raise ValueError("a background has at most one Pace")
        if not 1 <= accounts <= 1_000_000:
            raise ValueError(f"accounts {accounts} is not in 1 … 1,000,000")
        self.market, self.price, self.size, self.name = market, price, accounts, name
        self.accounts: dict[int, str] = {}
        self._next_ns = 1 << 62
        self._sequence = -1
        self._flow: Flow | None = None

    def connect(
        self, exchange: Exchange, start_ns: int, seed: int
    ) -> Iterator[tuple[Commands, Events]]:
        """Open and fund its accounts and place its first orders, all at `start_ns`.

        Returns what it has applied. Raises TypeError on another engine than the kernel, ValueError
        if this was done before, for a market that does not exist, a price that is not one of its
        ticks, and if the exchange refuses something.
        """
        if self._flow is not None:
            raise ValueError(f"{self.name} is connected already; make a new Background")
        if not isinstance(exchange.engine, Kernel):
            raise TypeError("background flow runs on the kernel, not on the reference engine")
        self._exchange, self._kernel = exchange, exchange.engine
        number = exchange.market(self.market)
        if not 0 <= number < len(exchange.markets):
            raise ValueError(f"no market {self.market}; there are {len(exchange.markets)}")
        market = exchange.markets[number]
        ticks = market.ticks(self.price)
        if not 2 <= ticks < market.max_price:
            raise ValueError(f"price {self.price} is not inside the prices of {market.name}")
        first = exchange.accounts
        self.accounts = {first + k: f"{self.name} {k + 1}" for k in range(self.size)}
        self._name_own(first + self.size)
        self._flow = self._arrays(number, ticks, first, start_ns, seed)
        self._address = kernel_address(np.zeros(1, COMMAND))
        opening = [self._open(market, ticks, first), self._book(number, ticks, seed)]
        applied = []
        for batch in opening:
            batch["time_ns"] = start_ns
            if len(batch):
                applied.append((batch, self._refuse_nothing(batch)))
        self._see()
        return iter(applied)

    def _name_own(self, first: int) -> None:
        """Name the accounts that ingredients have to themselves: `metaorders 1 of background`."""
        for ingredient in self.ingredients:
            kind = type(ingredient).__name__.lower()
            for _ in range(ingredient.own_accounts):
                number = len(self.accounts) - self.size + 1
                self.accounts[first + number - 1] = f"{kind} {number} of {self.name}"

    def _refuse_nothing(self, batch: Commands) -> Events:
        events = self._exchange.step(batch)
        refused = events[events["kind"] == EventKind.REJECTED]
        if len(refused):
            reason = Reason(int(refused[0]["reason"])).name
            raise ValueError(f"{self.name} could not open: {len(refused)} commands, {reason}")
        return events

    def _arrays(self, market: int, ticks: int, first: int, start_ns: int, seed: int) -> Flow:
        """The flow before anything has happened."""
        head, rows = np.zeros(1, HEAD), np.zeros(len(self.ingredients), ROW)
        p = np.zeros((len(rows), COLUMNS))
        head["market"], head["now_ns"], head["pace"] = market, start_ns, 1.0
        head["first_account"], head["accounts"] = first, self.size
        head["value"] = head["anchor"] = ticks
        head["bid"], head["ask"] = ticks - 1, ticks
        head["next_id"] = order_id(self._free_source(), 0)
        lists, own = 0, first + self.size
        for k, (row, ingredient) in enumerate(zip(rows, self.ingredients, strict=True)):
            stream = generator(seed, f"flow/{market}/{self.name}/{k}/{type(ingredient).__name__}")
            words = stream.integers(1, WORD, 4)
            row["s0"], row["s1"], row["s2"], row["s3"] = words.tolist()
            row["kind"], row["list"] = ingredient.kind, lists
            row["a_ns"], row["b_ns"] = ingredient.alarms(start_ns + 1)
            row["account"] = own
            lists, own = lists + ingredient.lists, own + ingredient.own_accounts
            for column, value in ingredient.columns().items():
                p[k, column] = value
        return Flow(
            head=head,
            rows=rows,
            p=p,
            orders=np.zeros((lists, WIDTH), np.int64),
            counts=np.zeros(lists, np.int64),
            commands=np.zeros(PIECE + 64, COMMAND),
            events=np.zeros(8 * PIECE, EVENT),
        )

    def _free_source(self) -> int:
        for source in range(OWN_SOURCE - 1, 0, -1):
            if self._kernel.next_counter(source) == 0:
                return source
        raise ValueError("no source of order ids is left")

    def _open(self, market: Market, ticks: int, first: int) -> Commands:
        """Accounts, each with the same many lots and the money for them, as much as is safe."""
        base, quote = (self._exchange.asset(asset.name) for asset in (market.base, market.quote))
        a_lot = market.base_per_lot, ticks * market.quote_per_lot_tick
        count = len(self.accounts)
        lots = min(1 << 30, MONEY_LIMIT // 4 // count // max(a_lot))
        if lots < 1:
            raise ValueError(f"{count} accounts are too many for the units of {market.name}")
        batch = commands(3 * count, account=np.repeat(np.arange(count) + first, 3))
        batch["kind"] = [CommandKind.OPEN_ACCOUNT, *[CommandKind.DEPOSIT] * 2] * count
        batch["asset"] = [0, base, quote] * count
        batch["quantity"] = [0, lots * a_lot[0], lots * a_lot[1]] * count
        return batch

    def _book(self, market: int, ticks: int, seed: int) -> Commands:
        """Standing orders of the traders without intelligence, as many as are to be expected.

        Fractions are drawn. The best bid is a tick below the opening price, the best ask at it.
        """
        assert self._flow is not None
        head = self._flow.head[0]
        draws = generator(seed, f"flow/{market}/{self.name}/book")
        books = []
        for row, traders in zip(self._flow.rows, self.ingredients, strict=True):
            if not isinstance(traders, ZeroIntelligence):
                continue
            distances = np.arange(1, traders.reach + 1)
            expected = np.array([traders.standing_at(distance) for distance in distances.tolist()])
            if 2 * expected.sum() > MOST_OPENING:
                raise traders.wrong(
                    f"{self.name} would open with {2 * expected.sum():,.0f} orders, more than "
                    f"{MOST_OPENING:,}; give it a higher cancel_rate or a lower limit_rate"
                )
            for side in (Side.BUY, Side.SELL):
                prices = ticks - distances if side == Side.BUY else ticks - 1 + distances
                counts = (expected + draws.random(len(distances))).astype(np.int64)
                counts[prices < 1] = 0
                batch = commands(int(counts.sum()), kind=CommandKind.NEW, market=market, side=side)
                batch["price"], batch["quantity"] = np.repeat(prices, counts), traders.size
                batch["order_id"] = head["next_id"] + np.arange(len(batch))
                head["next_id"] += len(batch)
                whose = draws.integers(0, self.size, len(batch))
                batch["account"] = head["first_account"] + whose
                self._flow = traders.remember(self._flow, int(row["list"]), batch)
                books.append(batch)
        return np.concatenate(books) if books else commands(0)

    # As time goes on.

    @property
    def next_ns(self) -> int:
        """When it acts next: it looks at the book first, if others have changed it."""
        if self._flow is not None and self._kernel.sequence != self._sequence:
            self._see()
        return self._next_ns

    def _see(self) -> None:
        assert self._flow is not None
        self._next_ns = look(self._kernel.handle, self._flow)
        self._sequence = self._kernel.sequence

    def advance(
        self, until_ns: int, watched: npt.NDArray[np.bool_]
    ) -> Iterator[tuple[Commands, Events]]:
        """Generate and apply everything up to and including `until_ns`, in pieces.

        Stops early after an instant in which an event was of a watched account. Commands and events
        are copies, the reader's own; no instant stands in two pieces.
        """
        while self.next_ns <= until_ns:
            why = self._piece(until_ns, watched)
            flow = self._flow
            assert flow is not None
            head = flow.head[0]
            sent, came = int(head["commands"]), int(head["events"])
            head["commands"] = head["events"] = 0
            if sent:
                yield _copied(flow.commands[:sent]), _copied(flow.events[:came])
            if why != FULL:
                return

    def _piece(self, until_ns: int, watched: npt.NDArray[np.bool_]) -> int:
        """Fill the buffers; why it stopped."""
        kernel = self._kernel
        while True:
            assert self._flow is not None
            why, self._next_ns = advance(
                self._address, kernel.handle, self._flow, watched, until_ns, PIECE
            )
            if why != GROW:
                self._sequence = kernel.sequence
                return int(why)
            if self._flow.head[0]["pending"]:
                kernel.make_room()
            else:
                self._flow = roomier(self._flow)


def _copied(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """A copy, made as one of bytes: NumPy would copy records one by one."""
    return records.view(np.uint8).copy().view(records.dtype)
