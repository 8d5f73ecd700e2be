"""An order takes from the other side: price-time priority, icebergs, own orders, money."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mexchange.markets import PPM
from mexchange.records import EventKind, Reason, SelfTrade, Side, TimeInForce
from mexchange.reference.state import HOUSE, fee_of, within

if TYPE_CHECKING:
    from mexchange.reference.state import Book, Level, Order, State

__all__ = ["look_ahead", "match"]


def match(x: State, taker: Order) -> tuple[Reason, list[int]]:
    """Trade `taker` as far as it goes; why it went no further, and the prices of its trades.

    The reason is `NONE` when it is filled, `SELF_TRADE` when an own maker ended it.
    """
    book = x.books[taker.market]
    prices: list[int] = []
    while not taker.done:
        best = book.best(1 - taker.side)
        if taker.by_quote and taken(taker, taker.notional) == taker.quote_quantity:
            return Reason.QUOTE_SPENT, prices
        if best is None:
            return Reason.NO_LIQUIDITY, prices
        price, level = best
        if not within(taker, price):
            return Reason.PROTECTION_REACHED, prices
        maker = next(iter(level.values()))
        lots = min(offered(maker, level), wanted(x, taker, price))
        if lots == 0:
            return Reason.QUOTE_SPENT, prices
        mode = self_trade_mode(taker, maker)
        if mode == SelfTrade.NONE:
            trade(x, book, taker, maker, lots)
            prices.append(price)
        elif mode == SelfTrade.DECREMENT:
            prevent(x, book, taker, maker, lots)
        else:
            if mode in {SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH}:
                x.end(maker, EventKind.EXPIRED, Reason.SELF_TRADE)
            if mode in {SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH}:
                return Reason.SELF_TRADE, prices
    return Reason.NONE, prices


def offered(maker: Order, level: Level) -> int:
    """What the first order of a level gives: one slice, or everything if it is alone there."""
    return maker.left if len(level) == 1 else maker.shown


def wanted(x: State, taker: Order, price: int) -> int:
    """How many lots the taker still wants at `price`."""
    if not taker.by_quote:
        return taker.left
    return affordable_lots(x, taker, taker.notional, price)


def affordable_lots(x: State, taker: Order, notional: int, price: int) -> int:
    """The most lots at `price` that a quote quantity allows after a first `notional`.

    Fees are rounded up once an order, so what counts is the notional of all its trades together.
    """
    budget, ppm = taker.quote_quantity, taker.fees.taker_ppm
    if taken(taker, notional) == budget:
        return 0
    if taker.side == Side.BUY:
        most = budget * PPM // (PPM + ppm)
    else:
        most = ((budget + 1) * PPM - 1) // (PPM - ppm)
    return (most - notional) // x.markets[taker.market].notional(price, 1)


def taken(taker: Order, notional: int) -> int:
    """What leaves (buy) or enters (sell) the account for trades of `notional`, fees included."""
    fee = fee_of(notional, taker.fees.taker_ppm, 0)[0]
    return notional + fee if taker.side == Side.BUY else notional - fee


def self_trade_mode(taker: Order, maker: Order) -> SelfTrade:
    """What to do with this pair; `NONE`: let them trade."""
    if taker.account != maker.account:
        return SelfTrade.NONE
    if taker.by_quote and taker.self_trade == SelfTrade.DECREMENT:
        return SelfTrade.EXPIRE_BOTH
    return SelfTrade(taker.self_trade)


def trade(x: State, book: Book, taker: Order, maker: Order, lots: int) -> None:
    """One match: both sides and both fees are settled here, and the book is what it shall be."""
    price = maker.price
    maker_fee = settle(x, maker, price, lots, maker.fees.maker_ppm)
    fee = settle(x, taker, price, lots, taker.fees.taker_ppm)
    if taker.by_quote:
        taker.notional += book.market.notional(price, lots)
    book.last_price = price
    announce_match(x, EventKind.TRADE, book, taker, maker, lots, fee, maker_fee)


def prevent(x: State, book: Book, taker: Order, maker: Order, lots: int) -> None:
    """Both lose the quantity that would have traded."""
    maker.left -= lots
    taker.left -= lots
    announce_match(x, EventKind.PREVENTED, book, taker, maker, lots, 0, 0)


def announce_match(
    x: State,
    kind: EventKind,
    book: Book,
    taker: Order,
    maker: Order,
    lots: int,
    fee: int,
    maker_fee: int,
) -> None:
    """Adjust both holds and the maker's place, then tell."""
    maker_hold = x.rehold(maker)
    hold = x.rehold(taker)
    displayed = show_next(book, maker, lots)
    if maker.done:
        x.forget(maker)
    x.emit(
        kind,
        taker,
        price=maker.price,
        quantity=lots,
        displayed=displayed,
        hold=hold,
        fee=fee,
        maker=maker,
        maker_hold=maker_hold,
        maker_fee=maker_fee,
    )


