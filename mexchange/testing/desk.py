"""A small exchange for examples: plain units, funded accounts, books and events as text."""

from __future__ import annotations

from typing import Any

from mexchange.exchange import Exchange
from mexchange.markets import Asset, Fees, Market
from mexchange.records import Command, CommandKind, Commands, EventKind, Events, Reason, Side
from mexchange.testing.book import drawn, parsed, same_book

__all__ = ["A", "B", "C", "Desk", "told", "trades"]

A, B, C = 1, 2, 3
FUNDS = 10**12
FREE = Fees()


class Desk:
    """Three accounts, A, B and C, on one market in which one lot at one tick is one atom.

    Orders come from B unless said otherwise, and books that are built belong to A.
    """

    def __init__(self, engine: str, *, fees: Fees = FREE, funds: int = FUNDS) -> None:
        coin, euro = Asset("KCN", 0), Asset("EUR", 0)
        self.exchange = Exchange(Market(coin, euro, tick=1, lot=1, fees=(fees,)), engine)
        for account in (A, B, C):
            self.exchange.open_account()
            for asset in ("KCN", "EUR") if funds else ():
                self.exchange.deposit(account, asset, funds)

    def build(self, table: str, account: int = A) -> None:
        """Enter the orders of a table; they must all be accepted."""
        events = self.exchange.step(parsed(table, account=account, time_ns=self.exchange.time_ns))
        assert not (events["kind"] == EventKind.REJECTED).any(), told(events)

    def buy(self, quantity: int, price: int = 0, *, account: int = B, **terms: Any) -> Events:
        """Send an order to buy."""
        return self.exchange.submit(account, 0, Side.BUY, quantity, price, **terms)

    def sell(self, quantity: int, price: int = 0, *, account: int = B, **terms: Any) -> Events:
        """Send an order to sell."""
        return self.exchange.submit(account, 0, Side.SELL, quantity, price, **terms)

    def amendment(self, order_id: int, account: int = A, **fields: Any) -> Commands:
        """An AMEND that says more than `Exchange.amend` can."""
        return Command(
            kind=CommandKind.AMEND,
            account=account,
            order_id=order_id,
            time_ns=self.exchange.time_ns,
            **fields,
        )

    def trade_at(self, price: int, quantity: int = 1) -> None:
        """Let A sell to C at a price, which must be better than what rests on either side."""
        order = self.sell(quantity, price, account=A)
        assert told(order) == "ACCEPTED", told(order)
        events = self.buy(quantity, price, account=C)
        assert trades(events)[0] == (quantity, price, int(order["order_id"][0]))

    def book(self, *, ids: bool = True) -> str:
        """The book as a table."""
        return drawn(self.exchange.engine, ids=ids)

    def shows(self, table: str, *, ids: bool = True) -> None:
        """AssertionError unless the book is this one, queues included, and all is sound."""
        assert same_book(self.book(ids=ids), table), f"\n{self.book(ids=ids)}"
        self.exchange.check()


def told(events: Events) -> str:
    """Kinds of events, with the reasons of those that have one: `ACCEPTED EXPIRED/SELF_TRADE`."""
    return " ".join(
        EventKind(kind).name + (f"/{Reason(reason).name}" if reason else "")
        for kind, reason in zip(events["kind"].tolist(), events["reason"].tolist(), strict=True)
    )


def trades(events: Events) -> list[tuple[int, int, int]]:
    """Quantity, price and maker's id of every trade."""
    rows = events[events["kind"] == EventKind.TRADE]
    return list(
        zip(
            rows["quantity"].tolist(),
            rows["price"].tolist(),
            rows["maker_order_id"].tolist(),
            strict=True,
        )
    )
