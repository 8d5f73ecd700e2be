"""Machine code that is made once, before processes start that would each make it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["warm_up"]


def warm_up() -> None:
    """Compile what a run may need, unless it is on disk already."""
    from mexchange import engine, flow
    from mexchange.engine.compiling import cache_folder
    from mexchange.transport import tape

    folders = [cache_folder()]
    folders += [cache_folder(Path(str(package.__file__)).parent) for package in (flow, tape)]
    if all(any(folder.rglob("*.nbi")) for folder in folders):
        return
    engine.warm_up()
    _a_moment()


def _a_moment() -> None:
    """A second of background flow, which somebody looks at, and what is read of its result."""
    from mexchange.flow import Background, ZeroIntelligence
    from mexchange.markets import Asset, Market
    from mexchange.records import Side
    from mexchange.simulation import Simulation
    from mexchange.strategy import Strategy

    class Looker(Strategy):
        """Looks now and then."""

        def on_start(self) -> None:
            self.every("100ms", self.look)

        def look(self) -> None:
            self.seen = self.book.bid, self.book.levels(Side.BUY)

    market = Market(Asset("A"), Asset("B"))
    flow = Background([ZeroIntelligence()], accounts=10)
    Simulation(market, [Looker()], funds={"B": "1"}, background=[flow]).run("1s").summary()
