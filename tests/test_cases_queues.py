"""Cases of Vega, Nautilus, CoinTossX and dYdX: icebergs, amending, stops, empty books.

Where venues differ, the rule of docs/matching.md is the one tested. Hidden orders do not exist
here, nor do auctions and halts.
"""

from __future__ import annotations

import pytest

from mexchange.records import OrderType, SelfTrade, Side, TimeInForce
from mexchange.testing.desk import A, B, C, Desk, told, trades

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


@pytest.fixture(params=["reference", "kernel"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(str(request.param))


# Icebergs


def test_a_slice_is_shown_until_it_is_gone(desk: Desk) -> None:
    desk.build("10/100#1 | 10 |")
    events = desk.sell(6, 10)
    assert trades(events) == [(6, 10, 1)]
    assert events["displayed"].tolist() == [0, -6]
    desk.shows("4/94#1 | 10 |")


@pytest.mark.parametrize(
    ("sold", "after"),
    [(10, "10/90"), (20, "20/80"), (30, "10/70"), (50, "10/50"), (90, "10/10")],
)
def test_an_iceberg_alone_trades_as_one(desk: Desk, sold: int, after: str) -> None:
    desk.build("20/100#1 | 10 |")
    assert trades(desk.sell(sold, 10)) == [(sold, 10, 1)]
    desk.shows(f"{after}#1 | 10 |")


def test_hidden_quantity_goes_at_once(desk: Desk) -> None:
    desk.build("2/10#1 | 5 |")
    events = desk.sell(15, 5, order_id=2)
    assert told(events) == "ACCEPTED TRADE RESTED"
    assert trades(events) == [(10, 5, 1)]
    desk.shows("| 5 | 5#2")


def test_an_iceberg_takes_with_its_whole_size(desk: Desk) -> None:
    desk.build("| 5 | 10#1")
    events = desk.buy(15, 5, display_quantity=2, order_id=2)
    assert trades(events) == [(10, 5, 1)]
    assert (events["left"][-1], events["displayed"][-1]) == (5, 2)
    desk.shows("2/5#2 | 5 |")


def test_the_next_slice_joins_the_back(desk: Desk) -> None:
    desk.build("| 5 | 2/6#1 3#2 2/4#3")
    assert trades(desk.buy(6, 5)) == [(2, 5, 1), (3, 5, 2), (1, 5, 3)]
    desk.shows("| 5 | 1/3#3 2/4#1")
    assert trades(desk.buy(2, 5)) == [(1, 5, 3), (1, 5, 1)]
    desk.shows("| 5 | 1/3#1 2/2#3")


def test_a_slice_and_the_next_are_one_event(desk: Desk) -> None:
    desk.build("| 5 | 2/5#1 9#2")
    events = desk.buy(2, 5)
    assert told(events) == "ACCEPTED TRADE"
    assert (events["maker_left"][1], events["displayed"][1]) == (3, 0)
    desk.shows("| 5 | 9#2 2/3#1")


@pytest.mark.parametrize(("total", "after"), [(150, "2/148"), (50, "2/48")])
def test_the_reserve_changes_in_place(desk: Desk, total: int, after: str) -> None:
    desk.build("| 5 | 2/100#1 2/100#2")
    assert told(desk.exchange.amend(A, 1, quantity=total)) == "AMENDED"
    desk.shows(f"| 5 | 2/{total}#1 2/100#2")
    assert trades(desk.buy(2, 5)) == [(2, 5, 1)]
    desk.shows(f"| 5 | 2/100#2 {after}#1")


def test_reducing_takes_the_reserve_first(desk: Desk) -> None:
    desk.build("| 5 | 4/10#1 1#2")
    assert desk.exchange.reduce(A, 1, 6)["displayed"].tolist() == [0]
    desk.shows("| 5 | 4/4#1 1#2")
    assert desk.exchange.reduce(A, 1, 1)["displayed"].tolist() == [-1]
    desk.shows("| 5 | 3/3#1 1#2")


def test_an_iceberg_has_at_most_a_hundred_slices(desk: Desk) -> None:
    assert told(desk.buy(201, 5, display_quantity=2)) == "REJECTED/INVALID_DISPLAY"
    assert told(desk.buy(200, 5, display_quantity=2, order_id=1)) == "ACCEPTED"
    assert told(desk.exchange.amend(B, 1, quantity=201)) == "REJECTED/INVALID_DISPLAY"


def test_fok_counts_what_is_hidden(desk: Desk) -> None:
    desk.build("| 5 | 2/10#1 3#2")
    assert told(desk.buy(14, 5, time_in_force=FOK)) == "REJECTED/FOK_NOT_FILLABLE"
    events = desk.buy(13, 5, time_in_force=FOK)
    assert trades(events) == [(2, 5, 1), (3, 5, 2), (8, 5, 1)]


# Amending


def test_less_keeps_the_place(desk: Desk) -> None:
    desk.build("| 9 | 10#1 5#2")
    assert told(desk.exchange.amend(A, 1, quantity=8)) == "AMENDED"
    assert trades(desk.buy(3, 9)) == [(3, 9, 1)]
    desk.shows("| 9 | 5#1 5#2")


def test_more_loses_the_place(desk: Desk) -> None:
    desk.build("| 9 | 5#1 5#2")
    assert told(desk.exchange.amend(A, 1, quantity=8)) == "PULLED AMENDED RESTED"
    assert trades(desk.buy(3, 9)) == [(3, 9, 2)]
    desk.shows("| 9 | 2#2 8#1")


@pytest.mark.parametrize("time_in_force", [IOC, FOK])
def test_a_resting_order_cannot_become_immediate(desk: Desk, time_in_force: int) -> None:
    desk.build("| 9 | 5#1")
    row = desk.exchange.orders()
    command = desk.amendment(1, quantity=4, time_in_force=time_in_force)
    assert told(desk.exchange.step(command)) == "REJECTED/INVALID_COMBINATION"
    assert desk.exchange.orders().tolist() == row.tolist()


@pytest.mark.parametrize("total", [3, 4])
def test_a_total_below_what_is_filled(desk: Desk, total: int) -> None:
    desk.build("| 9 | 10#1")
    desk.buy(4, 9)
    assert told(desk.exchange.amend(A, 1, quantity=total)) == "REJECTED/AMEND_BELOW_FILLED"
    desk.shows("| 9 | 6#1")
    assert told(desk.exchange.amend(A, 1, quantity=5)) == "AMENDED"
    desk.shows("| 9 | 1#1")


def test_a_post_only_order_is_not_amended_into_taking(desk: Desk) -> None:
    desk.build("| 10 | 5#1")
    desk.buy(5, 9, post_only=True, order_id=2)
    assert told(desk.exchange.amend(B, 2, price=10)) == "REJECTED/POST_ONLY_WOULD_CROSS"
    desk.shows("| 10 | 5#1 \n 5#2 | 9 |")


# Stops


def test_stops_above_and_below(desk: Desk) -> None:
    desk.trade_at(50)
    stop = {"type": OrderType.STOP_LIMIT}
    assert told(desk.buy(1, 1, trigger_price=75, order_id=1, **stop)) == "ACCEPTED"
    assert told(desk.buy(1, 2, trigger_price=25, order_id=2, **stop)) == "ACCEPTED TRIGGERED RESTED"
    assert told(desk.sell(1, 99, trigger_price=25, order_id=3, **stop)) == "ACCEPTED"
    desk.shows("1#2 | 2 |")
    desk.trade_at(74)
    desk.trade_at(26)
    desk.shows("1#2 | 2 |")
    desk.trade_at(76)
    desk.shows("1#2 | 2 |\n 1#1 | 1 |")
    desk.trade_at(25)
    desk.shows("| 99 | 1#3\n 1#2 | 2 |\n 1#1 | 1 |")


@pytest.mark.parametrize(
    ("side", "bips", "prices", "last"),
    [
        (Side.SELL, 500, [60, 58], 57),
        (Side.BUY, 500, [40, 41], 42),
        (Side.SELL, 2500, [60, 50, 57, 46], 45),
    ],
)
def test_trailing_stops(desk: Desk, side: Side, bips: int, prices: list[int], last: int) -> None:
    desk.trade_at(50)
    limit = 1 if side == Side.BUY else 99
    desk.exchange.submit(
        B, 0, side, 3, limit, type=OrderType.TRAILING_STOP_LIMIT,
        trailing_offset=bips, trail_bips=True, order_id=1,
    )  # fmt: skip
    for price in prices:
        desk.trade_at(price)
        desk.shows("")
    desk.trade_at(last)
    desk.shows(f"3#1 | {limit} |" if side == Side.BUY else f"| {limit} | 3#1")


def test_stops_that_elect_stops_fire_after_those_elected_with_them(desk: Desk) -> None:
    desk.build("| 12 | 5#3\n | 11 | 1#2\n | 10 | 1#1")
    for number, trigger in enumerate((10, 10, 11), start=4):
        desk.buy(1, account=C, type=OrderType.STOP, trigger_price=trigger, order_id=number)
    events = desk.buy(1, 10, order_id=7)
    assert told(events) == "ACCEPTED TRADE TRIGGERED TRADE TRIGGERED TRADE TRIGGERED TRADE"
    assert events["order_id"].tolist() == [7, 7, 4, 4, 5, 5, 6, 6]
    desk.shows("| 12 | 3#3")


# Empty books and own orders


@pytest.mark.parametrize(
    ("price", "terms", "reason"),
    [
        (0, {"type": OrderType.MARKET, "time_in_force": IOC}, "NO_LIQUIDITY"),
        (10, {"time_in_force": IOC}, "IOC_REMAINDER"),
    ],
)
def test_an_empty_book(desk: Desk, price: int, terms: dict[str, int], reason: str) -> None:
    events = desk.buy(5, price, **terms)
    assert told(events) == f"ACCEPTED EXPIRED/{reason}"
    assert (events["quantity"][-1], events["left"][-1]) == (5, 0)
    desk.shows("")
    assert desk.exchange.balance(B, "EUR") == (10**12, 0)


def test_an_own_maker_goes_and_matching_goes_on(desk: Desk) -> None:
    desk.build("| 11 | 5#3@1\n | 10 | 2#1@2 4#2@3")
    events = desk.buy(8, 11, self_trade=SelfTrade.EXPIRE_MAKER)
    assert told(events) == "ACCEPTED EXPIRED/SELF_TRADE TRADE TRADE"
    assert trades(events) == [(4, 10, 2), (4, 11, 3)]
    desk.shows("| 11 | 1#3")
