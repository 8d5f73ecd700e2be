"""Trading strategies, one file each. `mexchange strategies` lists them with their parameters."""

from strategies.aggressive import Aggressive
from strategies.arbitrageur import Arbitrageur
from strategies.avellaneda_stoikov import AvellanedaStoikov
from strategies.liquidity_provider import LiquidityProvider
from strategies.market_maker import MarketMaker
from strategies.mean_reversion import MeanReversion
from strategies.momentum import Momentum
from strategies.random_trader import RandomTrader
from strategies.random_walk import RandomWalk
from strategies.twap import TWAP
from strategies.vwap import VWAP

__all__ = [
    "TWAP",
    "VWAP",
    "Aggressive",
    "Arbitrageur",
    "AvellanedaStoikov",
    "LiquidityProvider",
    "MarketMaker",
    "MeanReversion",
    "Momentum",
    "RandomTrader",
    "RandomWalk",
]
