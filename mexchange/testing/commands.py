"""Random commands from a seed: everything an exchange may be sent, sense and nonsense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mexchange.markets import Market
from mexchange.records import (
    COMMAND,
    SOURCE_SHIFT,
    CommandKind,
    Commands,
    Flag,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    commands,
)
from mexchange.testing.profiles import PROFILES, Profile, awkward_markets

__all__ = ["Recipe", "opening", "random_commands"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

START_NS = 1_000
MONEY = (CommandKind.DEPOSIT, CommandKind.WITHDRAW)
LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_LIMIT)
TRAILING = (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, *TRAILING)
RARE = (
    CommandKind.CANCEL_ALL,
    CommandKind.DEPOSIT,
    CommandKind.WITHDRAW,
    CommandKind.OPEN_ACCOUNT,
    CommandKind.SET_TIER,
    CommandKind.TICK,
)
NUMBERS = (
    *("price", "quantity", "display_quantity", "trigger_price", "trailing_offset"),
    *("expiry_ns", "quote_quantity", "protection_price"),
)
HOSTILE = (
    -1,
    0,
    1,
    2,
    3,
    7,
    255,
    65535,
    1 << 31,
    1 << 62,
    (1 << 62) + 1,
    (1 << 63) - 1,
    -(1 << 63),
)


class Recipe(NamedTuple):
    """How to make a stream of commands: short to print when a property fails."""

    markets: int
    profile: str
    seed: int
    length: int

    def made(self) -> tuple[list[Market], Commands]:
        """Markets and commands for them."""
        markets = awkward_markets(self.markets)
        return markets, random_commands(markets, self.length, self.seed, self.profile)


def random_commands(
    markets: Sequence[Market], count: int, seed: int, profile: Profile | str = "mixed"
) -> Commands:
    """`opening` and `count` random commands after it, the same for the same arguments."""
    if isinstance(profile, str):
        profile = PROFILES[profile]
    draw = _Draw(np.random.default_rng(seed), count)
    batch = np.zeros(count, COMMAND)
    batch["time_ns"] = START_NS + np.cumsum(draw.between(0, profile.step_ns))
    _kinds_and_names(batch, draw, profile, len(markets))
    _new(batch, draw, profile, markets)
    _point_back(batch, draw, profile)
    _rest(batch, draw, profile, markets)
    _spoil(batch, draw, profile)
    return np.concatenate([opening(markets, profile), batch])


def opening(markets: Sequence[Market], profile: Profile) -> Commands:
    """Accounts 1, 2, ... in tiers 0 to 4 in turn, with the funds of the profile in every asset."""
    assets = len({asset for market in markets for asset in (market.base, market.quote)})
    numbers = np.arange(1, profile.accounts + 1)
    opened = commands(
        len(numbers), kind=CommandKind.OPEN_ACCOUNT, account=numbers, quantity=(numbers - 1) % 5
    )
    paid = commands(len(numbers) * assets, kind=CommandKind.DEPOSIT, quantity=profile.funds)
    paid["account"] = np.repeat(numbers, assets)
    paid["asset"] = np.tile(np.arange(assets), len(numbers))
    return np.concatenate([opened, paid])


class _Draw:
    """Columns of random values of one length."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.count = count

    def chance(self, probability: float) -> Bools:
        return self.rng.random(self.count) < probability

    def between(self, low: Any, high: Any) -> Ints:
        """Whole numbers in low..high, both included."""
        return self.rng.integers(low, high, self.count, endpoint=True)

    def pick(self, values: Sequence[int], weights: Sequence[float] | None = None) -> Ints:
        share = None if weights is None else np.array(weights) / sum(weights)
        return self.rng.choice(np.array(values, np.int64), self.count, p=share)


