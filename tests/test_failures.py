"""A strategy that raises is stopped; its run tells so in its report and by its exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mexchange import Agent, Asset, CommandKind, ConstantLatency, Market, Result, Simulation
from mexchange.analytics.failures import in_a_line
from mexchange.analytics.report import write_report
from mexchange.cli import main
from mexchange.strategy import Book, OrderUpdate, Strategy

MESSAGES = """\
34200.100000000,1,1,100,1000000,1
34200.200000000,1,2,50,1000200,-1
34200.300000000,4,1,40,1000000,1
34200.400000000,3,1,60,1000000,1
"""
SOURCE = '''
from mexchange.strategy import Strategy

class Broken(Strategy):
    """Breaks after a while."""

    def on_start(self):
        self.at(self.now + 150_000_000, self.go)

    def go(self):
        self.nothing_of_the_kind()
'''


MARKET = Market(Asset("KCN"), Asset("EUR"), tick="0.01", lot="0.01")
FUNDS = {"EUR": "10000", "KCN": "100"}
MS = 1_000_000


class Broken(Strategy):
    """Breaks at once."""

    def on_start(self) -> None:
        raise ValueError("a <b>bold</b> move")


def broken_run() -> Result:
    market = Market(Asset("KCN"), Asset("EUR"))
    return Simulation(market, [Broken()], funds={"EUR": 1}, engine="reference").run("1s")


def test_the_report_shows_the_traceback(tmp_path: Path) -> None:
    page = write_report(broken_run(), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Stopped strategies" in page
    assert "ValueError: a &lt;b&gt;bold&lt;/b&gt; move" in page
    assert "in on_start" in page
    assert "<b>bold" not in page


def test_a_line_says_what_and_where() -> None:
    (text,) = broken_run().extra["failures"].values()
    line = in_a_line(text)
    assert line.startswith("ValueError: a <b>bold</b> move (")
    assert Path(__file__).name in line
    assert in_a_line("") == "it raised"
    assert in_a_line("KeyError: 3") == "KeyError: 3"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_ends_with_code_3(
    form: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    strategy, messages = tmp_path / "broken.py", tmp_path / "messages.csv"
    strategy.write_text(SOURCE, encoding="utf-8")
    messages.write_text(MESSAGES, encoding="ascii")
    out = tmp_path / "out"
    words = ["backtest", f"{strategy}:Broken", "--data", f"lobster:{messages}", "--out", str(out)]
    with pytest.raises(SystemExit) as ended:
        main([*words, *(["--json"] if form == "json" else [])])
    assert ended.value.code == 3
    printed = capsys.readouterr()
    (line,) = [text for text in printed.err.splitlines() if text.startswith("mexchange: ")]
    assert line.startswith("mexchange: Broken was stopped: AttributeError: ")
    assert line.endswith(f"({strategy}:11)")
    assert "Stopped strategies" in (out / "report.html").read_text(encoding="utf-8")
    if form == "json":
        assert "AttributeError" in json.loads(printed.out)["failures"]["Broken"]
    else:
        assert "Traceback" not in printed.out


class Fragile(Strategy):
    """Has an order in the book, hears of everything, and breaks where it is told to."""

    where: str = ""

    def on_start(self) -> None:
        self.calls: list[str] = []
        self.buy(9_000, 1)
        self.every("10ms", lambda: self.reach("timer"))
        self.at(self.now + 30 * MS, lambda: self.reach("alarm"))
        self.reach("start")

    def reach(self, where: str) -> None:
        self.calls.append(where)
        if where == self.where:
            raise ZeroDivisionError("broken on purpose")

    def on_book(self, book: Book) -> None:
        self.reach("book")

    def on_order(self, update: OrderUpdate) -> None:
        self.reach("order")

    def on_stop(self) -> None:
        self.reach("stop")


class Late(Strategy):
    """Sends an order when all is over."""

    def on_start(self) -> None:
        self.at(500 * MS, lambda: self.buy(9_100, 1))


class FragileRunner(Fragile):
    """The same, while its coroutine waits."""

    async def run(self) -> None:
        await self.sleep("25ms")
        self.reach("run")
        while True:
            await self.sleep("25ms")
            self.reach("later")


@pytest.mark.parametrize("kind", [Fragile, FragileRunner])
@pytest.mark.parametrize(
    "where", ["start", "timer", "alarm", "book", "order", "stop", "run", "later"]
)
def test_who_raises_is_stopped_and_the_market_goes_on(kind: type[Fragile], where: str) -> None:
    broken = kind(where=where)
    if where in {"run", "later"} and kind is Fragile:
        return
    other = Late()
    simulation = Simulation(
        MARKET,
        [Agent(broken, "broken"), other],
        funds=FUNDS,
        latency=ConstantLatency("2ms", "3ms"),
        engine="reference",
    )
    result = simulation.run("1s")
    assert list(result.extra["failures"]) == ["broken"]
    lines = result.extra["failures"]["broken"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert __file__ in lines[1], "it does not begin in the strategy"
    assert lines[-1] == "ZeroDivisionError: broken on purpose"
    assert broken.calls[-1] == where
    assert broken.calls.count(where) == 1
    assert [order.price for order in other.orders.values()] == [9_100]
    left = simulation.exchange.orders(1)
    assert len(left) == (where == "stop")
    if where == "later":
        assert len(broken.calls) > 5
        assert result.events.filter(kind="CANCELLED")["time_ns"].to_list() == [52 * MS]


def test_a_failure_has_a_time_and_others_do_not_notice_it() -> None:
    """What a strategy that breaks has sent at that instant is sent; then its orders go."""

    class Sender(Strategy):
        def on_start(self) -> None:
            self.at(self.now + 10 * MS, self.go)

        def go(self) -> None:
            self.buy(9_000, 1)
            self.sell(9_500, 1)
            raise KeyError("x")

    simulation = Simulation(
        MARKET, [Sender()], funds=FUNDS, latency=ConstantLatency("2ms"), engine="reference"
    )
    assert list(simulation.run("100ms").extra["failures"]) == ["Sender"]
    (sent,) = [part for part in simulation.transport.commands if part["time_ns"][0] == 12 * MS]
    assert sent["kind"].tolist() == [CommandKind.NEW, CommandKind.NEW, CommandKind.CANCEL_ALL]
    assert not len(simulation.exchange.orders())
