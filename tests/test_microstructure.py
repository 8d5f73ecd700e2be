"""Measures of a market: small runs by hand, random ones against plain Python."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mexchange import EVENT, Asset, EventKind, Exchange, Market, Result, Side
from mexchange.analytics import microstructure as m
from mexchange.analytics.frames import scan
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import PROFILES, awkward_markets

SECOND = 1_000_000_000
MARKET = Market(Asset("KCN", 2), Asset("EUR", 4))
BUY, SELL = Side.BUY, Side.SELL


class Run:
    """An exchange with a maker (account 1) and a taker (2), both rich."""

    def __init__(self, *markets: Market) -> None:
        self.exchange = Exchange(markets or (MARKET,), engine="reference")
        self.events: list[np.ndarray] = []
        self.ids: dict[str, int] = {}
        for account in (self.exchange.open_account(), self.exchange.open_account()):
            for asset in self.exchange.assets:
                self.events.append(self.exchange.deposit(account, asset.name, "100000"))

    def at(self, second: float, account: int, side: Side, quantity: str, price: str) -> int:
        events = self.exchange.submit(
            account, 0, side, quantity, price, time_ns=round(second * SECOND)
        )
        self.events.append(events)
        return int(events["order_id"][0])

    def cancel(self, second: float, account: int, order: int) -> None:
        self.exchange.tick(round(second * SECOND))
        self.events.append(self.exchange.cancel(account, order))

    def result(self, **options: Any) -> Result:
        names = {1: "maker", 2: "taker"}
        return Result(self.exchange.markets, np.concatenate(self.events), accounts=names, **options)


def quoted() -> Run:
    """9 bid for 2, 11 and 12 asked for 1 and 3."""
    run = Run()
    run.at(0, 1, BUY, "2", "9")
    run.at(0, 1, SELL, "1", "11")
    run.at(0, 1, SELL, "3", "12")
    return run


def random_result(profile: str, seed: int, markets: int = 1, count: int = 150) -> Result:
    engine = ReferenceEngine(awkward_markets(markets))
    return Result(
        engine.markets, engine.step(random_commands(engine.markets, count, seed, profile))
    )


def on_random_runs(test: Any) -> Any:
    return settings(max_examples=25)(
        given(st.sampled_from(sorted(PROFILES)), st.integers(0, 1 << 30))(test)
    )


# Candles.


def test_candles_state_what_is_empty() -> None:
    run = quoted()
    run.at(61, 2, BUY, "1.5", "12")
    run.at(62, 2, SELL, "1", "9")
    run.at(200, 2, BUY, "1", "12")
    rows = run.result().candles("1m").drop("market").rows()
    none = (None, None, None, None, None, 0.0, 0.0, 0.0, 0)
    assert rows == [
        (0, *none),
        (60 * SECOND, 11.0, 12.0, 9.0, 9.0, pytest.approx(26 / 2.5), 2.5, 26.0, 1.5, 3),
        (120 * SECOND, *none),
        (180 * SECOND, 12.0, 12.0, 12.0, 12.0, 12.0, 1.0, 12.0, 1.0, 1),
    ]
    assert m.vwap(run.result()).rows() == [("KCN/EUR", pytest.approx(38 / 3.5), 3.5, 4)]


def test_candles_of_several_markets_and_odd_intervals() -> None:
    run = Run(MARKET, Market(Asset("TOK", 2), Asset("EUR", 4)))
    run.at(5, 1, BUY, "1", "9")
    result = run.result()
    assert result.candles(2 * SECOND).height == 6
    assert result.candles("2s", "TOK/EUR")["market"].unique().to_list() == ["TOK/EUR"]
    with pytest.raises(ValueError, match="no market 'TOK'; did you mean 'TOK/EUR'"):
        result.candles("1m", "TOK")
    with pytest.raises(ValueError, match="is not positive"):
        result.candles(0)
    with pytest.raises(ValueError, match="cuts this run into 1,000,000,000 parts"):
        result.candles(5)


@on_random_runs
def test_candles_hold_all_trades(profile: str, seed: int) -> None:
    result = random_result(profile, seed, 2)
    for interval in (1, 37, 10_000):
        frame = result.candles(interval)
        assert frame["volume"].sum() == pytest.approx(result.trades["quantity"].sum())
        assert frame["trades"].sum() == result.trades.height
        assert frame.select("market", "time_ns").is_duplicated().sum() == 0


# Spreads.


def test_spreads_quoted_effective_and_realised() -> None:
    run = quoted()
    run.at(1, 2, BUY, "2", "12")  # 1 at 11, 1 at 12, while the mid is 10; then it is 10.5.
    run.at(3, 1, SELL, "1", "10")  # The mid is 9.5.
    run.at(20, 2, SELL, "1", "9")
    costs = m.trade_costs(run.result(), [1.0, 10.0])
    assert costs["mid"].to_list() == [10.0, 10.0, 9.5]
    assert costs["effective"].to_list() == pytest.approx([2_000, 4_000, 20_000 * 0.5 / 9.5])
    assert costs["realised_1s"].to_list()[:2] == pytest.approx([1_000, 3_000])
    assert costs["realised_10s"].to_list()[:2] == pytest.approx([3_000, 5_000])
    assert costs["realised_1s"][2] is None
    both = costs["realised_10s"] + costs["impact_10s"]
    assert both.to_list()[:2] == pytest.approx(costs["effective"].to_list()[:2])
    row = run.result().spreads.row(0, named=True)
    assert row["effective"] == pytest.approx((2_000 + 4_000 + 20_000 * 0.5 / 9.5) / 3)
    # 2 for a second, 3 for two, 1 until the end.
    assert row["spread"] == pytest.approx((2 * 1 + 3 * 2 + 1 * 17) / 20)


# Order flow imbalance.


def test_order_flow_imbalance_by_the_paper() -> None:
    run = quoted()
    run.at(1, 1, BUY, "5", "9")  # + 5 more at the same bid.
    run.at(1.2, 1, BUY, "3", "10")  # + 3 at a better bid.
    run.at(1.4, 1, SELL, "4", "10.5")  # − 4 at a better ask.
    run.at(1.6, 2, BUY, "4", "10.5")  # + 4: that ask is gone.
    run.at(2.5, 2, SELL, "3", "10")  # − 3: that bid is gone.
    frame = run.result().order_flow("1s")
    assert frame["ofi"].to_list() == [0.0, 5 + 3 - 4 + 4, -3.0]
    assert frame["changes"].to_list() == [2, 4, 1]
    assert frame["mid"].to_list() == [10.0, 10.5, 10.0]
    assert frame["mid_change"].to_list() == [None, 0.5, -0.5]


@on_random_runs
def test_order_flow_imbalance_row_by_row(profile: str, seed: int) -> None:
    result = random_result(profile, seed)
    total, before = 0.0, None
    for row in result.book.iter_rows(named=True):
        if before and None not in {row["bid"], row["ask"], before["bid"], before["ask"]}:
            total += row["bid_quantity"] * (row["bid"] >= before["bid"])
            total -= before["bid_quantity"] * (row["bid"] <= before["bid"])
            total -= row["ask_quantity"] * (row["ask"] <= before["ask"])
            total += before["ask_quantity"] * (row["ask"] >= before["ask"])
        before = row
    assert result.order_flow(1 << 40)["ofi"].sum() == pytest.approx(total, rel=1e-9, abs=1e-6)


def test_the_fit_is_that_of_least_squares() -> None:
    result = random_result("orderly", 3, count=1_500)
    frame = result.order_flow(500).drop_nulls("mid_change")
    y = frame["mid_change"].to_numpy() / float(result.markets[0].tick)
    x = np.stack([frame["ofi"].to_numpy(), np.ones(len(y))], axis=1)
    (slope, intercept), (rest,), *_ = np.linalg.lstsq(x, y)
    fit = m.flow_fit(result, 500).row(0, named=True)
    assert (fit["slope"], fit["intercept"]) == pytest.approx((slope, intercept))
    assert fit["r2"] == pytest.approx(1 - rest / ((y - y.mean()) ** 2).sum())
    assert fit["r2"] > 0.1


# Depth.


@on_random_runs
def test_depth_is_what_the_engine_shows(profile: str, seed: int) -> None:
    engine = ReferenceEngine(awkward_markets(2))
    commands = random_commands(engine.markets, 150, seed, profile)
    result = Result(engine.markets, engine.step(commands))
    frame = result.depth(5, max(result.end_ns, 1))
    for number, market in enumerate(engine.markets):
        last = frame.filter(market=market.name)
        last = last.filter(pl.col("time_ns") == pl.col("time_ns").max())
        for side, name in ((BUY, "bid"), (SELL, "ask")):
            levels = engine.levels(number, side, 5).tolist()
            prices = [float(market.price(row[0])) for row in levels]
            lots = [float(market.quantity(row[1])) for row in levels]
            assert last[name].drop_nulls().to_list() == prices
            assert last[f"{name}_quantity"].drop_nulls().to_list() == lots


def test_depth_over_time_and_imbalance() -> None:
    run = quoted()
    run.at(1, 2, BUY, "1", "11")
    run.at(2.5, 1, BUY, "4", "8")
    run.at(5, 2, SELL, "6", "8")
    frame = run.result().depth(2, "1s")
    at = frame.filter(pl.col("time_ns") == 1 * SECOND).drop("market", "time_ns")
    assert at.rows() == [(1, 9.0, 2.0, 12.0, 3.0), (2, None, None, None, None)]
    imbalance = run.result().imbalance(2, "1s")["imbalance"].to_list()
    assert imbalance == pytest.approx([-0.2, -0.2, 1 / 3, 1 / 3, -1, -1])
    with pytest.raises(ValueError, match="below 1"):
        run.result().depth(0)
    with pytest.raises(ValueError, match="at most 2,000,000"):
        run.result().depth(10, "1us")


def test_the_map_holds_the_book() -> None:
    run = quoted()
    run.at(10, 2, BUY, "1", "11")
    picture = m.depth_map(run.result(), "KCN/EUR", columns=10, rows=400)
    assert picture.quantity.shape == (len(picture.prices), 10)
    assert picture.band == pytest.approx(0.01 * round(picture.band / 0.01))
    first, last = picture.quantity[:, 0], picture.quantity[:, -1]
    assert (first[first > 0].sum(), first[first < 0].sum()) == (2.0, -4.0)
    assert (last[last > 0].sum(), last[last < 0].sum()) == (2.0, -3.0)
    (place,) = np.flatnonzero(last > 0)
    assert abs(picture.prices[place] - 9) <= picture.band


# Markouts.


def test_markouts() -> None:
    run = quoted()
    run.at(1, 2, BUY, "1", "11")  # The mid was 10 and is 10.5.
    run.at(1.5, 2, SELL, "1", "9")
    run.at(2, 1, BUY, "1", "10")  # 11 from here on.
    run.at(12, 1, BUY, "1", "8")
    rows = run.result().markouts([0, 1, 10, 60], by=["role", "side"])
    found = {(row["role"], row["side"], row["horizon"]): row for row in rows.iter_rows(named=True)}
    assert found["taker", "BUY", 0]["bps"] == pytest.approx(-10_000 * 0.5 / 11)
    assert found["taker", "BUY", 1]["bps"] == pytest.approx(0)
    assert found["maker", "SELL", 1]["bps"] == pytest.approx(0)
    assert found["maker", "BUY", 0]["bps"] == pytest.approx(10_000 * 1.5 / 9)
    assert found["maker", "BUY", 10]["bps"] == pytest.approx(10_000 * 2 / 9)
    assert {row["horizon"] for row in found.values()} == {0.0, 1.0, 10.0}
    one = run.result().markouts([0], by=["role"]).filter(role="maker").row(0, named=True)
    values = np.array([10_000 * 0.5 / 11, 10_000 * 1.5 / 9])
    assert one["bps"] == pytest.approx(values.mean())
    assert one["error"] == pytest.approx(np.sqrt(((values - values.mean()) ** 2).sum()) / 2)


# Orders.


def test_waiting_and_queues() -> None:
    run = Run()
    first = run.at(0, 1, BUY, "2", "9")
    second = run.at(1, 1, BUY, "3", "9")
    third = run.at(2, 1, BUY, "1", "9")
    gone = run.at(2, 1, BUY, "5", "9")
    run.cancel(3, 1, first)
    run.at(4, 2, SELL, "3.5", "9")
    run.at(7, 2, SELL, "0.5", "9")
    run.cancel(8, 1, gone)
    result = run.result()
    queue = result.queue_positions.select(
        "order_id", "quantity", "ahead_at_rest", "ahead_at_fill", "waited"
    )
    assert queue.rows() == [
        (second, 3.0, 2.0, 0.0, 3.0),
        (third, 0.5, 5.0, 3.0, 2.0),
        (third, 0.5, 5.0, 0.0, 5.0),
    ]
    waits = {row["order_id"]: row for row in result.fill_times.iter_rows(named=True)}
    assert [(waits[o]["waited"], waits[o]["filled"]) for o in (first, second, third, gone)] == [
        *((3.0, False), (3.0, True), (2.0, True), (6.0, False)),
    ]
    resting = result.fill_times.filter(agent="maker")
    curve = m.fill_curve(resting)
    # After 2 s one of four; after 3 s one of the remaining three, another of which gave up.
    assert curve["seconds"].to_list() == [2.0, 3.0]
    assert curve["share"].to_list() == pytest.approx([1 / 4, 1 - 3 / 4 * 2 / 3])
    statistics = result.order_statistics.filter(agent="maker").row(0, named=True)
    assert (statistics["messages"], statistics["order_to_trade"]) == (6, 2.0)


class Queues:
    """Each price a list of orders, as a market's rule book has it."""

    def __init__(self, events: np.ndarray) -> None:
        names = events.dtype.names
        assert names is not None
        self.shown: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
        self.ahead: dict[int, int] = {}
        self.found: list[tuple[int, int, int]] = []
        for values in events.tolist():
            e = dict(zip(names, values, strict=True))
            if e["kind"] != EventKind.REJECTED and e["displayed"]:
                self._change(e)
            if e["kind"] == EventKind.TRADE and e["maker_order_id"] in self.ahead:
                maker = e["maker_order_id"]
                self.found.append((e["sequence"], maker, self.ahead[maker]))

    def _change(self, e: dict[str, Any]) -> None:
        of_maker = e["kind"] in {EventKind.TRADE, EventKind.PREVENTED}
        level = self.shown[e["side"] ^ of_maker, e["price"]]
        order = e["maker_order_id"] if of_maker else e["order_id"]
        if e["kind"] in {EventKind.ACCEPTED, EventKind.RESTED}:
            self.ahead[order] = sum(level.values())
        level[order] = level.get(order, 0) + e["displayed"]
        if not level[order]:
            del level[order]


