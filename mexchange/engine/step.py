"""One batch of commands, one after the other, each applied whole: risk, match, settle.

This is the only place where a taker is matched: new orders, amended ones and stops that fire all
come through `_run`. The kernel checks every `BLOCK` commands that no array can run out, and returns
early if one could; the caller grows what is short and calls again.
"""

from __future__ import annotations

from typing import Any

from mexchange.engine.amending import amend, reduce
from mexchange.engine.compiling import entry, inlined, rare
from mexchange.engine.emitting import about, account_event, reject
from mexchange.engine.handle import as_commands, as_state
from mexchange.engine.layout import (
    ACCOUNTS,
    ALL_MARKETS,
    AVAILABLE,
    BY_QUOTE,
    EVENTS_OUT,
    FIRST_TRADE,
    LADDERS,
    LIVE,
    MARKET_KIND,
    NEXT_EXPIRY,
    NO_KEY,
    SELLS,
    SEQUENCE,
    TIME,
    State,
)
from mexchange.engine.matching import (
    BY_SELF_TRADE,
    EXPIRED,
    NO_LIQUIDITY,
    PROTECTION_REACHED,
    end,
    match,
    match_by_quote,
)
from mexchange.engine.money import HOUSE
from mexchange.engine.needs import BLOCK, has_room
from mexchange.engine.ordering import (
    FOK_NOT_FILLABLE,
    INSUFFICIENT_FUNDS,
    cancel,
    cancel_all,
    drop,
    fills_whole,
    new_order,
    unaffordable,
)
from mexchange.engine.queueing import close_apart, rest_apart, tif_of, type_of
from mexchange.engine.stops import elect
from mexchange.engine.validating import FOK, IOC, UNKNOWN_ACCOUNT, UNKNOWN_MARKET, trades
from mexchange.markets import MAX_TIERS, MONEY_LIMIT
from mexchange.records import CommandKind, EventKind, Reason

_, NEW, CANCEL, AMEND, REDUCE, CANCEL_ALL = range(6)
assert (NEW, CANCEL, AMEND, REDUCE, CANCEL_ALL) == tuple(CommandKind)[1:6]
DEPOSIT, WITHDRAW = int(CommandKind.DEPOSIT), int(CommandKind.WITHDRAW)
OPEN_ACCOUNT, SET_TIER = int(CommandKind.OPEN_ACCOUNT), int(CommandKind.SET_TIER)
LAST_KIND = int(max(CommandKind))
TRIGGERED, RESTED = int(EventKind.TRIGGERED), int(EventKind.RESTED)
DEPOSITED, WITHDRAWN = int(EventKind.DEPOSITED), int(EventKind.WITHDRAWN)
ACCOUNT_OPENED, TIER_SET = int(EventKind.ACCOUNT_OPENED), int(EventKind.TIER_SET)
TIME_WENT_BACK, UNKNOWN_KIND = int(Reason.TIME_WENT_BACK), int(Reason.UNKNOWN_KIND)
UNKNOWN_ASSET, INVALID_AMOUNT = int(Reason.UNKNOWN_ASSET), int(Reason.INVALID_AMOUNT)
INVALID_TIER, ACCOUNT_NOT_NEXT = int(Reason.INVALID_TIER), int(Reason.ACCOUNT_NOT_NEXT)
TIME_PASSED, IOC_REMAINDER = int(Reason.TIME_PASSED), int(Reason.IOC_REMAINDER)


@inlined
def _finish(s: State, slot: int) -> None:
    """Match a taker, then rest or end it."""
    bits = int(s.orders[slot]["bits"])
    if bits & BY_QUOTE:
        reason = match_by_quote(s, slot)
        s.orders[slot]["left"] = 0
        end(s, slot, reason)
        return
    alive = match(s, slot)
    if s.orders[slot]["left"] == 0:
        close_apart(s, slot)
    elif not alive:
        end(s, slot, BY_SELF_TRADE)
    elif bits & MARKET_KIND:
        other = int(s.orders[slot]["market"]) * LADDERS + 1 - (bits & SELLS)
        empty = s.ladders[other]["best"] == NO_KEY
        end(s, slot, NO_LIQUIDITY if empty else PROTECTION_REACHED)
    else:
        tif = tif_of(s, slot)
        if tif == IOC or tif == FOK:
            end(s, slot, IOC_REMAINDER)
        else:
            shown = rest_apart(s, slot)
            about(s, slot, RESTED, 0, s.orders[slot]["left"], shown, 0)


@rare
def _fire(s: State, slot: int) -> bool:
    """A stop comes alive; returns whether it is to be matched."""
    about(s, slot, TRIGGERED, 0, s.orders[slot]["left"], 0, 0)
    if int(s.orders[slot]["bits"]) & MARKET_KIND:
        if unaffordable(s, slot) != 0:
            end(s, slot, INSUFFICIENT_FUNDS)
            return False
    elif tif_of(s, slot) == FOK and not fills_whole(s, slot):
        end(s, slot, FOK_NOT_FILLABLE)
        return False
    return True


