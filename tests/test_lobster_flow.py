"""LOBSTER messages as commands, and what is counted where they do not go as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mexchange.data import DataError
from mexchange.data.feed_log import FeedLog, Outcome
from mexchange.data.lobster import read_book, read_messages
from mexchange.data.lobster_flow import NO_ORDER, Flow, lobster_market, to_flow
from mexchange.exchange import Exchange
from mexchange.markets import Asset, Market
from mexchange.records import CommandKind, EventKind, Side, TimeInForce, order_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Opening book: 30 offered at 100.02, 40 wanted at 100.00.
OPENING = "1000200,30,1000000,40"
FIRST = "34200,1,1,40,1000000,1"
Order = tuple[Side, int, int]


@pytest.fixture
def flow(tmp_path: Path) -> Callable[..., Flow]:
    """Makes the flow of these messages, by default after `FIRST` and `OPENING`."""

    def made(*rows: str, first: str = FIRST, opening: str = OPENING, **options: Any) -> Flow:
        messages, book = tmp_path / "messages.csv", tmp_path / "book.csv"
        messages.write_text("\n".join((first, *rows)), encoding="ascii")
        book.write_text(opening, encoding="ascii")
        return to_flow(read_messages(messages), read_book(book) if opening else None, **options)

    return made


def commands(flow: Flow) -> list[tuple[CommandKind, int, int, int, int]]:
    """Kind, counter of the id, side, price and quantity of each command."""
    names = ("kind", "order_id", "side", "price", "quantity")
    return [(CommandKind(row[0]), *row[1:]) for row in flow.commands[[*names]].tolist()]


def test_each_message_becomes_its_command(flow: Callable[..., Flow]) -> None:
    made = flow(
        "34200.1,1,5,25,1000000,1",
        "34200.2,4,5,5,1000000,1",
        "34200.3,2,5,10,1000000,1",
        "34200.4,5,0,10,1000100,1",
        "34200.5,3,5,10,1000000,1",
        "34200.6,7,0,0,-1,-1",
        "34200.7,4,77,30,1000200,-1",
    )
    assert made.opening["kind"].tolist() == [CommandKind.NEW] * 2
    assert made.opening["order_id"].tolist() == [0, 1]
    assert made.opening[["side", "price", "quantity"]].tolist() == [(0, 10000, 40), (1, 10002, 30)]
    # Our priority gives the first execution to the 40 that stood before. So 5 of order 5 are left
    # when the file deletes it, and stand for the 5 that the others have less than in the file.
    new, reduce = CommandKind.NEW, CommandKind.REDUCE
    assert commands(made) == [
        (new, 2, Side.BUY, 10000, 25),
        (new, 3, Side.SELL, 10000, 5),
        (reduce, 2, 0, 0, 10),
        (reduce, 2, 0, 0, 10),
        (new, 4, Side.BUY, 10002, 30),
    ]
    assert made.message.tolist()[:3] == [1, 2, 3]
    assert made.message.tolist()[-1] == 7
    assert made.commands["time_ns"].tolist()[0] == 34_200_100_000_000
    executions = made.is_execution()
    assert made.commands["time_in_force"][executions].tolist() == [TimeInForce.IOC] * 2
    assert made.named[executions].tolist() == [2, 1]
    assert set(made.named[~executions].tolist()) == {NO_ORDER}
    counts = {name: made.counts[f"messages_{name}"] for name in ("new", "executed", "halt")}
    assert counts == {"new": 1, "executed": 2, "halt": 1}


def test_without_a_book_the_first_message_is_sent(flow: Callable[..., Flow]) -> None:
    made = flow("34200.1,3,1,40,1000000,1", opening="")
    assert (len(made.opening), made.first) == (0, 0)
    assert [row[0] for row in commands(made)] == [CommandKind.NEW, CommandKind.CANCEL]


def test_commands_carry_what_they_are_told_to(flow: Callable[..., Flow]) -> None:
    made = flow("34200.1,1,5,25,1000000,1", account=3, source=9, market_index=2, origin_ns=1000)
    both = np.concatenate([made.opening, made.commands])
    assert both["order_id"].tolist() == [order_id(9, counter) for counter in range(3)]
    assert set(both["account"].tolist()) == {3}
    assert set(both["market"].tolist()) == {2}
    assert made.commands["time_ns"].tolist() == [34_200_100_001_000]


def test_an_id_that_is_used_again_is_the_later_order(flow: Callable[..., Flow]) -> None:
    made = flow(
        "34200.1,1,5,25,1000000,1",
        "34200.2,3,5,25,1000000,1",
        "34200.3,1,5,10,999900,1",
        "34200.4,3,5,10,999900,1",
    )
    assert [row[:2] for row in commands(made)] == [
        (CommandKind.NEW, 2),
        (CommandKind.CANCEL, 2),
        (CommandKind.NEW, 3),
        (CommandKind.CANCEL, 3),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("34200.1,1,5,25,1000050,1", "line 2: price 1000050 is not a whole number of ticks"),
        ("34200.1,4,5,25,1000001,1", "line 2: price 1000001 is not a whole number of ticks"),
        ("34200.1,1,5,9000000000000000000,1000000,1", "line 2: size 9000000000000000000 is more"),
    ],
)
def test_what_the_market_cannot_hold_is_named(
    flow: Callable[..., Flow], row: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        flow(row)


def test_a_book_that_is_off_tick_is_named(flow: Callable[..., Flow]) -> None:
    with pytest.raises(DataError, match=r"book\.csv, line 1: a price is not a whole number"):
        flow(opening="1000250,30,1000000,40")


def test_more_than_an_exchange_can_count_is_refused(flow: Callable[..., Flow]) -> None:
    most = lobster_market().max_quantity
    with pytest.raises(DataError, match="worth more than an exchange can count"):
        flow(*(f"34201,1,{row},{most},9999990000,1" for row in range(200)))


def test_a_market_may_be_finer_than_the_file(flow: Callable[..., Flow]) -> None:
    fine = Market(Asset("TST", 2), Asset("USD", 6), tick="0.0001", lot="0.01")
    made = flow("34200.1,1,5,25,1000050,1", market=fine)
    assert commands(made) == [(CommandKind.NEW, 2, Side.BUY, 1_000_050, 2500)]
    with pytest.raises(ValueError, match=r"tick 0\.00001 is not a multiple"):
        flow(market=Market(Asset("TST", 2), Asset("USD", 8), tick="0.00001"))


def outcome(flow: Flow, *others: Order, before: int = 0) -> Outcome:
    """The flow in an exchange where someone else sends orders before its `before`-th command."""
    exchange = Exchange(flow.market, engine="reference")
    accounts = exchange.open_account(), exchange.open_account()
    for account in accounts:
        for asset, atoms in enumerate(flow.funds()):
            exchange.deposit(account, asset, 10**9 + atoms)
    log = FeedLog(flow)
    log.add(exchange.step(flow.opening))
    if before:
        log.add(exchange.step(flow.commands[:before]))
    for side, quantity, price in others:
        events = exchange.submit(accounts[1], 0, side, quantity, price)
        assert events["kind"][0] == EventKind.ACCEPTED
        log.add(events)
    for command in np.array_split(flow.commands[before:], max(1, len(flow.commands) - before)):
        log.add(exchange.step(command))
    exchange.check()
    return log.outcome()


def differences(found: Outcome) -> dict[str, int]:
    """What was counted as divergence and is not zero."""
    return {name: count for name, count in found.divergence.items() if count}


DAY = (
    "34200.1,1,5,25,1000000,1",
    "34200.2,4,1,40,1000000,1",
    "34200.3,4,5,20,1000000,1",
    "34200.4,3,5,5,1000000,1",
    "34200.5,4,77,30,1000200,-1",
)


def test_nothing_differs_when_nobody_else_trades(flow: Callable[..., Flow]) -> None:
    found = outcome(flow(*DAY))
    assert (found.executions, found.at_best, found.hit_named, found.hit_opening) == (3, 3, 3, 2)
    assert differences(found) == {}
    assert found.missed.tolist() == []


def test_someone_first_in_the_queue_is_hit_first(flow: Callable[..., Flow]) -> None:
    # At 100.00 after the opening's 40 and before the 25: gets the 20 that the file gives to those,
    # and 10 of it are left.
    found = outcome(flow(*DAY), (Side.BUY, 30, 10000))
    assert (found.executions, found.at_best, found.hit_named) == (3, 3, 2)
    assert found.missed.tolist() == [3]
    # The deletion of the last 5 of the 25 finds all of them, and takes them.
    assert differences(found) == {
        "strategy_orders": 1,
        "strategy_quantity": 20,
        "long_orders": 1,
        "long_quantity": 20,
    }


def test_a_better_price_displaces(flow: Callable[..., Flow]) -> None:
    found = outcome(flow(*DAY), (Side.BUY, 10, 10001))
    assert (found.executions, found.at_best, found.hit_named) == (3, 2, 1)
    counted = differences(found)
    assert counted["displaced_orders"] == counted["strategy_orders"] == 1
    assert counted["displaced_quantity"] == counted["strategy_quantity"] == 10


def test_what_someone_took_is_missing_later(flow: Callable[..., Flow]) -> None:
    rows = ("34200.1,1,5,25,1000000,1", "34200.2,3,1,40,1000000,1", "34200.3,3,5,25,1000000,1")
    everything = outcome(flow(*rows), (Side.SELL, 65, 10000), before=1)
    assert differences(everything) == {"missing_orders": 2, "missing_quantity": 65}
    some = outcome(flow(*rows), (Side.SELL, 50, 10000), before=1)
    assert differences(some) == {
        "missing_orders": 1,
        "missing_quantity": 40,
        "short_orders": 1,
        "short_quantity": 10,
    }


def test_an_execution_that_finds_nothing_is_unfilled(flow: Callable[..., Flow]) -> None:
    found = outcome(flow("34200.1,4,77,30,1000200,-1"), (Side.BUY, 20, 10002))
    assert (found.executions, found.at_best, found.hit_named) == (1, 1, 0)
    assert differences(found) == {"unfilled_orders": 1, "unfilled_quantity": 20}


def test_a_new_order_may_trade_at_once(flow: Callable[..., Flow]) -> None:
    found = outcome(flow("34200.1,1,5,25,1000100,1"), (Side.SELL, 10, 10001))
    assert differences(found) == {"crossing_orders": 1, "crossing_quantity": 10}


def test_deletions_of_nothing_known_are_counted(flow: Callable[..., Flow]) -> None:
    found = outcome(flow("34200.1,3,9,10,999000,1", "34200.2,2,1,41,1000000,1"))
    assert differences(found) == {"unknown_orders": 2, "unknown_quantity": 51}


def test_an_execution_out_of_turn_moves_the_deletion(flow: Callable[..., Flow]) -> None:
    rows = (
        "34200.1,1,5,25,1000000,1",
        "34200.2,4,5,25,1000000,1",
        "34200.3,3,1,40,1000000,1",
        "34200.4,1,6,1,1000000,1",
    )
    made = flow(*rows)
    found = outcome(made)
    assert (found.executions, found.at_best, found.hit_named) == (1, 1, 0)
    assert differences(found) == {"moved_orders": 1, "moved_quantity": 25}
    # Both orders are gone all the same, so that the book is the published one.
    assert [row[:2] for row in commands(made)[2:4]] == [
        (CommandKind.CANCEL, 0),
        (CommandKind.CANCEL, 2),
    ]


def test_orders_expire_where_the_file_has_executed_all_of_them(flow: Callable[..., Flow]) -> None:
    rows = (
        "34200.1,1,5,25,1000100,1",
        "34200.2,4,5,20,1000100,1",
        "34200.3,1,6,10,1000100,1",
        "34200.4,4,5,5,1000100,1",
        "34200.5,3,6,10,1000100,1",
    )
    made = flow(*rows, expiring=True, origin_ns=1000)
    assert made.commands["time_in_force"].tolist() == [
        TimeInForce.GTD,
        TimeInForce.IOC,
        TimeInForce.GTC,
        TimeInForce.IOC,
        TimeInForce.GTC,
    ]
    assert made.commands["expiry_ns"].tolist() == [34_200_400_001_001, 0, 0, 0, 0]
    assert differences(outcome(made)) == {}
    assert differences(outcome(made, (Side.BUY, 20, 10001))) == {
        "strategy_orders": 1,
        "strategy_quantity": 20,
        "expired_orders": 1,
        "expired_quantity": 20,
    }


def test_an_order_that_is_executed_out_of_turn_does_not_expire(flow: Callable[..., Flow]) -> None:
    # Here the 40 that stood before are hit, and order 5 has to make up for them later.
    rows = ("34200.1,1,5,25,1000000,1", "34200.2,4,5,25,1000000,1", "34200.3,3,1,40,1000000,1")
    made = flow(*rows, expiring=True)
    assert not made.commands["expiry_ns"].any()
