"""What the events of a stream say is enough: book, quantities, holds, fees and money follow."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mexchange.engine import Kernel
from mexchange.records import EventKind, Side
from mexchange.testing.commands import Recipe
from mexchange.testing.profiles import PROFILES

if TYPE_CHECKING:
    from mexchange.records import Events

PPM = 1_000_000


RECIPES = st.builds(
    Recipe,
    markets=st.integers(1, 3),
    profile=st.sampled_from(sorted(PROFILES)),
    seed=st.integers(0, 1 << 32),
    length=st.just(600),
)


def run(recipe: Recipe) -> tuple[Kernel, Events]:
    """A kernel after random commands, and all their events."""
    markets, commands = recipe.made()
    kernel = Kernel(markets)
    return kernel, kernel.step(commands)


@given(recipe=RECIPES)
def test_displayed_sums_to_the_book(recipe: Recipe) -> None:
    kernel, events = run(recipe)
    shown: dict[tuple[int, int, int], int] = defaultdict(int)
    for event in events:
        on_makers_side = event["kind"] in {EventKind.TRADE, EventKind.PREVENTED}
        side = int(event["side"]) ^ on_makers_side
        shown[int(event["market"]), side, int(event["price"])] += int(event["displayed"])
    for market in range(len(kernel.markets)):
        for side in Side:
            book = {
                price: lots for (m, s, price), lots in shown.items() if (m, s) == (market, side)
            }
            assert all(lots >= 0 for lots in book.values())
            levels = kernel.levels(market, side)
            found = {price: lots for price, lots in book.items() if lots}
            assert found == {int(price): int(lots) for price, lots, _ in levels}


@given(recipe=RECIPES)
def test_ordered_is_executed_prevented_taken_away_or_left(recipe: Recipe) -> None:
    kernel, events = run(recipe)
    open_now: dict[int, int] = {}
    total: dict[int, int] = {}
    for event in events:
        number, quantity = int(event["order_id"]), int(event["quantity"])
        match event["kind"]:
            case EventKind.ACCEPTED:
                open_now[number] = total[number] = quantity
            case EventKind.TRADE | EventKind.PREVENTED:
                maker = int(event["maker_order_id"])
                open_now[maker] -= quantity
                assert open_now[maker] == event["maker_left"] >= 0
                if total[number]:
                    open_now[number] -= quantity
                assert open_now[number] == event["left"] >= 0
            case EventKind.CANCELLED | EventKind.EXPIRED | EventKind.REDUCED:
                open_now[number] -= quantity
                assert open_now[number] == event["left"] >= 0
            case EventKind.AMENDED:
                open_now[number] += quantity - total[number]
                total[number] = quantity
                assert open_now[number] == event["left"] > 0
            case EventKind.RESTED | EventKind.TRIGGERED | EventKind.PULLED:
                assert open_now[number] == quantity
            case _:
                pass
    standing = {number: left for number, left in open_now.items() if left}
    rows = kernel.order_rows()
    assert standing == dict(zip(rows["order_id"].tolist(), rows["left"].tolist(), strict=True))


@given(recipe=RECIPES)
def test_holds_sum_to_what_is_held(recipe: Recipe) -> None:
    kernel, events = run(recipe)
    held: dict[int, int] = defaultdict(int)
    for event in events:
        held[int(event["order_id"])] += int(event["hold"])
        held[int(event["maker_order_id"])] += int(event["maker_hold"])
    rows = kernel.order_rows()
    assert {number: hold for number, hold in held.items() if hold} == {
        number: hold
        for number, hold in zip(rows["order_id"].tolist(), rows["hold"].tolist(), strict=True)
        if hold
    }


@given(recipe=RECIPES)
def test_the_fees_of_an_order_are_rounded_once(recipe: Recipe) -> None:
    # Rates are those of the tier at acceptance, which is followed here from events alone.
    kernel, events = run(recipe)
    tiers: dict[int, int] = {}
    rates: dict[int, tuple[int, int]] = {}
    owed: dict[int, int] = defaultdict(int)
    paid: dict[int, int] = defaultdict(int)
    for event in events:
        account, number = int(event["account"]), int(event["order_id"])
        match event["kind"]:
            case EventKind.ACCOUNT_OPENED | EventKind.TIER_SET:
                tiers[account] = int(event["quantity"])
            case EventKind.ACCEPTED:
                fees = kernel.markets[event["market"]].fees
                mine = fees[min(tiers[account], len(fees) - 1)]
                rates[number] = mine.maker_ppm, mine.taker_ppm
            case EventKind.TRADE:
                market = kernel.markets[event["market"]]
                notional = market.notional(event["price"], event["quantity"])
                maker = int(event["maker_order_id"])
                owed[number] += notional * rates[number][1]
                owed[maker] += notional * rates[maker][0]
                paid[number] += int(event["fee"])
                paid[maker] += int(event["maker_fee"])
                for one in (number, maker):
                    assert paid[one] == -(-owed[one] // PPM)
            case _:
                pass


@given(recipe=RECIPES)
def test_sequences_and_times_go_up(recipe: Recipe) -> None:
    _, events = run(recipe)
    assert events["sequence"].tolist() == list(range(1, len(events) + 1))
    assert (np.diff(events["time_ns"]) >= 0).all()
