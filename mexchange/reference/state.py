"""What the exchange knows: orders, books, money; and the one way to announce an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sortedcontainers import SortedDict

from mexchange.markets import PPM, Asset, Fees, Market
from mexchange.records import EventKind, OrderType, Reason, Side

__all__ = ["Book", "Command", "Order", "State", "fee_of", "rank", "within"]

HOUSE = 0
MARKET_KINDS = (OrderType.MARKET, OrderType.STOP, OrderType.TRAILING_STOP)
TRAILING_KINDS = (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)
STOP_KINDS = (OrderType.STOP, OrderType.STOP_LIMIT, *TRAILING_KINDS)


class Command(NamedTuple):
    """A row of a `COMMAND` array as Python integers."""

    time_ns: int
    order_id: int
    client_order_id: int
    price: int
    quantity: int
    display_quantity: int
    trigger_price: int
    trailing_offset: int
    expiry_ns: int
    quote_quantity: int
    protection_price: int
    account: int
    market: int
    asset: int
    kind: int
    side: int
    type: int
    time_in_force: int
    self_trade: int
    flags: int
    pad: int


@dataclass(slots=True, eq=False)
class Order:
    """An order from its acceptance to its end.

    `left` is what is open of `quantity`. `shown` is what the book displays, 0 while the order waits
    for its trigger. `carry` is what it has overpaid in fees, in millionths of an atom. `notional`
    is what it has traded as a taker by quote quantity.
    """

    order_id: int
    client_order_id: int
    account: int
    market: int
    side: int
    type: int
    time_in_force: int
    self_trade: int
    flags: int
    tier: int
    fees: Fees
    price: int
    quantity: int
    left: int
    display_quantity: int
    trigger_price: int
    trailing_offset: int
    quote_quantity: int
    protection_price: int
    expiry_ns: int
    accepted_ns: int
    age: int = 0
    shown: int = 0
    hold: int = 0
    carry: int = 0
    extreme: int = 0
    notional: int = 0
    waits: bool = False

    @property
    def by_quote(self) -> bool:
        """Whether a quote quantity alone says how much it takes."""
        return self.quote_quantity != 0 and self.quantity == 0

    @property
    def limit(self) -> int:
        """The worst price it trades at; 0 if any will do."""
        return self.protection_price if self.type in MARKET_KINDS else self.price

    @property
    def done(self) -> bool:
        """Whether nothing is left of it."""
        return self.left == 0 and not self.by_quote


def rank(side: int, price: int) -> int:
    """A number that is smaller the better `price` is for the resting orders of `side`."""
    return -price if side == Side.BUY else price


def within(order: Order, price: int) -> bool:
    """Whether `order` accepts to trade at `price`."""
    if order.limit == 0:
        return True
    return price <= order.limit if order.side == Side.BUY else price >= order.limit


def fee_of(notional: int, ppm: int, carry: int) -> tuple[int, int]:
    """The fee for `notional` in atoms, rounded up, and what is overpaid afterwards."""
    owed = notional * ppm - carry
    fee = -(-owed // PPM)
    return fee, fee * PPM - owed


Level = dict[int, Order]
"""The orders at one price by id, oldest first."""


class Book:
    """The resting and waiting orders of one market.

    `sides[side]` maps ranks to levels, so the first is the best. `stops[side]` maps
    (reach, age) to plain stops, where a smaller reach means a trigger that is reached earlier;
    `trailing` has the trailing stops by id, oldest first.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.last_price = 0
        self.sides: tuple[SortedDict, SortedDict] = (SortedDict(), SortedDict())
        self.stops: tuple[SortedDict, SortedDict] = (SortedDict(), SortedDict())
        self.trailing: dict[int, Order] = {}

    def best(self, side: int) -> tuple[int, Level] | None:
        """Price and level of the best orders of `side`; None if there are none."""
        levels = self.sides[side]
        if not levels:
            return None
        first, level = levels.peekitem(0)
        return abs(first), level

    def crossed_by(self, order: Order) -> bool:
        """Whether some order of the other side is within the price of `order`."""
        best = self.best(1 - order.side)
        return best is not None and within(order, best[0])

    def rest(self, order: Order) -> None:
        """Join the back of the queue at the order's price, showing one slice or everything."""
        order.shown = min(order.display_quantity or order.left, order.left)
        levels = self.sides[order.side]
        levels.setdefault(rank(order.side, order.price), {})[order.order_id] = order

    def leave(self, order: Order) -> int:
        """Leave the queue; the change of what is displayed."""
        levels = self.sides[order.side]
        level = levels[rank(order.side, order.price)]
        del level[order.order_id]
        if not level:
            del levels[rank(order.side, order.price)]
        change, order.shown = -order.shown, 0
        return change

    def wait(self, order: Order) -> None:
        """Wait for the trigger."""
        order.waits = True
        if order.type in TRAILING_KINDS:
            self.trailing[order.order_id] = order
        else:
            self.stops[order.side][self._reach(order)] = order

    def stop_waiting(self, order: Order) -> None:
        """Cancelled, expired or elected."""
        order.waits = False
        if order.type in TRAILING_KINDS:
            del self.trailing[order.order_id]
        else:
            del self.stops[order.side][self._reach(order)]

    @staticmethod
    def _reach(order: Order) -> tuple[int, int]:
        return rank(1 - order.side, order.trigger_price), order.age

    def waiting(self, side: int) -> list[Order]:
        """All waiting orders of `side` by age."""
        trailing = [order for order in self.trailing.values() if order.side == side]
        return sorted([*self.stops[side].values(), *trailing], key=lambda order: order.age)


