"""The benchmarks measure what they say: flows are what they are called, counts are right."""

from __future__ import annotations

import importlib.util
import shutil
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mexchange.bench import budget, engine, simulation, strategy
from mexchange.bench import flow as flows

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

SHORT = 3_000


def compare_script(root: Path) -> ModuleType:
    """`bench/compare.py` as a module."""
    spec = importlib.util.spec_from_file_location("bench_compare", root / "bench" / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matched_by_hand(rows: flows.Rows) -> dict[str, int]:
    """The counts of a flow by price-time priority in its plainest form."""
    queues: dict[tuple[int, int], deque[int]] = defaultdict(deque)
    open_lots: dict[int, int] = {}
    counts = dict.fromkeys(("trades", "traded_quantity", "cancelled"), 0)
    for op, side, name, price, quantity in rows.tolist():
        if op == flows.CANCEL:
            counts["cancelled"] += open_lots.pop(name, 0) > 0
            continue
        left = quantity
        better = min if side == 0 else max
        while left:
            # Names of orders that are gone stay in their queue until it is looked at.
            prices = [
                p for (s, p), queue in queues.items() if s != side and any_open(queue, open_lots)
            ]
            if not prices:
                break
            best = better(prices)
            if op == flows.LIMIT and (best > price if side == 0 else best < price):
                break
            maker = queues[1 - side, best][0]
            traded = min(left, open_lots[maker])
            left -= traded
            open_lots[maker] -= traded
            if not open_lots[maker]:
                del open_lots[maker]
            counts["trades"] += 1
            counts["traded_quantity"] += traded
        if left and op == flows.LIMIT:
            queues[side, price].append(name)
            open_lots[name] = left
    return counts | {"resting": len(open_lots)}


def any_open(queue: deque[int], open_lots: dict[int, int]) -> bool:
    """Whether an order of the queue is open; takes those that are not off its front."""
    while queue and queue[0] not in open_lots:
        queue.popleft()
    return bool(queue)


@pytest.mark.parametrize("kind", flows.KINDS)
def test_a_flow_is_well_formed_and_repeats(kind: str) -> None:
    rows = flows.make(kind, SHORT, seed=3)
    op, side, name, price, quantity = rows.T
    assert rows.shape == (SHORT, 5)
    assert np.array_equal(rows, flows.make(kind, SHORT, seed=3))
    assert not np.array_equal(rows, flows.make(kind, SHORT, seed=4))
    assert set(np.unique(side)) <= {0, 1}
    orders, cancels = np.flatnonzero(op != flows.CANCEL), np.flatnonzero(op == flows.CANCEL)
    assert np.array_equal(name[orders], orders)
    assert (name[cancels] < cancels).all()
    assert (op[name[cancels]] == flows.LIMIT).all()
    assert (quantity[orders] > 0).all()
    assert (price[op == flows.LIMIT] > 0).all()


def test_flows_are_what_they_are_called() -> None:
    sides = flows.make("onesided", 20_000)[:, 1]
    assert sides.mean() < 0.1
    prices = flows.make("sparse", 20_000)
    assert len(np.unique(prices[prices[:, 0] == flows.LIMIT, 3])) > 9_000
    prices = flows.make("far", 20_000)
    assert np.ptp(prices[prices[:, 0] == flows.LIMIT, 3]) > 1 << 30
    assert len(np.unique(flows.make("mix", 20_000)[:, 3])) <= 11


def test_a_flow_file_holds_the_rows(tmp_path: Path) -> None:
    rows = flows.make("feed", 100)
    path = tmp_path / "flow.bin"
    flows.save(path, rows)
    assert path.read_bytes() == rows.astype("<i8").tobytes()
    assert np.array_equal(flows.load(path), rows)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([3, 0, 0, 10, 1], "row 1: op 3 is not in 0..2"),
        ([0, 2, 0, 10, 1], "row 1: side 2 is not in 0..1"),
        ([0, 0, -1, 10, 1], "row 1: id -1 is not in"),
        ([0, 0, 1, 0, 1], "row 1: price 0 is not in"),
        ([0, 0, 1, 1 << 40, 1], "row 1: price 1099511627776 is not in"),
        ([0, 0, 1, 10, 0], "row 1: quantity 0 is not in"),
        ([1, 0, 1, 0, -5], "row 1: quantity -5 is not in"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: list[int], words: str) -> None:
    path = tmp_path / "flow.bin"
    flows.save(path, np.array([[0, 0, 0, 10, 1], row]))
    with pytest.raises(ValueError, match=r"flow\.bin: " + words):
        engine.prepare(path)


def test_the_maker_of_flows_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flow.bin"
    assert flows.main([str(path), "1e3", "feed", "5"]) == 0
    assert np.array_equal(flows.load(path), flows.make("feed", 1000, 5))
    for wrong in (["x"], [str(path), "0", "feed"], [str(path), "10", "fed"]):
        assert flows.main(wrong) == 2
        assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize("kind", flows.KINDS)
def test_the_counts_are_those_of_price_time_priority(kind: str) -> None:
    rows = flows.make(kind, SHORT)
    counts, _ = engine.Bench.of(rows).count()
    expected = matched_by_hand(rows)
    assert {name: counts[name] for name in expected} == expected


def test_orders_are_spread_over_funded_accounts_that_pay_fees() -> None:
    rows = flows.make("feed", 2 * SHORT)
    bench = engine.Bench.of(rows)
    assert len(np.unique(bench.commands["account"])) > 2_000
    kernel = bench.fresh()
    assert kernel.accounts == engine.ACCOUNTS + 1
    events = kernel.step(bench.commands)
    trades = events[events["fee"] > 0]
    assert len(trades) > 100
    assert (trades["maker_fee"] > 0).all()
    assert kernel.balance(0, 1)[0] == trades["fee"].sum() + trades["maker_fee"].sum()
    kernel.check()


def test_a_run_says_what_it_measured(tmp_path: Path) -> None:
    path = tmp_path / "flow.bin"
    flows.save(path, flows.make("feed", SHORT))
    bench = engine.prepare(path)
    first, again = engine.measure(bench, 2), engine.measure(bench, 1)
    assert list(first) == [
        "commands",
        "seconds",
        "commands_per_second",
        "trades",
        "traded_quantity",
        "cancelled",
        "resting",
        "digest",
    ]
    assert first["commands"] == SHORT
    assert first["seconds"] > 0
    assert first["digest"] == again["digest"]
    with pytest.raises(ValueError, match="repeat"):
        engine.measure(bench, 0)
    assert len(engine.prepare(commands=10).commands) == 10


@pytest.mark.skipif(shutil.which("rustc") is None, reason="no Rust compiler on this machine")
def test_the_rust_peer_agrees(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = compare_script(root)
    peer = script.build_peer(tmp_path)
    for kind in flows.KINDS:
        path = script.flow_file(kind, 20_000, tmp_path)
        result: dict[str, Any] = script.compare(path, 1, peer)
        assert result["differs"] == {}, kind
        assert result["ratio"] > 0
    broken = {**result, "differs": {"trades": [1, 2]}}
    assert "DIFFERENT" in script.line(broken)
    assert script.main(["--commands", "1e3", "--repeat", "1", "--flows", "feed"]) == 0
    assert "equal" in capsys.readouterr().out


def test_without_a_rust_compiler_the_kernel_runs_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    script = compare_script(root)
    assert script.main(["--commands", "1e3", "--repeat", "1", "--flows", "feed,mix"]) == 0
    printed = capsys.readouterr()
    assert "no rustc" in printed.err
    assert len(printed.out.splitlines()) == 4


def test_hooks_trips_and_submits_are_measured() -> None:
    seconds, hooks = strategy.hooks(1_000, batched=False)
    assert seconds > 0
    # Nearly every command of a feed changes what is displayed.
    assert 900 < hooks <= 1_000
    _, events = strategy.hooks(1_000, batched=True)
    assert events > hooks
    measured = strategy.measure(1, 500)
    assert list(measured) == [
        "hooks_per_second",
        "hook_us",
        "batched_events_per_second",
        "round_trips_per_second",
        "round_trip_us",
        "submits_per_second",
        "submit_us",
    ]
    assert all(value > 0 for value in measured.values())
    with pytest.raises(ValueError, match="repeat"):
        strategy.measure(0)


def test_whole_markets_are_measured() -> None:
    seconds, messages = simulation.agents("20ms")
    assert seconds > 0
    # Eight quotes of twenty makers, accepted and resting or filled; then replaced.
    assert messages > 20 * 8 * 3
    for keep in (True, False):
        assert simulation.compiled_flow("101ms", keep=keep)[1] > 30_000
    hour = simulation.length_of(0.02)
    assert list(hour) == ["seconds", "messages", "peak_mb"]
    assert all(value > 0 for value in hour.values())
    with pytest.raises(ValueError, match="repeat"):
        simulation.measure(0)


def test_every_promise_is_measured() -> None:
    lines = budget.measure(1, 2_000, 500, "101ms", 0.24)
    assert len(lines) == 9
    assert all(line.value > 0 for line in lines)
    slow = budget.Line("slow", 7.25, 5, "µs")
    fast = budget.Line("fast", 40e6, 35e6, "commands/s")
    assert not slow.reached
    assert budget.Line("a day", 7.25, 15, "s").reached
    assert fast.reached
    assert (slow.shown(slow.value), fast.shown(fast.target)) == ("7.2 µs", "35.0 M commands/s")
    assert budget.Line("hooks", 250e3, 250e3, "hooks/s").as_dict() == {
        "value": 250e3,
        "target": 250e3,
        "unit": "hooks/s",
        "reached": True,
    }
