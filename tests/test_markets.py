"""Decimals become integers exactly or not at all, and no number that fits can overflow."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mexchange.markets import MONEY_LIMIT, PRICE_LIMIT, Asset, Fees, Market, decimal

COIN, EURO = Asset("KCN", 8), Asset("EUR", 4)
MARKET = Market(COIN, EURO, tick="0.05", lot="0.01")


def test_units() -> None:
    assert MARKET.name == str(MARKET) == "KCN/EUR"
    assert str(COIN) == "KCN"
    assert (MARKET.base_per_lot, MARKET.quote_per_lot_tick) == (1_000_000, 5)
    assert MARKET.ticks("100.05") == 2001
    assert MARKET.lots(Decimal("1.5")) == 150
    assert MARKET.price(2001) == Decimal("100.05")
    assert MARKET.quantity(150) == Decimal("1.5")
    assert MARKET.notional(2001, 150) == 2001 * 150 * 5
    assert EURO.amount(MARKET.notional(2001, 150)) == Decimal("100.05") * Decimal("1.5")


@given(atoms=st.integers(-(1 << 70), 1 << 70), scale=st.integers(0, 18))
def test_amounts_come_back_as_they_were(atoms: int, scale: int) -> None:
    asset = Asset("X", scale)
    assert asset.atoms(asset.amount(atoms)) == atoms
    assert asset.atoms(str(asset.amount(atoms))) == atoms


@given(ticks=st.integers(1, PRICE_LIMIT), lots=st.integers(1, 1 << 62))
def test_prices_and_quantities_come_back_as_they_were(ticks: int, lots: int) -> None:
    assert MARKET.ticks(MARKET.price(ticks)) == ticks
    assert MARKET.lots(str(MARKET.quantity(lots))) == lots


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=7))
def test_a_conversion_is_exact_or_refused(value: Decimal) -> None:
    exact = Fraction(value) / Fraction("0.05")
    if exact.denominator == 1:
        assert MARKET.ticks(value) == exact
    else:
        with pytest.raises(ValueError, match="whole multiple"):
            MARKET.ticks(value)


@pytest.mark.parametrize("value", ["0.051", "1e-30", "0.0500000000000000000000000000001"])
def test_off_tick(value: str) -> None:
    with pytest.raises(ValueError, match=r"whole multiple of the tick of KCN/EUR, 0\.05"):
        MARKET.ticks(value)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "", "1,5", "ten", "0x10"])
def test_not_a_number(value: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        decimal(value)


@pytest.mark.parametrize("value", [0.1, float("nan"), True])
def test_floats_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="give a Decimal"):
        decimal(value)


def test_an_amount_with_too_many_decimals() -> None:
    with pytest.raises(ValueError, match="smallest unit of EUR"):
        EURO.atoms("0.00001")


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [("", 2, "name"), ("A/B", 2, "name"), ("A", -1, "scale"), ("A", 19, "scale")],
)
def test_bad_assets(name: str, scale: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Asset(name, scale)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quote": Asset("KCN", 2)}, "same asset"),
        ({"tick": 0}, "tick must be positive"),
        ({"lot": "-1"}, "lot must be positive"),
        ({"lot": "0.000000001"}, "lot .* atoms of KCN"),
        ({"tick": "0.001", "lot": "0.01"}, "tick × lot .* atoms of EUR"),
        ({"min_notional": "0.00001"}, "min_notional .* atoms of EUR"),
        ({"min_notional": -1}, "min_notional is negative"),
        ({"fees": ()}, "1 to 16 fee tiers"),
        ({"fees": (Fees(),) * 17}, "1 to 16 fee tiers"),
        ({"fees": (Fees(0, 100_001),)}, "beyond"),
        ({"fees": (Fees(-100_001, 0),)}, "beyond"),
        ({"fees": (Fees(-10, 9),)}, "rebate"),
        ({"fees": (Fees(-10, 20), Fees(0, 9))}, "rebate"),
        ({"max_price": 0}, "max_price"),
        ({"max_price": PRICE_LIMIT + 1}, "max_price"),
        ({"max_quantity": -1}, "max_quantity"),
        ({"max_quantity": 1 << 62}, "could pass"),
    ],
)
def test_markets_that_do_not_fit_together(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"base": COIN, "quote": EURO, "tick": "0.05", "lot": "0.01"}
    with pytest.raises(ValueError, match=message):
        Market(**(fields | changes))


@given(
    scales=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    tick=st.integers(1, 1000),
    lot=st.integers(1, 1000),
    highest=st.integers(1, 1 << 20),
    taker=st.integers(0, 100_000),
)
def test_no_order_can_pass_the_limit_of_money(
    scales: tuple[int, int], tick: int, lot: int, highest: int, taker: int
) -> None:
    base, quote = Asset("A", scales[0]), Asset("B", scales[1])
    dearest = quote.atoms(tick * lot) * highest * (1_000_000 + taker) // 1_000_000
    assume(dearest < MONEY_LIMIT - 2 and base.atoms(lot) <= MONEY_LIMIT)
    market = Market(base, quote, tick=tick, lot=lot, fees=(Fees(0, taker),), max_price=highest)
    most = market.max_quantity
    notional = market.notional(market.max_price, most)
    assert notional + -(-notional * taker // 1_000_000) <= MONEY_LIMIT
    assert most * market.base_per_lot <= MONEY_LIMIT
    # One lot more would not be safe, so the bound is not needlessly tight.
    notional = market.notional(market.max_price, most + 1)
    dear = notional + notional * taker // 1_000_000 >= MONEY_LIMIT - 1
    assert dear or (most + 1) * market.base_per_lot > MONEY_LIMIT
