"""A strategy's own bookkeeping: orders, balances and positions, from the events it has received."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mexchange.markets import Market
from mexchange.records import EVENT, EventKind, Reason, Side
from mexchange.strategy.views import Fill, Order, OrderUpdate, Status
from mexchange.transport import Row

__all__ = ["Desk"]

_NAMES = EVENT.names
assert _NAMES is not None
TIME, ORDER_ID, PRICE, QUANTITY, LEFT, HOLD, FEE = map(
    _NAMES.index, ("time_ns", "order_id", "price", "quantity", "left", "hold", "fee")
)
MAKER_ORDER_ID, MAKER_LEFT, MAKER_HOLD, MAKER_FEE, ACCOUNT, MAKER_ACCOUNT = map(
    _NAMES.index,
    ("maker_order_id", "maker_left", "maker_hold", "maker_fee", "account", "maker_account"),
)
MARKET, ASSET, KIND, REASON, SIDE = map(_NAMES.index, ("market", "asset", "kind", "reason", "side"))
_SIDES = (Side.BUY, Side.SELL)
_KIND_OF = {int(kind): kind for kind in EventKind}
_REASON_OF = {int(reason): reason for reason in Reason}
_TRADE, _PREVENTED = EventKind.TRADE, EventKind.PREVENTED
_REJECTED, _AMENDED, _PULLED = EventKind.REJECTED, EventKind.AMENDED, EventKind.PULLED
_ENDS = {int(EventKind.CANCELLED): Status.CANCELLED, int(EventKind.EXPIRED): Status.EXPIRED}
_MONEY = {int(EventKind.DEPOSITED): 1, int(EventKind.WITHDRAWN): -1}

OnFill = Callable[[Fill], object]
OnOrder = Callable[[OrderUpdate], object]


class Desk:
    """The books of one account.

    `owned` and `held` are atoms by asset number (what is held is part of what is owned),
    `positions` lots by market number: bought less sold. `orders` are those that live, by id.
    """

    def __init__(
        self, account: int, markets: Sequence[Market], assets: Sequence[str], owned: Sequence[int]
    ) -> None:
        number = {name: n for n, name in enumerate(assets)}
        self.account = account
        self.owned = list(owned)
        self.held = [0] * len(assets)
        self.positions = [0] * len(markets)
        self.orders: dict[int, Order] = {}
        self.fills = 0
        self._terms = [
            (number[m.base.name], number[m.quote.name], m.base_per_lot, m.quote_per_lot_tick)
            for m in markets
        ]

    def read(self, rows: Iterable[Row], on_fill: OnFill | None, on_order: OnOrder | None) -> None:
        """Enter events of the account; each hook that is there is called right after its event."""
        account = self.account
        for row in rows:
            kind = row[KIND]
            if kind == _TRADE:
                if row[ACCOUNT] == account:
                    side = row[SIDE]
                    self._hold(row[MARKET], side, row[HOLD])
                    self._fill(row, row[ORDER_ID], side, row[LEFT], row[FEE], False, on_fill)
                if row[MAKER_ACCOUNT] == account:
                    side = 1 - row[SIDE]
                    self._hold(row[MARKET], side, row[MAKER_HOLD])
                    self._fill(
                        row,
                        row[MAKER_ORDER_ID],
                        side,
                        row[MAKER_LEFT],
                        row[MAKER_FEE],
                        True,
                        on_fill,
                    )
            elif kind == _PREVENTED:
                self._hold(row[MARKET], row[SIDE], row[HOLD])
                self._hold(row[MARKET], 1 - row[SIDE], row[MAKER_HOLD])
                self._prevent(row, row[ORDER_ID], row[LEFT], on_order)
                self._prevent(row, row[MAKER_ORDER_ID], row[MAKER_LEFT], on_order)
            elif kind in _MONEY:
                self.owned[row[ASSET]] += _MONEY[kind] * row[QUANTITY]
            else:
                order = self.orders.get(row[ORDER_ID])
                if row[HOLD]:
                    self._hold(row[MARKET], row[SIDE], row[HOLD])
                if order is not None and kind != _PULLED:
                    self._change(order, kind, row)
                    if on_order is not None:
                        self._tell(order, row, on_order)

    def _hold(self, market: int, side: int, change: int) -> None:
        """What an order holds is of the quote asset if it buys, of the base asset if it sells."""
        base, quote, _, _ = self._terms[market]
        self.held[base if side else quote] += change

    def _fill(
        self,
        row: Row,
        number: int,
        side: int,
        left: int,
        fee: int,
        is_maker: bool,
        on_fill: OnFill | None,
    ) -> None:
        market, price, lots = row[MARKET], row[PRICE], row[QUANTITY]
        base, quote, base_per_lot, quote_per_lot_tick = self._terms[market]
        signed = -lots if side else lots
        owned = self.owned
        owned[base] += signed * base_per_lot
        owned[quote] -= signed * price * quote_per_lot_tick + fee
        self.positions[market] += signed
        self.fills += 1
        order = self.orders.get(number)
        if order is None:
            return
        order.status = Status.OPEN
        order.left = left
        order.filled += lots
        # An order by quote quantity alone has no quantity to fill; it ends with EXPIRED.
        if not left and order.quantity:
            order.status = Status.FILLED
            del self.orders[number]
        if on_fill is not None:
            on_fill(Fill(row[TIME], order, market, _SIDES[side], price, lots, fee, is_maker))

    def _prevent(self, row: Row, number: int, left: int, on_order: OnOrder | None) -> None:
        order = self.orders.get(number)
        if order is None:
            return
        order.left = left
        if not left:
            self._end(order, Status.CANCELLED, Reason.SELF_TRADE)
        if on_order is not None:
            self._tell(order, row, on_order)

    def _change(self, order: Order, kind: int, row: Row) -> None:
        """What an event other than a trade makes of an order."""
        if kind in _ENDS:
            order.left = 0
            self._end(order, _ENDS[kind], _REASON_OF[row[REASON]])
        elif kind == _REJECTED:
            # Commands of one sender arrive in their order, so the first answer is to the order.
            if order.status == Status.SENT:
                order.left = 0
                self._end(order, Status.REJECTED, _REASON_OF[row[REASON]])
        else:
            order.status = Status.OPEN
            order.left = row[LEFT]
            if kind == _AMENDED:
                order.price, order.quantity = row[PRICE], row[QUANTITY]

    def _end(self, order: Order, status: Status, reason: Reason) -> None:
        order.status, order.reason = status, reason
        del self.orders[order.id]

    @staticmethod
    def _tell(order: Order, row: Row, on_order: OnOrder) -> None:
        on_order(OrderUpdate(row[TIME], order, _KIND_OF[row[KIND]], _REASON_OF[row[REASON]]))
