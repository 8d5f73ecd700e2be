"""Assets, markets, ticks and lots: the one place where decimals become integers.

Inside the exchange a price is a number of ticks, a quantity a number of lots and money a number of
atoms (the smallest unit of an asset, `10 ** -scale`). `Decimal` and strings exist only here. A
conversion is exact or is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation

__all__ = ["MONEY_LIMIT", "PRICE_LIMIT", "Asset", "Fees", "Market", "Number", "decimal"]

Number = Decimal | int | str

PPM = 1_000_000
MONEY_LIMIT = 1 << 62
"""No product of price and quantity, and no total of an asset, may pass this many atoms."""
PRICE_LIMIT = (1 << 36) - 2
"""The highest price in ticks that a book can hold."""
MAX_SCALE = 18
MAX_TIERS = 16
MAX_FEE_PPM = 100_000

_EXACT = Context(prec=60, Emax=99, Emin=-99, traps=[Inexact, InvalidOperation])


def decimal(value: Number) -> Decimal:
    """`value` as a finite Decimal.

    Raises TypeError for a float (it cannot say what was meant) and ValueError for anything that is
    not a finite number.

    >>> decimal("0.10")
    Decimal('0.10')
    """
    if isinstance(value, bool | float):
        raise TypeError(
            f"{value!r} is a {type(value).__name__}; give a Decimal, an int or a string"
        )
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _whole(value: Decimal, unit: Decimal, what: str) -> int:
    """How many `unit` are in `value`; ValueError if that is not a whole number."""
    try:
        count = _EXACT.divide(value, unit)
        if count != count.to_integral_value():
            raise Inexact
    except (Inexact, InvalidOperation):
        raise ValueError(f"{value} is not a whole multiple of {what} {unit}") from None
    return int(count)


@dataclass(frozen=True, slots=True)
class Asset:
    """Something one can own, divided into atoms of `10 ** -scale`.

    >>> Asset("EUR", 2).atoms("12.34")
    1234
    """

    name: str
    scale: int = 8

    def __post_init__(self) -> None:
        if not self.name or not self.name.isalnum():
            raise ValueError(f"asset name {self.name!r}: letters and digits only")
        if not 0 <= self.scale <= MAX_SCALE:
            raise ValueError(f"asset {self.name}: scale {self.scale} is not in 0..{MAX_SCALE}")

    @property
    def atom(self) -> Decimal:
        """The value of one atom."""
        return Decimal(1).scaleb(-self.scale)

    def atoms(self, amount: Number) -> int:
        """`amount` in atoms; ValueError if it has more decimals than the asset."""
        return _whole(decimal(amount), self.atom, f"the smallest unit of {self.name},")

    def amount(self, atoms: int) -> Decimal:
        """`atoms` as a decimal amount."""
        return Decimal(int(atoms)).scaleb(-self.scale, _EXACT)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Fees:
    """What one tier pays, in parts per million of the notional; a negative rate is a rebate."""

    maker_ppm: int = 0
    taker_ppm: int = 0

    @property
    def worst_ppm(self) -> int:
        """The rate that a hold reckons with."""
        return max(self.maker_ppm, self.taker_ppm, 0)


@dataclass(frozen=True, slots=True)
class Market:
    """A pair of assets with its tick, lot, limits and fees.

    `tick` is the smallest step of a price, in quote per base; `lot` the smallest step of a
    quantity, in base; `min_notional` in quote. `fees` has one entry a tier. `max_quantity` (lots)
    defaults to the largest for which no order at `max_price` (ticks) can overflow.

    Raises ValueError when the parts do not fit together.

    >>> market = Market(Asset("KCN"), Asset("EUR"), tick="0.01", lot="0.01")
    >>> market.ticks("100.05"), market.lots("1.5"), market.name
    (10005, 150, 'KCN/EUR')
    """

    base: Asset
    quote: Asset
    tick: Number = "0.01"
    lot: Number = "0.01"
    min_notional: Number = 0
    fees: tuple[Fees, ...] = (Fees(),)
    max_price: int = 1 << 30
    max_quantity: int = 0
    base_per_lot: int = field(init=False, repr=False)
    """Base atoms of one lot."""
    quote_per_lot_tick: int = field(init=False, repr=False)
    """Quote atoms of one lot at a price of one tick."""
    min_notional_atoms: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("tick", decimal(self.tick))
        put("lot", decimal(self.lot))
        put("min_notional", decimal(self.min_notional))
        put("fees", tuple(self.fees))
        if self.base.name == self.quote.name:
            raise ValueError(f"market {self.name}: base and quote are the same asset")
        for what in ("tick", "lot"):
            if getattr(self, what) <= 0:
                raise ValueError(f"market {self.name}: {what} must be positive")
        put("base_per_lot", self._fit(decimal(self.lot), self.base, "lot"))
        unit = _EXACT.multiply(decimal(self.tick), decimal(self.lot))
        put("quote_per_lot_tick", self._fit(unit, self.quote, "tick × lot"))
        put("min_notional_atoms", self._fit(decimal(self.min_notional), self.quote, "min_notional"))
        self._check_fees()
        self._check_bounds()

    def _fit(self, value: Decimal, asset: Asset, what: str) -> int:
        try:
            return asset.atoms(value)
        except ValueError:
            raise ValueError(
                f"market {self.name}: {what} = {value} is not a whole number of atoms of "
                f"{asset.name} (scale {asset.scale}); raise its scale or coarsen the {what}"
            ) from None

    def _check_fees(self) -> None:
        if not 1 <= len(self.fees) <= MAX_TIERS:
            raise ValueError(
                f"market {self.name}: 1 to {MAX_TIERS} fee tiers, not {len(self.fees)}"
            )
        for fees in self.fees:
            for rate in (fees.maker_ppm, fees.taker_ppm):
                if abs(rate) > MAX_FEE_PPM:
                    raise ValueError(f"market {self.name}: fee {rate} ppm is beyond {MAX_FEE_PPM}")
        lowest_maker = min(fees.maker_ppm for fees in self.fees)
        lowest_taker = min(fees.taker_ppm for fees in self.fees)
        if lowest_maker + lowest_taker < 0:
            raise ValueError(
                f"market {self.name}: a rebate is larger than the fee that pays for it"
            )

    def _check_bounds(self) -> None:
        if not 1 <= self.max_price <= PRICE_LIMIT:
            raise ValueError(f"market {self.name}: max_price must be in 1..{PRICE_LIMIT} ticks")
        worst = max(fees.worst_ppm for fees in self.fees)
        dearest = self.max_price * self.quote_per_lot_tick
        most = min(
            (MONEY_LIMIT - 1) * PPM // (dearest * (PPM + worst)), MONEY_LIMIT // self.base_per_lot
        )
        if self.max_quantity == 0:
            object.__setattr__(self, "max_quantity", most)
        if not 1 <= self.max_quantity <= most:
            raise ValueError(
                f"market {self.name}: max_quantity {self.max_quantity} at max_price "
                f"{self.max_price} could pass 2^62 atoms; at most {most} lots are safe"
            )
        if self.min_notional_atoms < 0:
            raise ValueError(f"market {self.name}: min_notional is negative")

    @property
    def name(self) -> str:
        """Base and quote, as in `KCN/EUR`."""
        return f"{self.base.name}/{self.quote.name}"

    def ticks(self, price: Number) -> int:
        """`price` in ticks; ValueError if it is off tick."""
        return _whole(decimal(price), decimal(self.tick), f"the tick of {self.name},")

    def lots(self, quantity: Number) -> int:
        """`quantity` in lots; ValueError if it is off lot."""
        return _whole(decimal(quantity), decimal(self.lot), f"the lot of {self.name},")

    def price(self, ticks: int) -> Decimal:
        """`ticks` as a decimal price."""
        return int(ticks) * decimal(self.tick)

    def quantity(self, lots: int) -> Decimal:
        """`lots` as a decimal quantity."""
        return int(lots) * decimal(self.lot)

    def notional(self, ticks: int, lots: int) -> int:
        """Quote atoms of `lots` at a price of `ticks`."""
        return int(ticks) * int(lots) * self.quote_per_lot_tick

    def __str__(self) -> str:
        return self.name
