"""Results of trading fall apart without an atom left over."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange import EVENT, Asset, EventKind, Exchange, Fees, Market, Result, Side
from mexchange.analytics.attribution import PARTS
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import PROFILES, awkward_markets

SECOND = 1_000_000_000
MARKET = Market(Asset("KCN", 2), Asset("EUR", 4), fees=(Fees(-100, 1_000),))


class Plain:
    """One market of a run, event by event: every part of every account in Python's integers."""

    def __init__(self, market: Market, events: np.ndarray) -> None:
        self.market = market
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.mark = 0
        self.first = 0
        self.lots: dict[int, int] = defaultdict(int)
        self.brought: dict[int, int] = defaultdict(int)
        self.parts: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(PARTS, 0))
        names = events.dtype.names
        assert names is not None
        rows = [dict(zip(names, row, strict=True)) for row in events.tolist()]
        self._follow(rows, find_first=True)
        self.levels, self.mark = ({}, {}), self.first
        self._follow(rows, find_first=False)

    def _follow(self, rows: list[dict[str, Any]], find_first: bool) -> None:
        taker: tuple[int, int] | None = None
        pending = self.mark
        for e in rows:
            if e["kind"] == EventKind.REJECTED:
                continue
            is_trade = e["kind"] == EventKind.TRADE
            order = (e["order_id"], e["time_ns"])
            if is_trade and order != taker:
                taker = order
                self._move(pending, find_first)
            if not find_first:
                if is_trade:
                    self._trade(e)
                elif e["kind"] in {EventKind.DEPOSITED, EventKind.WITHDRAWN}:
                    self._move(pending, find_first)
                    self._pay(e)
            pending = self._shown(e, pending)
            if find_first and pending and not self.first:
                self.first = pending
        self._move(pending, find_first)

    def value(self, atoms: int) -> int:
        unit, per_lot = self.market.quote_per_lot_tick, self.market.base_per_lot
        return atoms * self.mark * unit // (2 * per_lot)

    def _move(self, mark: int, find_first: bool) -> None:
        """Everybody's holdings are revalued."""
        per_lot = self.market.base_per_lot
        accounts = set() if find_first else {*self.lots, *self.brought}
        before = {a: self._both(a, per_lot) for a in accounts}
        self.mark = mark or self.mark
        for account in accounts:
            inventory, whole = self._both(account, per_lot)
            parts = self.parts[account]
            parts["inventory"] += inventory - before[account][0]
            parts["endowment"] += (whole - inventory) - (before[account][1] - before[account][0])

    def _both(self, account: int, per_lot: int) -> tuple[int, int]:
        traded = self.lots[account] * per_lot
        return self.value(traded), self.value(traded + self.brought[account])

    def _trade(self, e: dict[str, Any]) -> None:
        sign = 1 if e["side"] == Side.BUY else -1
        per_lot = self.market.base_per_lot
        for who, way, fee in (
            (e["maker_account"], -sign, "maker_fee"),
            (e["account"], sign, "fee"),
        ):
            inventory, whole = self._both(who, per_lot)
            self.lots[who] += way * e["quantity"]
            parts = self.parts[who]
            now, all_now = self._both(who, per_lot)
            parts["spread"] += (
                now - inventory - way * self.market.notional(e["price"], e["quantity"])
            )
            parts["endowment"] += (all_now - now) - (whole - inventory)
            parts["fees"] -= e[fee]
            self.parts[0]["fees"] += e[fee]

    def _pay(self, e: dict[str, Any]) -> None:
        amount = e["quantity"] if e["kind"] == EventKind.DEPOSITED else -e["quantity"]
        if e["asset"] == 1:
            self.parts[e["account"]]["transfers"] += amount
            return
        before = self._both(e["account"], self.market.base_per_lot)[1]
        self.brought[e["account"]] += amount
        after = self._both(e["account"], self.market.base_per_lot)[1]
        self.parts[e["account"]]["transfers"] += after - before

    def _shown(self, e: dict[str, Any], mark: int) -> int:
        of_maker = e["kind"] in {EventKind.TRADE, EventKind.PREVENTED}
        if e["displayed"]:
            levels = self.levels[e["side"] ^ of_maker]
            shown = levels.pop(e["price"], 0) + e["displayed"]
            if shown:
                levels[e["price"]] = shown
        bid, ask = max(self.levels[0], default=0), min(self.levels[1], default=0)
        if bid and ask:
            return bid + ask
        return 2 * e["price"] if e["kind"] == EventKind.TRADE else mark


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 1 << 30))
def test_every_part_is_what_plain_python_says(profile: str, seed: int) -> None:
    engine = ReferenceEngine(awkward_markets(1))
    events = engine.step(random_commands(engine.markets, 150, seed, profile))
    plain = Plain(engine.markets[0], events)
    for row in Result(engine.markets, events).attribution.iter_rows(named=True):
        parts = plain.parts[row["account"]]
        parts["pnl"] = parts["spread"] + parts["inventory"] + parts["fees"]
        parts["equity"] = parts["pnl"] + parts["endowment"] + parts["transfers"]
        assert {name: row[f"{name}_atoms"] for name in PARTS} == parts


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 1 << 30))
def test_parts_add_up_to_what_the_engine_holds(profile: str, seed: int) -> None:
    engine = ReferenceEngine(awkward_markets(1))
    events = engine.step(random_commands(engine.markets, 150, seed, profile))
    result, market = Result(engine.markets, events), engine.markets[0]
    mark = int(result.source.marks.half_ticks(0)[1][-1:].sum())
    owned: dict[int, int] = defaultdict(int)
    for row in engine.balance_rows():
        atoms = int(row["available"]) + int(row["held"])
        unit = market.quote_per_lot_tick
        value = atoms * mark * unit // (2 * market.base_per_lot)
        owned[int(row["account"])] += value if row["asset"] == 0 else atoms
    frame = result.attribution
    assert dict(frame.select("account", "equity_atoms").iter_rows()) | owned == owned
    spread = frame["spread_atoms"] + frame["inventory_atoms"] + frame["fees_atoms"]
    assert (spread == frame["pnl_atoms"]).all()
    rest = frame["pnl_atoms"] + frame["endowment_atoms"] + frame["transfers_atoms"]
    assert (rest == frame["equity_atoms"]).all()


