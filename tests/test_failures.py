"""A run in which a strategy raised tells so: in its report, and by how the command ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mexchange import Asset, Market, Result, Simulation
from mexchange.analytics.failures import in_a_line
from mexchange.analytics.report import write_report
from mexchange.cli import main
from mexchange.strategy import Strategy

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
