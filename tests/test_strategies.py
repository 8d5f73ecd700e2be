"""The strategies that come with mExchange: bounded, honest, and doing what they say."""

from __future__ import annotations

import inspect
import re
from decimal import Decimal
from math import log
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import strategies
from mexchange import EventKind
from mexchange.backtest import backtest
from mexchange.simulation import Agent
from mexchange.strategy import ParameterError, Strategy, parameters_of
from mexchange.testing.stage import (
    MARKET,
    SECOND_MARKET,
    Quotes,
    fills_of,
    play,
)
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
)  # fmt: skip
from strategies.parent_order import ParentOrder

ALL = [getattr(strategies, name) for name in strategies.__all__]
ALONE = [strategy for strategy in ALL if strategy is not Arbitrageur]
MS = 1_000_000
SAMPLE = Path(__file__).parent / "data" / "lobster"


def crowd() -> list[Strategy]:
    """Enough to make a market."""
    opener = Quotes([(1, 9_950, 10_050)], 500)
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
    sent = alone.records
    assert not (sent["kind"] == EventKind.RESTED).any()
    if strategy.__name__ not in {"Aggressive", "RandomTrader"}:
        assert not (sent["kind"] == EventKind.ACCEPTED).any()


@pytest.mark.parametrize("strategy", ALONE)
def test_position_is_bounded_and_nobody_trades_with_itself(strategy: type[Strategy]) -> None:
    bounds = {
        name: Decimal(3) for name in ("max_position", "max_inventory") if hasattr(strategy, name)
    }
    subject = strategy(**bounds)
    result = play(Agent(subject, "subject"), *crowd(), length="2m")
    path = fills_of(result, "subject").select(
        pl.when(pl.col("side") == "BUY").then("quantity").otherwise(-pl.col("quantity")).cum_sum()
    )
    most = float(path.to_series().abs().max() or 0)  # type: ignore[arg-type]
    limit = float(bounds.get("max_position", bounds.get("max_inventory", Decimal(20))))
    assert most <= limit + 1e-9
    trades = result.trades
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
    result = play(Quotes(quotes), subject, length="30s")
    fills = fills_of(result, "MeanReversion")
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
    play(Quotes(up + flat), subject, length="3m")
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
    play(Quotes(quotes), Buyer(), subject, length="25s")
    flat = [centre for position, centre in seen if position == 0]
    short = [centre for position, centre in seen if position < 0]
    assert subject.position < 0
    assert min(short) > max(flat)


def test_avellaneda_stoikov_withdraws_after_a_jump() -> None:
    quotes = [(n * 100, 9_990 + n % 2, 10_010 + n % 2) for n in range(1, 100)]
    quotes += [(10_000, 8_990, 9_010), (30_000, 8_991, 9_011)]
    live: dict[int, int] = {}

    class Watched(AvellanedaStoikov):
        """Counts what it shows."""

        def quote(self) -> None:
            super().quote()
            live[self.now // (1000 * MS)] = len(self.orders)

    result = play(Quotes(quotes), Watched(), length="12s")
    assert live[9] == 2
    assert live[11] == 0, "ten per cent at once are a variance at which it would quote anything"
    mine = result.orders.filter(agent="Watched")["price"]
    assert mine.min() > 88  # type: ignore[operator]
    assert mine.max() < 102  # type: ignore[operator]


def test_a_liquidity_provider_withdraws_from_a_market_that_runs() -> None:
    quotes = [(100, 9_990, 10_010), (10_000, 9_890, 9_910), (30_000, 9_891, 9_911)]
    live: list[tuple[int, int]] = []

    class Watched(LiquidityProvider):
        """Counts what it shows."""

        def quote(self) -> None:
            super().quote()
            live.append((self.now // (1000 * MS), len(self.orders)))

    play(Quotes(quotes), Watched(), length="1m")
    shown = {second: count for second, count in live if count}
    assert shown[9] == 10
    assert not {12, 13} & set(shown), "a move of a hundred basis points makes it withdraw"
    assert shown[59] >= 9, "its average has followed"


def test_a_random_walk_stays_on_its_tether() -> None:
    subject = RandomWalk(momentum=1, step_bps=20, tether_bps=40, size=Decimal("0.01"))
    play(Quotes([(1, 9_000, 11_000)], 5_000), subject, length="1m")
    assert abs(subject._price / 10_000 - 1) <= 0.0041


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
