"""Order flows for benchmarks: `python -m mexchange.bench.flow OUT N KIND [SEED]`.

A flow is a file of rows of five little-endian int64: op (0 limit, 1 market, 2 cancel), side (0 buy,
1 sell), id (the row number; a cancel names an earlier order's), price in ticks, quantity in lots.
The same kind, length and seed give the same rows.

| kind | what it is |
|---|---|
| `feed` | a public feed: half adds, nearly all cancelled after about 2,000 rows, near the touch |
| `exchange` | half adds, fewer cancels: a book that grows to hundreds of thousands of orders |
| `mix` | 70 % limits in a band of ten ticks, 30 % market orders, one row in ten a cancel |
| `sparse` | prices over ±500,000 ticks, so that most levels hold a single order |
| `onesided` | only one side near the touch at a time, the other empty or a far wall |
| `far` | trading at the touch while half of the adds are up to 2^30 ticks away |
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["CANCEL", "KINDS", "LIMIT", "MARKET", "load", "make", "save"]

Rows = npt.NDArray[np.int64]
"""Shape [n, 5]: op, side, id, price, quantity."""

LIMIT, MARKET, CANCEL = 0, 1, 2
OP, SIDE, ID, PRICE, QUANTITY = range(5)
ROW_BYTES = 40

MID = 100_000
SPARSE_MID = 1_000_000
FAR_MID = (1 << 30) + MID
"""High enough that a price 2^30 ticks below it is still a price."""


def make(kind: str, count: int, seed: int = 7) -> Rows:
    """`count` rows of a kind of flow, as int64 [count, 5].

    Raises ValueError for an unknown kind or a count below one.
    """
    if kind not in KINDS:
        raise ValueError(f"no flow {kind!r}; there are {', '.join(KINDS)}")
    if count < 1:
        raise ValueError(f"a flow has at least one row, not {count}")
    return KINDS[kind](count, np.random.default_rng(seed))


def save(path: Path, rows: Rows) -> None:
    """Write rows as a flow file."""
    np.ascontiguousarray(rows, "<i8").tofile(path)


def load(path: Path) -> Rows:
    """Read a flow file.

    Raises ValueError, naming the file and the row, if its length is not a multiple of 40 bytes or
    an op or side does not exist; OSError if it cannot be read.
    """
    size = path.stat().st_size
    if size == 0 or size % ROW_BYTES:
        raise ValueError(
            f"{path}: {size} bytes are not a whole number of rows of {ROW_BYTES} bytes"
        )
    rows = np.fromfile(path, "<i8").reshape(-1, 5)
    for column, name, highest in ((OP, "op", CANCEL), (SIDE, "side", 1)):
        bad = np.flatnonzero((rows[:, column] < 0) | (rows[:, column] > highest))
        if bad.size:
            value = rows[bad[0], column]
            raise ValueError(f"{path}: row {bad[0]}: {name} {value} is not in 0..{highest}")
    return rows.astype(np.int64, copy=False)


def _around(side: Rows, mid: Rows | int, away: Rows) -> Rows:
    """Prices `away` ticks from the mid, below it for buys and above it for sells."""
    return np.where(side == 0, mid - away, mid + away)


def _walk(rng: np.random.Generator, count: int, rows_per_tick: int) -> Rows:
    """A mid that drifts by about one tick in sqrt(rows_per_tick) times that many rows."""
    return MID + np.cumsum(rng.integers(-1, 2, count)) // rows_per_tick


def _lives(
    rng: np.random.Generator, count: int, adds: float, markets: float, life: float
) -> tuple[Rows, Rows]:
    """Op and id of each row of a flow whose limit orders live `life` rows on average.

    `adds` and `markets` are shares of all rows; what is left are cancels, one for each add, put
    where its life ends. The flow is made a few lives too long and cut, so it ends in mid-trade.
    """
    horizon = int(count + 6 * life)
    born = rng.uniform(0, horizon, int(horizon * adds))
    gone = born + rng.exponential(life, born.size)
    taken = rng.uniform(0, horizon, int(horizon * markets))
    order = np.argsort(np.concatenate([born, gone, taken]), kind="stable")
    row = np.empty(order.size, np.int64)
    row[order] = np.arange(order.size)
    born_row, gone_row, taken_row = np.split(row, [born.size, 2 * born.size])
    op, name = np.zeros(order.size, np.int64), np.arange(order.size)
    op[gone_row], op[taken_row] = CANCEL, MARKET
    name[gone_row] = born_row
    if order.size < count:
        raise ValueError(f"shares {adds} and {markets} do not fill the flow")
    return op[:count], name[:count]


def _rows(op: Rows, side: Rows, name: Rows, price: Rows, quantity: Rows) -> Rows:
    """The columns as rows; a market order has no price."""
    price = np.where(op == MARKET, 0, price)
    return np.ascontiguousarray(np.stack([op, side, name, price, quantity], axis=1))


def feed(count: int, rng: np.random.Generator) -> Rows:
    """What public order-by-order feeds look like: about a thousand orders rest."""
    op, name = _lives(rng, count, adds=0.48, markets=0.04, life=2_000)
    side = rng.integers(0, 2, count)
    price = _around(side, _walk(rng, count, 40), rng.geometric(0.15, count))
    return _rows(op, side, name, price, rng.integers(1, 100, count))


def exchange(count: int, rng: np.random.Generator) -> Rows:
    """Half of the limit orders stay; a cancel picks one of the last thousand or so, gone or not."""
    draw = rng.random(count)
    op = np.where(draw < 0.5, LIMIT, np.where(draw < 0.55, MARKET, CANCEL))
    op[0] = LIMIT
    name = np.arange(count)
    limits = np.flatnonzero(op == LIMIT)
    earlier = np.cumsum(op == LIMIT)
    cancels = np.flatnonzero(op == CANCEL)
    pick = earlier[cancels] - rng.geometric(1 / 500, cancels.size)
    name[cancels] = limits[np.maximum(pick, 0)]
    side = rng.integers(0, 2, count)
    price = _around(side, _walk(rng, count, 50), rng.geometric(0.05, count))
    return _rows(op, side, name, price, rng.integers(1, 100, count))


def mix(count: int, rng: np.random.Generator) -> Rows:
    """The proportions of the original's benchmark: a few levels with ever longer queues.

    Of ten rows seven are limit orders, two market orders and the last cancels the first of an
    earlier ten.
    """
    row = np.arange(count)
    op = np.array([LIMIT] * 7 + [MARKET] * 2 + [CANCEL])[row % 10]
    back = rng.integers(0, 50, count)
    name = np.where(op == CANCEL, 10 * np.maximum(row // 10 - back, 0), row)
    side = rng.integers(0, 2, count)
    price = _around(side, MID, rng.integers(-1, 5, count))
    return _rows(op, side, name, price, rng.integers(1, 6, count))


def sparse(count: int, rng: np.random.Generator) -> Rows:
    """Orders strewn over a million levels; the best price is often hundreds of ticks further on."""
    op, name = _lives(rng, count, adds=0.46, markets=0.08, life=20_000)
    side = rng.integers(0, 2, count)
    price = _around(side, SPARSE_MID, rng.integers(-50, 500_000, count))
    return _rows(op, side, name, price, rng.integers(1, 100, count))


def onesided(count: int, rng: np.random.Generator) -> Rows:
    """Every 20,000 rows the live side changes; across from it stand a few walls, or nothing."""
    op, name = _lives(rng, count, adds=0.46, markets=0.08, life=2_000)
    side = np.arange(count) // 20_000 % 2
    wall = rng.random(count) < 0.01
    side = np.where((op == LIMIT) & wall, 1 - side, side)
    side = np.where(op == MARKET, rng.integers(0, 2, count), side)
    near, away = rng.geometric(0.1, count), rng.integers(40_000, 90_000, count)
    price = _around(side, _walk(rng, count, 40), np.where(wall, away, near))
    return _rows(op, side, name, price, np.where(wall, 2_000, rng.integers(1, 100, count)))


def far(count: int, rng: np.random.Generator) -> Rows:
    """Half of the limit orders rest at a distance spread evenly over 2^10 … 2^30 by magnitude."""
    op, name = _lives(rng, count, adds=0.47, markets=0.06, life=5_000)
    side = rng.integers(0, 2, count)
    scale = 1 << rng.integers(10, 30, count)
    away = np.where(
        rng.random(count) < 0.5, scale + rng.integers(0, scale), rng.geometric(0.15, count)
    )
    price = _around(side, FAR_MID - MID + _walk(rng, count, 40), away)
    return _rows(op, side, name, price, rng.integers(1, 100, count))


KINDS: dict[str, Callable[[int, np.random.Generator], Rows]] = {
    "feed": feed,
    "exchange": exchange,
    "mix": mix,
    "sparse": sparse,
    "onesided": onesided,
    "far": far,
}


def main(arguments: list[str]) -> int:
    """Write one flow file; two is returned, with a line on standard error, for a wrong call."""
    try:
        out, count, kind, *seed = arguments
        rows = make(kind, int(float(count)), *map(int, seed))
        save(Path(out), rows)
    except (ValueError, TypeError, OSError) as error:
        usage = f"python -m mexchange.bench.flow OUT N {'|'.join(KINDS)} [SEED]"
        sys.stderr.write(f"{error}\nusage: {usage}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
