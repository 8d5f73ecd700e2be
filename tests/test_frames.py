"""The frames of a result against the same computed row by row, in plain Python and fractions."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange import EventKind, Market, OrderType, Reason, Result, Side, TimeInForce
from mexchange.ledger import assets_of
from mexchange.markets import decimal
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import PROFILES, awkward_markets

Row = dict[str, Any]
OF_ORDERS = {
    EventKind.ACCEPTED,
    EventKind.TRADE,
    EventKind.RESTED,
    EventKind.CANCELLED,
    EventKind.EXPIRED,
    EventKind.TRIGGERED,
    EventKind.PULLED,
    EventKind.AMENDED,
    EventKind.REDUCED,
    EventKind.PREVENTED,
}


class Plain:
    """What follows from events, one after another."""

    def __init__(self, markets: list[Market], events: np.ndarray) -> None:
        self.markets, self.assets = markets, assets_of(markets)
        names = events.dtype.names
        assert names is not None
        self.orders: dict[int, Row] = {}
        self.trades: list[Row] = []
        self.book: list[Row] = []
        self.balances: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        self.paid: dict[tuple[int, int], int] = defaultdict(int)
        self.positions: list[tuple[int, int, int, int, int]] = []
        self.marks: list[Fraction | None] = [None] * len(markets)
        self.worth: list[tuple[int, int, Fraction | None, Fraction | None]] = []
        self._levels: list[tuple[dict[int, int], dict[int, int]]] = [({}, {}) for _ in markets]
        for row in events.tolist():
            event = dict(zip(names, row, strict=True))
            if event["kind"] == EventKind.REJECTED:
                continue
            if event["kind"] in OF_ORDERS:
                self._order(event)
                self._show(event)
            self._move(event)

    def _order(self, e: Row) -> None:
        if e["kind"] == EventKind.ACCEPTED:
            self.orders[e["order_id"]] = {**e, "filled": 0, "status": "open"}
        order = self.orders[e["order_id"]]
        order["left"], order["last"] = e["left"], e["kind"]
        if e["kind"] == EventKind.AMENDED:
            order["price"], order["quantity"] = e["price"], e["quantity"]
        if e["kind"] in {EventKind.CANCELLED, EventKind.EXPIRED}:
            order["status"] = EventKind(e["kind"]).name.lower()
            order["reason"] = e["reason"]
        sides = [order]
        if e["kind"] in {EventKind.TRADE, EventKind.PREVENTED}:
            maker = self.orders[e["maker_order_id"]]
            maker["left"], maker["last"] = e["maker_left"], e["kind"]
            sides.append(maker)
        for each in sides:
            if e["kind"] == EventKind.TRADE:
                each["filled"] += e["quantity"]
            by_quote = each["quantity"] == 0
            if each["status"] == "open" and each["left"] == 0 and not by_quote:
                each["status"] = "filled" if e["kind"] == EventKind.TRADE else "expired"
                each["closed_ns"] = e["time_ns"]
        if order["status"] != "open":
            order.setdefault("closed_ns", e["time_ns"])
        if e["kind"] == EventKind.TRADE:
            self.trades.append(e)

    def _show(self, e: Row) -> None:
        of_maker = e["kind"] in {EventKind.TRADE, EventKind.PREVENTED}
        levels = self._levels[e["market"]][e["side"] ^ of_maker]
        before = self._best(e["market"])
        shown = levels.pop(e["price"], 0) + e["displayed"]
        if shown:
            levels[e["price"]] = shown
        best = self._best(e["market"])
        if best != before:
            market = e["market"]
            self.book.append({"sequence": e["sequence"], "market": market, "best": best})
        bid, _, ask, _ = best
        if bid and ask:
            self.marks[e["market"]] = Fraction(bid + ask, 2)
        elif e["kind"] == EventKind.TRADE:
            self.marks[e["market"]] = Fraction(e["price"])

    def _best(self, market: int) -> tuple[int, int, int, int]:
        bids, asks = self._levels[market]
        bid, ask = max(bids, default=0), min(asks, default=0)
        return bid, bids.get(bid, 0), ask, asks.get(ask, 0)

    def _move(self, e: Row) -> None:
        before = {key: tuple(value) for key, value in self.balances.items()}
        kind, account = e["kind"], e["account"]
        if kind in {EventKind.DEPOSITED, EventKind.WITHDRAWN}:
            amount = e["quantity"] if kind == EventKind.DEPOSITED else -e["quantity"]
            self.balances[account, e["asset"]][0] += amount
            self.paid[account, e["asset"]] += amount
        elif kind in OF_ORDERS:
            market = self.markets[e["market"]]
            pair = [self.assets.index(market.base), self.assets.index(market.quote)]
            if kind == EventKind.TRADE:
                self._settle(e, market, pair)
            for who, hold, buys in (
                (account, e["hold"], e["side"] == Side.BUY),
                (e["maker_account"], e["maker_hold"], e["side"] == Side.SELL),
            ):
                self.balances[who, pair[buys]][0] -= hold
                self.balances[who, pair[buys]][1] += hold
        for key, value in self.balances.items():
            if before.get(key, (0, 0)) != tuple(value):
                self.positions.append((e["sequence"], *key, *value))

    def _settle(self, e: Row, market: Market, pair: list[int]) -> None:
        base, quote = pair
        sign = 1 if e["side"] == Side.BUY else -1
        lots = sign * e["quantity"] * market.base_per_lot
        money = sign * market.notional(e["price"], e["quantity"])
        for who, way, fee in (
            (e["account"], 1, e["fee"]),
            (e["maker_account"], -1, e["maker_fee"]),
        ):
            self.balances[who, base][0] += way * lots
            self.balances[who, quote][0] -= way * money + fee
            self.balances[0, quote][0] += fee

    def value(self, asset: int) -> Fraction:
        """What an atom is worth at the end, of a market's base or quote, in the first quote."""
        target = self.markets[0].quote
        if self.assets[asset] == target:
            return Fraction(1, 10**target.scale)
        for number, market in enumerate(self.markets):
            mark = self.marks[number]
            if market.base == self.assets[asset] and market.quote == target and mark is not None:
                return mark * Fraction(decimal(market.tick)) / 10**market.base.scale
        return Fraction(0)


