"""What trades: `Strategy`, and what a strategy sees.

The same class runs in simulation, in a backtest and live: it hears of the world through hooks and
acts through verbs, and never touches the engine.
"""

from mexchange.strategy.base import Strategy
from mexchange.strategy.desk import Desk
from mexchange.strategy.parameters import Duration, Length, ParameterError, Range, parameters_of
from mexchange.strategy.terms import Terms
from mexchange.strategy.views import Book, Fill, Order, OrderUpdate, Status
from mexchange.strategy.waiting import News, Timer
from mexchange.transport import Trade

__all__ = [
    "Book",
    "Desk",
    "Duration",
    "Fill",
    "Length",
    "News",
    "Order",
    "OrderUpdate",
    "ParameterError",
    "Range",
    "Status",
    "Strategy",
    "Terms",
    "Timer",
    "Trade",
    "parameters_of",
]
