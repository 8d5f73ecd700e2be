"""LOBSTER messages as commands: a recorded order flow that our own engine can match.

| message | becomes |
|---|---|
| 1 new | a limit order |
| 2 reduced, 3 deleted | `REDUCE`, or `CANCEL` if nothing of the order should be left |
| 4 executed | an immediate-or-cancel limit order of the other side at that price |
| 5 executed hidden, 6 cross, 7 halt | nothing; they do not touch the visible book |

What stood before the first message has no id in the file. It enters as one order for each side and
price of the opening book, and messages that name an unknown order act on the one at their price.
All order ids are of one source, their counters dense in the order of the commands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mexchange.data.errors import DataError
from mexchange.data.lobster import PRICE_UNITS, Book, Messages, MessageType
from mexchange.data.priority import AGGRESS, DELETE, PLACE, SHRINK, follow
from mexchange.markets import MONEY_LIMIT, Asset, Fees, Market, decimal
from mexchange.records import (
    SOURCE_SHIFT,
    CommandKind,
    Commands,
    Side,
    TimeInForce,
    commands,
)

__all__ = ["NASDAQ_FEES", "NO_ORDER", "Flow", "Levels", "lobster_market", "to_flow"]

Int64 = npt.NDArray[np.int64]

NO_ORDER = -1
NASDAQ_FEES = (Fees(maker_ppm=-3, taker_ppm=5),)
"""About what NASDAQ's rebate of 0.2 and fee of 0.3 cents a share are to a price near $585."""