@on_random_runs
def test_queue_positions_are_those_of_plain_queues(profile: str, seed: int) -> None:
    engine = ReferenceEngine(awkward_markets(1))
    events = engine.step(random_commands(engine.markets, 150, seed, profile))
    lot = engine.markets[0]
    frame = Result(engine.markets, events).queue_positions
    expected = [(s, o, float(lot.quantity(ahead))) for s, o, ahead in Queues(events).found]
    assert frame.select("sequence", "order_id", "ahead_at_rest").rows() == expected


@on_random_runs
def test_inventory_is_what_fills_add_up_to(profile: str, seed: int) -> None:
    result = random_result(profile, seed, 2)
    signed = pl.when(pl.col("side") == "BUY").then("quantity").otherwise(-pl.col("quantity"))
    sums = result.fills.group_by("account", "market").agg(signed.sum().alias("inventory"))
    last = result.inventory.group_by("account", "market").agg(pl.col("inventory").last())
    keys = ["account", "market"]
    one, other = sums.sort(*keys), last.sort(*keys)
    assert one.select(keys).equals(other.select(keys))
    scale = max(result.fills["quantity"].to_list(), default=1.0)
    np.testing.assert_allclose(one["inventory"], other["inventory"], atol=1e-9 * scale * 100)


# In pieces, and of nothing.


