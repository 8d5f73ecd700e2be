"""What each ingredient is known for, against its formula."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from mexchange import EventKind, Side
from mexchange.flow import (
    Fundamental,
    Hawkes,
    Metaorders,
    Pace,
    TouchRefill,
    ZeroIntelligence,
)
from mexchange.flow.layout import Flow
from mexchange.records import CommandKind, OrderType, TimeInForce
from mexchange.testing.flow import World

SECOND = 10**9
WALLS = 50
BID, ASK = 9_999, 10_000
Floats = npt.NDArray[np.float64]


def arrays(world: World) -> Flow:
    flow = world.flow._flow
    assert flow is not None
    return flow


def signs(world: World) -> Floats:
    """Of all that took something: 1 for buys, -1 for sells."""
    sent = world.commands[1:]
    takes = (sent["kind"] == CommandKind.NEW) & (sent["time_in_force"] == TimeInForce.IOC)
    return 1.0 - 2.0 * sent["side"][takes]


def sign_memory(signs: Floats, lags: npt.NDArray[np.int64]) -> Floats:
    return np.array([(signs[:-lag] * signs[lag:]).mean() for lag in lags.tolist()])


def hill(sizes: Floats, share: float = 0.05) -> float:
    largest = np.sort(sizes)[::-1][: int(share * len(sizes)) + 1]
    return float(1 / np.log(largest[:-1] / largest[-1]).mean())


def near(count: float, expected: float) -> bool:
    """Within five standard deviations of a Poisson number."""
    return abs(count - expected) < 5 * math.sqrt(expected)


# Zero intelligence.

ZERO = ZeroIntelligence(
    limit_rate=40, market_rate=5, cancel_rate=0.5, cancel_exponent=0.8, distance_exponent=1.1,
    reach=200,
)  # fmt: skip
SECONDS = 2_000


@pytest.fixture(scope="module")
def zero() -> World:
    return World([ZERO], walls=WALLS).run(SECONDS * SECOND)


def test_limit_and_market_orders_arrive_at_their_rates(zero: World) -> None:
    sent = zero.commands[zero.commands["time_ns"] > 0]
    new = sent[sent["kind"] == CommandKind.NEW]
    limits, markets = new[new["type"] == OrderType.LIMIT], new[new["type"] == OrderType.MARKET]
    assert near(len(limits), 40 * SECONDS)
    assert near(len(markets), 5 * SECONDS)
    assert near((limits["side"] == Side.BUY).sum(), 20 * SECONDS)
    waits = np.diff(new["time_ns"]) / SECOND
    assert abs(waits.std() / waits.mean() - 1) < 0.02, "not a Poisson process"


def test_limit_orders_stand_where_the_power_law_puts_them(zero: World) -> None:
    sent = zero.commands[zero.commands["time_ns"] > 0]
    limits = sent[(sent["kind"] == CommandKind.NEW) & (sent["type"] == OrderType.LIMIT)]
    away = np.where(limits["side"] == Side.BUY, ASK - limits["price"], limits["price"] - BID)
    assert away.min() == 1
    assert away.max() <= ZERO.reach
    for distance in (1, 2, 3, 5, 10, 50):
        assert near((away == distance).sum(), len(limits) * ZERO.share_at(distance))
    assert sum(map(ZERO.share_at, range(1, ZERO.reach + 1))) == pytest.approx(1)


def test_orders_are_cancelled_at_the_rate_of_their_distance(zero: World) -> None:
    """Cancels, over the time that all orders at a distance stood together."""
    events = zero.events
    placed = events[(events["kind"] == EventKind.ACCEPTED) & (events["displayed"] > 0)]
    gone = events[events["kind"] == EventKind.CANCELLED]
    ends = dict(zip(gone["order_id"].tolist(), gone["time_ns"].tolist(), strict=True))
    stood, cancelled = np.zeros(300), np.zeros(300)
    for order, side, price, time_ns in placed[["order_id", "side", "price", "time_ns"]].tolist():
        away = ASK - price if side == Side.BUY else price - BID
        stood[away] += (ends.get(order, SECONDS * SECOND) - time_ns) / SECOND
        cancelled[away] += order in ends
    for distance in (2, 3, 5, 10, 40, 64):
        rate = ZERO.cancel_rate * distance**-ZERO.cancel_exponent
        assert near(cancelled[distance], rate * stood[distance]), distance
    far = slice(65, 201)
    assert near(cancelled[far].sum(), ZERO.cancel_rate * 64**-0.8 * stood[far].sum())


def test_the_book_opens_in_its_balance(zero: World) -> None:
    opening = zero.log[1][0]
    for distance in (1, 2, 5, 20):
        for price in (ASK - distance, BID + distance):
            count = (opening["price"] == price).sum()
            assert abs(count - ZERO.standing_at(distance)) < 1
    stands = len(zero.exchange.orders()) - 2 * WALLS
    assert near(stands, 2 * sum(map(ZERO.standing_at, range(1, ZERO.reach + 1))))


# Hawkes.


def test_hawkes_rates_are_those_of_the_branching_matrix() -> None:
    matrix = np.full((6, 6), 0.02) + 0.4 * np.eye(6)
    matrix[2, 0] = matrix[3, 1] = 0.3
    hawkes = Hawkes(base=(0.5, 0.5, 1, 1, 0, 0), matrix=tuple(map(tuple, matrix)), decay=3)
    world = World([hawkes], walls=WALLS).run(4_000 * SECOND)
    sent = world.commands[1:]
    new = sent[(sent["kind"] == CommandKind.NEW) & (sent["time_ns"] > 0)]
    takes = new["time_in_force"] == TimeInForce.IOC
    for side in Side:
        for kind, chosen in ((side, takes), (2 + side, ~takes)):
            count = (chosen & (new["side"] == side)).sum()
            assert count == pytest.approx(4_000 * hawkes.rates[kind], rel=0.1)
    assert hawkes.radius == pytest.approx(max(abs(np.linalg.eigvals(matrix))))


def test_hawkes_counts_vary_as_the_branching_ratio_says() -> None:
    """Var / mean of counts in long windows is 1 / (1 - n)², and 1 without excitation."""
    for ratio in (0.0, 0.6):
        matrix = tuple(tuple(ratio if k == j == 0 else 0.0 for j in range(6)) for k in range(6))
        hawkes = Hawkes(base=(1, 0, 0, 0, 0, 0), matrix=matrix, decay=10)
        world = World([hawkes], walls=WALLS).run(20_000 * SECOND)
        times = world.commands["time_ns"][world.commands["kind"] == CommandKind.NEW]
        counts = np.bincount(times // (20 * SECOND))
        assert counts.mean() == pytest.approx(20 / (1 - ratio), rel=0.05)
        assert counts.var() / counts.mean() == pytest.approx((1 - ratio) ** -2, rel=0.15)


# Metaorders.


@pytest.fixture(scope="module")
def worked() -> World:
    meta = Metaorders(
        rate=100, active=3, shortest=2, length_exponent=1.5, size=4, size_exponent=1.5, impact=0.1
    )
    return World([meta], walls=WALLS).run(2_000 * SECOND)


def test_signs_have_long_memory(worked: World) -> None:
    """C(lag) falls as lag^-(α - 1), where independent signs would have none."""
    taken = signs(worked)
    assert len(taken) > 190_000
    lags = np.unique(np.logspace(0.5, 2.5, 20).astype(int))
    memory = sign_memory(taken, lags)
    exponent, _ = np.polyfit(np.log(lags), np.log(memory), 1)
    assert -exponent == pytest.approx(0.5, abs=0.12)
    assert abs(taken.mean()) < 0.15


def test_lengths_and_sizes_have_their_tails(worked: World) -> None:
    sent = worked.commands[worked.commands["kind"] == CommandKind.NEW][2:]
    assert hill(sent["quantity"].astype(float)) == pytest.approx(1.5, abs=0.1)
    single = World([Metaorders(rate=100, active=1, shortest=4)], walls=WALLS).run(3_000 * SECOND)
    sent = single.commands[single.commands["kind"] == CommandKind.NEW]
    ends = np.flatnonzero(np.diff(sent["account"])) + 1
    lengths = np.diff(ends)
    assert lengths.min() == 4
    for longer in (8, 16, 40):
        assert near((lengths >= longer).sum(), len(lengths) * (longer / 4) ** -1.5)
    for start, end in pairwise(ends.tolist()):
        assert len(set(sent["side"][start:end])) == 1


def test_the_value_moves_by_the_square_root_of_what_was_traded() -> None:
    meta = Metaorders(rate=10, active=1, shortest=5, size=4, impact=0.5, reversal=0.25)
    world = World([meta], walls=WALLS)
    flow = arrays(world)
    while flow.orders[0, 1] == 0:
        world.run(world.flow.next_ns)
    start, first = 10_000.0, flow.orders[0].tolist()
    side = 1 - 2 * first[0]
    while flow.orders[0, 1] > 1:
        world.run(world.flow.next_ns)
        sent = flow.orders[0, 3] / 4
        assert flow.head["value"][0] == pytest.approx(start + side * 0.5 * math.sqrt(sent))
    world.run(world.flow.next_ns)
    after = start + side * 0.5 * math.sqrt(sent + 1) * 0.75
    assert flow.head["value"][0] == pytest.approx(after)


def test_nobody_takes_more_than_the_best_level_unless_he_walks() -> None:
    for walks in (False, True):
        zero = ZeroIntelligence(market_rate=5, size=5, size_exponent=0.8, walks=walks)
        events = World([zero]).run(200 * SECOND).events
        trades = events[events["kind"] == EventKind.TRADE]
        levels = np.unique(trades["time_ns"] * 100_000 + trades["price"])
        assert (len(levels) > len(np.unique(trades["time_ns"]))) == walks


# Makers, values, pace.


def test_refill_keeps_the_spread_at_a_tick() -> None:
    crowd = ZeroIntelligence(limit_rate=10, market_rate=2, cancel_rate=1, size=5, walks=False)
    shares = []
    for makers in ([], [TouchRefill(delay="20ms", size=5)]):
        world = World([crowd, *makers])
        spreads = []
        for time_ns in range(SECOND // 10, 300 * SECOND, SECOND // 10):
            world.log += world.flow.advance(time_ns, world.nobody)
            bid, _, ask, _ = world.exchange.best(0)
            spreads.append(ask - bid == 1)
        shares.append(np.mean(spreads))
    assert shares[0] < 0.9
    assert shares[1] > 0.97


def test_makers_stand_behind_a_thin_queue_and_flee_from_the_value() -> None:
    makers = TouchRefill(delay="1ms", depth=100, size=10, cancel_rate=1e-3, flee=100)
    still = Fundamental(rate=1e-9, news_rate=1e-6, jump=0)
    world = World(
        [ZeroIntelligence(limit_rate=0.1, market_rate=0, cancel_rate=0.01), makers, still]
    )
    world.run(5 * SECOND)
    assert min(world.exchange.best(0)[1::2]) >= 100
    flow = arrays(world)
    where = int(flow.rows["list"][1])
    theirs = flow.orders[where, : flow.counts[where]].copy()
    flow.head["value"] = ASK + 5
    world.run(60 * SECOND)
    stand = world.exchange.orders()
    sides = stand["side"][np.isin(stand["order_id"], theirs)]
    assert len(theirs) > 10
    assert (sides == Side.SELL).sum() == 0
    assert (sides == Side.BUY).sum() > 0.8 * len(theirs) / 2


def test_the_price_follows_the_value() -> None:
    crowd = [
        ZeroIntelligence(limit_rate=10, market_rate=1, cancel_rate=1, cancel_exponent=1.5, size=5),
        TouchRefill(size=5),
    ]
    values = Fundamental(rate=20, full=2, news_rate=0.1, jump=5, size=20)
    world = World([*crowd, values])
    gaps, moved = [], []
    for time_ns in range(10 * SECOND, 3_600 * SECOND, 10 * SECOND):
        world.run(time_ns)
        bid, _, ask, _ = world.exchange.best(0)
        value = float(arrays(world).head["value"][0])
        gaps.append((bid + ask) / 2 - value)
        moved.append(value)
    assert np.std(moved) > 20
    assert np.std(gaps) < 0.35 * np.std(moved)


def test_the_value_is_a_random_walk_that_comes_home() -> None:
    news = Fundamental(rate=1e-9, news_rate=10, jump=2, reversion=0.02)
    world = World([news], walls=WALLS)
    values = []
    for time_ns in range(50 * SECOND, 40_000 * SECOND, 50 * SECOND):
        world.run(time_ns)
        values.append(float(arrays(world).head["value"][0]) - 10_000)
    # Ornstein and Uhlenbeck: variance of the news a second, over twice the reversion.
    assert np.std(values) == pytest.approx(math.sqrt(10 * 2 * 2**2 / (2 * 0.02)), rel=0.1)
    assert abs(np.mean(values)) < 8


def test_the_pace_is_a_change_of_time() -> None:
    pace = Pace(times=(20, 200), sigmas=(0.5, 0.3), lowest=0.001, highest=1000)
    world = World([ZeroIntelligence(limit_rate=50, market_rate=0), pace], walls=WALLS)
    paces, counts = [], []
    for time_ns in range(SECOND, 20_000 * SECOND, SECOND):
        paces.append(float(arrays(world).head["pace"][0]))
        sent = sum(len(part) for part, _ in world.flow.advance(time_ns, world.nobody))
        counts.append(sent)
    logs = np.log(paces)
    assert np.mean(paces[1:]) == pytest.approx(1, abs=0.15)
    assert np.std(logs) == pytest.approx(math.sqrt(0.5**2 + 0.3**2), rel=0.1)
    rate = np.array(counts) / np.array(paces)
    assert np.corrcoef(counts, paces)[0, 1] > 0.9
    assert np.std(rate) / np.mean(rate) < 0.2
