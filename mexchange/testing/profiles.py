"""What kind of trading random commands imitate, and markets that are awkward on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from mexchange.markets import Asset, Fees, Market

__all__ = ["PROFILES", "Profile", "awkward_markets"]


@dataclass(frozen=True, slots=True)
class Profile:
    """How often things happen (probabilities and weights) and how large they are.

    Prices are `centre` ± `spread` ticks, up to `cross` ticks beyond the centre on the other side;
    the centre drifts by one tick with probability `drift` a command. `funds` is what each account
    gets of every asset, in atoms. `kinds` are the weights of new, cancel, amend, reduce and of all
    other commands, `types` those of the order types in their order. `recent` is how far back, on
    average, commands look for the order they name. Orders are numbered by `sources` senders, whose
    counters grow by 1 to `gap` each time.
    """

    name: str
    accounts: int = 4
    centre: int = 100
    spread: int = 8
    cross: int = 4
    drift: float = 0.02
    lots: int = 20
    funds: int = 1_000_000
    kinds: tuple[float, float, float, float, float] = (0.7, 0.1, 0.1, 0.05, 0.05)
    types: tuple[float, float, float, float, float, float] = (0.6, 0.12, 0.07, 0.07, 0.07, 0.07)
    recent: int = 12
    sources: int = 3
    gap: int = 1
    step_ns: int = 20
    life_ns: int = 400
    iceberg: float = 0.25
    post_only: float = 0.1
    self_trade: float = 0.5
    wrong: float = 0.03
    """Chance of one field being anything, of a wrong account, of a repeated id, of a time gone
    back: each on its own."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("mixed"),
        Profile("orderly", wrong=0.0),
        Profile("poor", funds=6_000, accounts=3, wrong=0.01),
        Profile("selfish", accounts=2, self_trade=0.9, iceberg=0.4, spread=4, wrong=0.005),
        Profile("icebergs", iceberg=0.9, types=(0.8, 0.2, 0, 0, 0, 0), lots=150, spread=3),
        Profile(
            "stops",
            types=(0.35, 0.15, 0.13, 0.12, 0.13, 0.12),
            drift=0.2,
            spread=12,
            recent=40,
            wrong=0.005,
        ),
        Profile("broken", wrong=0.5),
        Profile("deep", spread=60, cross=2, kinds=(0.8, 0.05, 0.06, 0.04, 0.05), recent=200),
        Profile("wide", centre=200_000, spread=150_000, cross=1_000, funds=1 << 52, recent=60),
        Profile("low", centre=3, spread=6, cross=3, lots=200),
        Profile("rich", centre=60_000, lots=1 << 30, funds=1 << 58, spread=30, wrong=0.01),
        Profile("changing", kinds=(0.3, 0.1, 0.4, 0.15, 0.05), recent=6, wrong=0.01),
        Profile(
            "crowded",
            accounts=60,
            centre=5_000,
            spread=3_000,
            cross=30,
            kinds=(0.9, 0.04, 0.02, 0.02, 0.02),
            types=(0.8, 0.02, 0.05, 0.05, 0.04, 0.04),
            funds=1 << 40,
            recent=2_000,
            sources=400,
            gap=3_000,
            life_ns=1_000_000,
            wrong=0.005,
        ),
        Profile("passing", life_ns=60, step_ns=40, recent=20, wrong=0.005),
    )
}


def awkward_markets(count: int = 2) -> list[Market]:
    """Up to three markets: coarse atoms and odd fees, a rebate and a minimum, shared assets.

    In the first one an atom is large enough that rounding fees matters at every trade.
    """
    coin, token, euro = Asset("KCN", 2), Asset("TOK", 0), Asset("EUR", 2)
    tiers = (Fees(100, 333), Fees(-20, 1500), Fees(0, 77), Fees(20_011, 30_007))
    markets = [
        Market(coin, euro, tick="0.01", lot=1, fees=tiers, max_price=1 << 20),
        Market(
            token,
            euro,
            tick="0.07",
            lot=1,
            min_notional="25.00",
            fees=(Fees(-100, 250), Fees(0, 100)),
            max_price=1 << 20,
            max_quantity=1 << 32,
        ),
        Market(coin, token, tick=1, lot="3", max_price=1 << 24),
    ]
    return markets[:count]
