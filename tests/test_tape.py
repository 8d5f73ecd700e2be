"""The tape gives the books of any time, in whatever order they are asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexchange.engine import Kernel
from mexchange.records import EVENT, EventKind, Events, Side
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import PROFILES, awkward_markets
from mexchange.transport import NOTHING, Books, Feed, Tape
from mexchange.transport.messages import own_rows

MARKETS = 2
NOBODY = np.zeros(0, np.bool_)


def stream(profile: str, seed: int, count: int = 250) -> Events:
    """Events of random commands, some of them at the same times."""
    markets = awkward_markets(MARKETS)
    events = Kernel(markets).step(random_commands(markets, count, seed, profile))
    assert (np.diff(events["time_ns"]) >= 0).all()
    return events


def shown(books: Books) -> list[object]:
    """All that books say."""
    return [
        (books.top(market), books.side(market, Side.BUY), books.side(market, Side.SELL))
        for market in range(MARKETS)
    ]


def summed(events: Events) -> list[object]:
    """What books say after some events, added up the simple way."""
    result: list[object] = []
    for market in range(MARKETS):
        levels: tuple[dict[int, int], dict[int, int]] = {}, {}
        last = time_ns = 0
        for event in events[events["market"] == market]:
            made = event["kind"] in {EventKind.TRADE, EventKind.PREVENTED}
            side, price = int(event["side"]) ^ made, int(event["price"])
            change = int(event["displayed"])
            if change:
                levels[side][price] = levels[side].get(price, 0) + change
            if event["kind"] == EventKind.TRADE:
                last = price
            if change or event["kind"] == EventKind.TRADE:
                time_ns = int(event["time_ns"])
        bids, asks = (sorted((p, q) for p, q in side.items() if q) for side in levels)
        bids.reverse()
        best = (*(bids[0] if bids else (0, 0)), *(asks[0] if asks else (0, 0)))
        result.append(((*best, last, time_ns), bids, asks))
    return result


@given(
    profile=st.sampled_from(sorted(PROFILES)),
    seed=st.integers(0, 2**32),
    looks=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    pieces=st.integers(1, 9),
)
def test_books_of_any_time(profile: str, seed: int, looks: list[float], pieces: int) -> None:
    events = stream(profile, seed)
    tape = Tape(MARKETS)
    for part in np.array_split(events, pieces):
        tape.add(part, NOBODY)
    first, last = int(events["time_ns"][0]), int(events["time_ns"][-1])
    for look in looks:
        time_ns = first - 1 + round(look * (last - first + 1))
        assert shown(tape.at(time_ns)) == summed(events[events["time_ns"] <= time_ns])


@given(profile=st.sampled_from(sorted(PROFILES)), seed=st.integers(0, 2**32), at=st.floats(0, 1))
def test_what_is_dropped_changes_nothing_later(profile: str, seed: int, at: float) -> None:
    events = stream(profile, seed)
    whole, cut = Tape(MARKETS), Tape(MARKETS)
    half = len(events) // 2
    for tape in (whole, cut):
        tape.add(events[:half], NOBODY)
    middle = int(events["time_ns"][half - 1])
    time_ns = int(events["time_ns"][0]) + round(at * (middle - int(events["time_ns"][0])))
    cut.at(middle if at > 0.5 else 0)
    cut.drop(time_ns)
    assert len(cut) <= len(whole)
    for tape in (whole, cut):
        tape.add(events[half:], NOBODY)
    for later in (int(events["time_ns"][-1]), time_ns, middle):
        assert shown(cut.at(later)) == shown(whole.at(later))
        assert cut.rows_after(later) == whole.rows_after(later)


def test_a_copy_stays_as_it_was() -> None:
    events = stream("mixed", 3)
    tape = Tape(MARKETS)
    tape.add(events, NOBODY)
    last = int(events["time_ns"][-1])
    kept = tape.at(last).copy()
    before = shown(kept)
    assert shown(tape.at(0)) == [(NOTHING, [], [])] * MARKETS
    assert shown(kept) == before != shown(tape.at(0))


def test_quantities_and_depth() -> None:
    events = stream("deep", 5, 2_000)
    tape = Tape(MARKETS)
    tape.add(events, NOBODY)
    books = tape.at(int(events["time_ns"][-1]))
    for side in Side:
        levels = books.side(0, side)
        assert len(levels) > 3
        assert books.side(0, side, 2) == levels[:2]
        assert books.side(0, side, 0) == []
        for price, lots in levels:
            assert books.quantity(0, side, price) == lots
        assert books.quantity(0, side, 1 << 60) == books.quantity(0, side, 0) == 0


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_updates_one_by_one_come_to_the_same_books(profile: str) -> None:
    events = stream(profile, 11)
    tape = Tape(MARKETS)
    tape.add(events, NOBODY)
    middle = int(events["time_ns"][len(events) // 2])
    feed = Feed(tape.at(middle), MARKETS)
    seen: list[dict[tuple[int, int], int]] = [{}, {}]
    tops = {}
    for update in feed.snapshot(middle):
        seen[update.market] = {(side, price): lots for side, price, lots in update.changes}
    trades = []
    for time_ns, updates in feed.read(tape.rows_after(middle)):
        for update in updates:
            assert update.time_ns == time_ns
            seen[update.market] |= {(side, price): lots for side, price, lots in update.changes}
            trades += update.trades or []
            tops[update.market] = (
                *(update.bid, update.bid_quantity, update.ask, update.ask_quantity),
                *(update.last, update.time_ns),
            )
    books = tape.at(int(events["time_ns"][-1]))
    for market in range(MARKETS):
        assert tops.get(market, books.top(market)) == books.top(market)
        for side in Side:
            levels = {
                price: lots for (s, price), lots in seen[market].items() if s == side and lots
            }
            assert sorted(levels.items()) == sorted(books.side(market, side))
    late = events[(events["time_ns"] > middle) & (events["kind"] == EventKind.TRADE)]
    assert [trade.sequence for trade in trades] == late["sequence"].tolist()
    assert [trade.quantity for trade in trades] == late["quantity"].tolist()
    assert [trade.side for trade in trades] == late["side"].tolist()


def test_what_concerns_an_account_is_found() -> None:
    events = stream("mixed", 7, 2_000)
    owners = np.array([False, False, True, True])
    mine, expiries = Tape(MARKETS).add(events, owners)
    instants = own_rows(events, mine, (2, 3))
    assert list(instants) == sorted(instants)
    pairs = np.isin(events["kind"], [EventKind.TRADE, EventKind.PREVENTED])
    names = EVENT.names
    assert names is not None
    for account in (2, 3):
        concerned = (events["account"] == account) | (pairs & (events["maker_account"] == account))
        assert concerned.sum() > 10
        rows = [row for own in instants.values() for row in own.get(account, [])]
        assert [dict(zip(names, row, strict=True)) for row in rows] == [
            dict(zip(names, event.tolist(), strict=True)) for event in events[concerned]
        ]
    timed = events[(events["kind"] == EventKind.ACCEPTED) & (events["expiry_ns"] != 0)]
    assert expiries == timed["expiry_ns"].tolist()
    assert len(expiries) > 0


def fingerprint() -> str:
    """A hash of books at many times of a stream of each profile."""
    state = blake2b(digest_size=16)
    for profile in sorted(PROFILES):
        events = stream(profile, 9, 200)
        tape = Tape(MARKETS)
        state.update(repr(tape.add(events, np.array([False, True, True]))).encode())
        times = events["time_ns"].tolist()
        for time_ns in times[::7] + times[::-11]:
            state.update(repr(shown(tape.at(time_ns))).encode())
    return state.hexdigest()


def test_interpreted_it_does_the_same(root: Path) -> None:
    script = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("tapes", {__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.fingerprint())
"""
    interpreted = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=root, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert interpreted.stdout.strip() == fingerprint()
