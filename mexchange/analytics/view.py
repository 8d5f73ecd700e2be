"""What part of a run is shown: whom it is about, whom else one sees, and which markets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mexchange.analytics.performance import performance

if TYPE_CHECKING:
    import numpy.typing as npt

    from mexchange.analytics.result import Result

__all__ = ["View"]

AGENTS_SHOWN = 10
MARKETS_SHOWN = 4


@dataclass
class View:
    """The agents (busiest first) and markets (most traded first) of a result to be shown.

    `focus` is the one agent that all is about, or an empty text.
    """

    result: Result
    shown: list[str]
    markets: list[str]
    focus: str = ""

    @classmethod
    def of(cls, result: Result, agent: str | None = None) -> View:
        """The view that a report has; of one agent if one is named.

        Without a name that is `result.extra["focus"]`, or the only agent there is. Raises
        ValueError for an unknown agent.
        """
        agents = result.agents["agent"].cast(pl.String).to_list()
        focus = result.extra.get("focus") if agent is None else agent
        if focus is not None and focus not in result.accounts.values():
            raise ValueError(f"no agent {focus!r}. There is: {', '.join(agents[:20]) or 'none'}")
        if focus is None:
            focus = agents[0] if len(agents) == 1 else ""
        names = [market.name for market in result.markets]
        counts = dict(result.trades.group_by(pl.col("market").cast(pl.String)).len().iter_rows())
        traded = sorted(names, key=lambda name: -counts.get(name, 0))
        return cls(
            result, [focus] if focus else agents[:AGENTS_SHOWN], traded[:MARKETS_SHOWN], focus
        )

    @cached_property
    def performance(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Value, low and high of every figure of every agent that is shown."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        known = set(self.result.equity["agent"].cast(pl.String))
        for agent in self.shown:
            if agent not in known:
                continue
            frame = performance(self.result, agent)
            found[agent] = {row["figure"]: row for row in frame.iter_rows(named=True)}
        return found

    @cached_property
    def makers_first(self) -> list[str]:
        """The agents shown, whoever made the most markets first: its fills tell the most."""
        made = self.result.fills.filter(pl.col("role") == "maker").group_by("agent").len()
        counts = dict(made.iter_rows())
        return sorted(self.shown, key=lambda agent: -counts.get(agent, 0))

    @cached_property
    def accounts(self) -> dict[str, int]:
        """The number of each agent's account."""
        return {name: number for number, name in self.result.accounts.items()}

    def times(self, count: int) -> npt.NDArray[np.int64]:
        """The ends of so many equal stretches of the run, and its beginning."""
        first, last = self.result.start_ns, self.result.end_ns
        times = first + np.linspace(0, max(last - first, count), count + 1).astype(np.int64)
        return times.astype(np.int64)
