"""What several scenarios read off a result, for their `extra`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["figures", "resting", "rounded"]


def resting(result: Result, agent: str, side: str, start_ns: int, end_ns: int) -> float:
    """How much of the base asset an agent had resting on a side from `start_ns` to `end_ns`.

    In the mean over that time, each order with all that was left of it at its end or filled later.
    """
    if end_ns <= start_ns:
        return 0.0
    ended = pl.col("closed_ns").fill_null(result.end_ns).clip(upper_bound=end_ns)
    began = pl.col("accepted_ns").clip(lower_bound=start_ns)
    own = result.orders.filter(agent=agent, side=side, type="LIMIT").drop_nulls("accepted_ns")
    stood = own.select(((ended - began).clip(lower_bound=0) * pl.col("quantity")).sum()).item()
    return float(stood) / (end_ns - start_ns)


def figures(result: Result, *agents: str) -> dict[str, dict[str, Any]]:
    """PnL, drawdown, fills, volume, maker's share, fees and inventory of each agent, by name."""
    columns = ("pnl", "drawdown", "fills", "volume", "maker_share", "fees", "inventory")
    rows = {row["agent"]: row for row in result.agents.iter_rows(named=True)}
    return {agent: rounded({name: rows[agent][name] for name in columns}) for agent in agents}


def rounded(values: dict[str, Any], digits: int = 4) -> dict[str, Any]:
    """Floats without their noise, None for what is no number: ready for JSON."""

    def plain(value: Any) -> Any:
        if isinstance(value, float | np.floating):
            return round(float(value), digits) if np.isfinite(value) else None
        return value

    return {name: plain(value) for name, value in values.items()}