def test_pieces_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = random_result("mixed", 5, 2, 200)
    kept = {name: getattr(whole, name) for name in FRAMES}
    depth, picture = whole.depth(3, 50), m.depth_map(whole)
    for size in (3, 50):
        monkeypatch.setattr(scan, "PIECE", size)
        again = Result(whole.markets, whole.records)
        for name, frame in kept.items():
            assert getattr(again, name).equals(frame), name
        assert again.depth(3, 50).equals(depth)
        np.testing.assert_array_equal(m.depth_map(again).quantity, picture.quantity)
        again.check()


FRAMES = (
    *("events", "orders", "trades", "fills", "book", "equity", "positions", "ledger", "agents"),
    *("inventory", "attribution", "queue_positions", "fill_times", "order_statistics", "spreads"),
)


def test_nothing_at_all() -> None:
    result = Result([MARKET], np.empty(0, EVENT))
    for name in FRAMES:
        assert getattr(result, name).height == 0, name
    assert result.markouts().height == 0
    assert result.candles("1m").height == 1
    assert result.order_flow("1s")["ofi"].to_list() == [0.0]
    assert result.depth(3)["bid"].null_count() == 3
    assert m.flow_fit(result).height == 0
    assert (m.depth_map(result).quantity == 0).all()
    assert m.fill_curve(result.fill_times).height == 0
