"""A strategy inside recorded order flow: what it gets, what that changes, and what is counted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from mexchange.backtest import RECORDED, backtest
from mexchange.data import DataError
from mexchange.latency import ConstantLatency
from mexchange.records import EventKind, Side
from mexchange.replay import replay
from mexchange.strategy import Strategy
from strategies import MarketMaker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mexchange.analytics.result import Result
    from mexchange.strategy import Fill

DAY = "TST_2024-01-02_34200000_34260000"
HOUR = "AAPL_2012-06-21_34200000_37800000"
OPENING = "1000200,30,1000000,40,1000300,50,999900,60"
FIRST = "34200,1,1,40,1000000,1"


class Idle(Strategy):
    """Does nothing."""


class Once(Strategy):
    """Sends one order at the start, and remembers its fills."""

    side: int = Side.BUY
    price: int = 10000
    quantity: int = 10
    after: str = "0s"

    def on_start(self) -> None:
        """Send it."""
        self.fills: list[Fill] = []
        self.at(self.now + int(self.after[:-1]) * 1_000_000_000, self.go)

    def go(self) -> None:
        """Buy or sell."""
        (self.sell if self.side else self.buy)(self.price, self.quantity)

    def on_fill(self, fill: Fill) -> None:
        """Keep it."""
        self.fills.append(fill)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Backtests a strategy in these messages after `FIRST` and `OPENING`."""

    def made(strategy: Any, *rows: str, **options: Any) -> Result:
        messages, book = tmp_path / "messages.csv", tmp_path / "book.csv"
        messages.write_text("\n".join((FIRST, *rows)), encoding="ascii")
        book.write_text(OPENING, encoding="ascii")
        result = backtest(strategy, messages, book, **{"engine": "reference"} | options)
        result.check()
        return result

    return made


def differences(result: Result) -> dict[str, int]:
    return {name: count for name, count in result.extra["divergence"].items() if count}


def traded(result: Result, agent: str) -> list[tuple[Any, ...]]:
    """Side, role, price and quantity of an agent's fills."""
    fills = result.fills.filter(pl.col("agent") == agent)
    return fills.select("side", "role", "price", "quantity").rows()


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_who_does_nothing_changes_nothing(root: Path, engine: Any) -> None:
    folder = root / "tests" / "data" / "lobster"
    files = folder / f"{DAY}_message_3.csv", folder / f"{DAY}_orderbook_3.csv"
    alone = replay(*files, engine=engine)
    result = backtest(Idle, *files, engine=engine)
    assert result.extra["divergence"] == alone.divergence
    assert result.extra["recorded_touch"] == 1
    assert (result.extra["messages"], result.extra["executions"]) == (14, 3)
    assert result.extra["executions_at_best"] == alone.executions_at_best
    assert result.extra["executions_hit_named_order"] == alone.executions_hit_named_order
    assert result.extra["focus"] == "Idle"
    assert result.title == "Idle in TST/USD 2024-01-02"
    assert result.parameters["messages"] == f"{DAY}_message_3.csv"
    assert result.parameters["opening_book"] == f"{DAY}_orderbook_3.csv"
    assert result.start_ns == 34_200_000_000_001
    assert set(result.accounts.values()) == {"house", RECORDED, "Idle"}
    # Expiry goes with every order that is executed to its end, and never has to act.
    assert not (result.records["kind"] == EventKind.EXPIRED).any()
    result.check()


def test_first_in_the_queue_is_hit(run: Callable[..., Result]) -> None:
    # The strategy's 10 arrive a millisecond after the 40 that stood, and before the 25.
    result = run(
        Once,
        "34200.1,1,5,25,1000000,1",
        "34200.2,4,1,40,1000000,1",
        "34200.3,4,5,20,1000000,1",
        "34200.4,3,5,5,1000000,1",
        "34200.5,1,6,7,1000000,1",
    )
    assert traded(result, "Once") == [("BUY", "maker", 100.0, 10.0)]
    assert (result.extra["executions"], result.extra["executions_hit_named_order"]) == (2, 1)
    assert differences(result) == {
        "strategy_orders": 1,
        "strategy_quantity": 10,
        "long_orders": 1,
        "long_quantity": 10,
    }
    # While the 25 still had 15 more than in the file, the best prices were the same.
    assert result.extra["recorded_touch"] == 1


def test_an_order_goes_when_the_file_has_executed_all_of_it(run: Callable[..., Result]) -> None:
    rows = (
        "34200.1,1,5,25,1000100,1",
        "34200.2,4,5,25,1000100,1",
        "34200.3,1,6,7,999800,1",
    )
    # First in the queue at a price that nobody else has.
    result = run(Once(price=10001), *rows)
    assert traded(result, "Once") == [("BUY", "maker", 100.01, 10.0)]
    assert differences(result) == {
        "strategy_orders": 1,
        "strategy_quantity": 10,
        "expired_orders": 1,
        "expired_quantity": 10,
    }
    over = result.events.filter(pl.col("kind") == "EXPIRED").row(0, named=True)
    assert (over["account"], over["reason"], over["quantity"]) == (1, "TIME_PASSED", 10)
    # A nanosecond after the message, and so before the next one.
    assert over["time_ns"] == 34_200_200_000_001
    assert result.extra["recorded_touch"] == 1


def test_a_better_price_displaces(run: Callable[..., Result]) -> None:
    result = run(Once(price=10001), "34200.2,4,1,40,1000000,1", "34200.3,3,1,0001,1000000,1")
    assert traded(result, "Once") == [("BUY", "maker", 100.01, 10.0)]
    counted = differences(result)
    assert (counted["displaced_orders"], counted["displaced_quantity"]) == (1, 10)
    assert result.extra["executions_at_best"] == 0


