"""The anonymous traders in the background of several scenarios: a liquid market at 100 EUR."""

from __future__ import annotations

from mexchange.flow import Background, Fundamental, Metaorders, Pace, TouchRefill, ZeroIntelligence

__all__ = ["crowd"]


def crowd(
    market: int | str = 0,
    *,
    news: float = 1.0,
    forgotten: float = 0.0001,
    name: str = "crowd",
) -> Background:
    """Anonymous traders around a value of their own, which moves with the `news`.

    Every two seconds or so the value jumps by `news` ticks in the mean, and in each it goes back by
    the share `forgotten` of its way from where it began. The spread is a little more
    than a basis point, ten KCN show at the best prices, a hundred stand within thirty ticks, and
    about five KCN are traded in a second: sometimes half of that, sometimes twice as much.

    The news come from an ingredient of its own, which never trades. So its chances are the same
    whatever others do, and so is the value over time: two worlds with one seed have the same news.
    """
    return Background(
        [
            Pace(times=(60.0, 600.0), sigmas=(0.4, 0.4)),
            ZeroIntelligence(
                limit_rate=20, market_rate=2, cancel_rate=0.1, cancel_exponent=0,
                distance_exponent=0.2, reach=100, size=50, size_exponent=1.6, largest=2_000,
            ),
            Metaorders(rate=0.5, size=30, size_exponent=1.6, largest=500),
            Fundamental(rate=1e-9, news_rate=0.5, jump=news, reversion=forgotten),
            Fundamental(rate=4, margin=1, full=4, jump=0, reversion=0, size=100),
            TouchRefill(delay="500ms", size=50, lean=0.1, cancel_rate=0.3, flee=20),
        ],
        market=market,
        accounts=20,
        name=name,
    )  # fmt: skip
