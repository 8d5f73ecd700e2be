"""The stylised facts with their bands and sources, and the score of a market.

A fact is measured as a few values, of which the first is its name's; conditions on them make it
hold. The score of a condition is 1 inside its band and falls in a straight line to 0 at half its
lower and double its upper edge; a fact scores as its worst condition, and a market as the mean of
its scored facts. What a sample is too short for, or lacks the data for, is left out of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mexchange.analytics.realism import flow, impact, prices
from mexchange.analytics.realism.sample import Sample
from mexchange.analytics.realism.sums import NotMeasurableError, Sums, pooled

__all__ = ["FACTS", "Band", "Fact", "Measurement", "Report", "measure", "pool"]

INF = math.inf


@dataclass(frozen=True, slots=True)
class Band:
    """A condition: one of a fact's values is to be from `low` to `high`.

    `magnitude` takes the value without its sign. An edge of 0 or infinity has no slope: what is
    beyond 0 scores 0.
    """

    value: str
    low: float = -INF
    high: float = INF
    magnitude: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value is inside."""
        value = abs(value) if self.magnitude else value
        return self.low <= value <= self.high

    def score(self, value: float) -> float:
        """1 inside, 0 at half the lower and at double the upper edge, straight lines between.

        >>> band = Band("CV", 1.3, 2.5)
        >>> [round(band.score(value), 2) for value in (0.5, 0.65, 0.975, 1.3, 2.5, 3.75, 5.0)]
        [0.0, 0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
        """
        value = abs(value) if self.magnitude else value
        if self.holds(value):
            return 1.0
        edge = self.low if value < self.low else self.high
        if not edge:
            return 0.0
        way = (value - edge / 2) / (edge / 2) if value < self.low else (2 * edge - value) / edge
        return min(1.0, max(0.0, way))

    def __str__(self) -> str:
        name = f"|{self.value}|" if self.magnitude else self.value
        if self.high == INF:
            return f"{name} > {self.low:g}"
        if self.low == -INF:
            return f"{name} < {self.high:g}"
        return f"{name} {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Fact:
    """A stylised fact: how it is measured, when it holds, and who says so.

    Facts without bands are reported, not scored.
    """

    key: str
    title: str
    source: str
    sums: Callable[[Sample], Sums]
    bands: tuple[Band, ...] = ()


FACTS: tuple[Fact, ...] = (
    Fact(
        "S1", "Spread is one tick, share of time", "large-tick assets; Binance BTC 0.989–0.997",
        prices.spread_one_tick, (Band("share", 0.95, 1.0),),
    ),
    Fact(
        "S2", "Mean spread", "Schnaubelt et al. 2019; Binance BTC 0.003–0.043",
        prices.mean_spread,
    ),
    Fact(
        "R1", "Returns have no memory", "Cont 2001, fact 1",
        prices.return_memory, (Band("ρ(1 min)", high=0.1, magnitude=True),),
    ),
    Fact(
        "R2", "Tails are fat, less so over longer times", "Cont 2001, facts 2 and 4",
        prices.tails_over_time,
        (
            Band("κ(1 s)", 1, 30), Band("κ(1 s) / κ(10 s)", 1), Band("κ(10 s) / κ(60 s)", 1),
            Band("κ(60 s)", 0),
        ),
    ),
    Fact(
        "R3", "Tail exponent of returns", "Cont 2001, fact 2: above 2, below 5",
        prices.return_tail, (Band("α", 2, 5),),
    ),
    Fact(
        "V1", "Volatility has long memory", "Cont 2001, facts 6 and 8: β 0.2–0.4",
        prices.volatility_memory, (Band("β", 0.1, 0.5), Band("ACF(1)", 0.05)),
    ),
    Fact(
        "V2", "Large returns come in bursts", "Cont 2001, fact 5; MarS",
        prices.intermittency, (Band("Fano", 1.5),),
    ),
    Fact(
        "V3", "Volume goes with volatility", "Cont 2001, fact 10",
        prices.volume_and_volatility, (Band("ρ", 0.1),),
    ),
    Fact(
        "F1", "Signs of market orders have long memory", "Lillo and Farmer 2004: γ ≈ 0.6",
        flow.sign_memory, (Band("γ", 0.35, 0.9), Band("C(1)", 0.15, 0.6)),
    ),
    Fact(
        "F2", "Market orders come in clusters", "Hardiman et al. 2013; Binance 1.47–2.10",
        flow.clustering, (Band("CV", 1.3, 2.5),),
    ),
    Fact(
        "F3", "Tail exponent of market order sizes", "Maslov and Mills 2001: ≈ 1.4",
        flow.size_tail, (Band("ζ", 1, 2),),
    ),
    Fact(
        "F4", "Tail exponent of limit prices", "Zovko and Farmer 2002: ≈ 1.5",
        flow.offset_tail, (Band("exponent", 1, 2),),
    ),
    Fact(
        "F5", "Changes of levels that wipe them out", "Binance BTC 0.135–0.479",
        flow.wiped_levels,
    ),
    Fact(
        "I1", "Order flow imbalance explains moves", "Cont, Kukanov and Stoikov 2014",
        impact.flow_explains, (Band("R²(1 s)", 0.3, 0.9),),
    ),
    Fact(
        "I2", "A tilted book tells the next move", "Binance 0.725–0.854 and 0.158–0.250",
        impact.imbalance_leads, (Band("P(up | bids)", 0.65, 0.9), Band("P(up | asks)", 0.1, 0.35)),
    ),
    Fact(
        "I3", "Response to a market order, ticks", "rises, then flattens; Bouchaud et al. 2004",
        impact.response,
    ),
    Fact(
        "I4", "Impact of metaorders is a square root", "Sato and Kanazawa 2024: δ = 0.489",
        impact.square_root_law, (Band("δ", 0.4, 0.6),),
    ),
    Fact(
        "C3", "Gain and loss asymmetry", "Cont 2001, fact 3; not found by Ratliff-Crain 2025",
        prices.gain_loss,
    ),
    Fact(
        "C9", "Leverage effect", "Cont 2001, fact 9; not found by Ratliff-Crain 2025",
        prices.leverage,
    ),
    Fact(
        "C11", "Coarse volatility predicts fine", "Cont 2001, fact 11; not found by Ratliff-Crain",
        prices.coarse_to_fine,
    ),
)  # fmt: skip
"""In the order they are reported."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One fact of one market: values and their 95 % intervals by name, the first the main one.

    `score` is None where the fact is not scored or could not be measured; `reason` says why not.
    """

    fact: Fact
    values: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    reason: str = ""

    @property
    def score(self) -> float | None:
        """Of the worst condition."""
        if self.reason or not self.fact.bands:
            return None
        return min(band.score(self.values[band.value]) for band in self.fact.bands)

    @property
    def holds(self) -> bool | None:
        """Whether all conditions hold."""
        if self.reason or not self.fact.bands:
            return None
        return all(band.holds(self.values[band.value]) for band in self.fact.bands)


