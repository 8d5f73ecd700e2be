"""Samples of runs, of saved results and of recorded feeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mexchange.analytics.realism.sample import (
    MILLISECOND,
    SECOND,
    Bools,
    Int64,
    Levels,
    Parents,
    Placements,
    Sample,
    Tape,
    Top,
    top_of,
)
from mexchange.data.depth import CHANGE, DepthBuilder
from mexchange.data.errors import DataError
from mexchange.records import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mexchange.analytics.result import Result
    from mexchange.data.binance import Recording
    from mexchange.records import Events

__all__ = ["of_events", "of_folder", "of_recording", "of_result"]

PIECE = 1 << 18
FIELDS = ("time_ns", "kind", "side", "price", "quantity", "displayed", "account")
WORKER = "metaorder"
PAUSE_NS = 60 * SECOND
PIECES = 5
CADENCE_NS = 100 * MILLISECOND
"""Changes of levels are counted as a depth stream of this cadence would tell them."""


def of_recording(recording: Recording, name: str = "") -> Sample:
    """The sample of a Binance recording: best bid and ask, trades, changes of levels.

    Times are of the local clock, which all streams share. A level-2 feed tells nothing of orders.
    """
    quotes, trades, diffs = recording.quotes, recording.trades, recording.diffs
    order = np.argsort(quotes.local_ns, kind="stable")
    top = top_of(
        quotes.local_ns[order],
        *(
            column[order]
            for column in (quotes.bid, quotes.bid_quantity, quotes.ask, quotes.ask_quantity)
        ),
    )
    tape = Tape(trades.local_ns, trades.trade_ms, trades.price, trades.quantity, trades.sign)
    counts = np.diff(diffs.ends, prepend=0)
    levels = Levels(np.repeat(diffs.local_ns, counts), diffs.levels["quantity"] == 0)
    times = [part for part in (quotes.local_ns, trades.local_ns) if len(part)]
    start, end = min(int(t.min()) for t in times), max(int(t.max()) for t in times)
    return Sample(name or recording.symbol, start, end, top, tape, None, levels)


def of_result(result: Result, market: int = 0, name: str = "") -> Sample:
    """The sample of one market of a run.

    Metaorders are those of accounts whose name begins with `metaorder`, where there are such, else
    of all accounts.
    """
    workers = [number for number, agent in result.accounts.items() if agent.startswith(WORKER)]
    return of_events(
        result.records,
        market=market,
        start_ns=result.start_ns,
        name=name or result.title,
        workers=np.array(workers) if workers else None,
    )


def of_events(
    events: Events | Mapping[str, Any],
    *,
    market: int = 0,
    start_ns: int = 0,
    end_ns: int | None = None,
    name: str = "run",
    workers: Int64 | None = None,
) -> Sample:
    """The sample of one market from its events, in their order.

    Args:
        events: an array of `EVENT`, or its columns by name (as of a saved frame).
        start_ns, end_ns: what is outside builds the book but is not part of the sample.
        workers: the accounts whose runs of market orders are metaorders; default: all.
    """
    columns, last = _used(events, market)
    end = max(last, start_ns) if end_ns is None else end_ns
    best = _best(columns)
    before = np.concatenate([np.zeros((1, 4), np.int64), best[:-1]])
    inside = (columns["time_ns"] >= start_ns) & (columns["time_ns"] <= end)
    top = _top(columns["time_ns"], best, start_ns, end)
    traded = inside & (columns["kind"] == EventKind.TRADE)
    tape = Tape(
        columns["time_ns"][traded],
        columns["time_ns"][traded] // MILLISECOND,
        columns["price"][traded],
        columns["quantity"][traded],
        1 - 2 * columns["side"][traded],
    )
    return Sample(
        name, start_ns, end, top, tape,
        placements=_placements(columns, before, inside),
        parents=_parents(columns, traded, workers),
        levels=_levels(columns, start_ns, end),
    )  # fmt: skip


def of_folder(folder: str | Path, market: int = 0, name: str = "") -> Sample:
    """The sample of one market of a saved result.

    Raises DataError if the folder does not hold one.
    """
    folder = Path(folder)
    events, agents = folder / "events.parquet", folder / "agents.parquet"
    for path in (events, agents):
        if not path.is_file():
            raise DataError(folder, f"is no saved result: it has no {path.name}")
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        codes = [pl.col(code).to_physical().fill_null(0) for code in ("kind", "side", "market")]
        numbers = ("time_ns", "price", "quantity", "displayed", "account")
        frame = pl.read_parquet(events, columns=["kind", "side", "market", *numbers])
        frame = frame.with_columns(codes)
        workers = pl.read_parquet(agents, columns=["account", "agent"]).filter(
            pl.col("agent").cast(pl.String).str.starts_with(WORKER)
        )["account"]
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise DataError(folder, f"is no result that can be read ({error})") from None
    if not frame.height:
        raise DataError(folder, "holds a run in which nothing happened")
    return of_events(
        {column: frame[column].to_numpy() for column in frame.columns},
        market=market,
        start_ns=int(frame["time_ns"][0]),
        name=name or str(summary.get("title", folder.name)),
        workers=workers.to_numpy() if len(workers) else None,
    )


def _used(events: Events | Mapping[str, Any], market: int) -> tuple[dict[str, Int64], int]:
    """The columns of what a sample is made of, and the last time of all; piece by piece, since the
    events may be far larger.
    """
    parts, last = [], 0
    for first in range(0, len(events["time_ns"]), PIECE):
        here = slice(first, first + PIECE)
        if isinstance(events, np.ndarray):
            row = np.asarray(events[here])
            piece = {name: row[name] for name in (*FIELDS, "market")}
        else:
            piece = {name: np.asarray(events[name][here]) for name in (*FIELDS, "market")}
        used = (piece["kind"] == EventKind.TRADE) | (piece["displayed"] != 0)
        at = np.flatnonzero(used & (piece["market"] == market))
        parts.append({name: piece[name][at].astype(np.int64) for name in FIELDS})
        last = max(last, int(piece["time_ns"].max(initial=0)))
    empty = np.empty(0, np.int64)
    return {name: np.concatenate([empty, *(p[name] for p in parts)]) for name in FIELDS}, last


def _change(columns: Mapping[str, Int64]) -> npt.NDArray[np.void]:
    """What each event changes of the book; a trade changes the maker's side, which is the other."""
    result = np.empty(len(columns["kind"]), CHANGE)
    of_maker = np.isin(columns["kind"], (EventKind.TRADE, EventKind.PREVENTED))
    result["side"] = columns["side"] ^ of_maker
    result["price"], result["displayed"] = columns["price"], columns["displayed"]
    return result


