"""A taker that ties two markets of one asset: buys where it is cheap, sells where it is dear."""

from __future__ import annotations

from decimal import Decimal
from math import lcm
from typing import Annotated

from mexchange.records import Side, TimeInForce
from mexchange.strategy import Book, ParameterError, Range, Strategy
from strategies.common import take

__all__ = ["Arbitrageur"]


class Arbitrageur(Strategy):
    """Buys the base asset in one market and sells it in an `other` one when that pays.

    The two markets share their base asset; one unit of the other's quote asset is worth `rate` of
    the home market's (1 for two stablecoins, say). When the bid of one is above the ask of the
    other by both taker fees and `edge_bps` more, it sends an order to each, immediate or cancel at
    the price it saw, of what both sides show, at most `size`. It goes no further than
    `max_position` in a market, and sends nothing that it cannot pay.

    A leg that came too late leaves it with a position, which it closes by a market order where that
    pays best. It does one thing at a time: nothing new before it knows how the last ended.
    """

    other: int | str = 1
    rate: Annotated[Decimal, Range(above=0)] = Decimal(1)
    edge_bps: Annotated[float, Range(0)] = 1.0
    size: Annotated[Decimal, Range(above=0)] = Decimal(2)
    max_position: Annotated[Decimal, Range(above=0)] = Decimal(50)

    def on_start(self) -> None:
        """Find the two markets. ParameterError if they are not two, or of different assets."""
        names = [market.name for market in self.markets]
        other = names.index(self.other) if self.other in names else self.other
        if not isinstance(other, int) or not 0 <= other < len(names) or other == self.home:
            raise ParameterError(
                f"Arbitrageur: other = {self.other!r} is no other market; there are: "
                f"{', '.join(names)}, and it is at home in {names[self.home]}"
            )
        if self.markets[other].base != self.market.base:
            raise ParameterError(
                f"Arbitrageur: {names[self.home]} and {names[other]} share no base asset"
            )
        self._pair = self.home, other
        # What one unit of the base asset costs at a price of one tick, in the home's quote asset.
        self._worth = {
            self.home: float(self.market.tick),
            other: float(self.markets[other].tick) * float(self.rate),
        }
        self._fee = {n: self.markets[n].fees[0].taker_ppm / 1e6 for n in self._pair}
        self._step = lcm(*(self.markets[number].base_per_lot for number in self._pair))
        base = self.market.base
        self._size = int(self.size / base.atom) // self._step * self._step
        self._most = int(self.max_position / base.atom)

    def on_book(self, book: Book) -> None:  # noqa: ARG002 - Either of them may be the reason.
        """A book has changed: see whether it pays."""
        if self.orders:
            return
        home, other = self._pair
        open_atoms = sum(self._lot(number) * self.positions[number] for number in self._pair)
        if abs(open_atoms) >= self._step:
            self._close(open_atoms)
        elif not self._try(home, other):
            self._try(other, home)

    def _lot(self, number: int) -> int:
        """Base atoms of a lot."""
        return self.markets[number].base_per_lot

    def _try(self, cheap: int, dear: int) -> bool:
        """Buy in one market and sell in the other, if that pays; whether anything was sent."""
        ask, bid = self.books[cheap].ask, self.books[dear].bid
        if not ask or not bid:
            return False
        cost = ask * self._worth[cheap] * (1 + self._fee[cheap])
        gain = bid * self._worth[dear] * (1 - self._fee[dear])
        if gain < cost * (1 + self.edge_bps / 10_000):
            return False
        atoms = min(
            self._size,
            self.books[cheap].ask_quantity * self._lot(cheap),
            self.books[dear].bid_quantity * self._lot(dear),
            self._most - self.positions[cheap] * self._lot(cheap),
            self._most + self.positions[dear] * self._lot(dear),
            self.balance(self.market.base.name)[0],
            self._affordable(cheap, ask),
        )
        atoms = atoms // self._step * self._step
        if atoms <= 0:
            return False
        now = TimeInForce.IOC
        self.buy(ask, atoms // self._lot(cheap), market=cheap, time_in_force=now)
        self.sell(bid, atoms // self._lot(dear), market=dear, time_in_force=now)
        return True

    def _affordable(self, number: int, price: int) -> int:
        """How many base atoms can be paid at a price, the worst fee included."""
        market = self.markets[number]
        worst_ppm = max(fees.worst_ppm for fees in market.fees)
        held = price * market.quote_per_lot_tick * (1_000_000 + worst_ppm)
        available = self.balance(market.quote.name)[0]
        return max(0, available * 1_000_000 // held - 1) * market.base_per_lot

    def _close(self, open_atoms: int) -> None:
        """Get rid of what one leg brought and the other did not."""
        side = Side.SELL if open_atoms > 0 else Side.BUY
        best: tuple[float, int] | None = None
        for number in self._pair:
            price = self.books[number].bid if side else self.books[number].ask
            if price:
                worth = price * self._worth[number] * (1 if side else -1)
                best = max(best, (worth, -number)) if best else (worth, -number)
        if best is not None:
            number = -best[1]
            take(self, side, abs(open_atoms) // self._lot(number), market=number)
