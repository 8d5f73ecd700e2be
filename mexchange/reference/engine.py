"""One command after another: what each kind asks for, and what can be read of the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mexchange.digest import digest
from mexchange.markets import MAX_TIERS, MONEY_LIMIT, Asset, Market
from mexchange.records import (
    EVENT,
    CommandKind,
    Commands,
    EventKind,
    Events,
    Reason,
    Side,
    TimeInForce,
)
from mexchange.reference.checks import (
    amend_fault,
    border_fault,
    field_fault,
    funds_fault,
    identity_fault,
    trader_fault,
)
from mexchange.reference.invariants import check
from mexchange.reference.state import HOUSE, STOP_KINDS, Command, Order, State
from mexchange.reference.stops import arrive, take
from mexchange.reference.views import (
    balance_rows,
    levels,
    market_rows,
    order_rows,
    tier_rows,
)

__all__ = ["ReferenceEngine"]

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
ALL_MARKETS = 65535


class ReferenceEngine:
    """The exchange as a state machine: `step` applies commands and returns events.

    >>> from mexchange.markets import Asset, Market
    >>> from mexchange.records import Command, CommandKind
    >>> engine = ReferenceEngine([Market(Asset("KCN"), Asset("EUR"))])
    >>> engine.step(Command(kind=CommandKind.OPEN_ACCOUNT, account=1))["kind"].tolist()
    [14]
    """

    def __init__(self, markets: Sequence[Market]) -> None:
        self._state = State(markets)
        self._applied_by: dict[int, Callable[[Command], Reason]] = {
            CommandKind.NEW: self._new,
            CommandKind.CANCEL: self._cancel,
            CommandKind.AMEND: self._amend,
            CommandKind.REDUCE: self._reduce,
            CommandKind.CANCEL_ALL: self._cancel_all,
            CommandKind.DEPOSIT: self._deposit,
            CommandKind.WITHDRAW: self._withdraw,
            CommandKind.OPEN_ACCOUNT: self._open_account,
            CommandKind.SET_TIER: self._set_tier,
            CommandKind.TICK: lambda _: Reason.NONE,
        }

    def step(self, commands: Commands) -> Events:
        """Apply an array of `COMMAND`, in order; the events, an array of `EVENT`."""
        x = self._state
        for row in commands.tolist():
            self._apply(Command._make(row))
        events, x.events = x.events, []
        return np.array(events, EVENT)

    def _apply(self, c: Command) -> None:
        x = self._state
        if c.time_ns < x.time_ns:
            self._reject(c, Reason.TIME_WENT_BACK)
            return
        x.time_ns = c.time_ns
        while x.expiries and x.expiries.peekitem(0)[0][0] <= c.time_ns:
            x.end(x.expiries.peekitem(0)[1], EventKind.EXPIRED, Reason.TIME_PASSED)
        apply = self._applied_by.get(c.kind)
        reason = apply(c) if apply else Reason.UNKNOWN_KIND
        if reason:
            self._reject(c, reason)

    def _reject(self, c: Command, reason: Reason) -> None:
        x = self._state
        duplicate = reason == Reason.DUPLICATE_CLIENT_ORDER_ID
        x.append(
            EventKind.REJECTED,
            reason,
            order_id=c.order_id,
            client_order_id=c.client_order_id,
            price=c.price,
            quantity=c.quantity,
            trigger_price=c.trigger_price,
            expiry_ns=c.expiry_ns,
            maker_order_id=x.client_ids[c.account, c.client_order_id] if duplicate else 0,
            account=c.account,
            market=c.market,
            asset=c.asset,
            side=c.side,
            type=c.type,
            time_in_force=c.time_in_force,
            self_trade=c.self_trade,
            flags=c.flags,
        )

    # Orders. Each returns why it refuses, in which case nothing has changed.

    def _new(self, c: Command) -> Reason:
        x = self._state
        fault = identity_fault(x, c) or field_fault(x.markets[c.market], c)
        if fault:
            return fault
        order = self._order(c)
        fault = funds_fault(x, order)
        if fault:
            return fault
        x.accept(order)
        hold = x.rehold(order)
        book = x.books[order.market]
        rests = (
            order.type not in STOP_KINDS
            and order.time_in_force in {TimeInForce.GTC, TimeInForce.GTD}
            and not book.crossed_by(order)
        )
        if rests:
            book.rest(order)
        x.emit(EventKind.ACCEPTED, order, quantity=order.left, displayed=order.shown, hold=hold)
        if order.type in STOP_KINDS:
            arrive(x, order)
        elif not rests:
            take(x, order)
        return Reason.NONE

    def _order(self, c: Command) -> Order:
        x = self._state
        fees, tier = x.markets[c.market].fees, x.tiers[c.account]
        return Order(
            order_id=c.order_id,
            client_order_id=c.client_order_id,
            account=c.account,
            market=c.market,
            side=c.side,
            type=c.type,
            time_in_force=c.time_in_force,
            self_trade=c.self_trade,
            flags=c.flags,
            tier=tier,
            fees=fees[min(tier, len(fees) - 1)],
            price=c.price,
            quantity=c.quantity,
            left=c.quantity,
            display_quantity=c.display_quantity,
            trigger_price=c.trigger_price,
            trailing_offset=c.trailing_offset,
            quote_quantity=c.quote_quantity,
            protection_price=c.protection_price,
            expiry_ns=c.expiry_ns,
            accepted_ns=c.time_ns,
        )

    def _named(self, c: Command) -> Reason:
        """Whether the command names an open order of its account."""
        fault = trader_fault(self._state, c.account)
        if fault:
            return fault
        order = self._state.orders.get(c.order_id)
        if order is None:
            return Reason.UNKNOWN_ORDER
        return Reason.NONE if order.account == c.account else Reason.NOT_OWNER

    def _cancel(self, c: Command) -> Reason:
        fault = self._named(c)
        if not fault:
            x = self._state
            x.end(x.orders[c.order_id], EventKind.CANCELLED, Reason.REQUESTED)
        return fault

    def _reduce(self, c: Command) -> Reason:
        fault = self._named(c) or border_fault(c)
        if fault:
            return fault
        if c.quantity <= 0:
            return Reason.INVALID_QUANTITY
        x = self._state
        order = x.orders[c.order_id]
        if c.quantity >= order.left:
            x.end(order, EventKind.CANCELLED, Reason.REQUESTED)
            return Reason.NONE
        order.left -= c.quantity
        displayed, hold = self._stay(order)
        x.emit(EventKind.REDUCED, order, quantity=c.quantity, displayed=displayed, hold=hold)
        return Reason.NONE

    def _stay(self, order: Order) -> tuple[int, int]:
        """Adjust what is shown (the reserve goes first) and held to `left`; both changes."""
        shown = order.shown
        if order.display_quantity == 0 and not order.waits:
            order.shown = order.left
        order.shown = min(order.shown, order.left)
        return order.shown - shown, self._state.rehold(order)

    def _amend(self, c: Command) -> Reason:
        x = self._state
        fault = self._named(c)
        if fault:
            return fault
        order = x.orders[c.order_id]
        fault = amend_fault(x, order, c)
        if fault:
            return fault
        book = x.books[order.market]
        price, total = c.price or order.price, c.quantity or order.quantity
        left = total - (order.quantity - order.left)
        is_iceberg = order.display_quantity != 0
        keeps_place = price == order.price and (is_iceberg or left <= order.shown)
        if not keeps_place:
            pulled = book.leave(order)
            x.emit(EventKind.PULLED, order, quantity=order.left, displayed=pulled)
        order.price, order.quantity, order.left = price, total, left
        displayed, hold = self._stay(order) if keeps_place else (0, x.rehold(order))
        x.emit(EventKind.AMENDED, order, quantity=total, displayed=displayed, hold=hold)
        if not keeps_place:
            take(x, order)
        return Reason.NONE

    def _cancel_all(self, c: Command) -> Reason:
        x = self._state
        fault = trader_fault(x, c.account)
        if fault:
            return fault
        if c.market != ALL_MARKETS and c.market >= len(x.markets):
            return Reason.UNKNOWN_MARKET
        for order in list(x.orders_of[c.account].values()):
            if c.market in {ALL_MARKETS, order.market}:
                x.end(order, EventKind.CANCELLED, Reason.REQUESTED)
        return Reason.NONE

    # Accounts and money

    def _moved(self, c: Command) -> Reason:
        """What deposits and withdrawals have in common; the house may have either."""
        x = self._state
        if c.account >= len(x.tiers):
            return Reason.UNKNOWN_ACCOUNT
        if c.asset >= len(x.assets):
            return Reason.UNKNOWN_ASSET
        return Reason.INVALID_AMOUNT if c.quantity <= 0 else Reason.NONE

    def _deposit(self, c: Command) -> Reason:
        fault = self._moved(c)
        if fault:
            return fault
        if self._state.totals[c.asset] + c.quantity > MONEY_LIMIT:
            return Reason.INVALID_AMOUNT
        self._move(EventKind.DEPOSITED, c, c.quantity)
        return Reason.NONE

    def _withdraw(self, c: Command) -> Reason:
        fault = self._moved(c)
        if fault:
            return fault
        x = self._state
        stays = len(x.orders) if c.account == HOUSE else 0
        if x.available[c.account][c.asset] - c.quantity < stays:
            return Reason.INSUFFICIENT_FUNDS
        self._move(EventKind.WITHDRAWN, c, -c.quantity)
        return Reason.NONE

    def _move(self, kind: EventKind, c: Command, change: int) -> None:
        x = self._state
        x.available[c.account][c.asset] += change
        x.totals[c.asset] += change
        left = x.available[c.account][c.asset]
        x.append(
            kind, Reason.NONE, account=c.account, asset=c.asset, quantity=c.quantity, left=left
        )

    def _open_account(self, c: Command) -> Reason:
        x = self._state
        if c.account != len(x.tiers):
            return Reason.ACCOUNT_NOT_NEXT
        if not 0 <= c.quantity < MAX_TIERS:
            return Reason.INVALID_TIER
        x.open_account(c.quantity)
        x.append(EventKind.ACCOUNT_OPENED, Reason.NONE, account=c.account, quantity=c.quantity)
        return Reason.NONE

    def _set_tier(self, c: Command) -> Reason:
        x = self._state
        fault = trader_fault(x, c.account)
        if fault:
            return fault
        if not 0 <= c.quantity < MAX_TIERS:
            return Reason.INVALID_TIER
        x.tiers[c.account] = c.quantity
        x.append(EventKind.TIER_SET, Reason.NONE, account=c.account, quantity=c.quantity)
        return Reason.NONE

    # What can be read

    @property
    def markets(self) -> tuple[Market, ...]:
        """By number."""
        return self._state.markets

    @property
    def assets(self) -> tuple[Asset, ...]:
        """By number, which is the order of first appearance over the markets, base before quote."""
        return self._state.assets

    @property
    def accounts(self) -> int:
        """How many accounts there are, the house included."""
        return len(self._state.tiers)

    @property
    def time_ns(self) -> int:
        """The time of the last command that was not refused for its time."""
        return self._state.time_ns

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return self._state.sequence

    def best(self, market: int) -> tuple[int, int, int, int]:
        """(bid, quantity, ask, quantity) in ticks and displayed lots; zeros where empty."""
        found: list[int] = []
        for side in Side:
            top = self.levels(market, side, 1)
            found += top[0, :2].tolist() if len(top) else [0, 0]
        return found[0], found[1], found[2], found[3]

    def last_price(self, market: int) -> int:
        """The price of the market's last trade in ticks; 0 if there was none."""
        return self._state.books[market].last_price

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """Available and held atoms."""
        return self._state.available[account][asset], self._state.held[account][asset]

    def levels(self, market: int, side: Side, depth: int | None = None) -> Ints:
        """Price (ticks), displayed (lots) and number of orders of the best `depth` levels."""
        return levels(self._state.books[market], side, depth)

    def order_rows(self) -> Rows:
        """Every open order, an array of `ORDER_ROW` in canonical order."""
        return order_rows(self._state)

    def balance_rows(self) -> Rows:
        """Every balance that is not empty, an array of `BALANCE_ROW` in canonical order."""
        return balance_rows(self._state)

    def market_rows(self) -> Rows:
        """Every market, an array of `MARKET_ROW`."""
        return market_rows(self._state)

    def tiers(self) -> Ints:
        """The fee tier of every account."""
        return tier_rows(self._state)

    def digest(self) -> str:
        """The hash of the state, as `mexchange.digest` defines it."""
        return digest(self.order_rows(), self.balance_rows(), self.market_rows(), self.tiers())

    def check(self) -> None:
        """Raise AssertionError, with the state drawn, if an invariant does not hold."""
        check(self._state)
