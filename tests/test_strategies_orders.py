"""Parent orders and arbitrage: what they do slice by slice and leg by leg, and what it cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from mexchange import Asset, ConstantLatency, EventKind, Market, Side
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import ParameterError, Strategy
from mexchange.testing.stage import (
    MARKET,
    SECOND_MARKET,
    Ladder,
    Quotes,
    fills_of,
    play,
)
from strategies import (
    TWAP,
    VWAP,
    Arbitrageur,
    MarketMaker,
    RandomTrader,
)  # fmt: skip

MS = 1_000_000


def crowd() -> list[Strategy]:
    """Enough to make a market."""
    opener = Quotes([(1, 9_950, 10_050)], 500)
    return [opener, MarketMaker(), *(RandomTrader(period="200ms") for _ in range(3))]


# A parent order.


def test_twap_does_a_slice_at_a_time_and_says_what_it_cost() -> None:
    subject = TWAP(quantity=10, horizon="10s", slices=5, start="5s")
    result = play(Ladder(), subject, length="30s")
    fills = fills_of(result, "TWAP")
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
    play(Ladder(), subject, length="30s")
    assert subject.report["average_price"] == pytest.approx(99.88)
    assert subject.report["slippage_bps"] == pytest.approx(12)
    assert subject.report["seconds"] < 1


def test_what_the_limit_leaves_is_a_shortfall() -> None:
    subject = TWAP(quantity=10, slices=2, horizon="10s", limit_price="100.11")
    play(Ladder(), subject, length="30s")
    report = subject.report
    assert report["filled"] == 4
    assert report["slippage_bps"] == pytest.approx(10.5)
    # The mid has moved up by one tick for each two KCN: the rest would cost that much more.
    assert report["shortfall_bps"] == pytest.approx((4 * 10.5 + 6 * 1.0) / 10)


def test_a_patient_order_makes_before_it_takes_and_never_overfills() -> None:
    for seed in range(4):
        subject = TWAP(quantity=30, horizon="1m", slices=12, patience=0.8, start="1s")
        result = play(*crowd(), subject, length="90s", seed=seed)
        path = fills_of(result, "TWAP")["quantity"].cum_sum()
        assert path[-1] == pytest.approx(30)
        assert 0 < subject.report["maker_share"] < 1


def test_a_parent_order_waits_for_a_book_and_catches_up() -> None:
    quotes = [(3_000, 9_990, 10_010), (4_500, 0, 0), (8_500, 9_990, 10_010)]
    subject = TWAP(quantity=4, horizon="4s", slices=4)
    result = play(Quotes(quotes), subject, length="15s")
    fills = fills_of(result, "TWAP").select(pl.col("time_ns") // 10**6, "quantity").rows()
    assert fills[0][0] >= 3_000
    assert sum(quantity for _, quantity in fills[:2]) == 2
    report = subject.report
    assert report["filled"] < 4
    assert report["arrival_price"] == 100


def test_vwap_follows_a_curve_that_is_given() -> None:
    subject = VWAP(quantity=12, horizon="6s", slices=6, curve="1,0,2", start="1s")
    result = play(Ladder(), subject, length="20s")
    done = fills_of(result, "VWAP").group_by(pl.col("time_ns") // 10**9, maintain_order=True)
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
    result = play(Quotes(quotes), Burst(), subject, length="90s")
    fills = fills_of(result, "VWAP")
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
    result = play(Ladder(), subject, length="20s")
    seconds = (fills_of(result, "VWAP")["time_ns"] // 10**9).unique().to_list()
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
    result = play(pair, subject, length="1s", markets=[MARKET, SECOND_MARKET], funds=PAIR)
    assert subject.positions == [0, 0]
    sides = fills_of(result, "Arbitrageur")["side"].to_list()
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