def assets_of(markets: tuple[Market, ...]) -> tuple[Asset, ...]:
    """The assets in order of first appearance; ValueError if the markets do not go together."""
    if not markets:
        raise ValueError("an exchange needs at least one market")
    names = [market.name for market in markets]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"market {twice[0]} is given twice")
    assets = dict.fromkeys(asset for market in markets for asset in (market.base, market.quote))
    named = [asset.name for asset in assets]
    differing = [name for name in named if named.count(name) > 1]
    if differing:
        raise ValueError(f"asset {differing[0]} is given with two scales")
    return tuple(assets)


class State:
    """Accounts, books, orders and the events of the commands being applied."""

    def __init__(self, markets: Sequence[Market]) -> None:
        self.markets = tuple(markets)
        self.assets = assets_of(self.markets)
        self.books = [Book(market) for market in self.markets]
        self.time_ns = 0
        self.sequence = 0
        self.ages = 0
        self.events: list[tuple[int, ...]] = []
        self.tiers: list[int] = []
        self.available: list[list[int]] = []
        self.held: list[list[int]] = []
        self.totals = [0] * len(self.assets)
        self.orders: dict[int, Order] = {}
        self.orders_of: list[dict[int, Order]] = []
        self.expiries = SortedDict()
        self.highest: dict[int, int] = {}
        self.used_ids: set[int] = set()
        self.client_ids: dict[tuple[int, int], int] = {}
        self.open_account(0)

    def open_account(self, tier: int) -> None:
        """The next account, with nothing in it."""
        self.tiers.append(tier)
        self.available.append([0] * len(self.assets))
        self.held.append([0] * len(self.assets))
        self.orders_of.append({})

    # Money

    def assets_of(self, market: Market) -> tuple[int, int]:
        """The numbers of base and quote."""
        return self.assets.index(market.base), self.assets.index(market.quote)

    def needed_hold(self, order: Order) -> int:
        """What an order that rests or waits must hold: base of a sell, quote of a buy."""
        if order.type in MARKET_KINDS:
            return 0
        market = self.markets[order.market]
        if order.side == Side.SELL:
            return order.left * market.base_per_lot
        notional = market.notional(order.price, order.left)
        return notional + fee_of(notional, order.fees.worst_ppm, order.carry)[0]

    def held_asset(self, order: Order) -> int:
        """The asset that the order holds or pays with."""
        base, quote = self.assets_of(self.markets[order.market])
        return quote if order.side == Side.BUY else base

    def spendable(self, order: Order) -> int:
        """What the owner has available of the asset that the order holds or pays with."""
        return self.available[order.account][self.held_asset(order)]

    def rehold(self, order: Order) -> int:
        """Hold what is needed now, from or to what is available; the change."""
        needed = self.needed_hold(order)
        change, order.hold = needed - order.hold, needed
        asset = self.held_asset(order)
        self.available[order.account][asset] -= change
        self.held[order.account][asset] += change
        return change

    # Orders

    def accept(self, order: Order) -> None:
        """Use up its ids, give it its age and put it among the open orders."""
        self.ages += 1
        order.age = self.ages
        source, counter = order.order_id >> 32, order.order_id & 0xFFFF_FFFF
        self.highest[source] = max(counter, self.highest.get(source, -1))
        self.used_ids.add(order.order_id)
        if order.client_order_id:
            self.client_ids[order.account, order.client_order_id] = order.order_id
        self.orders[order.order_id] = order
        self.orders_of[order.account][order.order_id] = order
        if order.expiry_ns:
            self.expiries[order.expiry_ns, order.age] = order

    def forget(self, order: Order) -> None:
        """The order is no longer open."""
        del self.orders[order.order_id]
        del self.orders_of[order.account][order.order_id]
        if order.expiry_ns:
            del self.expiries[order.expiry_ns, order.age]

    def end(self, order: Order, kind: EventKind, reason: Reason) -> None:
        """Take away what is left of an order, wherever it stands, and release its hold."""
        book = self.books[order.market]
        displayed = 0
        if order.waits:
            book.stop_waiting(order)
        elif order.shown:
            displayed = book.leave(order)
        quantity, order.left = order.left, 0
        hold = self.rehold(order)
        self.forget(order)
        self.emit(kind, order, reason=reason, quantity=quantity, displayed=displayed, hold=hold)

    # Events

    def emit(
        self,
        kind: EventKind,
        order: Order,
        *,
        reason: Reason = Reason.NONE,
        price: int | None = None,
        quantity: int = 0,
        displayed: int = 0,
        hold: int = 0,
        fee: int = 0,
        maker: Order | None = None,
        maker_hold: int = 0,
        maker_fee: int = 0,
    ) -> None:
        """An event about `order`, as it is now."""
        self.append(
            kind,
            reason,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            price=order.price if price is None else price,
            quantity=quantity,
            left=order.left,
            displayed=displayed,
            hold=hold,
            fee=fee,
            trigger_price=order.trigger_price,
            expiry_ns=order.expiry_ns,
            maker_order_id=maker.order_id if maker else 0,
            maker_left=maker.left if maker else 0,
            maker_hold=maker_hold,
            maker_fee=maker_fee,
            account=order.account,
            maker_account=maker.account if maker else 0,
            market=order.market,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            self_trade=order.self_trade,
            flags=order.flags,
        )

    def append(
        self,
        kind: EventKind,
        reason: Reason,
        *,
        order_id: int = 0,
        client_order_id: int = 0,
        price: int = 0,
        quantity: int = 0,
        left: int = 0,
        displayed: int = 0,
        hold: int = 0,
        fee: int = 0,
        trigger_price: int = 0,
        expiry_ns: int = 0,
        maker_order_id: int = 0,
        maker_left: int = 0,
        maker_hold: int = 0,
        maker_fee: int = 0,
        account: int = 0,
        maker_account: int = 0,
        market: int = 0,
        asset: int = 0,
        side: int = 0,
        type: int = 0,  # noqa: A002 - the name of the field
        time_in_force: int = 0,
        self_trade: int = 0,
        flags: int = 0,
    ) -> None:
        """The next event, in the order of the fields of `EVENT`."""
        self.sequence += 1
        self.events.append(
            (
                *(self.sequence, self.time_ns, order_id, client_order_id, price, quantity, left),
                *(displayed, hold, fee, trigger_price, expiry_ns),
                *(maker_order_id, maker_left, maker_hold, maker_fee, account, maker_account),
                *(market, asset, kind, reason, side, type, time_in_force, self_trade, flags, 0, 0),
            )
        )
