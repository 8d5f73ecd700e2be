"""mExchange's kernel beside a Rust book of the usual design, on the same flows, in one run.

python bench/compare.py [--commands 2e6] [--repeat 5] [--flows feed,exchange,mix] [--json]

The peer (`bench/peers/btree_book.rs`) matches orders and nothing else; the kernel also checks risk,
holds and settles money of 10,000 accounts, charges fees and writes events. Both take turns, since a
busy machine slows whoever runs; the best run of each counts. Trades, traded quantity, cancels and
resting orders have to be equal. Without rustc the kernel runs alone.

Exits with 1 when the two disagree.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mexchange.bench import flow as flows
from mexchange.bench.engine import Bench

SOURCE = Path(__file__).parent / "peers" / "btree_book.rs"
COUNTS = ("trades", "traded_quantity", "cancelled", "resting")


def build_peer(folder: Path) -> Path | None:
    """The compiled peer, or None if there is no Rust compiler; raises if it does not compile."""
    rustc = shutil.which("rustc")
    if rustc is None:
        return None
    binary = folder / "btree_book"
    command = [rustc, "--edition", "2021", "-C", "opt-level=3", "-o", str(binary), str(SOURCE)]
    subprocess.run(command, check=True)
    return binary


def run_peer(binary: Path, flow: Path) -> dict[str, Any]:
    """One run of the peer over a flow file."""
    done = subprocess.run([binary, flow], check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def compare(
    kind: str, commands: int, repeat: int, folder: Path, peer: Path | None
) -> dict[str, Any]:
    """Runs one kind of flow through both, in turns."""
    rows = flows.make(kind, commands)
    path = folder / f"{kind}.flow"
    flows.save(path, rows)
    bench = Bench.of(rows)
    counts, _ = bench.count()
    ours, theirs, rust = [], [], None
    for _ in range(repeat):
        ours.append(bench.time()[0])
        if peer is not None:
            rust = run_peer(peer, path)
            theirs.append(rust["seconds"])
    path.unlink()
    result: dict[str, Any] = {"flow": kind, "commands": len(rows), **counts}
    result["kernel_per_second"] = round(len(rows) / min(ours))
    if rust is not None:
        result["rust_per_second"] = round(len(rows) / min(theirs))
        result["ratio"] = round(min(theirs) / min(ours), 2)
        result["differs"] = {c: [counts[c], rust[c]] for c in COUNTS if counts[c] != rust[c]}
    return result


def line(result: dict[str, Any]) -> str:
    """One row of the table."""
    rust = f"{result['rust_per_second'] / 1e6:9.1f}" if "ratio" in result else " " * 9
    ratio = f"{result['ratio']:6.1f}×" if "ratio" in result else " " * 7
    same = {True: "", False: "equal"}.get("ratio" not in result, "")
    if result.get("differs"):
        same = f"DIFFERENT {result['differs']}"
    return (
        f"{result['flow']:<10}{result['kernel_per_second'] / 1e6:9.1f}{rust} {ratio}"
        f"{result['trades']:>12,}{result['cancelled']:>11,}{result['resting']:>10,}  {same}"
    )


def main() -> int:
    """Compare and print; see the top of this file."""
    parser = argparse.ArgumentParser(description="the kernel beside a Rust book, on equal flows")
    parser.add_argument("--commands", type=float, default=2e6)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--flows", default=",".join(flows.KINDS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        peer = build_peer(Path(name))
        if peer is None:
            print("no rustc on this machine: the kernel runs alone", file=sys.stderr)
        if not options.json:
            print("millions of commands a second, best of", options.repeat)
            print(f"{'flow':<10}{'kernel':>9}{'rust':>9}{'ratio':>8}", end="")
            print(f"{'trades':>12}{'cancelled':>11}{'resting':>10}")
        for kind in options.flows.split(","):
            result = compare(kind, int(options.commands), options.repeat, Path(name), peer)
            results.append(result)
            if not options.json:
                print(line(result), flush=True)
    if options.json:
        print(json.dumps(results, indent=2))
    return int(any(result.get("differs") for result in results))


if __name__ == "__main__":
    sys.exit(main())
