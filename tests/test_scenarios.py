"""Scenarios: what each shows is there, and each gives the same run on every machine."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from mexchange.cli import main
from mexchange.cli.simulated import scenarios_there
from mexchange.strategy import ParameterError, parameters_of

if TYPE_CHECKING:
    from mexchange import Result

SECOND = 1_000_000_000
NAMES = list(scenarios_there())
SHORT: dict[str, tuple[int, dict[str, Any]]] = {
    "balanced_market": (30, {}),
    "execution": (60, {"start": "10s", "horizon": "30s", "slices": 10}),
    "flash_crash": (60, {"start": "20s", "over": "5s"}),
    "latency_race": (30, {}),
    "market_maker_duel": (60, {}),
    "poisson_control": (30, {}),
    "quickstart": (60, {}),
    "stress": (10, {"agents": 200, "period": "1s"}),
    "two_markets": (30, {}),
}
"""Seconds and parameters of a run that is over soon."""
GOLDEN = {
    "balanced_market": "82fcf986cf0a2e7e873fb69e83c4f190",
    "execution": "13beb1d51eb05e328fe095e0616a015a",
    "flash_crash": "9ea260d7fd5560e3137b7d6dde7ea51e",
    "latency_race": "4a302f2f9a219353d8260b34a32b2870",
    "market_maker_duel": "d356aa146d70bd9188607fbcda019153",
    "poisson_control": "cb5c591b1d9977be513fdbe294fc70ef",
    "quickstart": "db7c30b97a88509e11d346d75c783b71",
    "stress": "cc6663d0590904e46d073b74e0e2a0f7",
    "two_markets": "04f36f7bccc80164e1c84fb7d8a30e9e",
}
"""The digest of the state at the end of each, with seed 1.

