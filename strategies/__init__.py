"""Trading strategies, one file each. `mexchange strategies` lists them with their parameters."""

from strategies.aggressive import Aggressive
from strategies.market_maker import MarketMaker
from strategies.random_trader import RandomTrader

__all__ = ["Aggressive", "MarketMaker", "RandomTrader"]
