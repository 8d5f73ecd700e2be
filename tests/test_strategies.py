"""The strategies that come with mExchange: bounded, honest, and doing what they say."""

from __future__ import annotations

import inspect
import re
from decimal import Decimal
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import strategies
from mexchange import Asset, ConstantLatency, EventKind, Fees, Market, Result, Side
from mexchange.backtest import backtest
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import ParameterError, Strategy, parameters_of
from strategies import (
    TWAP,
    VWAP,
    Arbitrageur,
    AvellanedaStoikov,
    LiquidityProvider,
    MarketMaker,
    MeanReversion,
    Momentum,
    RandomTrader,
    RandomWalk,
)
from strategies.parent_order import ParentOrder

ALL = [getattr(strategies, name) for name in strategies.__all__]
ALONE = [strategy for strategy in ALL if strategy is not Arbitrageur]
MARKET = Market(Asset("KCN"), Asset("EUR"), tick="0.01", lot="0.01", fees=(Fees(0, 100),))
SECOND_MARKET = Market(Asset("KCN"), Asset("EURX"), tick="0.01", lot="0.05", fees=(Fees(0, 100),))
FUNDS = {"EUR": Decimal(500_000), "KCN": Decimal(200)}
MS = 1_000_000
SAMPLE = Path(__file__).parent / "data" / "lobster"


class Script(Strategy):
    """Quotes what a test says: pairs of a time in ms and of bid and ask (0: none)."""

    def __init__(self, quotes: list[tuple[int, int, int]], size: int = 10_000) -> None:
        super().__init__()
        self._quotes, self._size = quotes, size

    def on_start(self) -> None:
        for time_ms, bid, ask in self._quotes:
            self.at(time_ms * MS, lambda bid=bid, ask=ask: self.put(bid, ask))  # type: ignore[misc]

    def put(self, bid: int, ask: int) -> None:
        self.cancel_all()
        if bid:
            self.buy(bid, self._size)
        if ask:
            self.sell(ask, self._size)


def play(
    *agents: Strategy | Agent, length: str = "1m", seed: int = 1, **options: Any
) -> Simulation:
    """Agents in one market, the result in `simulation.result`."""
    simulation = Simulation(
        options.pop("markets", MARKET),
        agents,
        funds=options.pop("funds", FUNDS),
        latency=ConstantLatency("1ms"),
        seed=seed,
        engine="reference",
    )
    simulation.result = simulation.run(length)  # type: ignore[attr-defined]
    simulation.exchange.check()
    return simulation


def result_of(simulation: Simulation) -> Result:
    result = simulation.result  # type: ignore[attr-defined]
    assert isinstance(result, Result)
    return result


def fills_of(simulation: Simulation, agent: str) -> pl.DataFrame:
    return result_of(simulation).fills.filter(pl.col("agent").cast(str) == agent)


def crowd() -> list[Strategy]:
    """Enough to make a market."""
    opener = Script([(1, 9_950, 10_050)], 500)
    return [opener, MarketMaker(), *(RandomTrader(period="200ms") for _ in range(3))]


# What holds for all.


@pytest.mark.parametrize("strategy", ALL)
def test_every_parameter_is_documented_and_checked(strategy: type[Strategy]) -> None:
    text = inspect.getdoc(strategy) or ""
    assert strategy is getattr(strategies, strategy.__name__)
    known = parameters_of(strategy)
    assert [name for name in known if f"`{name}`" not in text] == []
    for name, hint in known.items():
        plain = hint in {bool, str, int | str} or getattr(hint, "__metadata__", None)
        assert plain or "Literal" in str(hint) or "None" in str(hint), f"{name} has no bounds"
        with pytest.raises(ParameterError, match=f"{strategy.__name__}: {name} = "):
            strategy(**{name: object()})


@pytest.mark.parametrize("strategy", ALL)
def test_strategies_stand_in_files_of_their_own(strategy: type[Strategy]) -> None:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", strategy.__name__).lower()
    assert strategy.__module__ == f"strategies.{words}"