def real(value: int, unit: Any) -> float:
    return float(value * Fraction(decimal(unit)))


def check_orders(plain: Plain, result: Result) -> None:
    accepted = result.orders.filter(pl.col("status") != "rejected")
    rows = {row["order_id"]: row for row in accepted.iter_rows(named=True)}
    assert list(rows) == list(plain.orders)
    for number, order in plain.orders.items():
        row, market = rows[number], plain.markets[order["market"]]
        assert row["status"] == order["status"]
        assert row["filled"] == real(order["filled"], market.lot)
        assert row["left"] == real(order["left"], market.lot)
        assert row["price"] == (real(order["price"], market.tick) or None)
        assert row["quantity"] == (real(order["quantity"], market.lot) or None)
        assert (row["account"], row["market"]) == (order["account"], market.name)
        assert row["side"] == Side(order["side"]).name
        assert row["type"] == OrderType(order["type"]).name
        assert row["time_in_force"] == TimeInForce(order["time_in_force"]).name
        assert row["accepted_ns"] == order["time_ns"]
        assert row["closed_ns"] == order.get("closed_ns")
        if order["status"] == "cancelled" or order["last"] == EventKind.EXPIRED:
            assert row["reason"] == Reason(order["reason"]).name
        elif order["status"] == "expired":
            assert row["reason"] == "SELF_TRADE"
        else:
            assert row["reason"] is None