def _best(columns: Mapping[str, Int64]) -> Int64:
    """Ask price and quantity, bid price and quantity after each event: int64 [events, 4]."""
    change = _change(columns)
    builder = DepthBuilder(change["price"])
    rows = np.empty((len(change), 4), np.int64)
    for first in range(0, len(change), PIECE):
        piece = change[first : first + PIECE]
        ends = np.arange(1, len(piece) + 1)
        rows[first : first + PIECE] = builder.rows(piece, ends, 1)[:, 0]
    return rows


def _top(time_ns: Int64, best: Int64, start_ns: int, end_ns: int) -> Top:
    """The top of book inside the sample; what stood when it begins is its first row."""
    top = top_of(time_ns, best[:, 2], best[:, 3], best[:, 0], best[:, 1])
    first = max(0, int(np.searchsorted(top.time_ns, start_ns, side="right")) - 1)
    last = int(np.searchsorted(top.time_ns, end_ns, side="right"))
    columns = [
        column[first:last]
        for column in (top.bid, top.bid_quantity, top.ask, top.ask_quantity)
    ]  # fmt: skip
    return Top(np.maximum(top.time_ns[first:last], start_ns), *columns)


def _placements(columns: Mapping[str, Int64], before: Int64, inside: Bools) -> Placements:
    """How far behind the best of their side orders came to rest, as it was before them."""
    rests = np.isin(columns["kind"], (EventKind.ACCEPTED, EventKind.RESTED))
    rested = inside & rests & (columns["displayed"] > 0)
    buys = columns["side"][rested] == 0
    best = np.where(buys, before[rested, 2], before[rested, 0])
    offset = np.where(buys, 1, -1) * (best - columns["price"][rested])
    known = best > 0
    return Placements(columns["time_ns"][rested][known], offset[known])


def _parents(columns: Mapping[str, Int64], traded: Bools, workers: Int64 | None) -> Parents:
    """Metaorders: what one account took on one side, in at least five instants, none a minute
    after the one before.

    Runs of one account are what they are told from in exchanges' data too (Sato and Kanazawa 2024).
    The short pause and the five keep apart what strangers who share an account do.
    """
    if workers is not None:
        traded = traded & np.isin(columns["account"], workers)
    order = np.argsort(columns["account"][traded], kind="stable")
    account, side, time_ns, quantity = (
        columns[name][traded][order] for name in ("account", "side", "time_ns", "quantity")
    )
    if not len(account):
        return Parents(*[np.empty(0, np.int64)] * 4)
    breaks = (np.diff(account) != 0) | (np.diff(side) != 0) | (np.diff(time_ns) > PAUSE_NS)
    starts = np.flatnonzero(np.append(True, breaks))
    lasts = np.append(starts[1:], len(account)) - 1
    instants = np.add.reduceat(np.append(1, np.diff(time_ns) != 0), starts)
    worked = instants >= PIECES
    parents = (time_ns[starts], time_ns[lasts], 1 - 2 * side[starts])
    total = np.add.reduceat(quantity, starts)
    order = np.argsort(time_ns[lasts][worked], kind="stable")
    return Parents(*(column[worked][order] for column in (*parents, total)))


def _levels(columns: Mapping[str, Int64], start_ns: int, end_ns: int) -> Levels:
    """Levels that changed within each tenth of a second, and whether anything was left of them."""
    change = _change(columns)
    moved = np.flatnonzero(change["displayed"])
    slot = columns["time_ns"][moved] // CADENCE_NS
    side, price = change["side"][moved], change["price"][moved]
    order = np.lexsort((slot, price, side))
    side, price, slot = side[order], price[order], slot[order]
    total = np.cumsum(change["displayed"][moved][order])
    # The running sum within a level is what it shows; other levels come before it in the sum.
    fresh = np.append(True, (np.diff(price) != 0) | (np.diff(side) != 0))[: len(side)]
    starts = np.flatnonzero(fresh)
    base = np.append(0, total)[starts]
    total = total - np.repeat(base, np.diff(np.append(starts, len(total))))
    last = np.append(fresh[1:], True)[: len(side)]
    last = last | np.append(np.diff(slot) != 0, True)[: len(side)]
    time_ns = slot[last] * CADENCE_NS
    inside = (time_ns >= start_ns) & (time_ns <= end_ns)
    return Levels(time_ns[inside], total[last][inside] == 0)
