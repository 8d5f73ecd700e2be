"""From integers of records to columns for people: names for numbers, units for ticks and atoms.

Floats are fine here: nothing computed from them ever goes back to an exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.ledger import assets_of
from mexchange.markets import decimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from enum import IntEnum

    from mexchange.markets import Market

__all__ = ["Floats", "Ints", "Names", "Units", "extremes", "labels", "named"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
HOUSE = "house"


def labels(kinds: type[IntEnum]) -> list[str]:
    """The names of an enum by value; its values must be 0, 1, 2 ... but may leave some out."""
    spelled = {int(kind): kind.name for kind in kinds}
    return [spelled.get(value, f"#{value}") for value in range(max(spelled) + 1)]


def named(codes: Any, names: Sequence[str], known: Any = None) -> pl.Series:
    """Numbers as a Polars Enum of `names`; null beyond them, and where `known` is false."""
    place = np.minimum(codes, len(names)).astype(np.uint32)
    if known is not None:
        place = np.where(known, place, np.uint32(len(names)))
    return pl.Series([*names, None], dtype=pl.Enum(names)).gather(place)


class Names:
    """What accounts, markets and assets are called, by number."""

    def __init__(self, markets: Sequence[Market], accounts: Mapping[int, str], count: int) -> None:
        self.markets = [market.name for market in markets]
        self.assets = [asset.name for asset in assets_of(markets)]
        self.agents = _agents(accounts, count)

    def of_agents(self, accounts: Any) -> pl.Series:
        """The agent of each account."""
        return named(accounts, self.agents)

    def of_markets(self, markets: Any, known: Any = None) -> pl.Series:
        """The name of each market."""
        return named(markets, self.markets, known)

    def of_assets(self, assets: Any, known: Any = None) -> pl.Series:
        """The name of each asset."""
        return named(assets, self.assets, known)


def _agents(accounts: Mapping[int, str], count: int) -> list[str]:
    """The names of the first `count` accounts and of those that have one, each name once."""
    names: dict[str, int] = {}
    for number in range(max(count, 1 + max(accounts, default=0))):
        name = accounts.get(number, f"account {number}" if number else HOUSE)
        names[f"{name} #{number}" if name in names else name] = number
    return list(names)


class Units:
    """Ticks, lots and atoms as floats in the units that markets and assets are quoted in."""

    def __init__(self, markets: Sequence[Market]) -> None:
        self._ticks = _fractions([decimal(market.tick) for market in markets])
        self._lots = _fractions([decimal(market.lot) for market in markets])
        self._atoms = np.array([10.0**asset.scale for asset in assets_of(markets)])
        number = {asset: place for place, asset in enumerate(assets_of(markets))}
        self.base = np.array([number[market.base] for market in markets], np.int64)
        """The number of each market's base asset."""
        self.quote = np.array([number[market.quote] for market in markets], np.int64)
        """The number of each market's quote asset."""

    def prices(self, ticks: Any, market: Any) -> Floats:
        """Prices in quote per base; `market` is a number for all or one for each."""
        return _scaled(ticks, self._ticks, market)

    def quantities(self, lots: Any, market: Any) -> Floats:
        """Quantities in base."""
        return _scaled(lots, self._lots, market)

    def amounts(self, atoms: Any, asset: Any) -> Floats:
        """Amounts of an asset; `asset` is a number for all or one for each."""
        amounts: Floats = np.asarray(atoms, np.float64) / self._atoms[asset]
        return amounts


def _fractions(values: Sequence[Decimal]) -> tuple[Floats, Floats]:
    """Numerators and denominators, so that 10005 ticks of 0.01 are 100.05 and nothing near it."""
    pairs = [value.as_integer_ratio() for value in values]
    return np.array([float(n) for n, _ in pairs]), np.array([float(d) for _, d in pairs])


def _scaled(counts: Any, unit: tuple[Floats, Floats], market: Any) -> Floats:
    scaled: Floats = np.asarray(counts, np.float64) * unit[0][market] / unit[1][market]
    return scaled


def extremes(values: Floats, limit: int) -> Ints:
    """Places of about `limit` of the values, with the lowest and highest of every stretch kept.

    All of them if there are no more; else ascending, the first and the last among them.

    >>> values = np.sin(np.arange(10_000))
    >>> places = extremes(values, 100)
    >>> len(places) <= 104, bool(values[places].max() == values.max())
    (True, True)
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    width = -(-4 * count // limit)
    starts = np.arange(0, count, width)
    padded = np.full(len(starts) * width, np.nan)
    padded[:count] = values
    grid = padded.reshape(-1, width)
    lowest = starts + np.argmin(np.where(np.isnan(grid), np.inf, grid), axis=1)
    highest = starts + np.argmax(np.where(np.isnan(grid), -np.inf, grid), axis=1)
    last = np.minimum(starts + width, count) - 1
    # A stretch of nothing but missing values has its extremes anywhere, perhaps past the end.
    places = np.minimum(np.concatenate([starts, lowest, highest, last]), count - 1)
    unique: Ints = np.unique(places)
    return unique
