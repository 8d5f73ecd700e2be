"""The tools of the other tests: they build what they draw, and find differences that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mexchange.records import (
    CommandKind,
    Commands,
    EventKind,
    Events,
    OrderType,
    Reason,
    SelfTrade,
    TimeInForce,
)
from mexchange.reference import ReferenceEngine
from mexchange.testing.book import drawn, parsed, same_book
from mexchange.testing.commands import random_commands
from mexchange.testing.compare import assert_same, described, difference, smallest
from mexchange.testing.desk import Desk
from mexchange.testing.profiles import PROFILES, awkward_markets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.markets import Market

BOOK = """
bids     | price | asks
         |   103 | 5#4@2 2/9#6
         |   101 | 7#3
3#1 1#5@3|    99 |
2/4#2    |    98 |
"""


def test_a_drawing_is_what_was_read() -> None:
    desk = Desk("reference")
    desk.build(BOOK)
    plain = BOOK.replace("@2", "").replace("@3", "")
    desk.shows(plain)
    assert same_book(drawn(desk.exchange.engine, accounts=True), BOOK.replace("#6", "#6@1")
        .replace("7#3", "7#3@1").replace("3#1 ", "3#1@1 ").replace("2/4#2", "2/4#2@1"))  # fmt: skip
    assert same_book(desk.book(ids=False), "|103|5 2/9\n|101|7\n3 1|99|\n2/4|98|")
    assert desk.book().splitlines()[0] == "bids    | price | asks"


def test_orders_without_ids_are_numbered() -> None:
    commands = parsed("1 2 | 9 |\n | 10 | 3")
    assert commands["order_id"].tolist() == [1, 2, 3]
    assert commands["quantity"].tolist() == [1, 2, 3]
    assert commands["side"].tolist() == [0, 0, 1]


@pytest.mark.parametrize("text", ["1 | 9", "x | 9 |", "1 | nine |", "1#x | 9 |"])
def test_what_is_not_a_book(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parsed(text)


def test_a_seed_gives_the_same_commands() -> None:
    markets = awkward_markets(3)
    first = random_commands(markets, 500, 5, "mixed")
    assert first.tobytes() == random_commands(markets, 500, 5, "mixed").tobytes()
    assert first.tobytes() != random_commands(markets, 500, 6, "mixed").tobytes()
    assert len(first) == 500 + 4 + 4 * 3


def test_streams_reach_every_kind_and_reason() -> None:
    commands, events = [], []
    for name in PROFILES:
        markets = awkward_markets(3)
        commands.append(random_commands(markets, 4000, 1, name))
        events.append(ReferenceEngine(markets).step(commands[-1]))
    sent, seen = np.concatenate(commands), np.concatenate(events)
    assert set(CommandKind) <= set(sent["kind"].tolist())
    assert set(EventKind) - {EventKind.NONE} == set(seen["kind"].tolist())
    assert set(Reason) == set(seen["reason"].tolist())
    traded = seen[seen["kind"] == EventKind.TRADE]
    assert set(traded["type"].tolist()) == set(OrderType)
    assert set(traded["time_in_force"].tolist()) == set(TimeInForce)
    assert set(traded["self_trade"].tolist()) == set(SelfTrade)


class Generous(ReferenceEngine):
    """An engine that is wrong: large trades cost no fee, as far as its events say."""

    def step(self, commands: Commands) -> Events:
        events = super().step(commands)
        events["fee"][events["quantity"] > 15] = 0
        return events


class Forgetful(ReferenceEngine):
    """An engine that is wrong: its digest forgets the tiers of accounts."""

    def digest(self) -> str:
        return super().digest() if self.tiers().max() < 5 else "forgotten"


class Broken(ReferenceEngine):
    """An engine that finds itself broken."""

    def check(self) -> None:
        assert self.sequence < 300, "too many events"


def stream() -> tuple[Sequence[Market], Commands]:
    markets = awkward_markets(2)
    return markets, random_commands(markets, 1500, 1, "mixed")


def test_differences_are_found_and_shortened() -> None:
    with pytest.raises(AssertionError, match="Generous has:") as caught:
        assert_same(*stream(), ReferenceEngine, Generous)
    text = str(caught.value)
    assert "TRADE" in text
    short = text.split("In short:\n")[1].split("\n\n", maxsplit=1)[0].splitlines()
    assert len(short) <= 15
    assert short[0].startswith("OPEN_ACCOUNT")


def test_states_that_differ_are_found() -> None:
    found = difference(*stream(), ReferenceEngine, Forgetful)
    assert found is not None
    assert "command" in found


def test_broken_invariants_are_found() -> None:
    found = difference(*stream(), ReferenceEngine, Broken, batch=50)
    assert found is not None
    assert "Broken: too many events" in found


def test_nothing_is_found_where_nothing_differs() -> None:
    assert difference(*stream(), ReferenceEngine, ReferenceEngine) is None


def test_the_smallest_stream_has_what_it_takes() -> None:
    commands = stream()[1]
    few = smallest(commands, lambda some: (some["kind"] == CommandKind.CANCEL).sum() >= 2)
    assert few["kind"].tolist() == [CommandKind.CANCEL] * 2
    assert described(few).count("CANCEL ") == 2
