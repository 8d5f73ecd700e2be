"""The kernel: the rules of the exchange over arrays, compiled by Numba.

Read `step` first: one batch of commands. It leads to `ordering` (what a command does to an order),
`matching` (a taker against a book), `stops`, `money` (holds, fees, settlement) and, below them, to
where things stand: `queueing`, `ladder`, `ids`, `layout`. The rules themselves are in
docs/matching.md, and in plain Python in `mexchange.reference`.
"""

from __future__ import annotations

from mexchange.engine.compiling import cache_folder
from mexchange.engine.kernel import Kernel, assets_of

__all__ = ["Kernel", "assets_of", "compiled", "warm_up"]


def compiled() -> bool:
    """Whether the kernel's machine code is already on disk (a first compilation takes a while)."""
    names = [path.name for path in cache_folder().rglob("*.nbi")]
    return all(any(f"{entry}-" in name for name in names) for entry in ("step", "walk_levels"))


def warm_up() -> None:
    """Compile the kernel, or load it, by running one command through it."""
    from mexchange.markets import Asset, Market
    from mexchange.records import Command, CommandKind

    kernel = Kernel([Market(Asset("A"), Asset("B"))])
    kernel.step(Command(kind=CommandKind.TICK))
    kernel.levels(0, 0)  # type: ignore[arg-type]
    kernel.order_rows()