def test_what_the_strategy_takes_is_missing_later(run: Callable[..., Result]) -> None:
    result = run(
        Once(side=Side.SELL, quantity=40),
        "34200.1,1,5,25,999800,1",
        "34200.2,3,1,40,1000000,1",
    )
    assert traded(result, "Once") == [("SELL", "taker", 100.0, 40.0)]
    assert differences(result) == {"missing_orders": 1, "missing_quantity": 40}
    assert result.extra["recorded_touch"] == 0.5


def test_latency_decides_who_is_first(run: Callable[..., Result]) -> None:
    rows = ("34200.001,1,5,25,1000100,1", "34200.2,4,5,5,1000100,1")
    late = run(Once(price=10001), *rows, latency=ConstantLatency("1ms"))
    # Recorded orders of the same nanosecond come first.
    assert traded(late, "Once") == []
    early = run(Once(price=10001), *rows, latency=ConstantLatency("999us"))
    assert traded(early, "Once") == [("BUY", "maker", 100.01, 5.0)]


def test_the_last_message_is_part_of_it(run: Callable[..., Result]) -> None:
    result = run(Once, "34201,4,1,50,1000000,1")
    assert traded(result, "Once") == [("BUY", "maker", 100.0, 10.0)]
    assert result.end_ns == 34_201_000_000_000


def test_money_that_is_not_there_is_not_spent(run: Callable[..., Result]) -> None:
    rows = ("34200.2,4,1,50,1000000,1", "34201,4,77,5,1000200,-1")
    result = run(Once, *rows, funds={"USD": "999.99"})
    assert traded(result, "Once") == []
    assert result.orders.filter(pl.col("agent") == "Once")["reason"].to_list() == [
        "INSUFFICIENT_FUNDS"
    ]
    enough = run(Once, *rows, funds={"USD": Decimal("1000.01")})
    assert len(traded(enough, "Once")) == 1
    with pytest.raises(ValueError, match="no asset 'EUR'"):
        run(Once, *rows, funds={"EUR": "1"})


def test_parameters_make_a_strategy_of_a_class(run: Callable[..., Result]) -> None:
    row = "34200.2,4,1,50,1000000,1"
    result = run(Once, row, parameters={"quantity": 3})
    assert traded(result, "Once") == [("BUY", "maker", 100.0, 3.0)]
    with pytest.raises(ValueError, match="no parameter 'quantty'"):
        run(Once, row, parameters={"quantty": 3})
    with pytest.raises(ValueError, match="made already"):
        run(Once(), row, parameters={"quantity": 3})


def test_without_any_book_it_starts_empty(tmp_path: Path) -> None:
    messages = tmp_path / "messages.csv"
    messages.write_text(f"{FIRST}\n34201,4,1,30,1000000,1\n", encoding="ascii")
    result = backtest(Once(price=10000), messages, engine="reference")
    assert result.extra["executions_hit_named_order"] == 1
    assert result.parameters["opening_book"] == "none"
    alone = tmp_path / "one.csv"
    alone.write_text(FIRST, encoding="ascii")
    assert backtest(Idle, alone, engine="reference").extra["executions"] == 0


def test_bad_files_are_named(tmp_path: Path) -> None:
    messages = tmp_path / "messages.csv"
    with pytest.raises(DataError, match=r"messages\.csv: no such file"):
        backtest(Idle, messages)
    messages.write_text(f"{FIRST}\n34199,4,1,30,1000000,1\n", encoding="ascii")
    with pytest.raises(DataError, match="line 2: time goes back from 34200 to 34199"):
        backtest(Idle, messages)
    messages.write_text(FIRST, encoding="ascii")
    with pytest.raises(DataError, match=r"book\.csv: no such file"):
        backtest(Idle, messages, tmp_path / "book.csv")


@pytest.fixture(scope="module")
def hour(data: Path) -> tuple[Path, Path]:
    """Messages and opening book of a real hour."""
    folder = data / "lobster"
    files = (
        folder / f"{HOUR}_message_50.csv.zst",
        folder / f"{HOUR}_orderbook_50.first672.csv.zst",
    )
    for path in files:
        if not path.is_file():
            pytest.skip(f"no recorded data at {path}; set MEXCHANGE_DATA")
    return files


def test_a_market_maker_in_a_real_hour(hour: tuple[Path, Path]) -> None:
    first, again = (backtest(MarketMaker, *hour) for _ in range(2))
    assert first.digest == again.digest
    assert np.array_equal(first.records, again.records)
    first.check()
    fills = first.fills.filter(pl.col("agent") == "MarketMaker")
    sides = dict(fills.group_by("side").len().rows())
    assert min(sides.get("BUY", 0), sides.get("SELL", 0)) > 10
    assert first.extra["divergence"]["strategy_quantity"] > 0
    assert first.extra["divergence"]["rejected_orders"] == 0
    assert first.extra["recorded_touch"] > 0.99
    assert backtest(MarketMaker, *hour, latency=ConstantLatency("20ms")).digest != first.digest


def test_a_real_hour_is_as_recorded_when_nobody_trades(hour: tuple[Path, Path]) -> None:
    result = backtest(Idle, *hour)
    assert result.extra["recorded_touch"] == 1
    assert result.extra["divergence"] == replay(*hour).divergence
    assert result.extra["executions_hit_named_order"] == 4038


@pytest.mark.slow
def test_the_reference_gives_the_same_hour(hour: tuple[Path, Path]) -> None:
    kernel, reference = (
        backtest(MarketMaker, *hour, engine=engine) for engine in ("kernel", "reference")
    )
    assert kernel.digest == reference.digest
    assert np.array_equal(kernel.records, reference.records)