def _kinds_and_names(batch: Commands, draw: _Draw, profile: Profile, markets: int) -> None:
    """What is asked, by whom and where, and the ids of new orders."""
    kind = draw.pick((1, 2, 3, 4, 0), profile.kinds)
    batch["kind"] = np.where(kind == 0, draw.pick(RARE), kind)
    batch["account"] = draw.between(1, profile.accounts)
    batch["market"] = draw.between(0, markets - 1)
    source = draw.between(0, profile.sources - 1)
    is_new = batch["kind"] == CommandKind.NEW
    counter = draw.between(1, profile.gap)
    for one in range(profile.sources):
        mine = is_new & (source == one)
        counter[mine] = np.cumsum(counter[mine]) - 1
    batch["order_id"] = source << SOURCE_SHIFT | counter
    named = draw.chance(0.2)
    batch["client_order_id"] = np.where(named, draw.between(1, 4 * draw.count), 0)
    back = np.maximum(np.arange(draw.count) - draw.between(0, 40), 0)
    for field in ("order_id", "client_order_id"):
        again = draw.chance(profile.wrong / 2)
        batch[field] = np.where(again, batch[field][back], batch[field])


def _new(batch: Commands, draw: _Draw, profile: Profile, markets: Sequence[Market]) -> None:
    """The fields of orders, mostly such as belong together."""
    types = draw.pick(tuple(OrderType), profile.types)
    side = draw.pick(tuple(Side))
    sign = 1 - 2 * side
    wander = draw.chance(profile.drift) * draw.pick((-1, 1))
    centre = np.maximum(profile.centre + np.cumsum(wander), 1)
    highest = np.array([market.max_price for market in markets])[batch["market"]]

    def near(low: int, high: int, around: Ints = centre) -> Ints:
        return np.clip(around + sign * draw.between(low, high), 1, highest)

    limited, stops = np.isin(types, LIMITED), np.isin(types, STOPS)
    trails, is_market = np.isin(types, TRAILING), types == OrderType.MARKET
    batch["type"], batch["side"] = types, side
    batch["time_in_force"] = _times(draw, types)
    quantity = draw.between(1, profile.lots)
    batch["quantity"] = quantity
    trigger = near(-2, profile.spread // 2)
    trigger = np.where(trails & draw.chance(0.6), 0, trigger)
    batch["trigger_price"] = np.where(stops, trigger, 0)
    around = np.where(trigger == 0, centre, trigger)
    price = np.where(stops, near(-2, 5, around), near(-profile.spread, profile.cross))
    batch["price"] = np.where(limited, price, 0)
    bips = draw.chance(0.4)
    offset = np.where(bips, draw.between(1, 600), draw.between(1, max(profile.spread // 2, 2)))
    batch["trailing_offset"] = np.where(trails, offset, 0)
    protected = ~limited & draw.chance(0.3)
    batch["protection_price"] = np.where(protected, near(-1, profile.cross * 2), 0)
    flags = np.where(trails & bips, int(Flag.TRAIL_BIPS), 0)
    rests = np.isin(batch["time_in_force"], (TimeInForce.GTC, TimeInForce.GTD))
    plain = (types == OrderType.LIMIT) & rests
    flags |= np.where(plain & draw.chance(profile.post_only), int(Flag.POST_ONLY), 0)
    batch["flags"] = flags
    shown = np.maximum(quantity // draw.between(1, 9), -(-quantity // 100))
    batch["display_quantity"] = np.where(plain & draw.chance(profile.iceberg), shown, 0)
    until = batch["time_ns"] + draw.between(1, profile.life_ns)
    batch["expiry_ns"] = np.where(batch["time_in_force"] == TimeInForce.GTD, until, 0)
    batch["self_trade"] = np.where(draw.chance(profile.self_trade), draw.pick(tuple(SelfTrade)), 0)
    _budgets(batch, draw, is_market, centre, markets)


def _times(draw: _Draw, types: Ints) -> Ints:
    """A time in force that the type allows."""
    any_time = draw.pick(tuple(TimeInForce), (0.6, 0.14, 0.1, 0.16))
    at_once = draw.pick((TimeInForce.IOC, TimeInForce.FOK), (0.7, 0.3))
    resting = draw.pick((TimeInForce.GTC, TimeInForce.GTD), (0.7, 0.3))
    waits = (types == OrderType.STOP) | (types == OrderType.TRAILING_STOP)
    return np.where(types == OrderType.MARKET, at_once, np.where(waits, resting, any_time))


def _budgets(
    batch: Commands, draw: _Draw, is_market: Bools, centre: Ints, markets: Sequence[Market]
) -> None:
    """A quote quantity for some market orders: instead of a quantity, or beside it with FOK."""
    unit = np.array([market.quote_per_lot_tick for market in markets])[batch["market"]]
    share = draw.rng.random(draw.count) + 0.5
    near = (centre * batch["quantity"] * unit * share).astype(np.int64) + draw.between(0, 3)
    budgeted = is_market & draw.chance(0.4)
    batch["quote_quantity"] = np.where(budgeted, near, 0)
    batch["quantity"][budgeted & (batch["time_in_force"] == TimeInForce.IOC)] = 0


def _point_back(batch: Commands, draw: _Draw, profile: Profile) -> None:
    """Cancel, amend and reduce name an order sent not long before, mostly by its owner."""
    is_new = batch["kind"] == CommandKind.NEW
    sent = np.flatnonzero(is_new)
    points = np.isin(batch["kind"], (CommandKind.CANCEL, CommandKind.AMEND, CommandKind.REDUCE))
    if len(sent):
        back = draw.rng.geometric(1 / profile.recent, draw.count)
        target = sent[np.maximum(np.cumsum(is_new) - back, 0)]
        batch["order_id"][points] = batch["order_id"][target][points]
        right = points & ~draw.chance(profile.wrong)
        for field in ("account", "market", "side"):
            batch[field][right] = batch[field][target][right]
    cleared = (
        *("client_order_id", "display_quantity", "trigger_price", "trailing_offset"),
        *("expiry_ns", "quote_quantity", "protection_price", "time_in_force", "flags", "type"),
    )
    for field in cleared:
        batch[field][points] = 0
    amends = batch["kind"] == CommandKind.AMEND
    price = profile.centre + draw.between(-profile.spread, profile.spread)
    batch["price"][amends] = np.where(draw.chance(0.5), np.maximum(price, 1), 0)[amends]
    batch["quantity"][amends & draw.chance(0.35)] = 0
    reduces = batch["kind"] == CommandKind.REDUCE
    batch["quantity"][reduces] = draw.between(1, max(profile.lots // 3, 1))[reduces]


def _rest(batch: Commands, draw: _Draw, profile: Profile, markets: Sequence[Market]) -> None:
    """Money, accounts, tiers and cancelling everything."""
    kind = batch["kind"]
    assets = len({asset for market in markets for asset in (market.base, market.quote)})
    other = kind >= CommandKind.CANCEL_ALL
    for field in batch.dtype.names or ():
        if field not in {"time_ns", "kind", "account", "market"}:
            batch[field][other] = 0
    money = np.isin(kind, MONEY)
    batch["asset"][money] = draw.between(0, assets - 1)[money]
    batch["quantity"][money] = draw.between(1, max(profile.funds // 8, 1))[money]
    opens = kind == CommandKind.OPEN_ACCOUNT
    batch["account"][opens] = (profile.accounts + np.cumsum(opens))[opens]
    tiered = opens | (kind == CommandKind.SET_TIER)
    batch["quantity"][tiered] = draw.between(0, 5)[tiered]
    everywhere = (kind == CommandKind.CANCEL_ALL) & draw.chance(0.5)
    batch["market"][everywhere] = 65535


def _spoil(batch: Commands, draw: _Draw, profile: Profile) -> None:
    """Fields with anything in them, used or not, strange accounts, times gone back."""
    names = [name for name in batch.dtype.names or () if name not in {"time_ns", "pad"}]
    hit, which = draw.chance(profile.wrong), draw.between(0, len(names) - 1)
    value = np.where(draw.chance(0.5), draw.pick(HOSTILE), draw.between(-5, 200))
    for number, name in enumerate(names):
        rows = hit & (which == number)
        batch[name][rows] = value[rows].astype(batch.dtype[name], casting="unsafe")
    hit, which = draw.chance(profile.wrong), draw.between(0, len(NUMBERS) - 1)
    value = draw.pick(HOSTILE)
    for number, name in enumerate(NUMBERS):
        rows = hit & (which == number) & (batch[name] != 0)
        batch[name][rows] = value[rows]
    strange = draw.chance(profile.wrong / 3)
    batch["account"][strange] = draw.between(0, profile.accounts + 3)[strange]
    late = draw.chance(profile.wrong / 3)
    batch["time_ns"][late] -= draw.between(0, 3 * profile.step_ns)[late]
