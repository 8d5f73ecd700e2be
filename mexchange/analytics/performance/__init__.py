"""Performance of an equity curve: returns, risk and their ratios, with intervals."""

from mexchange.analytics.performance.bootstrap import intervals
from mexchange.analytics.performance.figures import YEAR_NS, curve, performance
from mexchange.analytics.performance.ratios import (
    annual_return,
    calmar,
    drawdown,
    drawdown_duration,
    hit_rate,
    max_drawdown,
    profit_factor,
    returns,
    sharpe,
    sortino,
    total_return,
    volatility,
)

__all__ = [
    "YEAR_NS",
    "annual_return",
    "calmar",
    "curve",
    "drawdown",
    "drawdown_duration",
    "hit_rate",
    "intervals",
    "max_drawdown",
    "performance",
    "profit_factor",
    "returns",
    "sharpe",
    "sortino",
    "total_return",
    "volatility",
]
