"""Fees, holds and settlement, in atoms. Nothing here can overflow: see `Market`'s bounds.

A fee is rounded up once an order, not once a fill: the order carries how many millionths of an atom
it has overpaid, and the next fill gets them back. So a hold of the rest at the worst rate always
suffices: with carry c, ceil((a + b - c) / 10^6) covers a fill's ceil((a - c) / 10^6) and what the
rest then needs.
"""

from __future__ import annotations

from mexchange.engine.bits import millionth
from mexchange.engine.compiling import compiled, inlined
from mexchange.engine.layout import AVAILABLE, HELD, SELLS, State
from mexchange.markets import MAX_FEE_PPM, PPM

HOUSE = 0
LIFT = MAX_FEE_PPM + 1


@inlined
def fee_for(notional: int, ppm: int, carry: int) -> int:
    """The fee of a fill: `ceil((notional * ppm - carry) / 10^6)`, without the large product."""
    whole = millionth(notional)
    part = (notional - whole * PPM) * ppm - carry
    # Lifted above zero by a whole number of millions, since a rebate may make it negative.
    return whole * ppm + millionth(part + (LIFT * PPM + PPM - 1)) - LIFT


@inlined
def carry_after(notional: int, ppm: int, carry: int, fee: int) -> int:
    """What the order has overpaid after that fee, in millionths of an atom."""
    whole = millionth(notional)
    part = (notional - whole * PPM) * ppm - carry
    return (fee - whole * ppm) * PPM - part


@inlined
def buy_hold(s: State, market: int, tier: int, price: int, left: int, carry: int) -> int:
    """What a buy of `left` lots at `price` holds, in quote atoms."""
    notional = price * left * s.markets[market]["quote_per_lot_tick"]
    return notional + fee_for(notional, s.fees[market, tier, 2], carry)


@inlined
def hold_of(s: State, slot: int) -> int:
    """What a limit order should hold for what is left of it."""
    o = s.orders[slot]
    market = int(o["market"])
    if int(o["bits"]) & SELLS:
        return o["left"] * s.markets[market]["base_per_lot"]
    return buy_hold(s, market, int(o["tier"]), o["price"], o["left"], int(o["carry"]))


@inlined
def held_asset(s: State, slot: int) -> int:
    """The asset in which an order holds."""
    o = s.orders[slot]
    if int(o["bits"]) & SELLS:
        return int(s.markets[int(o["market"])]["base"])
    return int(s.markets[int(o["market"])]["quote"])


@inlined
def set_hold(s: State, slot: int, hold: int) -> int:
    """Give an order this hold, out of or back to what is available; returns the change."""
    o = s.orders[slot]
    change = hold - o["hold"]
    asset = held_asset(s, slot)
    account = int(o["account"])
    s.balances[account, asset, AVAILABLE] -= change
    s.balances[account, asset, HELD] += change
    o["hold"] = hold
    return change


@compiled
def settle(s: State, slot: int, lots: int, notional: int, role: int) -> int:
    """Settle one side of a trade whose lots are already off `left`; `role` 0 maker, 1 taker.

    Takes what is paid out of the hold (or out of what is available, for a market order), releases
    what price improvement leaves over, books what is received and the fee, and returns the fee.
    """
    o = s.orders[slot]
    market = int(o["market"])
    m = s.markets[market]
    account = int(o["account"])
    ppm = s.fees[market, int(o["tier"]), role]
    fee = fee_for(notional, ppm, int(o["carry"]))
    o["carry"] = carry_after(notional, ppm, int(o["carry"]), fee)
    hold = 0
    if o["hold"] != 0 and o["left"] != 0:
        hold = hold_of(s, slot)
    freed = o["hold"] - hold
    o["hold"] = hold
    base, quote = int(m["base"]), int(m["quote"])
    if int(o["bits"]) & SELLS:
        s.balances[account, base, AVAILABLE] += freed - lots * m["base_per_lot"]
        s.balances[account, base, HELD] -= freed
        s.balances[account, quote, AVAILABLE] += notional - fee
    else:
        s.balances[account, quote, AVAILABLE] += freed - notional - fee
        s.balances[account, quote, HELD] -= freed
        s.balances[account, base, AVAILABLE] += lots * m["base_per_lot"]
    s.balances[HOUSE, quote, AVAILABLE] += fee
    return fee
