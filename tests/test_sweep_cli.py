"""`mexchange sweep` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = '''"""Quickstart with a fault."""

from typing import Annotated

from mexchange.strategy import Range
from scenarios import quickstart


def run(
    seed: int = 1, duration_ns: int = 10**9, progress: bool = False, *,
    level: Annotated[int, Range(1, 9)] = 1, broken: bool = False,
):
    if broken and seed == 2:
        raise RuntimeError("out of paper")
    return quickstart.simulation(seed).run(duration_ns)
'''


@pytest.fixture
def mexchange(mexchange: Run) -> Run:
    """Runs `mexchange sweep` with these arguments, here."""
    return partial(mexchange, "sweep")


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "paper.py"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def test_a_table_for_people_and_files_for_later(
    mexchange: Run, scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = (scenario, "--param", "level=1,2", "--seeds", 2, "--for", "2s", "--workers", 2)
    done = mexchange(*arguments, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "paper.py: pnl in EUR" in done.stdout
    assert "4 runs\n" in done.stdout
    assert "sweep of paper" in done.stderr
    frame = pl.read_parquet(out / "results.parquet")
    assert frame.select("level", "seed").unique().height == 4
    # The levels change nothing, so neither do the digests.
    assert frame["digest"].n_unique() == 2
    again = mexchange(*arguments, "--out", out)
    assert "4 runs, 4 of them played before" in again.stdout


def test_failed_runs_are_named_and_end_in_exit_code_3(mexchange: Run, scenario: Path) -> None:
    arguments = (scenario, "--param", "broken=true,false", "--seeds", 2, "--workers", 1)
    done = mexchange(*arguments)
    assert done.returncode == 3
    assert "failed: broken=True seed=2: RuntimeError: out of paper" in done.stderr
    assert "3 runs; 1 failed" in done.stdout
    done = mexchange(*arguments, "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert (report["runs"], report["failed"]) == (3, 1)
    assert report["failures"] == [
        {"parameters": {"broken": True}, "seed": 2, "error": "RuntimeError: out of paper"}
    ]
    assert {(cell["broken"], cell["runs"]) for cell in report["cells"]} == {(True, 1), (False, 2)}


def test_ctrl_c_stops_at_once_and_keeps_what_is_there(scenario: Path, tmp_path: Path) -> None:
    parts = tmp_path / "out" / "parts"
    command = [sys.executable, "-m", "mexchange", "sweep", str(scenario), "--for", "30s"]
    started = subprocess.Popen(
        [*command, "--seeds", "1000", "--workers", "2", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(parts.glob("*.parquet")):
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGINT)
    printed, said = started.communicate(timeout=20)
    assert started.returncode == 130
    assert printed.strip() == ""
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "mexchange: stopped"
    assert 1 <= len(list(parts.glob("*.parquet"))) < 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["quikstart"], ["did you mean 'quickstart'"]),
        (["FILE", "--param", "levl=1"], ["'levl'", "did you mean 'level'"]),
        (["FILE", "--param", "level"], ["key=value"]),
        (["FILE", "--param", "level="], ["level", "whole number"]),
        (["FILE", "--param", "level=1,,2"], ["''", "whole number"]),
        (["FILE", "--param", "level=1,ten"], ["'ten'", "whole number"]),
        (["FILE", "--param", "level=1,10"], ["at most 9"]),
        (["FILE", "--param", "level=1,01"], ["a value twice"]),
        (["FILE", "--param", "level=1", "--param", "level=2"], ["given twice"]),
        (["FILE", "--seeds", "0"], ["--seeds", "1"]),
        (["FILE", "--workers", "0"], ["--workers", "1"]),
        (["FILE", "--for", "0s"], ["positive"]),
        (["FILE", "--cluster", "nonsense"], ["no Dask cluster at 'nonsense'"]),
        (["FILE", "--cluster", "tcp://x:1", "--workers", "1"], ["--workers", "this machine"]),
        (["FILE", "--out", "FILE"], ["is a file"]),
    ],
)
def test_one_line_and_exit_code_2(
    mexchange: Run, scenario: Path, arguments: list[str], words: list[str]
) -> None:
    done = mexchange(*(str(scenario) if word == "FILE" else word for word in arguments))
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_help(mexchange: Run) -> None:
    assert "Usage: mexchange sweep" in mexchange("--help").stdout
