"""The `mexchange` command as a user meets it.

Most commands run inside the process of the tests, which is quicker; what has to do with starting,
with signals and with pipes runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parent.parent
# A tiny recorded day: two orders rest, the first is partly executed, then deleted.
MESSAGES = """\
34200.100000000,1,1,100,1000000,1
34200.200000000,1,2,50,1000200,-1
34200.300000000,4,1,40,1000000,1
34200.400000000,3,1,60,1000000,1
"""


def process(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `mexchange` with these arguments in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mexchange", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line with which a command refused, after the checks that it did so properly."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("mexchange: ")
    return lines[0].removeprefix("mexchange: ")


def printed(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON object that a command printed and nothing else."""
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    path = tmp_path / "TEST_2026-01-05_34200000_57600000_message_1.csv"
    path.write_text(MESSAGES, encoding="utf-8")
    return path


def best_time(*command: str) -> float:
    """Seconds of the fastest of three runs."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def test_help_is_quick() -> None:
    # On an idle machine it takes 0.15 s; a busy one also takes longer to do nothing.
    assert best_time("-m", "mexchange", "--help") < 0.5 + 10 * best_time("-c", "pass")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from mexchange.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numba', 'numpy', 'polars', 'plotly', 'trio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["backtest"],
        ["replay"],
        ["replay", "lobster"],
        ["bench"],
        ["bench", "engine"],
        ["bench", "strategy"],
        ["scenarios"],
        ["version"],
    ],
    ids=" ".join,
)
def test_every_command_has_help(mexchange: Run, command: list[str]) -> None:
    done = mexchange(*command, "--help")
    assert done.returncode == 0
    assert "Usage: " + " ".join(["mexchange", *command]) in done.stdout


def test_version(mexchange: Run) -> None:
    import mexchange as package

    assert mexchange("version").stdout == package.__version__ + "\n"


def test_scenarios(mexchange: Run) -> None:
    assert "quickstart" in mexchange("scenarios").stdout
    assert "quickstart" in printed(mexchange("scenarios", "--json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], ["No such command 'rum'", "run"]),
        (["run"], ["Missing argument"]),
        (["run", "quikstart"], ["'quikstart'", "did you mean 'quickstart'"]),
        (["run", "quickstart", "--for", "soon"], ["'soon' is not a duration"]),
        (["run", "quickstart", "--for", "0s"], ["'0s'", "positive"]),
        (["run", "quickstart", "--seed", "x"], ["--seed", "integer"]),
        (["run", "quickstart", "--sed", "1"], ["No such option", "--seed"]),
        (["backtest", "MarketMaker"], ["--data"]),
        (["backtest", "MarketMaker", "--data", "nix"], ["lobster:MESSAGES"]),
        (["backtest", "MarketMaker", "--data", "itch:x"], ["'itch'", "lobster"]),
        (["backtest", "MarketMaker", "--data", "lobster:nix.csv"], ["nix.csv: no such file"]),
        (["replay", "lobster", "nix.csv"], ["nix.csv: no such file"]),
        (["replay", "lobster", "tests"], ["tests: is a folder, not a file"]),
        (["bench", "engine", "--flow", "nix.bin"], ["nix.bin: no such file"]),
        (["bench", "engine", "--repeat", "0"], ["--repeat"]),
    ],
    ids=" ".join,
)
def test_one_line_and_exit_code_2(mexchange: Run, arguments: list[str], words: list[str]) -> None:
    line = refused(mexchange(*arguments))
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("strategy", "parameter", "words"),
    [
        ("MarketMakr", "levels=1", ["did you mean 'MarketMaker'"]),
        ("nowhere.py:Mine", "levels=1", ["nowhere.py: no such file"]),
        ("MarketMaker", "level", ["key=value"]),
        ("MarketMaker", "nonsense=1", ["parameter of MarketMaker", "'nonsense'"]),
    ],
)
def test_wrong_strategy_or_parameter(
    mexchange: Run, messages: Path, strategy: str, parameter: str, words: list[str]
) -> None:
    data = f"lobster:{messages}"
    line = refused(mexchange("backtest", strategy, "--data", data, "--param", parameter))
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("row", "text", "words"),
    [
        (3, "34200.300000000,4,1,forty,1000000,1", ["line 3"]),
        (3, "34200.300000000,4,1,40", ["line 3"]),
        (3, "34200.150000000,4,1,40,1000000,1", ["line 3", "time"]),
        (2, "34200.200000000,9,2,50,1000200,-1", ["line 2", "type"]),
    ],
)
@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_bad_rows_are_named(
    mexchange: Run, messages: Path, command: str, row: int, text: str, words: list[str]
) -> None:
    rows = MESSAGES.splitlines()
    rows[row - 1] = text
    messages.write_text("\n".join(rows) + "\n", encoding="utf-8")
    if command == "replay":
        done = mexchange("replay", "lobster", messages)
    else:
        done = mexchange("backtest", "MarketMaker", "--data", f"lobster:{messages}")
    line = refused(done)
    for word in [messages.name, *words]:
        assert word in line


def test_a_flow_file_of_odd_size_is_refused(mexchange: Run, tmp_path: Path) -> None:
    flow = tmp_path / "flow.bin"
    flow.write_bytes(bytes(41))
    assert "41 bytes" in refused(mexchange("bench", "engine", "--flow", flow))


def test_a_folder_that_cannot_be_is_refused_before_the_run(mexchange: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out, words in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "x", "director")):
        line = refused(mexchange("run", "quickstart", "--for", "1s", "--out", out))
        assert f"--out {out}: " in line
        assert words in line


def test_a_scenario_and_a_strategy_of_ones_own_have_to_work(
    mexchange: Run, messages: Path, tmp_path: Path
) -> None:
    empty, broken, wrong = (tmp_path / f"{name}.py" for name in ("empty", "broken", "wrong"))
    empty.touch()
    broken.write_text("x = (\n", encoding="utf-8")
    wrong.write_text("x = 1\ny = x / 0\n", encoding="utf-8")
    assert "has a function run" in refused(mexchange("run", empty))
    assert f"{broken}, line 1: " in refused(mexchange("run", broken))
    assert f"{wrong}, line 2: ZeroDivisionError" in refused(mexchange("run", wrong))
    data = f"lobster:{messages}"
    assert "no strategy 'Mine'" in refused(mexchange("backtest", f"{empty}:Mine", "--data", data))
    assert "cannot import" in refused(mexchange("backtest", "nowhere:Mine", "--data", data))


def test_the_strategies_and_their_parameters_are_listed(mexchange: Run) -> None:
    assert "MarketMaker: " in mexchange("strategies").stdout
    assert "    levels=3" in mexchange("strategies").stdout.splitlines()
    assert printed(mexchange("strategies", "--json"))["MarketMaker"]["levels"] == "3"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("run qu", "quickstart"), ("backtest Mark", "MarketMaker"), ("ben", "bench")],
)
def test_names_are_completed(words: str, expected: str) -> None:
    done = process(
        _MEXCHANGE_COMPLETE="complete_bash",
        COMP_WORDS=f"mexchange {words}",
        COMP_CWORD=str(len(words.split())),
    )
    assert expected in done.stdout


def test_ctrl_c_stops_without_a_traceback() -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "mexchange", "run", "quickstart", "--for", "100h"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(3)
    started.send_signal(signal.SIGINT)
    _, printed_there = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "Traceback" not in printed_there
    assert printed_there.splitlines()[-1] == "mexchange: stopped"


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m mexchange strategies | true"
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_replay_prints_what_it_compared(mexchange: Run, messages: Path) -> None:
    report = printed(mexchange("replay", "lobster", messages, "--json"))
    assert {
        "messages",
        "seconds",
        "events_per_second",
        "rows_compared",
        "levels_compared",
        "rows_exact",
        "first_mismatch_row",
        "executions",
        "executions_at_best",
        "executions_hit_named_order",
    } <= set(report)
    assert report["messages"] == 4
    assert report["executions"] == report["executions_hit_named_order"] == 1


def test_bench_engine_prints_what_it_measured(mexchange: Run, tmp_path: Path) -> None:
    import numpy as np

    flow = tmp_path / "flow.bin"
    rows = [
        [0, 0, 0, 100, 5],
        [0, 0, 1, 99, 5],
        [0, 1, 2, 100, 3],
        [1, 1, 3, 0, 1],
        [2, 0, 1, 0, 0],
    ]
    np.array(rows, "<i8").tofile(flow)
    report = printed(mexchange("bench", "engine", "--flow", flow, "--repeat", "1", "--json"))
    expected = {"commands": 5, "trades": 2, "traded_quantity": 4, "cancelled": 1, "resting": 1}
    assert {name: report[name] for name in expected} == expected
    assert {"seconds", "commands_per_second", "digest"} <= set(report)


def test_bench_prints_strategies_and_budgets(
    mexchange: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mexchange.bench import budget, strategy

    lines = [budget.Line("submit", 4.0, 5, "µs"), budget.Line("feed", 1e6, 35e6, "commands/s")]
    monkeypatch.setattr(strategy, "measure", lambda repeat: {"hook_us": 1.5, "repeat": repeat})
    monkeypatch.setattr(budget, "measure", lambda: lines)
    assert printed(mexchange("bench", "strategy", "--repeat", "2", "--json")) == {
        "hook_us": 1.5,
        "repeat": 2,
    }
    table = mexchange("bench").stdout
    assert "4.0 µs" in table
    assert "missed" in table
    assert printed(mexchange("bench", "--json"))["feed"]["reached"] is False


def test_run_writes_frames_and_report(mexchange: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = mexchange("run", "quickstart", "--for", "20s", "--seed", "3", "--out", out)
    assert first.returncode == 0, first.stderr
    assert str(out / "report.html") in first.stdout.replace("\n", "")
    assert (out / "report.html").stat().st_size > 10_000
    assert {"events.parquet", "trades.parquet", "ledger.parquet", "summary.json"} <= {
        path.name for path in out.iterdir()
    }
    again = printed(mexchange("run", "quickstart", "--for", "20s", "--seed", "3", "--json"))
    other = printed(mexchange("run", "quickstart", "--for", "20s", "--seed", "4", "--json"))
    saved = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert saved["digest"] == again["digest"] != other["digest"]


def test_a_strategy_of_ones_own(mexchange: Run, messages: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from mexchange import Strategy\n"
        "class Idle(Strategy):\n"
        "    '''Does nothing.'''\n"
        "    patience: int = 3\n",
        encoding="utf-8",
    )
    data = f"lobster:{messages}"
    done = mexchange(
        "backtest",
        f"{tmp_path / 'mine.py'}:Idle",
        "--data",
        data,
        "--param",
        "patience=4",
        "--json",
    )
    assert printed(done)["digest"]
