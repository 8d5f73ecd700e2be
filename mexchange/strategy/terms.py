"""What an order may carry beside price and quantity, and the record that comes of it.

Whole numbers are ticks, lots and atoms; a Decimal or a text is an amount. One that is off tick or
off lot is sent nevertheless, flagged, and comes back rejected: the exchange decides, not we.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any, NamedTuple, TypedDict

from mexchange.markets import Market, Number, decimal
from mexchange.records import Flag, OrderType, SelfTrade, TimeInForce

__all__ = ["Shape", "Terms", "shape", "whole"]


class Terms(TypedDict, total=False):
    """The optional terms of `buy` and `sell`; docs/matching.md says what each of them means.

    The type of an order follows from them: a `trailing_offset` makes it a trailing stop, else a
    `trigger_price` a stop; without a price it is a market order once it is active.
    """

    time_in_force: TimeInForce
    """Default: IOC for market orders, GTD with an `expiry_ns`, else GTC."""
    display_quantity: Number
    trigger_price: Number
    trailing_offset: Number
    """Ticks or a price; with `trail_bips` whole basis points."""
    trail_bips: bool
    expiry_ns: int
    quote_quantity: Number
    protection_price: Number
    self_trade: SelfTrade
    client_order_id: int


_KNOWN = tuple(Terms.__annotations__)
_STOPS = {
    (False, False): OrderType.STOP,
    (False, True): OrderType.STOP_LIMIT,
    (True, False): OrderType.TRAILING_STOP,
    (True, True): OrderType.TRAILING_STOP_LIMIT,
}


class Shape(NamedTuple):
    """The fields of an order as integers."""

    price: int
    quantity: int
    client_order_id: int
    display_quantity: int
    trigger_price: int
    trailing_offset: int
    expiry_ns: int
    quote_quantity: int
    protection_price: int
    type: int
    time_in_force: int
    self_trade: int
    flags: int


class _Border:
    """Amounts to whole numbers of a market, remembering in `flags` what did not fit."""

    def __init__(self, market: Market, flags: int) -> None:
        self.market = market
        self.flags = flags

    def ticks(self, price: Any) -> int:
        return self._whole(price, self.market.ticks, Flag.OFF_TICK)

    def lots(self, quantity: Any) -> int:
        return self._whole(quantity, self.market.lots, Flag.OFF_LOT)

    def _whole(self, value: Any, convert: Any, flag: Flag) -> int:
        number = whole(value)
        if number is not None:
            return number
        exact = decimal(value)
        try:
            return int(convert(exact))
        except ValueError:
            self.flags |= flag
            return 0


def whole(value: Any) -> int | None:
    """`value` if it is a whole number, of NumPy too; None for a Decimal or a text.

    Raises TypeError for a float, which cannot say which tick or lot is meant.
    """
    if isinstance(value, float):
        raise TypeError(
            f"{value!r} is a float; give an int (ticks, lots), a Decimal or a text such as '0.5'"
        )
    try:
        return index(value)
    except TypeError:
        return None


def shape(
    market: Market, price: Any, quantity: Any, post_only: bool, terms: Mapping[str, Any]
) -> Shape:
    """An order of `market` as integers; a price of None is a market order's.

    Raises TypeError for an unknown term or a float, ValueError for a text that is no number.
    """
    for name in terms:
        if name not in _KNOWN:
            raise TypeError(f"an order has no {name!r}; it may have: {', '.join(_KNOWN)}")
    border = _Border(market, post_only * Flag.POST_ONLY)
    limited = price is not None
    trail_bips = bool(terms.get("trail_bips"))
    offset, trigger = terms.get("trailing_offset", 0), terms.get("trigger_price", 0)
    expiry_ns = terms.get("expiry_ns", 0)
    if offset or trigger:
        kind = _STOPS[bool(offset), limited]
    else:
        kind = OrderType.LIMIT if limited else OrderType.MARKET
    default = TimeInForce.IOC if kind == OrderType.MARKET else TimeInForce.GTC
    quote_quantity = whole(terms.get("quote_quantity", 0))
    if quote_quantity is None:
        quote_quantity = market.quote.atoms(terms["quote_quantity"])
    if trail_bips:
        border.flags |= Flag.TRAIL_BIPS
    return Shape(
        price=border.ticks(price) if limited else 0,
        quantity=border.lots(quantity),
        client_order_id=terms.get("client_order_id", 0),
        display_quantity=border.lots(terms.get("display_quantity", 0)),
        trigger_price=border.ticks(trigger),
        trailing_offset=index(offset) if trail_bips else border.ticks(offset),
        expiry_ns=expiry_ns,
        quote_quantity=quote_quantity,
        protection_price=border.ticks(terms.get("protection_price", 0)),
        type=kind,
        time_in_force=terms.get("time_in_force", TimeInForce.GTD if expiry_ns else default),
        self_trade=terms.get("self_trade", SelfTrade.NONE),
        flags=border.flags,
    )