class Report:
    """The facts of one market: `report["F1"].values`, `report.score`, `report.inside`.

    >>> import numpy as np
    >>> from mexchange.analytics.realism.sample import Sample, Tape, Top
    >>> nothing = np.empty(0, np.int64)
    >>> empty = Sample("empty", 0, 10**9, Top(*[nothing] * 5), Tape(*[nothing] * 5))
    >>> report = measure(empty)
    >>> report["F2"].reason
    '0 market orders; it takes 500'
    >>> report.inside, report.scored
    (0, 0)
    """

    def __init__(
        self, name: str, found: dict[str, Sums | str], seconds: float, seed: int = 1
    ) -> None:
        """Facts that were measured, and the reason for those that were not; `seconds` of market."""
        self.name, self.seconds = name, seconds
        self.sums = found
        self.measurements = [_measured(fact, found[fact.key], seed) for fact in FACTS]

    def __getitem__(self, key: str) -> Measurement:
        return next(each for each in self.measurements if each.fact.key == key)

    @property
    def score(self) -> float:
        """The mean score of what is scored; NaN if nothing is."""
        scores = [each.score for each in self.measurements if each.score is not None]
        return sum(scores) / len(scores) if scores else math.nan

    @property
    def scored(self) -> int:
        """How many facts are scored."""
        return sum(each.score is not None for each in self.measurements)

    @property
    def inside(self) -> int:
        """How many of them hold."""
        return sum(each.holds is True for each in self.measurements)

    def __repr__(self) -> str:
        return (
            f"<Report {self.name!r}: {self.inside} of {self.scored} facts, score {self.score:.3f}>"
        )

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.inside} of {self.scored} facts hold, score {self.score:.3f}"]
        for each in self.measurements:
            values = "  ".join(f"{name} {value:.4g}" for name, value in each.values.items())
            mark = {True: "holds", False: "FAILS", None: "-"}[each.holds]
            bands = "; ".join(map(str, each.fact.bands)) or "not scored"
            lines.append(f"{each.fact.key:4}{mark:6} {values or each.reason}   [{bands}]")
        return "\n".join(lines)


def measure(sample: Sample, *, seed: int = 1) -> Report:
    """Measure all facts on a sample; `seed` is that of the bootstrap."""
    found: dict[str, Sums | str] = {}
    for fact in FACTS:
        try:
            found[fact.key] = fact.sums(sample)
        except NotMeasurableError as error:
            found[fact.key] = str(error)
    return Report(sample.name, found, sample.seconds, seed)


def pool(reports: Sequence[Report], name: str = "", *, seed: int = 1) -> Report:
    """Several samples of one market as one, their blocks side by side.

    A fact that some could not measure is of the others alone.
    """
    found: dict[str, Sums | str] = {}
    for fact in FACTS:
        each = [report.sums[fact.key] for report in reports]
        measured = [sums for sums in each if isinstance(sums, Sums)]
        found[fact.key] = pooled(measured) if measured else each[0]
    seconds = sum(report.seconds for report in reports)
    return Report(name or reports[0].name, found, seconds, seed)


def _measured(fact: Fact, sums: Sums | str, seed: int) -> Measurement:
    if isinstance(sums, str):
        return Measurement(fact, reason=sums)
    values = sums.values()
    missing = [band.value for band in fact.bands if math.isnan(values[band.value])]
    reason = f"{missing[0]}: the sample is too short" if missing else ""
    return Measurement(fact, values, sums.intervals(seed, fact.key), reason)
