"""What several strategies do: amounts to lots, bounds on inventory, quotes, the mid of others."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from mexchange.records import SelfTrade, Side
from mexchange.strategy import Strategy

__all__ = ["bound", "lots", "others_best", "others_mid", "room", "show", "take"]


def lots(strategy: Strategy, amount: Decimal) -> int:
    """An amount of the base asset in lots of the home market, at least one."""
    return max(1, round(amount / Decimal(strategy.market.lot)))


def bound(strategy: Strategy, amount: Decimal) -> int:
    """The most lots of the home market that are not above an amount of the base asset."""
    return int(amount / Decimal(strategy.market.lot))


def room(strategy: Strategy, side: Side, most: int) -> int:
    """How many lots an order may add on `side` without ever bringing the position beyond `most`.

    All that is open on that side is taken to fill. Not negative.
    """
    position = -strategy.position if side else strategy.position
    on_way = sum(order.left for order in strategy.orders.values() if order.side == side)
    return max(0, most - position - on_way)


def take(strategy: Strategy, side: Side, quantity: int, market: int | None = None) -> None:
    """Send a market order for so many lots; what rests of one's own makes way for it."""
    send = strategy.sell if side else strategy.buy
    send(None, quantity, market=market, self_trade=SelfTrade.EXPIRE_MAKER)


def others_best(strategy: Strategy, side: Side) -> int:
    """The best price at which somebody else shows an order, 0 if nobody does."""
    own: dict[int, int] = {}
    for order in strategy.orders.values():
        own[order.price] = own.get(order.price, 0) + order.left
    book = strategy.book
    price, shown = (book.ask, book.ask_quantity) if side else (book.bid, book.bid_quantity)
    if shown > own.get(price, 0):
        return price
    for price, shown in book.levels(side, len(own) + 1):
        if shown > own.get(price, 0):
            return price
    return 0


def others_mid(strategy: Strategy) -> float:
    """The mid of everybody else's orders in ticks, 0 unless there are some on both sides.

    Who follows a mid that includes its own quotes follows itself.
    """
    bid, ask = others_best(strategy, Side.BUY), others_best(strategy, Side.SELL)
    return (bid + ask) / 2 if bid and ask else 0.0


def show(
    strategy: Strategy,
    wanted: Mapping[tuple[Side, int], int],
    most: int | None = None,
    *,
    post_only: bool = True,
) -> None:
    """Have orders rest at exactly the `wanted` sides and prices, of so many lots each.

    Those that stand there already keep their place in the queue, whatever is left of them; all
    others are cancelled. With `most`, no order is sent that could bring the position beyond it
    if all that is still open were filled first.
    """
    missing = dict(wanted)
    for order in list(strategy.orders.values()):
        if missing.pop((order.side, order.price), None) is None:
            strategy.cancel(order)
    for (side, price), quantity in missing.items():
        if most is None or quantity <= room(strategy, side, most):
            send = strategy.sell if side else strategy.buy
            send(price, quantity, post_only=post_only, self_trade=SelfTrade.EXPIRE_MAKER)
