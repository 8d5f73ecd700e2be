"""The face of the exchange: accounts, orders and balances in the terms that people use.

`Exchange` turns one call into one command, decimals into ticks, lots and atoms, and hands it to an
engine: the compiled kernel, or the reference in plain Python. Whoever has many commands hands them
over as an array of `COMMAND` through `step` or `stream`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from mexchange.engine import Kernel
from mexchange.markets import Asset, Market, Number, decimal
from mexchange.records import (
    COMMAND,
    SOURCE_LIMIT,
    SOURCE_SHIFT,
    CommandKind,
    Commands,
    EventKind,
    Events,
    Flag,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from mexchange.reference import ReferenceEngine

__all__ = ["ALL_MARKETS", "OWN_SOURCE", "Exchange"]

OWN_SOURCE = SOURCE_LIMIT - 1
"""The source in the ids of orders that `submit` numbers itself."""
ALL_MARKETS = 65535
"""The market number by which CANCEL_ALL means every market."""

_LAYOUT = struct.Struct("<11qIHH6B2x")
assert _LAYOUT.size == COMMAND.itemsize, "one command is packed as the record is laid out"
_GTC, _LIMIT, _NO_MODE = TimeInForce.GTC, OrderType.LIMIT, SelfTrade.NONE
_NEW, _REJECTED = int(CommandKind.NEW), int(EventKind.REJECTED)


class Exchange:
    """An exchange over one or more markets.

    >>> exchange = Exchange(Market(Asset("KCN", 2), Asset("EUR", 4)), engine="reference")
    >>> alice, bob = exchange.open_account(), exchange.open_account()
    >>> _ = exchange.deposit(alice, "EUR", "1000"), exchange.deposit(bob, "KCN", "10")
    >>> _ = exchange.submit(bob, 0, Side.SELL, "2.5", "99.90")
    >>> events = exchange.submit(alice, 0, Side.BUY, "1", "100")
    >>> [EventKind(kind).name for kind in events["kind"]]
    ['ACCEPTED', 'TRADE']
    >>> exchange.best(0)
    (0, 0, 9990, 150)

    Whole numbers are ticks, lots and atoms; a Decimal or a string is an amount, and is refused by
    a REJECTED event if it is off tick or off lot. `engine` is "kernel" or "reference". Each verb
    returns the events of its one command, an array of `EVENT`.

    Raises ValueError for markets that do not fit together, an unknown engine, a name of a market or
    an asset that does not exist, and a number that no field can hold. What an account may not do is
    never an exception but a REJECTED event.
    """

    def __init__(self, markets: Market | Sequence[Market], engine: str = "kernel") -> None:
        if engine not in {"kernel", "reference"}:
            raise ValueError(f"engine {engine!r} is not one of: kernel, reference")
        listed = (markets,) if isinstance(markets, Market) else tuple(markets)
        self._attach(Kernel(listed) if engine == "kernel" else ReferenceEngine(listed))

    def _attach(self, engine: Kernel | ReferenceEngine) -> None:
        self.engine = engine
        self.markets: tuple[Market, ...] = engine.markets
        self.assets: tuple[Asset, ...] = engine.assets
        self.step = engine.step
        """Apply an array of `COMMAND`; returns its events, an array of `EVENT` of your own."""
        self._market_numbers = {market.name: n for n, market in enumerate(self.markets)}
        self._asset_numbers = {asset.name: n for n, asset in enumerate(self.assets)}
        self._next_id = OWN_SOURCE << SOURCE_SHIFT
        self._one = np.zeros(1, COMMAND)
        self._bytes = self._one.data.cast("B")

    # Names.

    def market(self, market: int | str) -> int:
        """The number of a market, given as such or by its name (`KCN/EUR`)."""
        return self._number(market, self._market_numbers, "market")

    def asset(self, asset: int | str) -> int:
        """The number of an asset, given as such or by its name."""
        return self._number(asset, self._asset_numbers, "asset")

    @staticmethod
    def _number(given: int | str, numbers: dict[str, int], what: str) -> int:
        if not isinstance(given, str):
            return int(given)
        if given not in numbers:
            raise ValueError(f"no {what} {given!r}; there are: {', '.join(numbers)}")
        return numbers[given]

    # Accounts and money.

    def open_account(self, tier: int = 0) -> int:
        """Open the next account, in a fee tier; returns its number. Account 0 is the house."""
        account = self.engine.accounts
        events = self._command(CommandKind.OPEN_ACCOUNT, account=account, quantity=tier)
        if events["kind"][-1] == _REJECTED:
            raise ValueError(f"fee tier {tier} does not exist")
        return account

    def set_tier(self, account: int, tier: int) -> Events:
        """Move an account to a fee tier."""
        return self._command(CommandKind.SET_TIER, account=account, quantity=tier)

    def deposit(self, account: int, asset: int | str, amount: Number) -> Events:
        """Pay `amount` of an asset in."""
        return self._move(CommandKind.DEPOSIT, account, asset, amount)

    def withdraw(self, account: int, asset: int | str, amount: Number) -> Events:
        """Pay `amount` of what is available of an asset out."""
        return self._move(CommandKind.WITHDRAW, account, asset, amount)

    def _move(self, kind: int, account: int, asset: int | str, amount: Number) -> Events:
        number = self.asset(asset)
        if not isinstance(amount, int) and 0 <= number < len(self.assets):
            amount = self.assets[number].atoms(amount)
        return self._command(kind, account=account, asset=number, quantity=int(amount))

    # Orders.

    def submit(
        self,
        account: int,
        market: int | str,
        side: int,
        quantity: Number,
        price: Number = 0,
        *,
        type: int = _LIMIT,  # noqa: A002 - The field is called so everywhere else.
        time_in_force: int = _GTC,
        order_id: int | None = None,
        client_order_id: int = 0,
        post_only: bool = False,
        display_quantity: Number = 0,
        trigger_price: Number = 0,
        trailing_offset: Number = 0,
        trail_bips: bool = False,
        expiry_ns: int = 0,
        quote_quantity: Number = 0,
        protection_price: Number = 0,
        self_trade: int = _NO_MODE,
        time_ns: int | None = None,
    ) -> Events:
        """Send an order; what each field means is in docs/matching.md.

        `trailing_offset` is a price, or whole basis points with `trail_bips`. `quote_quantity` is
        an amount of the quote asset. `order_id` defaults to the next of this exchange's own ids and
        `time_ns` to the time of the last command.
        """
        engine = self.engine
        if isinstance(market, str):
            market = self.market(market)
        flags = post_only | trail_bips << 1
        border = _Border(self.markets[market]) if 0 <= market < len(self.markets) else None
        if border is not None:
            if not isinstance(price, int):
                price = border.ticks(price)
            if not isinstance(quantity, int):
                quantity = border.lots(quantity)
            if not isinstance(quote_quantity, int):
                quote_quantity = border.market.quote.atoms(quote_quantity)
            display_quantity = border.lots(display_quantity)
            trigger_price = border.ticks(trigger_price)
            protection_price = border.ticks(protection_price)
            if not trail_bips:
                trailing_offset = border.ticks(trailing_offset)
            flags |= border.flags
        own = order_id is None
        try:
            _LAYOUT.pack_into(
                self._bytes, 0,
                engine.time_ns if time_ns is None else time_ns,
                self._next_id if own else order_id,
                client_order_id, price, quantity, display_quantity, trigger_price, trailing_offset,
                expiry_ns, quote_quantity, protection_price, account, market, 0, _NEW, side, type,
                time_in_force, self_trade, flags,
            )  # fmt: skip
        except struct.error as error:
            raise ValueError(f"an order cannot hold these numbers: {error}") from None
        events = self.step(self._one)
        if own and events["kind"][-1] != _REJECTED:
            self._next_id += 1
        return events

    def cancel(self, account: int, order_id: int) -> Events:
        """Cancel an order."""
        return self._command(CommandKind.CANCEL, account=account, order_id=order_id)

    def cancel_all(self, account: int, market: int | str | None = None) -> Events:
        """Cancel all orders of an account, oldest first, in one market or in all."""
        number = ALL_MARKETS if market is None else self.market(market)
        return self._command(CommandKind.CANCEL_ALL, account=account, market=number)

    def amend(self, account: int, order_id: int, price: Number = 0, quantity: Number = 0) -> Events:
        """Change price or total quantity of an order; zero leaves one as it is."""
        return self._change(CommandKind.AMEND, account, order_id, price, quantity)

    def reduce(self, account: int, order_id: int, quantity: Number) -> Events:
        """Take `quantity` off what is open of an order; it keeps its place."""
        return self._change(CommandKind.REDUCE, account, order_id, 0, quantity)

    def _change(
        self, kind: int, account: int, order_id: int, price: Number, quantity: Number
    ) -> Events:
        flags = 0
        if not (isinstance(price, int) and isinstance(quantity, int)):
            border = _Border(self.markets[self._market_of(order_id)])
            price, quantity = border.ticks(price), border.lots(quantity)
            flags = border.flags
        return self._command(
            kind, account=account, order_id=order_id, price=price, quantity=quantity, flags=flags
        )

    def _market_of(self, order_id: int) -> int:
        rows = self.engine.order_rows()
        found = rows["market"][rows["order_id"] == order_id]
        return int(found[0]) if len(found) else 0

    def _command(self, kind: int, **fields: int) -> Events:
        command = np.zeros(1, COMMAND)
        command["kind"] = kind
        command["time_ns"] = self.engine.time_ns
        for name, value in fields.items():
            try:
                command[name] = value
            except OverflowError:
                raise ValueError(f"{name} {value} does not fit its field") from None
        return self.step(command)

    # Batches and time.

    def stream(self, commands: Commands, batch: int = 8192) -> Iterator[Events]:
        """Apply commands in batches; yields the events of each, a view valid until the next.

        Events are copied nowhere, which is what makes this the fast way through millions.
        """
        if isinstance(self.engine, Kernel):
            yield from self.engine.stream(commands, batch)
            return
        for first in range(0, len(commands), batch):
            yield self.engine.step(commands[first : first + batch])

    def tick(self, time_ns: int) -> Events:
        """Let time pass: orders whose time has come expire."""
        return self.step(_tick(time_ns))

    # What can be seen.

    def levels(
        self, market: int | str, side: Side, depth: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Price levels, best first: an array [n, 3] of ticks, displayed lots and orders."""
        return self.engine.levels(self._listed(market), Side(side), depth)

    def best(self, market: int | str = 0) -> tuple[int, int, int, int]:
        """(bid, quantity, ask, quantity) in ticks and displayed lots; zeros where empty."""
        return self.engine.best(self._listed(market))

    def last_price(self, market: int | str = 0) -> int:
        """The last trade in ticks, 0 before the first."""
        return self.engine.last_price(self._listed(market))

    def balance(self, account: int, asset: int | str) -> tuple[int, int]:
        """(available, held) in atoms."""
        number = self.asset(asset)
        if not (0 <= number < len(self.assets) and 0 <= account < self.engine.accounts):
            raise ValueError(f"no account {account} or no asset {asset}")
        return self.engine.balance(account, number)

    def amount(self, account: int, asset: int | str) -> Decimal:
        """All that an account owns of an asset, available and held."""
        return self.assets[self.asset(asset)].amount(sum(self.balance(account, asset)))

    def orders(self, account: int | None = None) -> npt.NDArray[np.void]:
        """Open orders of an account or of all, an array of `mexchange.digest.ORDER_ROW`."""
        rows = self.engine.order_rows()
        return rows if account is None else rows[rows["account"] == account]

    def _listed(self, market: int | str) -> int:
        number = self.market(market)
        if not 0 <= number < len(self.markets):
            raise ValueError(f"no market {market}; there are {len(self.markets)}")
        return number

    @property
    def time_ns(self) -> int:
        """The time of the last command."""
        return self.engine.time_ns

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return self.engine.sequence

    @property
    def accounts(self) -> int:
        """How many accounts are open, the house included."""
        return self.engine.accounts

    # The whole state.

    def digest(self) -> str:
        """A hash of everything accounts and markets can see; see `mexchange.digest`."""
        return self.engine.digest()

    def check(self) -> None:
        """Verify every invariant; AssertionError says which one is broken. O(state)."""
        self.engine.check()

    def snapshot(self) -> bytes:
        """The whole state, compressed; TypeError on the reference engine, which keeps none."""
        if not isinstance(self.engine, Kernel):
            raise TypeError("only an exchange on the kernel makes snapshots")
        return self.engine.snapshot()

    @classmethod
    def restore(cls, data: bytes) -> Exchange:
        """An exchange from a snapshot; ValueError if it is damaged or of another schema."""
        exchange = cls.__new__(cls)
        kernel = Kernel.restore(data)
        exchange._attach(kernel)
        exchange._next_id += kernel.next_counter(OWN_SOURCE)
        return exchange

    def __repr__(self) -> str:
        books = []
        for number, market in enumerate(self.markets):
            bid, _, ask, _ = self.best(number)
            bids = str(market.price(bid)) if bid else "–"
            asks = str(market.price(ask)) if ask else "–"
            books.append(f"{market.name} {bids} / {asks}")
        return f"<Exchange {', '.join(books)}; {self.accounts} accounts>"


class _Border:
    """Decimals to ticks and lots of a market, remembering in `flags` what did not fit."""

    __slots__ = ("flags", "market")

    def __init__(self, market: Market) -> None:
        self.market = market
        self.flags = 0

    def ticks(self, price: Number) -> int:
        if isinstance(price, int):
            return price
        try:
            return self.market.ticks(decimal(price))
        except ValueError:
            self.flags |= Flag.OFF_TICK
            return 0

    def lots(self, quantity: Number) -> int:
        if isinstance(quantity, int):
            return quantity
        try:
            return self.market.lots(decimal(quantity))
        except ValueError:
            self.flags |= Flag.OFF_LOT
            return 0


def _tick(time_ns: int) -> Commands:
    command = np.zeros(1, COMMAND)
    command["kind"], command["time_ns"] = CommandKind.TICK, time_ns
    return command
