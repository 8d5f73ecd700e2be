"""Sweeps: every cell with every seed, the same wherever it runs, and nothing lost when it stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mexchange.sweep import Processes, Sweep, SweepError, WorkerError, sweep
from mexchange.sweep.job import Job, play
from mexchange.sweep.source import Source, code_hash
from mexchange.sweep.table import student_t
from scenarios import quickstart

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = '''"""A market of three, with a parameter of each kind, and ways to fail."""

import os
import signal
from decimal import Decimal
from typing import Annotated

from mexchange.simulation import Agent, Simulation
from mexchange.strategy import Range
from scenarios import quickstart
from strategies import MarketMaker, RandomTrader


def run(
    seed: int = 1,
    duration_ns: int = 5_000_000_000,
    progress: bool = False,
    *,
    spread_bps: Annotated[float, Range(above=0)] = 8.0,
    size: Decimal = Decimal(1),
    fault: str = "",
):
    print("a scenario may print")
    if fault == "raise" and seed == 2:
        raise RuntimeError("it went\\n  wrong")
    if fault == "strategy" and seed == 2:
        class Clumsy(RandomTrader):
            def turn(self):
                raise ValueError("dropped it")
    else:
        Clumsy = RandomTrader
    if fault == "die" and seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    maker = Agent(MarketMaker(spread_bps=spread_bps, size=size, period="50ms"), "maker")
    return Simulation(
        quickstart.MARKET,
        [maker, Agent(Clumsy(period="20ms"), "taker")],
        funds=quickstart.FUNDS,
        setup=quickstart.seed_book(),
        accounts={1: "seeder"},
        seed=seed,
    ).run(duration_ns)
'''


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "three.py"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


class Here(Executor):
    """Plays in this process, at once; notes what it was asked for."""

    def __init__(self) -> None:
        self.played = 0

    def submit(self, call: Any, /, *args: Any, **options: Any) -> Future[Any]:
        self.played += 1
        future: Future[Any] = Future()
        future.set_result(call(*args, **options))
        return future


GRID = {"spread_bps": [4, 8.5]}


@pytest.fixture(scope="module")
def here(scenario: Path) -> Sweep:
    return sweep(scenario, GRID, 2, duration="3s", executor=Here())


def test_one_row_a_run_and_agent(here: Sweep) -> None:
    assert here.runs == 4
    assert not here.failures
    rows = here.frame.select("spread_bps", "seed", "agent").rows()
    assert sorted(rows) == [
        (spread, seed, agent)
        for spread in (4.0, 8.5)
        for seed in (1, 2)
        for agent in ("maker", "taker")
    ]
    assert {"run", "digest", "events", "trades", "pnl", "fills", "sharpe", "run_volume"} <= set(
        here.frame.columns
    )
    assert here.frame["digest"].n_unique() == 4
    assert here.frame["fills"].min() > 0  # type: ignore[operator]


def test_a_run_is_what_the_scenario_gives(here: Sweep, scenario: Path) -> None:
    run = Source.of(scenario).load()
    summary = run(seed=2, duration_ns=3 * 10**9, spread_bps=8.5).summary()
    row = here.frame.row(by_predicate=(pl.col("seed") == 2) & (pl.col("spread_bps") == 8.5)
                         & (pl.col("agent") == "maker"), named=True)  # fmt: skip
    assert row["digest"] == summary["digest"]
    assert row["pnl"] == summary["agents"]["maker"]["pnl"]
    assert row["run_volume"] == summary["volume"]


@pytest.mark.parametrize("kind", ["own processes", "process pool", "threads"])
def test_where_it_runs_does_not_matter(here: Sweep, scenario: Path, kind: str) -> None:
    executors: dict[str, Callable[[], Executor]] = {
        "own processes": lambda: Processes(2),
        "process pool": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
        "threads": lambda: ThreadPoolExecutor(1),
    }
    with executors[kind]() as executor:
        there = sweep(scenario, GRID, 2, duration="3s", executor=executor)
    assert not there.failures
    assert there.frame.equals(here.frame)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("raise", "RuntimeError: it went wrong"),
        ("strategy", "taker raised ValueError: dropped it"),
        ("die", "WorkerError: the worker died (SIGKILL)"),
    ],
)
def test_a_run_that_fails_takes_no_other_with_it(
    here: Sweep, scenario: Path, fault: str, error: str, tmp_path: Path
) -> None:
    done = sweep(
        scenario, GRID | {"fault": [fault]}, 3, duration="3s", workers=2, out=tmp_path / "out"
    )
    assert [(f.parameters["spread_bps"], f.seed, f.error) for f in done.failures] == [
        (4.0, 2, error), (8.5, 2, error),
    ]  # fmt: skip
    assert str(done.failures[0]) == f"spread_bps=4.0 fault={fault} seed=2: {error}"
    assert ("Traceback" in done.failures[0].traceback) == (fault != "die")
    good = here.frame.filter(seed=1)["digest"]
    assert done.frame.filter(seed=1)["digest"].equals(good)
    listed = json.loads((tmp_path / "out" / "failures.json").read_text(encoding="utf-8"))
    assert [each["seed"] for each in listed] == [2, 2]
    # What failed is played again, what did not is not.
    executor = Here()
    if fault == "raise":
        sweep(scenario, GRID | {"fault": [fault]}, 3, duration="3s", executor=executor,
              out=tmp_path / "out")  # fmt: skip
        assert executor.played == 2


def test_more_of_the_same_plays_only_what_is_new(
    here: Sweep, scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def play_more(grid: dict[str, list[Any]], seeds: int, duration: str = "3s") -> tuple[int, int]:
        executor = Here()
        done = sweep(scenario, grid, seeds, duration=duration, executor=executor, out=out)
        assert done.runs == executor.played + done.resumed
        return executor.played, done.resumed

    assert play_more({"spread_bps": [4]}, 2) == (2, 0)
    assert play_more({"spread_bps": [4.0, 8.5]}, 2) == (2, 2)
    assert play_more({"spread_bps": [4, 8.5]}, 3) == (2, 4)
    assert play_more({"spread_bps": [4]}, 2, "4s") == (2, 0)
    part = next((out / "parts").glob("*.parquet"))
    part.write_bytes(b"damaged")
    done = sweep(scenario, GRID, 2, duration="3s", executor=Here(), out=out)
    assert done.frame.equals(here.frame)
    assert pl.read_parquet(out / "results.parquet").equals(here.frame)


def test_changed_code_is_not_resumed(scenario: Path, tmp_path: Path) -> None:
    path = tmp_path / "changed.py"
    path.write_text(SCENARIO, encoding="utf-8")
    first, again = Here(), Here()
    sweep(path, {}, 1, duration="1s", executor=first, out=tmp_path / "out")
    path.write_text(SCENARIO + "# Another.\n", encoding="utf-8")
    done = sweep(path, {}, 1, duration="1s", executor=again, out=tmp_path / "out")
    assert (first.played, again.played, done.resumed) == (1, 1, 0)


def test_another_version_of_the_code_is_refused() -> None:
    job = Job(Source.of("quickstart"), {}, 1, 10**9, code="of another version")
    failure = play(job)
    assert not isinstance(failure, list)
    assert "another version" in failure.error
    assert len(code_hash()) == 32


def test_a_killed_sweep_goes_on_where_it_was(scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    parts = out / "parts"
    command = [
        sys.executable, "-m", "mexchange", "sweep", str(scenario), "--param", "spread_bps=4,8.5",
        "--seeds", "4", "--for", "20s", "--workers", "2", "--out", str(out), "--json",
    ]  # fmt: skip
    killed = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list(parts.glob("*.parquet"))) < 2:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left = len(list(parts.glob("*.parquet")))
    assert 2 <= left < 8
    assert not (out / "results.parquet").exists()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert (report["runs"], report["resumed"], report["failed"]) == (8, left, 0)
    executor = Here()
    frame = pl.read_parquet(out / "results.parquet")
    one = sweep(scenario, {"spread_bps": [8.5]}, [4], duration="20s", executor=executor)
    assert frame.filter(spread_bps=8.5, seed=4)["digest"].equals(one.frame["digest"])


def test_workers_end_when_whoever_asked_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "from mexchange.sweep import Processes\n"
        "processes = Processes(1)\n"
        "print(processes.submit(os.getpid).result(), flush=True)\n"
        "processes.submit(time.sleep, 600).result()\n"
    )
    asked = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert asked.stdout is not None
    worker = int(asked.stdout.readline())
    asked.kill()
    asked.wait()
    asked.stdout.close()
    deadline = time.monotonic() + 10
    while _lives(worker):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    return state[0] != "Z"


def test_processes_are_an_executor() -> None:
    with Processes(1) as processes:
        assert list(processes.map(abs, [-1, 2])) == [1, 2]
        with pytest.raises(ZeroDivisionError):
            processes.submit(divmod, 1, 0).result()
        with pytest.raises(WorkerError, match="exit code 7"):
            processes.submit(os._exit, 7).result()
        assert processes.submit(abs, -3).result() == 3
        with pytest.raises(RuntimeError, match="cannot be sent"):
            processes.submit(compile, "1", "", "eval").result()
    with pytest.raises(ValueError, match="at least 1"):
        Processes(0)


@pytest.mark.slow
def test_workers_compile_nothing(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from mexchange.sweep import sweep\n"
        "from mexchange.sweep.warming import warm_up\n"
        f"cache = Path({str(tmp_path)!r})\n"
        "warm_up()\n"
        "before = sorted(cache.rglob('*.nbi'))\n"
        "done = sweep('market_maker_duel', {}, 2, duration='5s', workers=2)\n"
        "print(done.runs, len(before) > 3, sorted(cache.rglob('*.nbi')) == before)\n"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["2", "True", "True"]


def test_cells_have_means_and_intervals(here: Sweep) -> None:
    cells = here.cells("pnl", "fills")
    assert cells.columns == [
        "spread_bps", "agent", "runs", "pnl", "pnl_low", "pnl_high", "fills", "fills_low",
        "fills_high",
    ]  # fmt: skip
    row = cells.filter(spread_bps=4.0, agent="maker").row(0, named=True)
    pnl = here.frame.filter(spread_bps=4.0, agent="maker")["pnl"]
    half = student_t(0.975, 1) * pnl.std() / 2**0.5  # type: ignore[operator]
    assert row["runs"] == 2
    assert row["pnl"] == pytest.approx(pnl.mean())
    assert row["pnl_high"] - row["pnl"] == pytest.approx(half)
    assert row["pnl"] - row["pnl_low"] == pytest.approx(half)
    single = sweep_of_one(here)
    assert single.cells()["pnl_low"].to_list() == [None] * 4
    with pytest.raises(ValueError, match=r"no figure 'profit'.*pnl"):
        here.cells("profit")
    with pytest.raises(ValueError, match="confidence"):
        here.cells(confidence=95)


def sweep_of_one(done: Sweep) -> Sweep:
    return Sweep(done.frame.filter(seed=1), done.parameters, (), 0)


def test_the_quantiles_are_student_s() -> None:
    from scipy.stats import t

    for freedom in (1, 2, 3, 4, 5, 9, 30, 200, 5_000):
        for p in (0.6, 0.9, 0.975, 0.995):
            assert student_t(p, freedom) == pytest.approx(t.ppf(p, freedom), rel=1e-4)


@pytest.mark.parametrize(
    ("scenario_name", "grid", "seeds", "words"),
    [
        ("quikstart", {}, 1, "no scenario 'quikstart'"),
        ("nix.py", {}, 1, "nix.py: no such file"),
        (lambda seed: seed, {}, 1, "file of its own"),
        (None, {"spred_bps": [4]}, 1, "did you mean 'spread_bps'"),
        (None, {"spread_bps": []}, 1, "spread_bps has no values"),
        (None, {"spread_bps": "48"}, 1, "spread_bps has no values"),
        (None, {"spread_bps": [4, 4.0]}, 1, "a value twice"),
        (None, {"spread_bps": [-4]}, 1, "must be more than 0"),
        (None, {"spread_bps": ["4"]}, 1, "must be a number"),
        (None, {}, 0, "at least 1"),
        (None, {}, [], "at least 1"),
        (None, {}, [3, 3], "different numbers"),
        (None, {}, [-1], "from 0 on"),
    ],
)
def test_what_cannot_be_run_is_refused(
    scenario: Path, scenario_name: Any, grid: dict[str, Any], seeds: Any, words: str
) -> None:
    with pytest.raises(SweepError, match=words):
        sweep(scenario_name or scenario, grid, seeds, executor=Here())


def test_a_scenario_is_a_name_a_module_or_a_function() -> None:
    by_name = Source.of("quickstart")
    assert by_name == Source.of(quickstart) == Source.of(quickstart.run)
    assert by_name.module == "scenarios.quickstart"
    assert by_name.load() is quickstart.run


def test_without_cells_there_is_one_and_a_bar_shows_it(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = sweep(scenario, {}, [5], duration=10**9, executor=Here(), progress=True)
    assert done.runs == 1
    assert done.cells().height == 2
    assert "sweep of three" in capsys.readouterr().err
