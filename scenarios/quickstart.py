"""KCN/EUR: market makers, pushing and random traders for one simulated hour."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from mexchange.latency import LogNormalLatency
from mexchange.markets import Asset, Fees, Market
from mexchange.records import CommandKind, Commands, Side, commands
from mexchange.simulation import Agent, Simulation
from strategies import Aggressive, MarketMaker, RandomTrader

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["HOUR_NS", "MARKET", "run", "simulation"]

HOUR_NS = 3_600_000_000_000
MARKET = Market(
    Asset("KCN", 8),
    Asset("EUR", 8),
    tick="0.01",
    lot="0.01",
    fees=(Fees(maker_ppm=0, taker_ppm=100),),
)
PRICE = 10_000
FUNDS = {"EUR": Decimal(500_000), "KCN": Decimal(100)}


def seed_book(account: int = 1) -> Commands:
    """An account with five orders of 5 KCN on each side, 10 ticks apart around 100 EUR."""
    opened = commands(1, kind=CommandKind.OPEN_ACCOUNT, account=account)
    paid = commands(2, kind=CommandKind.DEPOSIT, account=account, asset=[0, 1])
    paid["quantity"] = [
        MARKET.base.atoms(FUNDS["KCN"]),
        MARKET.quote.atoms(FUNDS["EUR"]),
    ]
    steps = np.arange(1, 6) * 10
    orders = commands(10, kind=CommandKind.NEW, account=account, quantity=MARKET.lots(5))
    orders["order_id"] = np.arange(10)
    orders["side"] = [Side.BUY] * 5 + [Side.SELL] * 5
    orders["price"] = np.concatenate([PRICE - steps, PRICE + steps])
    return np.concatenate([opened, paid, orders])


def simulation(seed: int = 1, engine: str = "kernel") -> Simulation:
    """The world, ready to run."""
    return Simulation(
        MARKET,
        [
            Agent(MarketMaker(period="200ms", requote_bps=2), "maker"),
            Agent(MarketMaker(period="1s", spread_bps=16, size=3, max_inventory=60), "slow maker"),
            Agent(Aggressive(period="250ms"), "aggressive"),
            Agent(RandomTrader(period="500ms"), "random 1"),
            Agent(RandomTrader(period="500ms"), "random 2"),
            Agent(RandomTrader(period="500ms"), "random 3"),
        ],
        funds=FUNDS,
        latency=LogNormalLatency("2ms", sigma=0.5),
        seed=seed,
        setup=seed_book(),
        accounts={1: "seeder"},
        title="quickstart: KCN/EUR",
        engine=engine,
    )


def run(seed: int = 1, duration_ns: int = HOUR_NS, progress: bool = False) -> Result:
    """Run it; the same seed gives the same hour."""
    return simulation(seed).run(duration_ns, progress=progress)
