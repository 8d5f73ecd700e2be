"""`mexchange realism` and its page, and that a saved run measures as the run itself."""

from __future__ import annotations

import json
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mexchange.analytics.realism import FACTS, measure, of_folder, of_result
from mexchange.analytics.realism.curves import CURVES, curves
from mexchange.analytics.realism.page import PANELS
from mexchange.data import DataError
from scenarios import quickstart

if TYPE_CHECKING:
    from collections.abc import Callable

    from mexchange.analytics.result import Result

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parent.parent
FEED = f"binance:{ROOT / 'tests' / 'data' / 'binance' / 'spot.txt'}"


@pytest.fixture
def realism(mexchange: Run) -> Run:
    """Runs `mexchange realism` with these arguments, here."""
    return partial(mexchange, "realism")


@pytest.fixture(scope="module")
def result() -> Result:
    """Half an hour of the quickstart."""
    return quickstart.run(1, 1_800_000_000_000)


@pytest.fixture(scope="module")
def saved(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.save(tmp_path_factory.mktemp("saved"))


def test_a_saved_run_measures_as_the_run_itself(result: Result, saved: Path) -> None:
    run, read = measure(of_result(result)), measure(of_folder(saved))
    assert run.scored == read.scored >= 5
    for one, other in zip(run.measurements, read.measurements, strict=True):
        assert one.values == pytest.approx(other.values, nan_ok=True)
        assert one.reason == other.reason
    sample = of_result(result)
    # The best bid and ask are those of the frame, without what lasted no time.
    book = result.book
    last = book.filter(book["time_ns"] != book["time_ns"].shift(-1).fill_null(-1)).drop_nulls()
    ticks = np.rint(last["bid"].to_numpy() / 0.01).astype(int)
    assert sample.top.bid[-100:].tolist() == ticks[-100:].tolist()
    assert len(sample.tape) == result.trades.height


def test_a_folder_and_a_feed_side_by_side(realism: Run, saved: Path, tmp_path: Path) -> None:
    done = realism(saved, "--no-control", "--feed", FEED, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert list(found) == ["market", "real", "page"]
    market = found["market"]
    assert set(market["facts"]) == {fact.key for fact in FACTS}
    assert market["facts"]["S1"]["inside"] is False
    assert market["facts"]["R3"]["reason"].endswith("it takes 10 h")
    assert found["real"]["scored"] == 0
    assert found["real"]["score"] is None
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert Path(found["page"]) == tmp_path / "realism.html"
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=\"http", page)
    charts = json.loads(re.findall(r'id="charts">(.*?)</script>', page, re.DOTALL)[0])
    drawn = {chart["key"] for chart in charts}
    assert {"S1", "R1", "F1", "F2", "I1", "I2"} <= drawn
    assert all(f'id="{key}"' in page for key in drawn)
    assert page.count("no sample is long enough") == len(PANELS) - len(drawn)


def test_a_scenario_over_seeds(realism: Run) -> None:
    done = realism("quickstart", "--seeds", "2", "--for", "3m", "--no-control")
    assert done.returncode == 0, done.stderr
    assert "quickstart, seed 1" in done.stderr
    for fact in FACTS:
        assert f"\n{fact.key} " in done.stdout
    assert re.search(r"market quickstart: KCN/EUR: \d+ of \d+ scored facts inside", done.stdout)
    assert "seed by seed: " in done.stdout
    assert re.search(r"F5 .* share 0\.\d+", done.stdout)


def test_every_curve_is_drawn_by_a_panel(result: Result) -> None:
    assert {panel.key for panel in PANELS} == set(CURVES)
    found = curves(of_result(result))
    # Half an hour is too short for what takes minutes.
    assert set(CURVES) - set(found) <= {"V1", "V3", "R3", "C9", "I4"}
    for curve in found.values():
        assert len(curve.x) == len(curve.y) > 1
        assert np.isfinite(curve.y).all()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["quikstart"], ["no scenario 'quikstart'", "did you mean 'quickstart'"]),
        (["binence:x"], ["no kind of feed 'binence'", "did you mean 'binance'"]),
        (["binance:"], ["write binance:FILE"]),
        (["binance:nowhere.gz"], ["nowhere.gz: no such file"]),
        (["quickstart", "--feed", "spot.gz"], ["feed 'spot.gz': write binance:FILE"]),
        (["quickstart", "--feed", "binance:a,,b"], ["write binance:FILE or"]),
        (["quickstart", "--seeds", "0"], ["--seeds"]),
        (["quickstart", "--for", "soon"], ["'soon' is not a duration"]),
        (["tests/data"], ["tests/data: is no saved result: it has no events.parquet"]),
        (["binance:README.md"], ["README.md, line 1: '#' is not a time in nanoseconds"]),
    ],
)
def test_mistakes_are_told_in_a_line(realism: Run, arguments: list[str], parts: list[str]) -> None:
    done = realism(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert all(part in line for part in parts), line


def test_a_folder_that_is_damaged(saved: Path, tmp_path: Path) -> None:
    for name in ("events.parquet", "agents.parquet"):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    with pytest.raises(DataError, match="is no result that can be read"):
        of_folder(tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    assert of_folder(tmp_path).name == tmp_path.name
    (tmp_path / "events.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="is no result that can be read"):
        of_folder(tmp_path)