def lobster_market(symbol: str = "AAPL", fees: tuple[Fees, ...] = NASDAQ_FEES) -> Market:
    """The market of a NASDAQ stock: ticks of a cent, lots of one share, dollars with 4 decimals."""
    return Market(Asset(symbol, 0), Asset("USD", 4), tick="0.01", lot=1, fees=fees)


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Recorded order flow as commands of one account.

    `opening` builds the book that stood before, `commands` follow. The arrays beside `commands`
    have one entry for each of them: `message` is the row (from 0) of the message file, `expected`
    the quantity that it takes from the book when no one else trades (trades of an order, what is
    deleted), `named` the id of the order that the file says was executed, −1 for all else and for
    orders that nobody knows.

    `anonymous` of the order ids stand for the opening book: counters 0 up to that number. `first`
    is the first message that was used, `counts` has how many messages are of which kind and how
    often priority here differs from the file's (see `mexchange.data.priority.COUNTS`).
    """

    market: Market
    account: int
    opening: Commands
    commands: Commands
    message: Int64
    expected: Int64
    named: Int64
    messages: int
    first: int
    counts: dict[str, int]

    @property
    def anonymous(self) -> int:
        """How many orders stand for the opening book."""
        return len(self.opening)

    def is_execution(self) -> npt.NDArray[np.bool_]:
        """Which commands are aggressors that stand for an execution of the file."""
        return np.asarray(self.commands["time_in_force"] == TimeInForce.IOC)

    def funds(self) -> tuple[int, int]:
        """Atoms of base and quote that suffice for all these orders, whatever they trade with."""
        both = np.concatenate([self.opening, self.commands])
        orders = both[both["kind"] == CommandKind.NEW]
        sells, buys = (orders[orders["side"] == side] for side in (Side.SELL, Side.BUY))
        # The sums are doubled, which covers every fee.
        lots = 1 + int(sells["quantity"].sum())
        notional = 1 + int((buys["quantity"] * buys["price"]).sum())
        market = self.market
        return 2 * lots * market.base_per_lot, 2 * notional * market.quote_per_lot_tick


def to_flow(
    messages: Messages,
    opening: Book | None = None,
    *,
    market: Market | None = None,
    account: int = 1,
    source: int = 0,
    market_index: int = 0,
    origin_ns: int = 0,
    expiring: bool = False,
) -> Flow:
    """Turn messages into commands of one account.

    Args:
        opening: its first row is the book *after* the first message, which then is not sent; None
            starts with an empty book and the first message.
        market: gives tick and lot; default `lobster_market(messages.symbol)`.
        account, source, market_index: what the commands carry.
        origin_ns: added to every time, which otherwise counts from midnight.
        expiring: whether an order that the file executes to its end expires a nanosecond later. By
            itself the flow is the same; where someone else gets these executions, the order then
            goes when it goes in the file.

    Raises DataError naming the line of a price that is off tick or a size past the market's bound,
    and for orders that all together are worth more than an exchange can count.
    """
    market = market or lobster_market(messages.symbol or "STOCK")
    first = 0 if opening is None else 1
    rows = first + np.flatnonzero(messages.type[first:] <= MessageType.EXECUTED)
    prices, sizes = _in_ticks(messages, rows, market), _in_lots(messages, rows, market)
    stood = _standing(opening, market)
    kind, side = messages.type[rows], np.where(messages.is_buy[rows], 0, 1).astype(np.int64)
    slots = _slots(kind, messages.order_id[rows], side, prices, stood)
    actions, ended, differences = follow(kind, side, prices, sizes, slots, stood)
    row, expected = actions[:, 1], actions[:, 4]
    batch, named = _commands(actions, side, prices, len(stood), source << SOURCE_SHIFT)
    batch["time_ns"] = messages.time_ns[rows[row]] + origin_ns
    if expiring:
        _expire(batch, actions, messages.time_ns[rows][ended] + origin_ns, ended >= 0)
    before = commands(
        len(stood),
        kind=CommandKind.NEW,
        time_ns=int(messages.time_ns[0]) + origin_ns,
        order_id=(source << SOURCE_SHIFT) + np.arange(len(stood)),
        side=stood[:, 0],
        price=stood[:, 1],
        quantity=stood[:, 2],
    )
    for part in (before, batch):
        part["account"], part["market"] = account, market_index
        if (part["price"] * part["quantity"].astype(np.float64)).sum() > _most(market):
            raise DataError(messages.path, "its orders are worth more than an exchange can count")
    return Flow(
        market=market,
        account=account,
        opening=before,
        commands=batch,
        message=rows[row],
        expected=expected,
        named=named,
        messages=len(messages),
        first=first,
        counts=_counted(messages, first) | differences,
    )


def _commands(
    actions: Int64, side: Int64, price: Int64, stood: int, base: int
) -> tuple[Commands, Int64]:
    """The actions as commands, and the order that each execution names.

    Orders get the counters from `stood` on, in the order in which they are sent.
    """
    action, row, slot, quantity, _ = actions.T
    placed, aggress = action == PLACE, action == AGGRESS
    new = placed | aggress
    counter = stood - 1 + np.cumsum(new)
    of_slot = np.arange(stood + int(np.count_nonzero(placed)))
    of_slot[slot[placed]] = counter[placed]
    subject = np.where(slot >= 0, base + of_slot[slot], NO_ORDER)
    kind = np.full(len(action), CommandKind.NEW, np.int64)
    kind[action == SHRINK], kind[action == DELETE] = CommandKind.REDUCE, CommandKind.CANCEL
    batch = commands(
        len(action),
        kind=kind,
        order_id=np.where(new, base + counter, subject),
        side=np.where(new, np.where(aggress, 1 - side[row], side[row]), 0),
        price=np.where(new, price[row], 0),
        quantity=np.where(action == DELETE, 0, quantity),
        time_in_force=np.where(aggress, TimeInForce.IOC, TimeInForce.GTC),
    )
    return batch, np.where(aggress, subject, NO_ORDER)


def _most(market: Market) -> float:
    """The notional in lots times ticks that `Flow.funds` can double and still be in bounds."""
    return MONEY_LIMIT / max(market.quote_per_lot_tick, market.base_per_lot) / 8


def _expire(batch: Commands, actions: Int64, ended_ns: Int64, ended: npt.NDArray[np.bool_]) -> None:
    """Let the orders that have `ended` expire right after that."""
    placed = np.flatnonzero(actions[:, 0] == PLACE)
    slot = actions[placed, 2]
    placed, slot = placed[ended[slot]], slot[ended[slot]]
    batch["time_in_force"][placed] = TimeInForce.GTD
    batch["expiry_ns"][placed] = ended_ns[slot] + 1


def _counted(messages: Messages, first: int) -> dict[str, int]:
    """How many of the messages in use are of which kind."""
    tally = np.bincount(messages.type[first:], minlength=8).tolist()
    return {f"messages_{kind.name.lower()}": tally[kind] for kind in MessageType}


def _unit(market: Market) -> int:
    """How many price units of a file are one tick."""
    unit = decimal(market.tick) * PRICE_UNITS
    if unit != int(unit) or unit < 1:
        raise ValueError(f"market {market.name}: tick {market.tick} is not a multiple of 0.0001")
    return int(unit)


def _in_ticks(messages: Messages, rows: Int64, market: Market) -> Int64:
    """Prices of some messages in ticks."""
    unit, prices = _unit(market), messages.price[rows]
    ticks = prices // unit
    bad = np.flatnonzero((ticks * unit != prices) | (ticks > market.max_price))
    if len(bad):
        price = int(prices[bad[0]])
        raise messages.error(
            rows[bad[0]], f"price {price} is not a whole number of ticks of {market.tick}"
        )
    return ticks


def _in_lots(messages: Messages, rows: Int64, market: Market) -> Int64:
    """Sizes of some messages in lots; one share must be a whole number of them."""
    sizes, lots = messages.size[rows], market.lots(1)
    bad = np.flatnonzero(sizes > market.max_quantity // lots)
    if len(bad):
        size = int(sizes[bad[0]])
        raise messages.error(rows[bad[0]], f"size {size} is more than {market.name} allows")
    return sizes * lots


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """A published book in ticks and lots.

    `rows` is int64 [rows, levels, 4]: ask price, ask quantity, bid price, bid quantity; zeros where
    a level is empty.
    """

    rows: Int64

    @classmethod
    def of(cls, book: Book, market: Market) -> Levels:
        """Convert; raises DataError naming the line of a price that is off tick."""
        unit, lots = _unit(market), market.lots(1)
        for prices in (book.ask_price, book.bid_price):
            bad = np.flatnonzero((prices % unit).any(axis=1))
            if len(bad):
                what = f"a price is not a whole number of ticks of {market.tick}"
                raise DataError(book.path, what, line=int(bad[0]) + 1)
        parts = (
            book.ask_price // unit,
            book.ask_size * lots,
            book.bid_price // unit,
            book.bid_size * lots,
        )
        return cls(np.stack(parts, axis=2))


def _standing(opening: Book | None, market: Market) -> Int64:
    """The opening book as [orders, 3]: side, ticks, lots; best first, bids before asks."""
    if opening is None:
        return np.zeros((0, 3), np.int64)
    row = Levels.of(opening.head(1), market).rows[0]
    sides = []
    for side, columns in ((0, row[:, 2:]), (1, row[:, :2])):
        there = columns[columns[:, 1] > 0]
        sides.append(np.column_stack([np.full(len(there), side, np.int64), there]))
    return np.concatenate(sides)


def _slots(kind: Int64, order_id: Int64, side: Int64, price: Int64, stood: Int64) -> Int64:
    """Which order each message is about: see `priority.follow`.

    A message is about the last order that entered under its id, or else about the quantity of its
    side and price in the opening book, or else about nothing known (−1).
    """
    entered = kind == MessageType.NEW
    by_id = np.argsort(order_id, kind="stable")
    latest = np.maximum.accumulate(np.where(entered[by_id], np.arange(len(kind)), -1))
    known = (latest >= 0) & (order_id[by_id[latest]] == order_id[by_id])
    slot_of_row = len(stood) + np.cumsum(entered) - 1
    slots = np.full(len(kind), -1, np.int64)
    slots[by_id[known]] = slot_of_row[by_id[latest[known]]]
    if not len(stood):
        return slots
    key, keys = 2 * price + side, 2 * stood[:, 1] + stood[:, 0]
    order = np.argsort(keys)
    place = order[np.minimum(np.searchsorted(keys, key, sorter=order), len(stood) - 1)]
    return np.where((slots < 0) & (keys[place] == key), place, slots)
