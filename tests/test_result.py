"""What a Result says about small runs, each number worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mexchange import EVENT, Asset, Exchange, Fees, Market, Result, SelfTrade, Side
from mexchange.analytics.frames import worth
from mexchange.analytics.frames.columns import Names, Units, extremes, named
from mexchange.analytics.result import FRAMES
from mexchange.records import OrderType

EUR, KCN, USD = Asset("EUR", 4), Asset("KCN", 2), Asset("USD", 4)
MARKET = Market(KCN, EUR, tick="0.01", lot="0.01", fees=(Fees(-100, 1_000),))
SECOND = 1_000_000_000
BUY, SELL = Side.BUY, Side.SELL

COLUMNS = {
    "events": [
        *("sequence", "time_ns", "order_id", "client_order_id", "price", "quantity", "left"),
        *("displayed", "hold", "fee", "trigger_price", "expiry_ns", "maker_order_id"),
        *("maker_left", "maker_hold", "maker_fee", "account", "maker_account", "market", "asset"),
        *("kind", "reason", "side", "type", "time_in_force", "self_trade", "flags"),
    ],
    "orders": [
        *("order_id", "client_order_id", "account", "agent", "market", "side", "type"),
        *("time_in_force", "price", "quantity", "filled", "left", "status", "reason"),
        *("accepted_ns", "closed_ns"),
    ],
    "trades": [
        *("sequence", "time_ns", "market", "price", "quantity", "aggressor", "maker_order_id"),
        *("taker_order_id", "maker_account", "taker_account"),
    ],
    "fills": [
        *("sequence", "time_ns", "market", "account", "agent", "order_id", "side", "role"),
        *("price", "quantity", "fee", "fee_atoms"),
    ],
    "book": ["sequence", "time_ns", "market", "bid", "bid_quantity", "ask", "ask_quantity"],
    "equity": ["time_ns", "account", "agent", "equity", "pnl"],
    "positions": [
        *("sequence", "time_ns", "account", "agent", "asset", "available", "held", "total"),
        *("available_atoms", "held_atoms", "total_atoms"),
    ],
    "ledger": ["sequence", "time_ns", "account", "asset", "bucket", "amount_atoms", "kind"],
    "agents": [
        *("account", "agent", "equity", "pnl", "drawdown", "fills", "volume", "maker_share"),
        *("fees", "inventory"),
    ],
}


class Run:
    """An exchange that remembers its events; every verb waits a second before it acts."""

    def __init__(self, *markets: Market) -> None:
        self.exchange = Exchange(markets or (MARKET,), engine="reference")
        self.events: list[np.ndarray] = []

    def __getattr__(self, verb: str) -> Any:
        def act(*args: Any, **options: Any) -> np.ndarray:
            self.exchange.tick(self.exchange.time_ns + SECOND)
            events: np.ndarray = getattr(self.exchange, verb)(*args, **options)
            self.events.append(events)
            return events

        return act

    def trader(self, **funds: str) -> int:
        account = self.exchange.open_account()
        for asset, amount in funds.items():
            self.deposit(account, asset, amount)
        return account

    def result(self, **options: Any) -> Result:
        events = np.concatenate([np.empty(0, EVENT), *self.events])
        return Result(self.exchange.markets, events, **options)


def quoted() -> tuple[Run, int, int]:
    """Alice (5 KCN, 100 EUR) quotes 9.00 and 11.00, 1 KCN each; Bob has 100 EUR."""
    run = Run()
    alice, bob = run.trader(KCN="5", EUR="100"), run.trader(EUR="100")
    run.submit(alice, 0, BUY, "1", "9")
    run.submit(alice, 0, SELL, "1", "11")
    return run, alice, bob


@pytest.mark.parametrize("run", [Run(), quoted()[0]])
def test_columns(run: Run) -> None:
    result = run.result()
    assert list(COLUMNS) == list(FRAMES)
    for name, columns in COLUMNS.items():
        assert getattr(result, name).columns == columns
        assert getattr(result, name) is getattr(result, name)


def test_equity_is_marked_at_the_mid_and_pnl_is_what_trading_made() -> None:
    run, alice, bob = quoted()
    run.submit(bob, 0, BUY, "1", "11")  # Bob pays 11.00 and a fee of 0.011; the ask is gone.
    run.submit(alice, 0, SELL, "1", "11.50")  # The mid is (9.00 + 11.50) / 2.
    equity = run.result(accounts={alice: "Alice", bob: "Bob"}).equity
    assert equity.filter(agent="Bob").rows() == [
        (3 * SECOND, 2, "Bob", 100.0, 0.0),
        (5 * SECOND, 2, "Bob", 100.0, 0.0),
        (6 * SECOND, 2, "Bob", pytest.approx(100 - 11.011 + 11), pytest.approx(-0.011)),
        (7 * SECOND, 2, "Bob", pytest.approx(100 - 11.011 + 10.25), pytest.approx(-0.761)),
    ]
    alices = equity.filter(agent="Alice")
    # Her coins are worth the first mid (10.00) before there is one.
    assert alices["equity"].to_list()[:3] == [50.0, 150.0, 150.0]
    assert alices["pnl"].to_list()[:3] == [0.0, 0.0, 0.0]
    assert alices["pnl"][-1] == pytest.approx(11 - 10.25 + 0.0011)
    assert equity.filter(agent="house")["pnl"][-1] == pytest.approx(0.011 - 0.0011)


def test_money_that_comes_or_goes_is_no_profit() -> None:
    run, alice, bob = quoted()
    run.deposit(bob, "EUR", "50")
    run.withdraw(alice, "KCN", "1")
    run.deposit(bob, "KCN", "2")
    assert set(run.result().equity["pnl"]) == {0.0}
    assert run.result().equity.filter(account=bob)["equity"].to_list()[-1] == 170.0
    assert run.result().agents["inventory"].to_list() == [0.0, 0.0]


def test_what_was_before_the_start_is_valued_as_at_the_start() -> None:
    run, alice, bob = quoted()
    run.submit(alice, 0, BUY, "1", "10")
    start = run.exchange.time_ns
    run.submit(bob, 0, SELL, "1", "10")
    result = run.result(start_ns=start)
    first = result.equity.group_by("account").first().sort("account")
    assert first["time_ns"].to_list() == [start, start]
    assert first["equity"].to_list() == [5 * 10.5 + 100, 100.0]
    assert result.summary()["seconds"] == 1.0


def test_while_a_side_is_empty_the_last_trade_or_mid_stands() -> None:
    run, alice, bob = quoted()
    run.cancel(alice, int(run.exchange.orders(alice)["order_id"][0]))
    marks = [value / 5 - 20 for value in run.result().equity.filter(account=alice)["equity"]]
    assert marks[-1] == 10.0
    run.submit(bob, 0, BUY, "0.5", "11")
    assert run.result().equity["equity"].sum() > 0
    equity = run.result().equity.filter(account=bob)["equity"][-1]
    assert equity == pytest.approx(100 - 5.5 - 0.0055 + 0.5 * 11)


def test_initial_prices_value_what_has_no_market_yet() -> None:
    run = Run()
    run.trader(KCN="5")
    assert run.result().equity["equity"].to_list() == [0.0]
    assert run.result(initial={0: (990, 1010)}).equity["equity"].to_list() == [50.0]


def test_assets_are_valued_through_other_markets() -> None:
    token = Asset("TOK", 2)
    run = Run(
        Market(KCN, EUR),
        Market(token, KCN, tick=1, lot=1),
        Market(EUR, USD),
        Market(USD, token, tick=1, lot=1),
    )
    owner = run.trader(TOK="10", USD="100", KCN="900", EUR="900")
    other = run.trader(TOK="10", USD="1000", KCN="1000", EUR="1000")
    for market, (bid, ask) in enumerate([("9", "11"), ("2", "4"), ("1.20", "1.30")]):
        run.submit(other, market, BUY, "1", bid)
        run.submit(other, market, SELL, "1", ask)
    result = run.result()
    value = 900 + 900 * 10 + 10 * 3 * 10 + 100 / 1.25
    assert result.equity.filter(account=owner)["equity"][-1] == pytest.approx(value)
    # Fees and volume in other money are told in the first market's.
    run.submit(owner, 2, BUY, "0.5", "1.30")
    agents = run.result().agents.filter(account=owner)
    assert agents["volume"][0] == pytest.approx(0.5 * 1.3 / 1.25)


def test_long_series_are_thinned_and_keep_their_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    run, alice, bob = quoted()
    for price in np.random.default_rng(1).integers(901, 1099, 600).tolist():
        run.submit(bob, 0, BUY, 1, int(price), self_trade=SelfTrade.NONE)
        run.cancel_all(bob)
    run.submit(bob, 0, BUY, "1", "11")
    whole = run.result().equity
    monkeypatch.setattr(worth, "SAMPLES", 100)
    thin = run.result().equity
    for account in (alice, bob):
        full, some = (frame.filter(account=account)["pnl"] for frame in (whole, thin))
        assert len(some) <= 104 < len(full)
        assert (some.min(), some.max(), some[-1]) == (full.min(), full.max(), full[-1])


def test_rejected_orders_are_orders_and_other_refusals_are_not() -> None:
    run, alice, bob = quoted()
    run.withdraw(bob, "EUR", "1000")
    run.cancel(bob, 12345)
    run.amend(bob, int(run.exchange.orders(alice)["order_id"][0]), quantity=5)
    run.submit(bob, 0, BUY, "1", "11", order_id=0, post_only=True)
    run.submit(bob, 0, BUY, "1", "10", order_id=0)
    run.submit(bob, 0, BUY, "1", "10", order_id=0)
    run.submit(bob, 0, SELL, "1", type=OrderType.MARKET, time_in_force=1)
    run.submit(99, 0, SELL, "1", "12")
    run.amend(bob, 0, quantity=100_000)
    assert run.result().events.filter(kind="REJECTED").height == 8
    refused = run.result().orders.filter(status="rejected")
    assert refused.select("order_id", "reason", "agent").rows()[0] == (
        *(0, "POST_ONLY_WOULD_CROSS", "account 2"),
    )
    assert refused["reason"].to_list()[1:] == ["INSUFFICIENT_FUNDS", "UNKNOWN_ACCOUNT"]
    assert refused["agent"].to_list()[2] is None
    assert refused["accepted_ns"].null_count() == 3
    assert run.result().orders.filter(pl.col("order_id") == 0)["status"].to_list() == [
        *("rejected", "open"),
    ]


def test_a_run_in_which_every_order_was_refused() -> None:
    run = Run()
    run.submit(run.trader(), 0, BUY, "1", "9")
    assert run.result().orders["reason"].to_list() == ["INSUFFICIENT_FUNDS"]


def test_agents() -> None:
    run, _, bob = quoted()
    run.submit(bob, 0, BUY, "0.5", "11")
    (first, second) = run.result(accounts={1: "Alice", 2: "Bob"}).agents.rows(named=True)
    assert (first["agent"], second["agent"]) == ("Alice", "Bob")
    assert (first["fills"], first["maker_share"], first["volume"]) == (1, 1.0, 5.5)
    assert (second["fills"], second["maker_share"], second["volume"]) == (1, 0.0, 5.5)
    assert (first["fees"], second["fees"]) == (-0.0005, 0.0055)
    assert (first["inventory"], second["inventory"]) == (-0.5, 0.5)
    # The mid stays at 10.00, so she sold 0.5 a whole 1.00 above it.
    assert first["pnl"] == pytest.approx(0.5 + 0.0005)
    assert second["drawdown"] == pytest.approx(0.5 + 0.0055)


def test_names() -> None:
    run = Run()
    for _ in range(3):
        run.trader(EUR="1")
    result = run.result(accounts={1: "maker", 2: "maker", 5: "late"})
    names = ["house", "maker", "maker #2", "account 3", "account 4", "late"]
    assert result.accounts == dict(enumerate(names))
    assert result.positions["agent"].to_list() == ["maker", "maker #2", "account 3"]


def test_units_are_exact_where_floats_can_be() -> None:
    fine = Market(Asset("KCN"), Asset("EUR"), tick="0.0025", lot="0.3")
    units = Units([Market(Asset("KCN"), Asset("EUR")), fine])
    assert units.prices([10005, 7], 0).tolist() == [100.05, 0.07]
    assert units.prices([3], [1]).tolist() == [0.0075]
    assert units.quantities([1, 7], 1).tolist() == [0.3, 2.1]


def test_numbers_without_a_name_are_null() -> None:
    assert named(np.array([0, 9, 1], np.uint8), ["A", "B"]).to_list() == ["A", None, "B"]
    names = Names([MARKET], {}, 0)
    assert names.of_markets([0, 65535]).to_list() == ["KCN/EUR", None]


def test_extremes_pass_over_missing_values() -> None:
    values = np.full(1000, np.nan)
    assert extremes(values, 10)[-1] == 999
    values[500] = 1.0
    assert 500 in extremes(values, 10)


def test_summary_and_files(tmp_path: Path) -> None:
    run, _, bob = quoted()
    run.submit(bob, 0, BUY, "0.5", "11")
    extra = {"divergence": {"late": 3}, "frame": pl.DataFrame(), "nan": float("nan")}
    digest = run.exchange.digest()
    result = run.result(accounts={1: "A", 2: "B"}, seed=7, digest=digest, title="T", extra=extra)
    summary = result.summary()
    assert summary["digest"] == digest
    assert (summary["seed"], summary["orders"], summary["trades"]) == (7, 3, 1)
    assert (summary["volume"], summary["unit"]) == (5.5, "EUR")
    assert summary["divergence"] == {"late": 3}
    assert "frame" not in summary
    assert "nan" not in summary
    folder = result.save(tmp_path / "new" / "folder")
    assert json.loads((folder / "summary.json").read_text()) == summary
    for name in FRAMES:
        saved = pl.read_parquet(folder / f"{name}.parquet")
        assert saved.equals(getattr(result, name).with_columns())


def test_it_says_what_it_is() -> None:
    run, _, _ = quoted()
    result = run.result(accounts={1: "<b>", 2: "B"}, title="A & B", seed=3, digest="ab" * 16)
    assert repr(result) == (
        "<Result 'A & B': KCN/EUR; 5 events, 0 trades, 2 agents; seed 3, digest abababab>"
    )
    html = result._repr_html_()
    assert "A &amp; B" in html
    assert "<td>&lt;b&gt;</td>" in html
    assert "Result 'A & B': KCN/EUR; 0 events" in repr(Run().result(title="A & B"))


def test_nothing_at_all() -> None:
    result = Run().result()
    assert [getattr(result, name).height for name in FRAMES] == [0] * len(FRAMES)
    assert result.summary()["agents"] == {}
    result.check()
