"""A sweep on a real Dask cluster of two processes, and what may be wrong with a cluster."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mexchange.cli import main
from mexchange.sweep import ClusterError, cluster, sweep

distributed = pytest.importorskip("distributed")

SCENARIO = '''"""A short quickstart that may die."""

import os
import signal

from scenarios import quickstart


def run(seed: int = 1, duration_ns: int = 10**9, progress: bool = False, *, fault: str = ""):
    if fault == "die" and seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "raise" and seed == 2:
        raise ValueError("no such luck")
    return quickstart.simulation(seed).run(duration_ns)
'''


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "short.py"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the scheduler of two worker processes listens."""
    local = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    )
    with local:
        yield local.scheduler_address


def test_the_cluster_gives_what_one_process_gives(scenario: Path, address: str) -> None:
    with ThreadPoolExecutor(1) as executor:
        here = sweep(scenario, {}, 4, duration="5s", executor=executor)
    with cluster(address) as executor:
        there = sweep(scenario, {}, 4, duration="5s", executor=executor)
    assert here.runs == 4
    assert here.frame["digest"].n_unique() == 4
    assert there.frame.equals(here.frame)


def test_the_command_plays_on_it(
    scenario: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", str(scenario), "--seeds", "2", "--cluster", address, "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2


def test_its_own_executor_does_as_well(scenario: Path, address: str) -> None:
    with distributed.Client(address, set_as_default=False) as client:
        done = sweep(scenario, {}, 2, duration="1s", executor=client.get_executor())
    assert done.runs == 2


def test_failures_are_isolated_on_the_cluster(scenario: Path, address: str) -> None:
    with cluster(address) as executor:
        done = sweep(scenario, {"fault": ["raise", "die"]}, 3, duration="1s", executor=executor)
    assert [str(failure) for failure in done.failures] == [
        "fault=raise seed=2: ValueError: no such luck",
        "fault=die seed=2: WorkerError: the worker died (SIGKILL)",
    ]
    assert done.runs == 4


@pytest.mark.parametrize("wrong", ["tcp://127.0.0.1:9", "nonsense", "pigeon://x:1"])
def test_a_cluster_that_is_not_there_is_said_so_soon(wrong: str) -> None:
    before = time.monotonic()
    with pytest.raises(ClusterError, match=f"no Dask cluster at '{wrong}'"), cluster(wrong, 0.5):
        pass
    assert time.monotonic() - before < 5


def test_a_cluster_without_workers_is_said_so() -> None:
    local = distributed.LocalCluster(
        n_workers=0, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL
    )
    with (
        local,
        pytest.raises(ClusterError, match="has no workers"),
        cluster(local.scheduler_address, 0.5),
    ):
        pass


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"mexchange\[cluster\]"), cluster("tcp://x:1"):
        pass
