"""mExchange's kernel beside a Rust book of the usual design, on the same flows, in one run.

python bench/compare.py [--commands 2e6] [--repeat 5] [--flows feed,exchange,FILE] [--json]

A flow is a kind that `mexchange.bench.flow` makes, or a flow file. The peer
(`bench/peers/btree_book.rs`) matches orders and nothing else; the kernel also checks risk, holds
and settles money of 10,000 accounts, charges fees and writes events. Both take turns, since a busy
machine slows whoever runs; the best run of each counts. Trades, traded quantity, cancels and
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
    """One run of the peer over a flow file: commands, seconds, commands_per_second and COUNTS."""
    done = subprocess.run([binary, flow], check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def flow_file(flow: str, commands: int, folder: Path) -> Path:
    """The file of a flow, which is made in `folder` unless `flow` names a file."""
    if flow not in flows.KINDS:
        return Path(flow)
    path = folder / f"{flow}.flow"
    flows.save(path, flows.make(flow, commands))
    return path


def compare(path: Path, repeat: int, peer: Path | None) -> dict[str, Any]:
    """Runs a flow file through both, in turns: commands, COUNTS, digest, speeds and their ratio.

    `differs` has [ours, theirs] of each count that is not equal.
    """
    rows = flows.load(path)
    bench = Bench.of(rows)
    counts, _ = bench.count()
    ours, theirs, rust = [], [], None
    for _ in range(repeat):
        ours.append(bench.time()[0])
        if peer is not None:
            rust = run_peer(peer, path)
            theirs.append(rust["seconds"])
    result: dict[str, Any] = {"flow": path.stem, "commands": len(rows), **counts}
    result["kernel_per_second"] = round(len(rows) / min(ours))
    if rust is not None:
        result["rust_per_second"] = round(len(rows) / min(theirs))
        result["ratio"] = round(min(theirs) / min(ours), 2)
        result["differs"] = {c: [counts[c], rust[c]] for c in COUNTS if counts[c] != rust[c]}
    return result


HEADING = (
    f"{'flow':<10}{'kernel':>9}{'rust':>9}{'ratio':>8}"
    f"{'trades':>12}{'traded':>14}{'cancelled':>11}{'resting':>10}"
)


def line(result: dict[str, Any]) -> str:
    """One row of the table."""
    rust = ratio = same = ""
    if "ratio" in result:
        rust = f"{result['rust_per_second'] / 1e6:.1f}"
        ratio = f"{result['ratio']:.1f}×"
        same = f"DIFFERENT {result['differs']}" if result["differs"] else "equal"
    return (
        f"{result['flow']:<10}{result['kernel_per_second'] / 1e6:>9.1f}{rust:>9}{ratio:>8}"
        f"{result['trades']:>12,}{result['traded_quantity']:>14,}{result['cancelled']:>11,}"
        f"{result['resting']:>10,}  {same}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Compare and print; see the top of this file."""
    parser = argparse.ArgumentParser(description="the kernel beside a Rust book, on equal flows")
    parser.add_argument("--commands", type=float, default=2e6, help="of each flow that is made")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--flows", default=",".join(flows.KINDS), help="kinds or files")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    names = options.flows.split(",")
    for name in names:
        if name not in flows.KINDS and not Path(name).is_file():
            parser.error(f"no flow {name!r}; there are {', '.join(flows.KINDS)}, and files")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        peer = build_peer(Path(folder))
        if peer is None:
            print("no rustc on this machine: the kernel runs alone", file=sys.stderr)
        if not options.json:
            print(f"millions of commands a second, best of {options.repeat}\n{HEADING}")
        for name in names:
            path = flow_file(name, int(options.commands), Path(folder))
            results.append(compare(path, options.repeat, peer))
            if name in flows.KINDS:
                path.unlink()
            if not options.json:
                print(line(results[-1]), flush=True)
    if options.json:
        print(json.dumps(results, indent=2))
    return int(any(result.get("differs") for result in results))


if __name__ == "__main__":
    sys.exit(main())
