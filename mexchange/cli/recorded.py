"""`mexchange replay` and `mexchange backtest`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from mexchange.cli.errors import refusing
from mexchange.cli.output import announce_compilation, conclude, folder, show, working
from mexchange.cli.parsing import (
    data_files,
    declared,
    existing,
    load_strategy,
    make_strategy,
    strategies_there,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["list_strategies", "run_backtest", "run_replay", "run_replay_binance"]


def run_replay(
    messages: Path,
    book: Path | None,
    opening: Path | None,
    levels: int | None,
    *,
    as_json: bool,
) -> None:
    """Replay LOBSTER messages and print how close the book comes to the published one."""
    for path in (messages, book, opening):
        if path is not None:
            existing(path)
    from mexchange.data.lobster import read_book, read_messages

    # What is wrong with the files is said before anybody waits for a compiler.
    flow = read_messages(messages)
    published = None if book is None else read_book(book)
    before = None if opening is None else read_book(opening)
    announce_compilation()
    from mexchange.replay import replay

    with refusing(ValueError), working(f"replaying {messages.name}", hidden=as_json):
        report = replay(flow, published, opening=before, levels=levels)
    show(report.as_dict(), as_json=as_json)


def run_replay_binance(files: Sequence[Path], symbol: str | None, *, as_json: bool) -> None:
    """Rebuild the book of a recording and print how close it comes to the published best."""
    for path in files:
        existing(path)
    from mexchange.data.binance import read_recording
    from mexchange.data.binance_book import replay

    with working(f"reading {', '.join(path.name for path in files)}", hidden=as_json):
        report = replay(read_recording(files, symbol=symbol))
    show(report.as_dict(), as_json=as_json)


def run_backtest(
    name: str,
    data: str,
    given: Sequence[str],
    *,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a strategy inside recorded order flow, print its summary and write its report."""
    messages, book = data_files(data)
    strategy = make_strategy(load_strategy(name), given)
    from mexchange.data.lobster import read_book, read_messages

    flow = read_messages(messages)
    opening = None if book is None else read_book(book, 1)
    target = folder(out)
    announce_compilation()
    from mexchange.backtest import backtest

    result = backtest(strategy, flow, opening, seed=seed, progress=not as_json)
    conclude(result, target, as_json=as_json)


def list_strategies(*, as_json: bool) -> None:
    """Print the strategies and, below each, its parameters as they are without `--param`."""
    known = strategies_there()
    if as_json:
        values = {
            name: {key: str(getattr(strategy, key)) for key in declared(strategy)}
            for name, strategy in known.items()
        }
        show(values, as_json=True)
        return
    for name, strategy in known.items():
        print(f"{name}: {(inspect.getdoc(strategy) or '').partition(chr(10))[0]}")
        for key in declared(strategy):
            print(f"    {key}={getattr(strategy, key)}")
