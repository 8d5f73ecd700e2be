"""When a command about orders is refused: the steps of "Commands for orders", in their order.

Every function returns the first reason that applies, or `Reason.NONE`, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from mexchange.markets import MONEY_LIMIT, Market
from mexchange.records import (
    SOURCE_LIMIT,
    Flag,
    OrderType,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
)
from mexchange.reference.matching import look_ahead
from mexchange.reference.state import (
    HOUSE,
    MARKET_KINDS,
    STOP_KINDS,
    TRAILING_KINDS,
    Command,
    Order,
    State,
    fee_of,
)

__all__ = ["amend_fault", "field_fault", "funds_fault", "identity_fault", "trader_fault"]

ID_WINDOW = 1 << 20
MOST_SLICES = 100
MOST_BIPS = 9999
RESTING = (TimeInForce.GTC, TimeInForce.GTD)
ALL_FLAGS = Flag.POST_ONLY | Flag.TRAIL_BIPS | Flag.OFF_TICK | Flag.OFF_LOT

TIMES_ALLOWED = {
    OrderType.LIMIT: tuple(TimeInForce),
    OrderType.MARKET: (TimeInForce.IOC, TimeInForce.FOK),
    OrderType.STOP: RESTING,
    OrderType.STOP_LIMIT: tuple(TimeInForce),
    OrderType.TRAILING_STOP: RESTING,
    OrderType.TRAILING_STOP_LIMIT: tuple(TimeInForce),
}


def first(faults: Iterable[tuple[bool, Reason]]) -> Reason:
    """The reason of the first fault that is there."""
    return next((reason for is_there, reason in faults if is_there), Reason.NONE)


def trader_fault(x: State, account: int) -> Reason:
    """Accounts that may trade are open and not the house."""
    return first([(account == HOUSE or account >= len(x.tiers), Reason.UNKNOWN_ACCOUNT)])


def identity_fault(x: State, c: Command) -> Reason:
    """Steps 2 and 3: who, where, and under which ids."""
    source, counter = c.order_id >> 32, c.order_id & 0xFFFF_FFFF
    invalid = (
        c.order_id < 0
        or source >= SOURCE_LIMIT
        or counter > x.highest.get(source, -1) + ID_WINDOW
        or c.client_order_id < 0
    )
    return trader_fault(x, c.account) or first(
        [
            (c.market >= len(x.markets), Reason.UNKNOWN_MARKET),
            (invalid, Reason.INVALID_ORDER_ID),
            (c.order_id in x.used_ids, Reason.DUPLICATE_ORDER_ID),
            (
                (c.account, c.client_order_id) in x.client_ids,
                Reason.DUPLICATE_CLIENT_ORDER_ID,
            ),
        ]
    )


def field_fault(market: Market, c: Command) -> Reason:
    """Steps 4 to 8: what can be said of a new order without looking at the state."""
    unknown = (
        c.side > max(Side)
        or c.type > max(OrderType)
        or c.time_in_force > max(TimeInForce)
        or c.self_trade > max(SelfTrade)
        or bool(c.flags & ~int(ALL_FLAGS))
    )
    return (
        first([(unknown, Reason.INVALID_FIELD)])
        or border_fault(c)
        or first([(not_combinable(c), Reason.INVALID_COMBINATION)])
        or bounds_fault(market, c)
        or notional_fault(market, c.price, c.quantity)
    )


def border_fault(c: Command) -> Reason:
    """Decimals that did not fit when they became ticks and lots."""
    return first(
        [
            (bool(c.flags & Flag.OFF_TICK), Reason.OFF_TICK),
            (bool(c.flags & Flag.OFF_LOT), Reason.OFF_LOT),
        ]
    )


def not_combinable(c: Command) -> bool:
    """Whether the order carries something that its type and time in force do not allow."""
    is_market, is_stop = c.type == OrderType.MARKET, c.type in STOP_KINDS
    trails = c.type in TRAILING_KINDS
    can_rest = c.type == OrderType.LIMIT and c.time_in_force in RESTING
    fill_or_kill = c.time_in_force == TimeInForce.FOK
    return (
        c.time_in_force not in TIMES_ALLOWED[OrderType(c.type)]
        or (c.price != 0 and c.type in MARKET_KINDS)
        or (c.trigger_price != 0 and not is_stop)
        or (c.trailing_offset != 0 and not trails)
        or (bool(c.flags & Flag.TRAIL_BIPS) and not trails)
        or (c.expiry_ns != 0 and c.time_in_force != TimeInForce.GTD)
        or (c.protection_price != 0 and c.type not in MARKET_KINDS)
        or (c.quote_quantity != 0 and not is_market)
        or (c.display_quantity != 0 and not can_rest)
        or (bool(c.flags & Flag.POST_ONLY) and not can_rest)
        or (is_market and c.quantity != 0 and c.quote_quantity != 0 and not fill_or_kill)
        or (is_market and fill_or_kill and c.quantity == 0)
    )


def bounds_fault(market: Market, c: Command) -> Reason:
    """Step 7: fields that are needed and missing, or given and past their bounds."""
    most = market.max_price
    needs_price = c.type not in MARKET_KINDS
    trails = c.type in TRAILING_KINDS
    needs_trigger = c.type in STOP_KINDS and not trails
    expires = c.time_in_force == TimeInForce.GTD
    longest = MOST_BIPS if c.flags & Flag.TRAIL_BIPS else most
    by_quote = c.type == OrderType.MARKET and c.quote_quantity != 0
    return first(
        [
            (
                outside(c.quantity, market.max_quantity, needed=not by_quote),
                Reason.INVALID_QUANTITY,
            ),
            (outside(c.price, most, needed=needs_price), Reason.INVALID_PRICE),
            (outside(c.protection_price, most), Reason.INVALID_PROTECTION),
            (outside(c.trigger_price, most, needed=needs_trigger), Reason.INVALID_TRIGGER),
            (outside(c.trailing_offset, longest, needed=trails), Reason.INVALID_OFFSET),
            (outside(c.quote_quantity, MONEY_LIMIT), Reason.INVALID_QUOTE_QUANTITY),
            (invalid_display(c.display_quantity, c.quantity), Reason.INVALID_DISPLAY),
            (expires and c.expiry_ns <= c.time_ns, Reason.INVALID_EXPIRY),
        ]
    )


def outside(value: int, most: int, *, needed: bool = False) -> bool:
    """Whether a field is missing though needed, or given and not in 1..`most`."""
    return needed if value == 0 else not 1 <= value <= most


def invalid_display(display: int, quantity: int) -> bool:
    """An iceberg shows something, no more than it has, in at most a hundred slices."""
    return display != 0 and not (1 <= display <= quantity <= display * MOST_SLICES)


def notional_fault(market: Market, price: int, quantity: int) -> Reason:
    """Step 8, for orders with a limit price."""
    small = price != 0 and market.notional(price, quantity) < market.min_notional_atoms
    return first([(small, Reason.BELOW_MIN_NOTIONAL)])


def funds_fault(x: State, order: Order) -> Reason:
    """Step 9: what depends on the book and on the money, for an order about to be accepted."""
    if order.flags & Flag.POST_ONLY and x.books[order.market].crossed_by(order):
        return Reason.POST_ONLY_WOULD_CROSS
    if order.type in STOP_KINDS:
        return first([(x.needed_hold(order) > x.spendable(order), Reason.INSUFFICIENT_FUNDS)])
    return first([(not fillable(x, order), Reason.FOK_NOT_FILLABLE)]) or first(
        [(not affordable(x, order), Reason.INSUFFICIENT_FUNDS)]
    )


def fillable(x: State, order: Order) -> bool:
    """Whether a FOK order fills whole, and with a quote quantity for no worse than that."""
    if order.time_in_force != TimeInForce.FOK:
        return True
    lots, notional = look_ahead(x, order)
    if lots < order.left:
        return False
    if order.quote_quantity == 0:
        return True
    fee = fee_of(notional, order.fees.taker_ppm, 0)[0]
    if order.side == Side.BUY:
        return notional + fee <= order.quote_quantity
    return notional - fee >= order.quote_quantity


def affordable(x: State, order: Order) -> bool:
    """Whether the owner has what the order holds (limit kinds) or pays at once (market kinds)."""
    if order.type not in MARKET_KINDS:
        return x.needed_hold(order) <= x.spendable(order)
    lots, notional = look_ahead(x, order)
    if order.side == Side.BUY:
        return notional + fee_of(notional, order.fees.taker_ppm, 0)[0] <= x.spendable(order)
    sold = lots if order.by_quote else order.left
    return sold * x.markets[order.market].base_per_lot <= x.spendable(order)


def amend_fault(x: State, order: Order, c: Command) -> Reason:
    """All that speaks against giving `order` the price and the total quantity of `c`."""
    market = x.markets[order.market]
    price, total = c.price or order.price, c.quantity or order.quantity
    foreign = (
        *(c.display_quantity, c.trigger_price, c.trailing_offset),
        *(c.expiry_ns, c.quote_quantity, c.protection_price),
    )
    not_an_amendment = c.time_in_force not in RESTING or c.price == c.quantity == 0 or any(foreign)
    slices = order.display_quantity * MOST_SLICES
    return (
        first([(order.waits, Reason.NOT_AMENDABLE)])
        or border_fault(c)
        or first([(not_an_amendment, Reason.INVALID_COMBINATION)])
        or first(
            [
                (outside(c.quantity, market.max_quantity), Reason.INVALID_QUANTITY),
                (outside(c.price, market.max_price), Reason.INVALID_PRICE),
                (order.display_quantity != 0 and total > slices, Reason.INVALID_DISPLAY),
            ]
        )
        or notional_fault(market, price, total)
        or first([(total <= order.quantity - order.left, Reason.AMEND_BELOW_FILLED)])
        or amended_funds_fault(x, order, price, total)
    )


def amended_funds_fault(x: State, order: Order, price: int, total: int) -> Reason:
    """Step 9 for the order as it would be."""
    was = order.price, order.left
    order.price, order.left = price, total - (order.quantity - order.left)
    crosses = x.books[order.market].crossed_by(order)
    more = x.needed_hold(order) - order.hold
    order.price, order.left = was
    return first(
        [
            (bool(order.flags & Flag.POST_ONLY) and crosses, Reason.POST_ONLY_WOULD_CROSS),
            (more > x.spendable(order), Reason.INSUFFICIENT_FUNDS),
        ]
    )