@pytest.mark.parametrize("strategy", ALL)
def test_nothing_is_sent_where_no_price_is_known(strategy: type[Strategy]) -> None:
    # Aggressive takes whatever comes; a market order where nothing rests is none.
    markets = [MARKET, SECOND_MARKET]
    alone = play(strategy(), length="20s", markets=markets, funds={"EUR": "1000", "KCN": "10"})
    sent = np.concatenate(alone.transport.events)
    assert not (sent["kind"] == EventKind.RESTED).any()
    if strategy.__name__ not in {"Aggressive", "RandomTrader"}:
        assert not (sent["kind"] == EventKind.ACCEPTED).any()


@pytest.mark.parametrize("strategy", ALONE)
def test_position_is_bounded_and_nobody_trades_with_itself(strategy: type[Strategy]) -> None:
    bounds = {
        name: Decimal(3) for name in ("max_position", "max_inventory") if hasattr(strategy, name)
    }
    subject = strategy(**bounds)
    simulation = play(Agent(subject, "subject"), *crowd(), length="2m")
    path = fills_of(simulation, "subject").select(
        pl.when(pl.col("side") == "BUY").then("quantity").otherwise(-pl.col("quantity")).cum_sum()
    )
    most = float(path.to_series().abs().max() or 0)  # type: ignore[arg-type]
    limit = float(bounds.get("max_position", bounds.get("max_inventory", Decimal(20))))
    assert most <= limit + 1e-9
    trades = result_of(simulation).trades
    assert not (trades["maker_account"] == trades["taker_account"]).any()
    assert most > 0 or strategy is MeanReversion


@pytest.mark.parametrize("strategy", ALONE)
def test_it_runs_unchanged_in_a_backtest(strategy: type[Strategy]) -> None:
    messages, book = sorted(SAMPLE.glob("*.csv"))
    options = {"horizon": "30s"} if issubclass(strategy, ParentOrder) else {}
    digests = {
        backtest(strategy(**options), messages, book, engine="reference").digest for _ in range(2)
    }
    assert len(digests) == 1


# Those who take.


def test_mean_reversion_sells_a_jump_and_buys_it_back() -> None:
    quotes = [(n * 500, 10_000 + n % 3, 10_010 + n % 3) for n in range(40)]
    quotes += [(20_000, 10_040, 10_050), (22_000, 10_001, 10_011)]
    subject = MeanReversion(window=30, activity=1)
    simulation = play(Script(quotes), subject, length="30s")
    fills = fills_of(simulation, "MeanReversion")
    sides = fills.select("side", "price").rows()
    assert sides[0] == ("SELL", 100.40)
    assert sides[-1] == ("BUY", 100.11)
    assert {side for side, price in sides if price > 100.20} == {"SELL"}
    assert subject.position == 0


def test_momentum_follows_a_trend_and_leaves_it_when_it_ends() -> None:
    up = [(n * 1000, 10_000 + 3 * n, 10_010 + 3 * n) for n in range(60)]
    flat = [(60_000 + n * 1000, 10_180, 10_190) for n in range(120)]
    most = []

    class Watched(Momentum):
        """Keeps its positions."""

        def look(self) -> None:
            super().look()
            most.append(self.position)

    subject = Watched()
    play(Script(up + flat), subject, length="3m")
    assert max(most) == 1_000
    assert min(most) >= 0
    assert subject.position == 0


# Those who make.


def test_avellaneda_stoikov_quotes_by_the_formulas() -> None:
    subject = AvellanedaStoikov(gamma=0.1, kappa=1.5, horizon="1s", period="1s")
    play(subject, length="1ms")
    subject._squares.update(4.0)
    # Section 3.3 of the paper has sigma = 2, gamma = 0.1 and k = 1.5.
    spread = 0.1 * 4 * 1 + 2 / 0.1 * log(1 + 0.1 / 1.5)
    assert spread == pytest.approx(1.690, abs=1e-3)
    assert subject.volatility == 2
    for inventory, left in ((0, 1.0), (3, 1.0), (-5, 0.25)):
        risk = 0.1 * 4 * left
        reservation = 10_000.37 - inventory * risk
        half = (risk + 20 * log(1 + 0.1 / 1.5)) / 2
        bid, ask = subject.best_quotes(10_000.37, inventory, left)
        assert bid <= reservation - half < bid + 1
        assert ask - 1 < reservation + half <= ask