@inlined
def _run(s: State, taker: int, fires: bool) -> None:
    """Match a taker, then all stops that its trades and theirs elect, one after another."""
    queued, done = 0, 0
    while True:
        market = int(s.orders[taker]["market"])
        sells = int(s.orders[taker]["bits"]) & SELLS
        if not fires or _fire(s, taker):
            _finish(s, taker)
            if s.head[FIRST_TRADE] != 0:
                queued = elect(s, market, sells, queued)
        if done == queued:
            break
        taker = int(s.fired[done])
        done += 1
        fires = True


@rare
def _expire_due(s: State) -> None:
    """End every order whose time has come."""
    while s.head[NEXT_EXPIRY] <= s.head[TIME]:
        drop(s, int(s.heap[0]), EXPIRED, TIME_PASSED)


@rare
def _move_money(s: State, c: Any) -> int:
    """DEPOSIT and WITHDRAW; returns the reason to reject, or 0."""
    account, asset, amount = int(c["account"]), int(c["asset"]), c["quantity"]
    if account >= s.head[ACCOUNTS]:
        return UNKNOWN_ACCOUNT
    if asset >= s.totals.shape[0]:
        return UNKNOWN_ASSET
    if amount <= 0:
        return INVALID_AMOUNT
    if int(c["kind"]) == DEPOSIT:
        if amount > MONEY_LIMIT - s.totals[asset]:
            return INVALID_AMOUNT
        kind = DEPOSITED
        change = amount
    else:
        kept = s.head[LIVE] if account == HOUSE else 0
        if amount > s.balances[account, asset, AVAILABLE] - kept:
            return INSUFFICIENT_FUNDS
        kind = WITHDRAWN
        change = -amount
    s.balances[account, asset, AVAILABLE] += change
    s.totals[asset] += change
    account_event(s, kind, account, asset, amount, s.balances[account, asset, AVAILABLE])
    return 0


@rare
def _manage(s: State, c: Any) -> int:
    """The commands about accounts; returns the reason to reject, or 0."""
    kind, account, tier = int(c["kind"]), int(c["account"]), c["quantity"]
    if kind == DEPOSIT or kind == WITHDRAW:
        return _move_money(s, c)
    if kind == OPEN_ACCOUNT and account != s.head[ACCOUNTS]:
        return ACCOUNT_NOT_NEXT
    if kind == SET_TIER and not trades(s, account):
        return UNKNOWN_ACCOUNT
    if not 0 <= tier < MAX_TIERS:
        return INVALID_TIER
    s.accounts[account]["tier"] = tier
    if kind == OPEN_ACCOUNT:
        s.head[ACCOUNTS] += 1
        account_event(s, ACCOUNT_OPENED, account, 0, tier, 0)
    else:
        account_event(s, TIER_SET, account, 0, tier, 0)
    return 0


@rare
def _other(s: State, c: Any) -> int:
    """Every command but NEW and CANCEL; returns a taker to match, or 0."""
    kind = int(c["kind"])
    if kind == AMEND:
        return int(amend(s, c))
    reason = 0
    if kind == REDUCE:
        reduce(s, c)
    elif kind == CANCEL_ALL:
        market = int(c["market"])
        if not trades(s, int(c["account"])):
            reason = UNKNOWN_ACCOUNT
        elif market != ALL_MARKETS and market >= s.markets.shape[0]:
            reason = UNKNOWN_MARKET
        else:
            cancel_all(s, int(c["account"]), market, market == ALL_MARKETS)
    elif DEPOSIT <= kind <= SET_TIER:
        reason = _manage(s, c)
    elif kind == 0 or kind > LAST_KIND:
        reason = UNKNOWN_KIND
    if reason != 0:
        reject(s, c, reason)
    return 0


@inlined
def _apply(s: State, c: Any) -> None:
    if c["time_ns"] < s.head[TIME]:
        reject(s, c, TIME_WENT_BACK)
        return
    s.head[TIME] = c["time_ns"]
    if s.head[NEXT_EXPIRY] <= c["time_ns"]:
        _expire_due(s)
    kind = int(c["kind"])
    if kind == NEW:
        taker = new_order(s, c)
    elif kind == CANCEL:
        cancel(s, c)
        taker = 0
    else:
        taker = _other(s, c)
    if taker != 0:
        at_once = kind == NEW and type_of(s, taker) >= 2
        _run(s, taker, at_once)


@entry
def step(handle: Any, commands: Any) -> int:
    """Apply commands until all are done or something could run out; returns how many were.

    The events stand in `events` of the state, their number in its `head[EVENTS_OUT]`.
    """
    s = as_state(handle)
    s.head[EVENTS_OUT] = 0
    batch, count = as_commands(commands), commands.shape[0]
    i = 0
    while i < count and has_room(s):
        last = min(count, i + BLOCK)
        while i < last:
            _apply(s, batch[i])
            i += 1
    s.head[SEQUENCE] += s.head[EVENTS_OUT]
    return i