def check_trades_and_fills(plain: Plain, result: Result) -> None:
    sides = ("BUY", "SELL")
    trades, fills, agents = [], [], result.accounts
    for e in plain.trades:
        market = plain.markets[e["market"]]
        price, quantity = real(e["price"], market.tick), real(e["quantity"], market.lot)
        when = (e["sequence"], e["time_ns"], market.name)
        people = (e["maker_order_id"], e["order_id"], e["maker_account"], e["account"])
        trades.append((*when, price, quantity, sides[e["side"]], *people))
        for who, order, side, role, fee in (
            (e["maker_account"], e["maker_order_id"], 1 - e["side"], "maker", e["maker_fee"]),
            (e["account"], e["order_id"], e["side"], "taker", e["fee"]),
        ):
            paid = float(market.quote.amount(fee))
            of_whom = (who, agents[who], order, sides[side], role)
            fills.append((*when, *of_whom, price, quantity, paid, fee))
    assert result.trades.rows() == trades
    assert result.fills.rows() == fills


def check_book(plain: Plain, result: Result) -> None:
    expected = []
    for row in plain.book:
        market = plain.markets[row["market"]]
        bid, bids, ask, asks = row["best"]
        numbers: list[float | None] = [None, None, None, None]
        if bid:
            numbers[:2] = [real(bid, market.tick), real(bids, market.lot)]
        if ask:
            numbers[2:] = [real(ask, market.tick), real(asks, market.lot)]
        expected.append((row["sequence"], market.name, *numbers))
    assert result.book.drop("time_ns").rows() == expected


def check_positions(plain: Plain, result: Result) -> None:
    rows = result.positions.select(
        "sequence", "account", "asset", "available_atoms", "held_atoms", "total_atoms"
    ).rows()
    numbers = {asset.name: number for number, asset in enumerate(plain.assets)}
    # An event that takes from a balance what it puts back leaves a row that says the same again.
    known: dict[tuple[int, int], tuple[int, int]] = {}
    moved = []
    for sequence, account, asset, available, held, total in rows:
        assert total == available + held
        key = account, numbers[asset]
        if known.get(key, (0, 0)) != (available, held):
            moved.append((sequence, *key, available, held))
        known[key] = available, held
    assert sorted(moved) == sorted(plain.positions)


def check_equity_at_the_end(plain: Plain, result: Result) -> None:
    last = result.equity.group_by("account").last()
    for row in last.iter_rows(named=True):
        owned = [(a, sum(b)) for (who, a), b in plain.balances.items() if who == row["account"]]
        equity = sum(atoms * plain.value(asset) for asset, atoms in owned)
        paid = sum(plain.paid[row["account"], asset] * plain.value(asset) for asset, _ in owned)
        assert row["equity"] == pytest.approx(float(equity), rel=1e-9)
        assert row["pnl"] == pytest.approx(float(equity - paid), rel=1e-9, abs=1e-9 * equity)


def check_what_one_makes_another_loses(_: Plain, result: Result) -> None:
    agents, equity = result.agents, result.equity
    house = equity.filter(pl.col("account") == 0)["pnl"].to_list()[-1:]
    scale = max(map(abs, equity["equity"].to_list()), default=1.0)
    assert sum(house) + agents["pnl"].sum() == pytest.approx(0, abs=1e-9 * scale)


def check_the_ledger_frame_balances(_: Plain, result: Result) -> None:
    sums = result.ledger.group_by("sequence", "asset").agg(pl.col("amount_atoms").sum())
    assert (sums["amount_atoms"] == 0).all()
    result.check()


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 1 << 30), st.integers(1, 2))
def test_frames_say_what_plain_python_says(profile: str, seed: int, markets: int) -> None:
    engine = ReferenceEngine(awkward_markets(markets))
    events = engine.step(random_commands(engine.markets, 150, seed, profile))
    plain, result = Plain(list(engine.markets), events), Result(engine.markets, events)
    check_orders(plain, result)
    check_trades_and_fills(plain, result)
    check_book(plain, result)
    check_positions(plain, result)
    check_equity_at_the_end(plain, result)
    check_what_one_makes_another_loses(plain, result)
    check_the_ledger_frame_balances(plain, result)