def test_avellaneda_stoikov_leans_against_its_inventory() -> None:
    quotes = [(n * 100, 9_990 + n % 2, 10_010 + n % 2) for n in range(1, 300)]
    seen: list[tuple[int, int]] = []

    class Buyer(Strategy):
        """Buys what the maker offers, once."""

        def on_start(self) -> None:
            self.at(15_050 * MS, lambda: self.buy(10_008, 100))

    class Watched(AvellanedaStoikov):
        """Keeps what it wants to show."""

        def best_quotes(self, mid: float, inventory: float, left: float) -> tuple[int, int]:
            quotes = super().best_quotes(mid, inventory, left)
            seen.append((self.position, sum(quotes)))
            return quotes

    subject = Watched(gamma=0.2, kappa=2, horizon="1s", requote_ticks=0)
    play(Script(quotes), Buyer(), subject, length="25s")
    flat = [centre for position, centre in seen if position == 0]
    short = [centre for position, centre in seen if position < 0]
    assert subject.position < 0
    assert min(short) > max(flat)


def test_a_liquidity_provider_withdraws_from_a_market_that_runs() -> None:
    quotes = [(100, 9_990, 10_010), (10_000, 9_890, 9_910), (30_000, 9_891, 9_911)]
    live: list[tuple[int, int]] = []

    class Watched(LiquidityProvider):
        """Counts what it shows."""

        def quote(self) -> None:
            super().quote()
            live.append((self.now // (1000 * MS), len(self.orders)))

    play(Script(quotes), Watched(), length="1m")
    shown = {second: count for second, count in live if count}
    assert shown[9] == 10
    assert not {12, 13} & set(shown), "a move of a hundred basis points makes it withdraw"
    assert shown[59] >= 9, "its average has followed"


def test_a_random_walk_stays_on_its_tether() -> None:
    subject = RandomWalk(momentum=1, step_bps=20, tether_bps=40, size=Decimal("0.01"))
    play(Script([(1, 9_000, 11_000)], 5_000), subject, length="1m")
    assert abs(subject._price / 10_000 - 1) <= 0.0041


# A parent order.


def sweepable(levels: int = 50) -> Script:
    """A deep book that does not move: one order of 2 KCN a tick from 100.10 and 99.90."""

    class Deep(Script):
        """Places everything at once."""

        def on_start(self) -> None:
            for level in range(levels):
                self.buy(9_990 - level, 200)
                self.sell(10_010 + level, 200)

    return Deep([])


def test_twap_does_a_slice_at_a_time_and_says_what_it_cost() -> None:
    subject = TWAP(quantity=10, horizon="10s", slices=5, start="5s")
    simulation = play(sweepable(), subject, length="30s")
    fills = fills_of(simulation, "TWAP")
    by_second = fills.group_by(pl.col("time_ns") // 10**9, maintain_order=True)
    assert by_second.agg(pl.col("quantity").sum()).rows() == [
        (5, 2.0),
        (7, 2.0),
        (9, 2.0),
        (11, 2.0),
        (13, 2.0),
    ]
    report = subject.report
    average = (fills["price"] * fills["quantity"]).sum() / 10
    assert report["average_price"] == pytest.approx(average)
    assert report["arrival_price"] == 100.0
    assert report["slippage_bps"] == pytest.approx((average / 100 - 1) * 10_000)
    assert report["shortfall_bps"] == report["slippage_bps"]
    assert report["fees_bps"] == pytest.approx(1.0)
    assert report["market_vwap"] == pytest.approx(average)
    assert (report["vwap_slippage_bps"], report["participation"]) == (0, 1)
    assert (report["filled"], report["child_orders"], report["maker_share"]) == (10, 5, 0)


def test_one_slice_is_a_sweep_and_selling_costs_the_other_way() -> None:
    subject = TWAP(side="sell", quantity=10, slices=1, horizon="10s")
    play(sweepable(), subject, length="30s")
    assert subject.report["average_price"] == pytest.approx(99.88)
    assert subject.report["slippage_bps"] == pytest.approx(12)
    assert subject.report["seconds"] < 1


def test_what_the_limit_leaves_is_a_shortfall() -> None:
    subject = TWAP(quantity=10, slices=2, horizon="10s", limit_price="100.11")
    play(sweepable(), subject, length="30s")
    report = subject.report
    assert report["filled"] == 4
    assert report["slippage_bps"] == pytest.approx(10.5)
    # The mid has moved up by one tick for each two KCN: the rest would cost that much more.
    assert report["shortfall_bps"] == pytest.approx((4 * 10.5 + 6 * 1.0) / 10)


def test_a_patient_order_makes_before_it_takes_and_never_overfills() -> None:
    for seed in range(4):
        subject = TWAP(quantity=30, horizon="1m", slices=12, patience=0.8, start="1s")
        simulation = play(*crowd(), subject, length="90s", seed=seed)
        path = fills_of(simulation, "TWAP")["quantity"].cum_sum()
        assert path[-1] == pytest.approx(30)
        assert 0 < subject.report["maker_share"] < 1


def test_a_parent_order_waits_for_a_book_and_catches_up() -> None:
    quotes = [(3_000, 9_990, 10_010), (4_500, 0, 0), (8_500, 9_990, 10_010)]
    subject = TWAP(quantity=4, horizon="4s", slices=4)
    simulation = play(Script(quotes), subject, length="15s")
    fills = fills_of(simulation, "TWAP").select(pl.col("time_ns") // 10**6, "quantity").rows()
    assert fills[0][0] >= 3_000
    assert sum(quantity for _, quantity in fills[:2]) == 2
    report = subject.report
    assert report["filled"] < 4
    assert report["arrival_price"] == 100


def test_vwap_follows_a_curve_that_is_given() -> None:
    subject = VWAP(quantity=12, horizon="6s", slices=6, curve="1,0,2", start="1s")
    simulation = play(sweepable(), subject, length="20s")
    done = fills_of(simulation, "VWAP").group_by(pl.col("time_ns") // 10**9, maintain_order=True)
    assert done.agg(pl.col("quantity").sum()).rows() == [(1, 2.0), (2, 2.0), (5, 4.0), (6, 4.0)]


class Burst(Strategy):
    """Trades evenly, but three times as much between 40 s and 50 s."""

    def on_start(self) -> None:
        self.every("250ms", self.trade)

    def trade(self) -> None:
        burst = 40_000 * MS <= self.now < 50_000 * MS
        send = self.buy if self.position <= 0 else self.sell
        send(None, 300 if burst else 100)


def test_vwap_learns_and_does_more_when_more_is_traded() -> None:
    quotes = [(n * 250 + 100, 9_990, 10_010) for n in range(400)]
    subject = VWAP(quantity=20, start="30s", horizon="40s", slices=40)
    simulation = play(Script(quotes), Burst(), subject, length="90s")
    fills = fills_of(simulation, "VWAP")
    second = fills["time_ns"] / 1e9
    per_second = [
        float(fills.filter((second >= low) & (second < low + 10))["quantity"].sum()) / 10
        for low in (30, 41, 52)
    ]
    assert per_second[0] == pytest.approx(0.5, rel=0.1)
    assert per_second[1] > 1.25 * per_second[0]
    assert per_second[2] < 0.85 * per_second[0]
    assert subject.report["filled"] == pytest.approx(20)


def test_vwap_that_knows_nothing_goes_by_time() -> None:
    subject = VWAP(quantity=10, horizon="10s", slices=5)
    simulation = play(sweepable(), subject, length="20s")
    seconds = (fills_of(simulation, "VWAP")["time_ns"] // 10**9).unique().to_list()
    assert seconds == [0, 2, 4, 6, 8]


# An arbitrageur.


class Pair(Strategy):
    """Quotes two markets, as a test says."""

    def __init__(self, first: tuple[int, int], second: tuple[int, int], size: int = 1_000) -> None:
        super().__init__()
        self._prices, self._size = (first, second), size

    def on_start(self) -> None:
        for market, (bid, ask) in enumerate(self._prices):
            self.buy(bid, self._size, market=market)
            self.sell(ask, self._size, market=market)


PAIR = {"EUR": "100000", "EURX": "100000", "KCN": "200"}


def arbitrage(first: tuple[int, int], second: tuple[int, int], **options: Any) -> Arbitrageur:
    subject = Arbitrageur(**options)
    play(Pair(first, second), subject, length="1s", markets=[MARKET, SECOND_MARKET], funds=PAIR)
    return subject


def test_an_arbitrageur_buys_cheap_and_sells_dear_until_its_bound() -> None:
    subject = arbitrage((9_990, 10_000), (10_010, 10_020), max_position=10)
    lots = [position * lot for position, lot in zip(subject.positions, (1, 5), strict=True)]
    assert lots == [1_000, -1_000]
    subject = arbitrage((10_010, 10_020), (9_990, 10_000), max_position=10)
    lots = [position * lot for position, lot in zip(subject.positions, (1, 5), strict=True)]
    assert lots == [-1_000, 1_000]


def test_an_arbitrageur_lets_be_what_does_not_pay() -> None:
    # Ten basis points apart, of which fees take two.
    assert arbitrage((9_990, 10_000), (10_010, 10_020), edge_bps=9).positions == [0, 0]
    assert arbitrage((9_990, 10_000), (10_010, 10_020), edge_bps=7).positions != [0, 0]
    assert arbitrage((9_990, 10_000), (10_010, 10_020), rate="0.999").positions == [0, 0]


def test_an_arbitrageur_gets_rid_of_a_leg_that_stands_alone() -> None:
    class Fading(Pair):
        """Takes its dear bid away at once."""

        def on_start(self) -> None:
            super().on_start()
            self.at(1_500_000, self.fade)

        def fade(self) -> None:
            for order in list(self.orders.values()):
                if (order.market, order.side) == (1, Side.BUY):
                    self.cancel(order)

    subject = Arbitrageur()
    pair = Fading((9_990, 10_000), (10_010, 10_020))
    simulation = play(pair, subject, length="1s", markets=[MARKET, SECOND_MARKET], funds=PAIR)
    assert subject.positions == [0, 0]
    sides = fills_of(simulation, "Arbitrageur")["side"].to_list()
    assert sides == ["BUY", "SELL"]


def test_an_arbitrageur_sends_nothing_that_it_cannot_pay() -> None:
    subject = Arbitrageur(size=5)
    simulation = Simulation(
        [MARKET, SECOND_MARKET],
        [
            Agent(Pair((9_990, 10_000), (10_010, 10_020)), funds=PAIR),
            Agent(subject, funds={"EUR": "333", "EURX": "0", "KCN": "100"}),
        ],
        latency=ConstantLatency("1ms"),
        engine="reference",
    )
    simulation.run("1s")
    events = np.concatenate(simulation.transport.events)
    assert not (events["kind"] == EventKind.REJECTED).any()
    assert subject.positions[0] == 330


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TWAP(quantity="0.001"), "multiple of"),
        (lambda: TWAP(limit_price="0.001"), "multiple of"),
        (lambda: Arbitrageur(other="KCN/USD"), "no other market; there are: KCN/EUR"),
        (lambda: Arbitrageur(other=0), "no other market"),
        (lambda: Arbitrageur(other=2), "no other market"),
        (lambda: Arbitrageur(other="ABC/EUR"), "no other market"),
    ],
)
def test_what_does_not_fit_the_market_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        play(make(), markets=[MARKET, SECOND_MARKET], length="1s")


def test_two_markets_must_share_a_base_asset() -> None:
    other = Market(Asset("ABC"), Asset("EUR"))
    with pytest.raises(ParameterError, match="share no base asset"):
        play(Arbitrageur(), markets=[MARKET, other], length="1s")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MeanReversion(close_at=3), "close_at 3.0 is not below threshold 2.5"),
        (lambda: Momentum(fast=40), "fast 40 is not below slow 40"),
        (lambda: Momentum(close_bps=3), "close_bps 3.0 is not below"),
        (lambda: TWAP(horizon="10ns", slices=11), "has no 11 slices"),
        (lambda: TWAP(horizon="soon"), "must be a positive length of time"),
        (lambda: TWAP(start="-1s"), "must be a length of time"),
        (lambda: VWAP(curve="1,x"), "is not like"),
        (lambda: VWAP(curve="0,0"), "is not like"),
        (lambda: VWAP(curve="1,-1,2"), "is not like"),
        (lambda: VWAP(curve="1,nan"), "is not like"),
        (lambda: MarketMaker(period="0s"), "must be a positive length of time"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
