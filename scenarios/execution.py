"""TWAP against VWAP against one sweep: what the same parent order costs in the same market."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mexchange.analytics.microstructure.quotes import Quotes
from mexchange.clock import nanoseconds
from mexchange.latency import LogNormalLatency
from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Duration, ParameterError, Range
from scenarios._crowd import crowd
from scenarios._reading import rounded
from scenarios.quickstart import MARKET
from strategies import TWAP, VWAP
from strategies.parent_order import ParentOrder

if TYPE_CHECKING:
    from mexchange.analytics.result import Result

__all__ = ["simulation", "run"]

TWENTY_MINUTES_NS = 1_200_000_000_000


def simulation(order: ParentOrder | None, seed: int = 1, news: float = 1.0) -> Simulation:
    """The crowd, and an order in it or none."""
    plenty = {"EUR": "100000000", "KCN": "1000000"}
    name = type(order).__name__ if order else "nobody"
    return Simulation(
        MARKET,
        [Agent(order, "parent order", funds=plenty)] if order else [],
        latency=LogNormalLatency("2ms", sigma=0.5),
        seed=seed,
        background=[crowd(news=news)],
        title=f"execution: {name} in KCN/EUR",
    )


def run(
    seed: int = 1,
    duration_ns: int = TWENTY_MINUTES_NS,
    progress: bool = False,
    *,
    side: Literal["buy", "sell"] = "buy",
    quantity: Annotated[Decimal, Range(above=0)] = Decimal(60),
    start: Duration = "5m",
    horizon: Duration = "10m",
    slices: Annotated[int, Range(1, 100_000)] = 40,
    patience: Annotated[float, Range(0, below=1)] = 0.0,
    news: Annotated[float, Range(0, 100)] = 1.0,
    shown: Literal["TWAP", "VWAP", "sweep"] = "TWAP",
) -> Result:
    """Run the market once without the order and once with it in each way; the result of `shown`.

    `extra["execution"]` has the report of each. Beside it stands `impact_bps`: the average price
    against the mid at the same times in the market without the order, which only a simulation can
    know. What the market would have done anyway is in the slippage, but not in the impact.
    """
    if nanoseconds(start) + nanoseconds(horizon) >= duration_ns:
        raise ParameterError(
            f"execution: start {start} and horizon {horizon} do not fit into "
            f"{duration_ns / 1e9:g} s; give a longer time or a shorter horizon"
        )
    parent: dict[str, Any] = {"side": side, "quantity": quantity, "start": start}
    sliced = parent | {"horizon": horizon, "slices": slices, "patience": patience}
    orders = {
        "TWAP": TWAP(**sliced),
        "VWAP": VWAP(**sliced),
        "sweep": TWAP(**parent, horizon=horizon, slices=1),
    }
    undisturbed = Quotes(simulation(None, seed, news).run(duration_ns), 0)
    results, reports = {}, {}
    for name, order in orders.items():
        world = simulation(order, seed, news)
        results[name] = result = world.run(duration_ns, progress=progress)
        reports[name] = order.report | {"impact_bps": _impact_bps(result, undisturbed, order)}
    result = results[shown]
    result.extra |= {"focus": "parent order", "execution": reports}
    return result


def _impact_bps(result: Result, undisturbed: Quotes, order: ParentOrder) -> float | None:
    """The average price against the mid of the same times in the market without the order."""
    fills = result.fills.filter(agent="parent order")
    if fills.is_empty():
        return None
    quantity = fills["quantity"].to_numpy()
    calm = float(quantity @ undisturbed.mid_at(fills["time_ns"])) / quantity.sum()
    paid = float(quantity @ fills["price"].to_numpy()) / quantity.sum()
    sign = 1 if order.side == "buy" else -1
    return rounded({"": sign * (paid / calm - 1) * 10_000})[""]  # type: ignore[no-any-return]