Where a scenario, a strategy or the flow changes on purpose, so do these. This file, run as a
program, prints what they are now.
"""


def module(name: str) -> ModuleType:
    return import_module(f"scenarios.{name}")


def short(name: str, seed: int = 1) -> Result:
    seconds, parameters = SHORT[name]
    result: Result = module(name).run(seed, seconds * SECOND, **parameters)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_the_same_everywhere(name: str) -> None:
    result = short(name)
    assert result.digest == GOLDEN[name]
    result.check()


def test_another_seed_is_another_run() -> None:
    assert short("flash_crash", seed=2).digest != GOLDEN["flash_crash"]


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_says_what_it_is_and_what_it_takes(name: str) -> None:
    there = module(name)
    assert scenarios_there()[name]
    arguments = list(inspect.signature(there.run).parameters)
    assert arguments[:3] == ["seed", "duration_ns", "progress"]
    assert list(parameters_of(there.run)) == arguments[3:]
    assert there.run.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_and_its_parameters_are_in_the_docs(name: str, root: Path) -> None:
    page = (root / "docs" / "scenarios.md").read_text(encoding="utf-8")
    _, _, section = page.partition(f"\n## `{name}`\n")
    section = section.partition("\n## ")[0]
    assert section
    missing = [each for each in parameters_of(module(name).run) if f"`{each}`" not in section]
    assert not missing


# What each shows.


def test_a_sweep_has_more_impact_than_slices_and_a_tiny_order_none() -> None:
    run = module("execution").run
    parameters = {"start": "1m", "horizon": "3m", "slices": 30}
    result = run(1, 300 * SECOND, quantity=60, **parameters)
    reports = result.extra["execution"]
    assert reports["sweep"]["impact_bps"] > 3 * abs(reports["TWAP"]["impact_bps"])
    assert reports["sweep"]["seconds"] < 1 < reports["VWAP"]["seconds"]
    assert {report["filled"] for report in reports.values()} == {60}
    assert result.fills.filter(agent="parent order")["quantity"].sum() == pytest.approx(60)
    # What two runs with one seed have in common is the news, so hardly anything is left.
    tiny = run(1, 300 * SECOND, quantity="0.3", **parameters).extra["execution"]["TWAP"]
    assert abs(tiny["impact_bps"]) < 1.5


def test_a_flash_crash_falls_empties_the_book_and_comes_back() -> None:
    result = module("flash_crash").run(1, 900 * SECOND, start="5m")
    crash, bids = result.extra["crash"], result.extra["bids_resting"]
    assert crash["drop_bps"] > 50
    assert 0 < crash["seconds_to_trough"] < 90
    assert crash["seconds_to_half_recovery"] is not None
    assert crash["spread_widest_bps"] > 10 * crash["spread_before_bps"]
    assert bids["liquidity provider"]["minute_after"] < bids["liquidity provider"]["before"] / 2
    assert result.extra["seller"]["slippage_bps"] > 10


def test_who_is_near_wins_the_race() -> None:
    race = module("latency_race").run(1, 300 * SECOND, racers=3).extra["race"]
    near, middle, far = race.values()
    assert (near["latency_us"], middle["latency_us"], far["latency_us"]) == (100, 1000, 10_000)
    assert near["in_time"] > 0.9 > middle["in_time"] > far["in_time"]
    assert near["profit"] > max(0, middle["profit"], far["profit"])


def test_equally_far_is_equally_fast() -> None:
    race = module("latency_race").run(1, 300 * SECOND, racers=2, far="100us", jitter=0)
    one, other = race.extra["race"].values()
    assert one["in_time"] == pytest.approx(other["in_time"], abs=0.1)


def test_an_arbitrageur_ties_two_markets() -> None:
    result = module("two_markets").run(1, 600 * SECOND)
    gap = result.extra["gap"]
    assert gap["tied"]["mean_bps"] < 0.6 * gap["apart"]["mean_bps"]
    assert gap["tied"]["p99_bps"] < 0.6 * gap["apart"]["p99_bps"]
    assert result.extra["arbitrageur"]["profit"] > 0


def test_both_makers_of_a_duel_trade() -> None:
    result = module("market_maker_duel").run(1, 300 * SECOND)
    for row in result.extra["duel"].values():
        assert row["fills"] > 10
        assert row["maker_share"] == 1
        assert row["mean_inventory"] <= 30
        assert row["markout_0s_bps"] > 0
    json.dumps(result.extra["duel"])


def test_most_agents_of_a_stress_test_trade() -> None:
    told = short("stress").extra["stress"]
    assert told["agents"] == 200
    assert told["traded"] > 190


@pytest.mark.slow
@pytest.mark.ci
def test_ten_thousand_agents() -> None:
    result = module("stress").run(1, 30 * SECOND)
    assert len(result.accounts) > 10_000
    # Each has its turn within 30 s, and takes in three turns of ten.
    assert result.extra["stress"]["traded"] > 3_000
    result.check()


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("execution", {"start": "1m", "horizon": "10m"}, "do not fit into 60 s"),
        ("flash_crash", {"start": "1m"}, "does not fit into 60 s"),
        ("latency_race", {"near": "1s", "far": "1ms"}, "far 1ms is nearer than near 1s"),
    ],
)
def test_parameters_that_do_not_fit(name: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        module(name).run(1, 60 * SECOND, **parameters)


# On the command line.


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `mexchange` with these words."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.out, told.err


def test_parameters_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "scenarios", "--json")
    assert code == 0
    listed = json.loads(out)
    assert list(listed) == NAMES
    assert listed["execution"]["about"].startswith("TWAP against VWAP")
    assert listed["execution"]["parameters"]["horizon"] == "10m"
    code, out, _ = command(capsys, "scenarios", "execution")
    assert code == 0
    assert "quantity" in out
    assert "10m" in out
    assert "TWAP against VWAP" in command(capsys, "scenarios")[1]


def test_parameters_reach_the_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "flash_crash", "--for", "30s", "--json"]
    given = ["--param", "start=10s", "--param", "over=5s", "--param", "sell=12.5"]
    code, out, err = command(capsys, *words, *given)
    assert code == 0, err
    assert json.loads(out)["seller"]["quantity"] == 12.5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["horizn=10m"], "no parameter of execution 'horizn'; did you mean 'horizon'?"),
        (["quantity=0"], "execution: quantity = 0 is wrong: it must be more than 0"),
        (["quantity=many"], "--param quantity: 'many' is not a number"),
        (["slices=2.5"], "--param slices: '2.5' is not a whole number"),
        (["horizon=soon"], "execution: horizon = 'soon' is wrong: it must be a positive length"),
        (["side=up"], "--param side: 'up' is not one of buy, sell"),
        (["side=buy", "side=sell"], "--param side is given twice"),
        (["side"], "--param 'side': write key=value"),
        (["quantity=0.001"], "TWAP: 0.001 is not a whole multiple of"),
        (["horizon=10h"], "execution: start 5m and horizon 10h do not fit into 1200 s"),
    ],
)
def test_wrong_parameters_are_one_line(
    capsys: pytest.CaptureFixture[str], given: list[str], words: str
) -> None:
    parameters = [word for each in given for word in ("--param", each)]
    code, out, err = command(capsys, "run", "execution", *parameters)
    line = err.splitlines()[-1]
    assert (code, out) == (2, "")
    assert line.startswith("mexchange: ")
    assert words in line


def test_a_scenario_of_ones_own_declares_parameters(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from typing import Annotated, TYPE_CHECKING\n"
        "from mexchange.strategy import Range\n"
        "from scenarios import quickstart\n"
        "if TYPE_CHECKING:\n"
        "    from mexchange import Result\n"
        "def run(seed=1, duration_ns=10**9, progress=False, *,\n"
        "        times: Annotated[int, Range(1, 3)] = 1) -> Result:\n"
        "    return quickstart.run(seed, duration_ns * times)\n",
        encoding="utf-8",
    )
    code, out, _ = command(capsys, "run", str(path), "--param", "times=2", "--json")
    assert code == 0
    assert json.loads(out)["seconds"] > 1
    code, _, err = command(capsys, "run", str(path), "--param", "times=4")
    assert code == 2
    assert "mine: times = 4 is wrong: it must be at least 1 and at most 3" in err
    assert json.loads(command(capsys, "scenarios", str(path), "--json")[1]) == {"times": "1"}


def test_a_parameter_without_a_type_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "vague.py"
    path.write_text("def run(seed, duration_ns=1, progress=False, size=1): ...\n", encoding="utf-8")
    code, _, err = command(capsys, "run", str(path), "--param", "size=2")
    assert code == 2
    assert "vague: size has no type" in err


if __name__ == "__main__":
    for each in NAMES:
        print(f'    "{each}": "{short(each).digest}",')  # noqa: T201 - For a terminal.
