"""Replay against published books: a small made-up day, random days, and a real hour."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange.data import DataError
from mexchange.data.depth import CHANGE, DepthBuilder
from mexchange.data.feed_log import FeedLog
from mexchange.data.lobster import Book, Messages, MessageType, read_book, read_messages
from mexchange.data.lobster_flow import to_flow
from mexchange.exchange import Exchange
from mexchange.replay import ReplayReport, replay

if TYPE_CHECKING:
    from pathlib import Path

DAY = "TST_2024-01-02_34200000_34260000"
HOUR = "AAPL_2012-06-21_34200000_37800000"
# What a user may rely on to be printed, in this order and before all else.
PRINTED = [
    "messages",
    "seconds",
    "events_per_second",
    "rows_compared",
    "levels_compared",
    "rows_exact",
    "first_mismatch_row",
    "executions",
    "executions_at_best",
    "executions_hit_named_order",
]


@pytest.fixture(scope="module")
def day(root: Path) -> tuple[Path, Path]:
    """Messages and book of a small made-up day."""
    folder = root / "tests" / "data" / "lobster"
    return folder / f"{DAY}_message_3.csv", folder / f"{DAY}_orderbook_3.csv"


def differences(report: ReplayReport) -> dict[str, int]:
    return {name: count for name, count in report.divergence.items() if count}


@pytest.mark.parametrize("batch", [1, 8192])
@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_a_day_is_rebuilt(day: tuple[Path, Path], engine: str, batch: int) -> None:
    report = replay(*day, engine=engine, batch=batch)  # type: ignore[arg-type]
    assert (report.messages, report.rows_compared, report.levels_compared) == (14, 13, 3)
    assert (report.rows_exact, report.first_mismatch_row) == (13, None)
    # The second execution at 100.00 names an order that stands behind another one.
    assert (report.executions, report.executions_at_best) == (3, 3)
    assert (report.executions_hit_named_order, report.executions_hit_opening_book) == (2, 1)
    assert report.hidden_executions == 1
    assert differences(report) == {
        "unknown_orders": 1,
        "unknown_quantity": 5,
        "moved_orders": 1,
        "moved_quantity": 15,
    }
    assert (report.opening_book, report.opening_levels) == (str(day[1]), 3)
    assert report.seconds > 0
    assert report.events_per_second == pytest.approx(14 / report.seconds)


def test_the_digest_is_the_same_every_time(day: tuple[Path, Path]) -> None:
    digests = {
        replay(*day, engine="kernel").digest,
        replay(*day, engine="kernel", batch=3).digest,
        replay(*day, engine="reference").digest,
        replay(day[0], engine="reference").digest,
    }
    assert len(digests) == 1


def test_a_report_is_ready_for_json(day: tuple[Path, Path]) -> None:
    values = json.loads(json.dumps(replay(*day, engine="reference").as_dict()))
    assert list(values)[: len(PRINTED)] == PRINTED


def test_a_wrong_row_is_found(day: tuple[Path, Path], tmp_path: Path) -> None:
    rows = day[1].read_text(encoding="ascii").splitlines()
    rows[4] = rows[4].replace("1000200,10", "1000200,11")
    rows[6] = rows[6].replace("999800,10", "999800,9")
    wrong = tmp_path / "book.csv"
    wrong.write_text("\n".join(rows), encoding="ascii")
    report = replay(day[0], wrong, engine="reference")
    assert (report.rows_exact, report.first_mismatch_row) == (11, 4)
    top = replay(day[0], wrong, levels=2, engine="reference")
    assert (top.levels_compared, top.rows_exact, top.first_mismatch_row) == (2, 12, 4)


def test_a_shorter_book_is_compared_as_far_as_it_goes(
    day: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = day[1].read_text(encoding="ascii").splitlines()
    short, long = tmp_path / "short.csv", tmp_path / "long.csv"
    short.write_text("\n".join(rows[:5]), encoding="ascii")
    long.write_text("\n".join(rows + rows[-1:]), encoding="ascii")
    report = replay(day[0], short, engine="reference")
    assert (report.rows_compared, report.rows_exact) == (4, 4)
    with pytest.raises(DataError, match=r"long\.csv: has 15 rows for the 14 rows of .*_3\.csv"):
        replay(day[0], long, engine="reference")


def test_levels_that_are_not_there_are_refused(day: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="cannot compare 4 levels: there are only 3 in"):
        replay(*day, levels=4, engine="reference")
    with pytest.raises(ValueError, match="cannot compare 1 levels: there are no book to compare"):
        replay(day[0], levels=1, engine="reference")


def test_the_deepest_levels_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    row = ",".join(f"{20000 + 100 * n},5,{19900 - 100 * n},5" for n in range(20))
    book, messages = tmp_path / "book.csv", tmp_path / "messages.csv"
    book.write_text(f"{row}\n{row}\n", encoding="ascii")
    messages.write_text("1,5,0,5,20000,1\n2,5,0,5,20000,1\n", encoding="ascii")
    assert replay(messages, book, engine="reference").levels_compared == 18
    assert replay(messages, book, levels=20, engine="reference").levels_compared == 20


def made_up(seed: int, count: int, out_of_turn: bool) -> tuple[Messages, Book]:
    """A random day of which every message is published, and its book of ten levels."""
    draw = random.Random(seed)
    queues: dict[tuple[int, int], list[list[int]]] = {}
    rows, books = [], []
    for number in range(count):
        side = draw.randint(0, 1)
        standing = sorted(price for which, price in queues if which == side)
        kind = draw.choice([1, 1, 2, 3, 4]) if standing else 1
        if kind == MessageType.NEW:
            price = draw.randint(95, 99) if side == 0 else draw.randint(101, 105)
            order = [number, draw.randint(1, 9)]
            queues.setdefault((side, price), []).append(order)
            size = order[1]
        else:
            best = standing[-1] if side == 0 else standing[0]
            price = best if kind == MessageType.EXECUTED else draw.choice(standing)
            queue = queues[side, price]
            first = kind == MessageType.EXECUTED and not out_of_turn
            order = queue[0] if first else draw.choice(queue)
            size = order[1] if kind == MessageType.DELETED else draw.randint(1, order[1])
            order[1] -= size
            if not order[1]:
                queue.remove(order)
            if not queue:
                del queues[side, price]
        rows.append((number, kind, order[0], size, 100 * price, side == 0))
        books.append(published(queues))
    times, kinds, ids, sizes, prices, buys = np.array(rows).T
    messages = Messages("made-up", times, kinds, ids, sizes, prices, buys == 1)
    return messages, Book("made-up", *np.array(books).transpose(1, 0, 2))


def published(queues: dict[tuple[int, int], list[list[int]]]) -> list[list[int]]:
    """One row of a published book: ask prices, ask sizes, bid prices, bid sizes."""
    row = []
    for side in (1, 0):
        prices = sorted((price for which, price in queues if which == side), reverse=side == 0)
        sizes = [sum(size for _, size in queues[side, price]) for price in prices]
        none = [0] * (10 - len(prices))
        row += [[100 * price for price in prices] + none, sizes + none]
    return row


@given(st.integers(0, 10**6), st.integers(1, 150), st.booleans())
def test_random_days_are_rebuilt(seed: int, count: int, out_of_turn: bool) -> None:
    messages, book = made_up(seed, count, out_of_turn)
    report = replay(messages, book, levels=10, engine="reference")
    assert report.rows_exact == report.rows_compared == count - 1
    assert report.executions_at_best == report.executions
    if not out_of_turn:
        assert report.executions_hit_named_order == report.executions
        assert differences(report) == {}
    assert set(differences(report)) <= {"moved_orders", "moved_quantity"}


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(1, 8), st.integers(-3, 6), st.booleans()),
        max_size=60,
    )
)
def test_depth_is_the_sum_of_changes(drawn: list[tuple[int, int, int, bool]]) -> None:
    shown: Counter[tuple[int, int]] = Counter()
    rows, ends, expected = [], [], []
    for side, price, change, read in drawn:
        change = max(change, -shown[side, price])
        shown[side, price] += change
        rows.append((side, price, change))
        if read:
            ends.append(len(rows))
            asks = sorted(p for (s, p), size in shown.items() if s == 1 and size)[:3]
            bids = sorted((p for (s, p), size in shown.items() if s == 0 and size), reverse=True)
            table = np.zeros((3, 4), np.int64)
            for column, which, prices in ((0, 1, asks), (2, 0, bids[:3])):
                for level, at in enumerate(prices):
                    table[level, column : column + 2] = at, shown[which, at]
            expected.append(table)
    changes = np.array(rows, CHANGE)
    builder = DepthBuilder(np.arange(1, 9))
    # Reading on from where it stopped is the same as reading all at once.
    half = len(ends) // 2
    cut = ends[half - 1] if half else 0
    first = builder.rows(changes[:cut], np.array(ends[:half], np.int64), 3)
    rest = builder.rows(changes[cut:], np.array(ends[half:], np.int64) - cut, 3)
    assert np.array_equal(
        np.concatenate([first, rest]), np.array(expected).reshape(len(expected), 3, 4)
    )


@pytest.fixture(scope="module")
def hour(data: Path) -> dict[str, Path]:
    """A real hour: messages, the first 672 rows of 50 levels, and the best level of all rows."""
    folder = data / "lobster"
    files = {
        "messages": folder / f"{HOUR}_message_50.csv.zst",
        "deep": folder / f"{HOUR}_orderbook_50.first672.csv.zst",
        "top": folder / f"{HOUR}_orderbook_50.top1_all91997.csv.zst",
    }
    for path in files.values():
        if not path.is_file():
            pytest.skip(f"no recorded data at {path}; set MEXCHANGE_DATA")
    return files


class TestRealHour:
    """NASDAQ's AAPL, 2012-06-21 09:30 to 10:30."""

    def test_forty_five_levels(self, hour: dict[str, Path]) -> None:
        report = replay(hour["messages"], hour["deep"])
        assert (report.rows_compared, report.levels_compared) == (671, 45)
        assert (report.rows_exact, report.first_mismatch_row) == (671, None)

    def test_all_fifty_levels(self, hour: dict[str, Path]) -> None:
        report = replay(hour["messages"], hour["deep"], levels=50)
        assert (report.rows_compared, report.rows_exact) == (671, 663)

    @pytest.mark.parametrize("named", [False, True])
    def test_best_bid_and_ask(self, hour: dict[str, Path], named: bool) -> None:
        opening = hour["deep"] if named else None
        report = replay(hour["messages"], hour["top"], opening=opening)
        assert (report.messages, report.rows_compared, report.levels_compared) == (91997, 91996, 1)
        assert (report.rows_exact, report.first_mismatch_row) == (91906, 54606)
        assert report.opening_book == str(hour["deep"])
        assert (report.executions, report.executions_at_best) == (4067, 4067)
        assert report.executions_hit_named_order == 4038
        assert report.executions_hit_opening_book == 12
        assert report.hidden_executions == 2201
        assert differences(report) == {
            "unknown_orders": 46,
            "unknown_quantity": 20467,
            "moved_orders": 3,
            "moved_quantity": 217,
        }

    def test_where_priority_differs(self, hour: dict[str, Path]) -> None:
        """Most misses name orders of before the opening, which the file enters all at once."""
        messages = read_messages(hour["messages"])
        flow = to_flow(messages, read_book(hour["deep"], 1))
        exchange, log = Exchange(flow.market), FeedLog(flow)
        account = exchange.open_account()
        for asset, atoms in enumerate(flow.funds()):
            exchange.deposit(account, asset, atoms)
        log.add(exchange.step(flow.opening))
        log.add(exchange.step(flow.commands))
        missed = log.outcome().missed
        assert len(missed) == 4067 - 4038
        # Ids grow with time, so an order with a low one is older than where it enters the file.
        entered = np.where(messages.type == MessageType.NEW, messages.order_id, 0)
        late = (entered > 0) & (entered < np.maximum.accumulate(entered) - 100_000)
        assert np.flatnonzero(late).size == 229
        assert np.flatnonzero(late).max() == 666
        of_late = np.isin(messages.price[missed], messages.price[late]) & (missed < 10_000)
        assert np.count_nonzero(of_late) == 20
        assert set(messages.price[missed[of_late]].tolist()) == {5_870_000, 5_875_000}

    def test_the_reference_says_the_same(self, hour: dict[str, Path]) -> None:
        kernel = replay(hour["messages"], hour["deep"])
        reference = replay(hour["messages"], hour["deep"], engine="reference")
        unequal = {"seconds", "events_per_second"}
        assert {k: v for k, v in kernel.as_dict().items() if k not in unequal} == {
            k: v for k, v in reference.as_dict().items() if k not in unequal
        }