def settle(x: State, order: Order, price: int, lots: int, ppm: int) -> int:
    """Move the money of one side of a trade and the fee on it, which is returned."""
    market = x.markets[order.market]
    base, quote = x.assets_of(market)
    notional = market.notional(price, lots)
    fee, order.carry = fee_of(notional, ppm, order.carry)
    sign = 1 if order.side == Side.BUY else -1
    mine = x.available[order.account]
    mine[base] += sign * lots * market.base_per_lot
    mine[quote] -= sign * notional + fee
    x.available[HOUSE][quote] += fee
    if not order.by_quote:
        order.left -= lots
    return fee


def show_next(book: Book, maker: Order, lots: int) -> int:
    """The maker gave `lots` (its `left` says so already); the change of what it displays."""
    before = maker.shown
    if maker.done:
        return book.leave(maker)
    if lots < before:
        maker.shown = before - lots
        return -lots
    shown = min(next_slice(maker.display_quantity, lots - before), maker.left)
    book.leave(maker)
    book.rest(maker)
    maker.shown = shown
    return shown - before


def next_slice(display: int, beyond: int) -> int:
    """What is shown after `beyond` lots of the reserve were taken slice by slice."""
    return display - beyond % display


def look_ahead(x: State, taker: Order) -> tuple[int, int]:
    """Lots and notional that `taker` would trade now, found without changing anything.

    It goes the way of `match`: those in the queue first, then the next slices of icebergs among
    them. Own makers that would be expired are passed over, and so are those of DECREMENT, which
    makes the cost of a market buy an upper bound; but FOK ends at them, since what is prevented
    does not fill it.
    """
    levels = x.books[taker.market].sides[1 - taker.side]
    left, lots, notional = taker.left, 0, 0
    for level in levels.values():
        fresh, waiting = iter(level.values()), len(level)
        again: deque[tuple[Order, int, int]] = deque()
        price = next(iter(level.values())).price
        if not within(taker, price):
            break
        while waiting:
            maker = next(fresh, None)
            maker, shown, rest = (maker, maker.shown, maker.left) if maker else again.popleft()
            waiting -= 1
            offer = shown if waiting else rest
            want = affordable_lots(x, taker, notional, price) if taker.by_quote else left
            traded = min(offer, want)
            if traded == 0:
                return lots, notional
            mode = self_trade_mode(taker, maker)
            fok = taker.time_in_force == TimeInForce.FOK
            if mode == SelfTrade.EXPIRE_MAKER or (mode == SelfTrade.DECREMENT and not fok):
                continue
            if mode != SelfTrade.NONE:
                return lots, notional
            lots += traded
            notional += x.markets[taker.market].notional(price, traded)
            left -= 0 if taker.by_quote else traded
            if traded < offer:
                return lots, notional
            if traded < rest:
                again.append((maker, min(maker.display_quantity, rest - traded), rest - traded))
                waiting += 1
    return lots, notional
