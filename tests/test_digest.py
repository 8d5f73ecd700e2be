"""The digest sees all that accounts and markets can see, and not how things came to be so."""

from __future__ import annotations

import numpy as np
import pytest

from mexchange.digest import BALANCE_ROW, MARKET_ROW, ORDER_ROW, digest
from mexchange.records import OrderType, Side
from mexchange.testing.desk import A, B, C, Desk


@pytest.fixture(params=["reference", "kernel"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def rows(dtype: np.dtype[np.void], count: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Rows in which every field has a value of its own."""
    filled = np.zeros(count, dtype)
    for number, name in enumerate(dtype.names or ()):
        filled[name] = np.arange(count) * 100 + number
    return filled


def test_every_field_of_every_row_counts() -> None:
    tables = [rows(ORDER_ROW, 3), rows(BALANCE_ROW, 2), rows(MARKET_ROW, 2)]
    tiers = np.array([0, 1], np.int64)
    seen = {digest(tables[0], tables[1], tables[2], tiers)}
    changes = 0
    for table in tables:
        for name in table.dtype.names or ():
            for row in range(len(table)):
                table[name][row] += 1
                seen.add(digest(tables[0], tables[1], tables[2], tiers))
                table[name][row] -= 1
                changes += 1
    tiers[1] = 2
    seen.add(digest(tables[0], tables[1], tables[2], tiers))
    assert len(seen) == changes + 2


def test_rows_do_not_run_into_each_other() -> None:
    empty = np.zeros(0, np.int64)
    orders, markets = np.zeros(0, ORDER_ROW), np.zeros(1, MARKET_ROW)
    one = digest(orders, np.zeros(1, BALANCE_ROW), markets, empty)
    other = digest(orders, np.zeros(0, BALANCE_ROW), np.zeros(3, MARKET_ROW), empty)
    assert one != other
    assert len(one) == 32


def test_it_is_the_same_for_views_and_other_byte_orders() -> None:
    orders = rows(ORDER_ROW, 6)
    balances, markets, tiers = rows(BALANCE_ROW, 2), rows(MARKET_ROW, 1), np.zeros(2, np.int64)
    expected = digest(orders[::2].copy(), balances, markets, tiers)
    assert digest(orders[::2], balances, markets, tiers) == expected
    foreign = orders[::2].astype(ORDER_ROW.newbyteorder(">"))
    assert digest(foreign, balances, markets, tiers) == expected


def test_a_known_state_has_a_known_digest(engine: str) -> None:
    # A change of this value breaks every digest that anybody has written down.
    desk = Desk(engine)
    desk.build("5/20#2 | 99 |\n 3#1 | 98 |\n | 101 | 7#3")
    desk.buy(2, 101, order_id=4)
    assert desk.exchange.digest() == "1739a63386c33dad6083904cd1f4d521"


def test_the_way_does_not_matter(engine: str) -> None:
    desk, other = Desk(engine), Desk(engine)
    desk.build("3#1 4#2 | 98 |")
    other.build("9#9 | 1 |")
    other.build("3#1 4#2 | 98 |")
    other.exchange.cancel(A, 9)
    assert other.exchange.sequence > desk.exchange.sequence
    assert other.exchange.digest() == desk.exchange.digest()


def test_each_of_these_shows(engine: str) -> None:
    desk = Desk(engine)
    exchange = desk.exchange
    seen = [exchange.digest()]

    def changes() -> None:
        seen.append(exchange.digest())
        assert len(set(seen)) == len(seen)

    desk.build("4#1 4#2 | 98 |")
    changes()
    exchange.reduce(A, 1, 1)
    changes()
    exchange.amend(A, 1, quantity=6)
    changes()
    desk.buy(1, type=OrderType.STOP, trigger_price=150, order_id=3)
    changes()
    exchange.submit(
        C, 0, Side.SELL, 1, type=OrderType.TRAILING_STOP, trailing_offset=50, order_id=4
    )
    changes()
    desk.trade_at(120)
    changes()
    exchange.set_tier(B, 1)
    changes()
    exchange.deposit(0, "EUR", 1)
    changes()
    exchange.open_account()
    changes()


def test_the_order_of_a_queue_shows(engine: str) -> None:
    desk, other = Desk(engine), Desk(engine)
    for one, ids in ((desk, (1, 2)), (other, (2, 1))):
        for number in ids:
            one.buy(5, 98, order_id=number)
    assert desk.exchange.digest() != other.exchange.digest()
