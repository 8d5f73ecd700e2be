"""The report: one sound HTML file with everything in it, whatever the run was like."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mexchange import EVENT, Asset, Exchange, Fees, Market, Result, Side
from mexchange.analytics import series
from mexchange.analytics.report import write_report
from mexchange.reference import ReferenceEngine
from mexchange.testing.commands import random_commands
from mexchange.testing.profiles import awkward_markets

VOID = {"meta", "link", "br", "img", "input", "hr"}
MARKET = Market(Asset("KCN", 2), Asset("EUR", 4), fees=(Fees(-100, 1_000),))
SECOND = 1_000_000_000


class Page(HTMLParser):
    """A page taken apart; raises AssertionError where tags do not match."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.size = path.stat().st_size
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        (self.scripts if inside == "script" else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def charts(self) -> dict[str, Any]:
        return {chart["key"]: chart for chart in json.loads(self.scripts[0])}

    def ids(self) -> set[str]:
        return {value for _, name, value in self.attributes if name == "id"}


def unpacked(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bdata"]), "<" + packed["dtype"])


def busy(markets: int = 1) -> Result:
    """A few thousand random commands; account 1 is the maker."""
    engine = ReferenceEngine(awkward_markets(markets))
    events = engine.step(random_commands(engine.markets, 3_000, 8, "orderly"))
    parameters = {"fast": True, "size": 1.5, "agents": {"maker": {"levels": 3}, "b": {}}}
    return Result(
        engine.markets,
        events,
        accounts={1: "maker"},
        seed=42,
        digest=engine.digest(),
        title="A busy day",
        parameters=parameters,
    )


def lonely(accounts: int = 1, *, extra: dict[str, Any] | None = None) -> Result:
    exchange = Exchange(MARKET, engine="reference")
    events = [np.empty(0, EVENT)]
    for _ in range(accounts):
        account = exchange.open_account()
        events += [exchange.deposit(account, "EUR", 1_000_000)]
    if accounts:
        events += [exchange.submit(1, 0, Side.BUY, "1", "9.5", time_ns=SECOND)]
        events += [exchange.submit(1, 0, Side.SELL, "1", "9.5", time_ns=2 * SECOND)]
    names = {1: "</script><b>x</b>"}
    title = "Nothing & <i>nobody</i>"
    return Result([MARKET], np.concatenate(events), accounts=names, title=title, extra=extra)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(busy(), tmp_path_factory.mktemp("report") / "new" / "report.html"))


def test_everything_is_there(page: Page) -> None:
    market = busy().markets[0].name
    titles = (
        "A busy day",
        f"{market} price and fills",
        "Result of trading, EUR",
        "Drawdown of that result, EUR",
        "Equity, change in EUR",
        "Inventory, change in KCN",
        "Spread, basis points",
        "Share of the time at a spread, ticks",
        f"{market} depth, best price and best 5",
        f"{market} order book and trades",
        "Where results came from, EUR",
        "Where the result of",
        "Chance of a fill within so many seconds",
        "Queue ahead of an order, KCN",
        "Performance",
        "Waiting",
        f"{market} traded quantity",
        "Fills by agent, side and role",
        "Size of fills",
        "Time between an agent's fills, seconds",
        "Markout, basis points",
        "Who made and who lost",
        "What became of orders",
        "Rejected commands",
        "Parameters",
        "Markets",
    )
    for title in titles:
        assert title in page.text
    assert f"digest {busy().digest}" in page.text
    assert "seed 42" in page.text
    assert "fast yes" in page.text
    assert "size 1.5" in page.text
    assert "maker levels 3" in page.text
    assert "fees and transfers, balanced to the atom" in page.text


def test_it_asks_the_network_for_nothing(page: Page) -> None:
    loading = {"src", "href", "srcset", "action", "data", "poster"}
    outside = [a for a in page.attributes if a[1] in loading and a[2] != "data:,"]
    assert outside == []
    assert {tag for tag, _, _ in page.attributes} <= {
        *("html", "meta", "link", "div", "span", "p", "table", "script", "td"),
    }
    css = resources.files("mexchange.analytics").joinpath("page/page.css").read_text()
    assert "url(" not in css
    assert "@import" not in css
    script = resources.files("mexchange.analytics").joinpath("page/page.js").read_text()
    assert not re.search(r"fetch|XMLHttp|https?:|import\b|WebSocket", script)


def test_it_is_not_too_large(page: Page) -> None:
    assert page.size < 6_500_000


def test_every_chart_has_its_place_and_colours_that_exist(page: Page) -> None:
    assert set(page.charts) <= page.ids()
    css = resources.files("mexchange.analytics").joinpath("page/page.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    used = set(re.findall(r'"\$([\w-]+)"', page.scripts[0]))
    assert {"buy", "sell", "series-0"} <= used
    for name in used:
        assert f"--{name}:" in light
        assert f"--{name}:" in dark.split("* { box-sizing")[0]


def test_all_fills_are_on_the_price(page: Page) -> None:
    result = busy()
    (key,) = (key for key in page.charts if key.startswith("price-"))
    traces = page.charts[key]["traces"]
    drawn = [trace for trace in traces if "fills" in trace]
    assert sum(len(unpacked(trace["fills"]["x"])) for trace in drawn) == result.fills.height
    first = drawn[0]
    assert first["name"] == drawn[1]["name"]
    bought = result.fills.filter(agent=first["name"], side="BUY")
    np.testing.assert_array_equal(unpacked(first["fills"]["y"]), bought["price"].to_numpy())
    np.testing.assert_array_equal(unpacked(first["fills"]["order"]), bought["order_id"].to_numpy())
    assert [trace["visible"] for trace in drawn[:3]] == [True, True, "legendonly"]


def test_the_same_result_gives_the_same_page(tmp_path: Path) -> None:
    one, other = (write_report(busy(), tmp_path / name) for name in ("1.html", "2.html"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("accounts", [0, 1, 12])
def test_nothing_to_show_is_said(tmp_path: Path, accounts: int) -> None:
    page = Page(write_report(lonely(accounts), tmp_path / "report.html"))
    assert "Nothing & <i>nobody</i>" in page.text
    assert "no fills" in page.text
    assert "no trades" in page.text
    assert "the book never had two sides" in page.text
    if not accounts:
        assert "no account had money" in page.text
        assert "no orders" in page.text
    if accounts == 1:
        assert "insufficient funds 1" in page.text
    if accounts > 10:
        assert "the 10 most active agents" in page.text


def test_names_cannot_break_out(tmp_path: Path) -> None:
    path = write_report(lonely(2), tmp_path / "report.html")
    page = Page(path)
    assert "</script><b>x</b>" in page.text
    assert page.charts["pnl"]["traces"][0]["name"] == "</script><b>x</b>"
    assert not any(tag == "b" for tag, _, _ in page.attributes)


def test_one_agent_in_focus(tmp_path: Path) -> None:
    result = busy()
    counts = {"late_orders": 2, "late_quantity": 7, "gone_orders": 0, "other": 3}
    result.extra |= {"focus": "maker", "executions": 12, "divergence": counts}
    page = Page(write_report(result, tmp_path / "report.html"))
    for text in ("Profit and loss", "Sharpe ratio", "Fills by side and role", "executions 12"):
        assert text in page.text
    assert "late 2 7 other 3 –" in page.text
    assert "gone" not in page.text
    assert [trace["name"] for trace in page.charts["pnl"]["traces"]] == ["maker"]
    names = {trace["name"] for trace in page.charts["markouts"]["traces"]}
    assert names == {"maker", "taker"}


def test_many_markets(tmp_path: Path) -> None:
    page = Page(write_report(busy(markets=2), tmp_path / "report.html"))
    for market in busy(markets=2).markets:
        assert f"price-{market.name}" in page.charts
    assert "Spreads" in page.text


# What the figures are made of.


def test_thinning_keeps_the_ends_and_the_extremes() -> None:
    times, values = np.arange(50_000), np.cumsum(np.random.default_rng(1).normal(size=50_000))
    thin_times, thin_values = series.thin(times, values, 400)
    assert len(thin_times) <= 404
    assert (thin_times[0], thin_times[-1]) == (0, 49_999)
    assert (thin_values.min(), thin_values.max()) == (values.min(), values.max())


def test_averages_weigh_by_time() -> None:
    times, values = np.array([0, 10, 30]), np.array([1.0, np.nan, 4.0])
    means = series.averages(times, values, np.array([0, 10, 20, 30, 40]))
    np.testing.assert_array_equal(means, [1.0, np.nan, np.nan, 4.0])
    assert series.averages(times, np.array([1.0, 2.0, 4.0]), np.array([0, 20])).tolist() == [1.5]


def test_spreads_weigh_by_time() -> None:
    exchange = Exchange(MARKET, engine="reference")
    account = exchange.open_account()
    events = [exchange.deposit(account, "EUR", "1000"), exchange.deposit(account, "KCN", "10")]
    for time, side, price in ((0, Side.BUY, "9"), (0, Side.SELL, "11"), (6, Side.BUY, "10")):
        events.append(exchange.submit(account, 0, side, "1", price, time_ns=time * SECOND))
    events.append(exchange.submit(account, 0, Side.SELL, "2", "12", time_ns=8 * SECOND))
    row = Result([MARKET], np.concatenate(events)).spreads.row(0, named=True)
    assert row["spread"] == pytest.approx((6 * 2 + 2 * 1) / 8)
    assert row["bid_depth"] == 1.0
    assert row["one_sided"] == 0.0


def test_markouts_follow_the_mid() -> None:
    exchange = Exchange(MARKET, engine="reference")
    maker, taker = exchange.open_account(), exchange.open_account()
    events = [exchange.deposit(who, "EUR", "1000") for who in (maker, taker)]
    events += [exchange.deposit(maker, "KCN", "10")]
    for side, price in ((Side.BUY, "9"), (Side.SELL, "11"), (Side.SELL, "12")):
        events.append(exchange.submit(maker, 0, side, "1", price))
    events.append(exchange.submit(taker, 0, Side.BUY, "1", "11", time_ns=SECOND))
    events.append(exchange.submit(maker, 0, Side.BUY, "1", "10", time_ns=SECOND + SECOND // 2))
    events.append(exchange.submit(maker, 0, Side.BUY, "1", "8", time_ns=3 * SECOND))
    result = Result([MARKET], np.concatenate(events), accounts={1: "m", 2: "t"})
    rows = result.markouts(by=["agent"]).filter(agent="t").drop("error").rows()
    # Bought at 11.00; the mid is 10.50 right after and 11.00 from half a second on.
    assert rows == [
        ("t", 0.0, pytest.approx(-10_000 * 0.5 / 11), 1),
        ("t", 0.1, pytest.approx(-10_000 * 0.5 / 11), 1),
        ("t", 1.0, pytest.approx(0), 1),
    ]


def test_order_statistics() -> None:
    statistics = lonely().order_statistics.row(0, named=True)
    assert (statistics["orders"], statistics["accepted"], statistics["rejected"]) == (2, 1, 1)
    assert (statistics["open"], statistics["fill_rate"]) == (1, 0.0)
    assert statistics["lifetime"] is None