def test_by_hand() -> None:
    exchange = Exchange(MARKET, engine="reference")
    maker, taker = exchange.open_account(), exchange.open_account()
    events = [exchange.deposit(maker, "KCN", "5"), exchange.deposit(maker, "EUR", "100")]
    events += [exchange.deposit(taker, "EUR", "100")]
    for side, price in ((Side.BUY, "9"), (Side.SELL, "11"), (Side.SELL, "12")):
        events.append(exchange.submit(maker, 0, side, "1", price, time_ns=SECOND))
    # Two coins for 11 and 12 while the mid is 10, which then is gone; a new one is at 13.
    events.append(exchange.submit(taker, 0, Side.BUY, "2", "12", time_ns=2 * SECOND))
    events.append(exchange.submit(maker, 0, Side.SELL, "1", "17", time_ns=3 * SECOND))
    result = Result([MARKET], np.concatenate(events), accounts={1: "maker", 2: "taker"})
    rows = {row["agent"]: row for row in result.attribution.iter_rows(named=True)}
    assert [rows["taker"][part] for part in PARTS] == [
        *(-3.0, 6.0, -0.023, 2.977, 0.0, 100.0, 102.977),
    ]
    assert [rows["maker"][part] for part in PARTS] == [
        *(3.0, -6.0, 0.0023, -2.9977, 15.0, 150.0, 162.0023),
    ]
    assert rows["house"]["fees_atoms"] == 207
    assert result.agents["pnl"].to_list() == [pytest.approx(-2.9977), pytest.approx(2.977)]


def test_markets_and_money_that_comes_later() -> None:
    usd = Asset("USD", 4)
    markets = [MARKET, Market(Asset("TOK", 2), Asset("EUR", 4)), Market(Asset("KCN", 2), usd)]
    exchange = Exchange(markets, engine="reference")
    one, other = exchange.open_account(), exchange.open_account()
    events = [exchange.deposit(one, name, "100") for name in ("KCN", "EUR", "TOK", "USD")]
    events += [exchange.deposit(other, name, "100") for name in ("EUR", "USD")]
    # What is at time 0, where a run begins unless it is told, is valued as it ends.
    for market in range(3):
        for side, price in ((Side.BUY, "2"), (Side.SELL, "4")):
            events.append(exchange.submit(one, market, side, "3", price, time_ns=SECOND))
        events.append(exchange.submit(other, market, Side.BUY, "1", "4"))
    events.append(exchange.withdraw(one, "KCN", "10"))
    events.append(exchange.submit(one, 0, Side.BUY, "1", "3"))
    frame = Result(markets, np.concatenate(events)).attribution
    mine = frame.filter(account=one).rows(named=True)
    assert [row["market"] for row in mine] == [market.name for market in markets]
    # 100 KCN and 100 EUR less 10 KCN; 100 TOK at 3; 100 USD, for KCN has been counted.
    assert [row["transfers"] for row in mine] == [370.0, 300.0, 100.0]
    assert mine[0]["endowment"] == pytest.approx(90 * 0.5)
    assert frame.filter(account=other)["spread"].to_list() == [-1.0, -1.0, -1.0]


def test_nothing_traded() -> None:
    assert Result([MARKET], np.empty(0, EVENT)).attribution.height == 0
