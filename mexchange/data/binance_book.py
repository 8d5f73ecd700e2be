"""The book of a Binance recording, rebuilt from a snapshot and diffs, and held against what the
exchange published as best bid and ask at the same update id.

Rules of the exchange, with L the snapshot's update id: spot begins with the diff that has
U ≤ L + 1 ≤ u and goes on with U = u of the one before + 1; USD-M begins with U ≤ L ≤ u and goes on
with pu = u of the one before. Diffs that come before are dropped, wherever in the file the
snapshot stands. After a gap the book is not to be trusted until a later snapshot.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mexchange.data.depth import CHANGE, DepthBuilder
from mexchange.data.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.data.binance import Diffs, Recording, Snapshot

__all__ = ["BookReport", "FileReport", "Rebuilt", "rebuild", "replay"]

Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """The book after each diff.

    `rows` is int64 [diffs, levels, 4]: ask price, ask quantity, bid price, bid quantity, in ticks
    and lots, zeros where there is no level. `known` bool [diffs] tells after which diffs the book
    is to be trusted; `gaps` are the diffs before which something is missing.
    """

    rows: Int64
    known: Bools
    gaps: Int64

    @property
    def crossed(self) -> Bools:
        """After which diffs a known book has its best bid at or above its best ask."""
        ask, bid = self.rows[:, 0, 0], self.rows[:, 0, 2]
        crossed: Bools = self.known & (ask > 0) & (bid >= ask)
        return crossed


@dataclass(frozen=True, slots=True)
class FileReport:
    """How the book of one file went.

    `books` were rebuilt, one after each diff that a snapshot leads to; `dropped` diffs came before.
    `anchors` are those whose update id has a best bid and ask published in the same file, `equal`
    those where all four numbers are the same. `gaps` are places where diffs are missing, `crossed`
    books with the best bid at or above the best ask.
    """

    books: int
    dropped: int
    anchors: int
    equal: int
    gaps: int
    crossed: int


@dataclass(frozen=True, slots=True)
class BookReport:
    """What a recording holds and how its book went, by file; `first_gap` names file and line."""

    symbol: str
    kind: str
    tick: str
    lot: str
    diffs: int
    quotes: int
    trades: int
    snapshots: int
    other_lines: int
    seconds: float
    clock_skew_ms: dict[str, float] | None
    first_gap: str | None
    first_difference: str | None
    files: dict[str, FileReport]

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)


def rebuild(recording: Recording, levels: int = 1) -> Rebuilt:
    """The book after each diff, `levels` of each side.

    Raises DataError if no snapshot leads to the diffs.
    """
    diffs = recording.diffs
    gaps = _gaps(recording)
    rows = np.zeros((len(diffs), levels, 4), np.int64)
    known = np.zeros(len(diffs), np.bool_)
    starts = [(start, snapshot) for snapshot in recording.snapshots
              if (start := _joins(recording, snapshot)) is not None]  # fmt: skip
    if not starts:
        raise DataError(recording.paths[0], _no_start(recording))
    done = 0
    for start, snapshot in starts:
        # A book that is known needs no other snapshot.
        if start < done:
            continue
        later = gaps[gaps > start]
        done = int(later[0]) if len(later) else len(diffs)
        rows[start:done] = _book(diffs, start, done, snapshot, levels)
        known[start:done] = True
    return Rebuilt(rows, known, gaps)


def replay(recording: Recording) -> BookReport:
    """Rebuild the book and hold it against the published best bid and ask.

    Raises DataError if no snapshot leads to the diffs.
    """
    rebuilt, diffs, quotes = rebuild(recording), recording.diffs, recording.quotes
    ids, order = np.unique(quotes.update, return_index=True)
    place = np.minimum(np.searchsorted(ids, diffs.last), max(0, len(ids) - 1))
    anchors = rebuilt.known.copy()
    if len(ids):
        # Files are judged one by one, so what one publishes says nothing about another.
        same_file = quotes.file[order[place]] == diffs.file
        anchors &= (ids[place] == diffs.last) & same_file
    else:
        anchors[:] = False
    published = np.zeros((len(diffs), 4), np.int64)
    columns = (quotes.ask, quotes.ask_quantity, quotes.bid, quotes.bid_quantity)
    for column, values in enumerate(columns):
        published[anchors, column] = values[order[place[anchors]]]
    equal = anchors & (rebuilt.rows[:, 0] == published).all(axis=1)
    missing = np.zeros(len(diffs), np.bool_)
    missing[rebuilt.gaps] = True

    def of_file(number: int) -> FileReport:
        inside = diffs.file == number
        counts = (rebuilt.known, ~rebuilt.known, anchors, equal, missing, rebuilt.crossed)
        return FileReport(*(int(np.count_nonzero(inside & flags)) for flags in counts))

    def where(flags: Bools) -> str | None:
        if not flags.any():
            return None
        at = int(np.argmax(flags))
        return f"{recording.paths[diffs.file[at]]}, line {diffs.line[at]}"

    skew = recording.clock_skew_ms
    clocks = (diffs.local_ns, quotes.local_ns, recording.trades.local_ns)
    ends = [(part[0], part[-1]) for part in clocks if len(part)]
    return BookReport(
        symbol=recording.symbol,
        kind="USD-M" if recording.futures else "spot",
        tick=f"{recording.tick:f}",
        lot=f"{recording.lot:f}",
        diffs=len(diffs),
        quotes=len(quotes),
        trades=len(recording.trades),
        snapshots=len(recording.snapshots),
        other_lines=recording.others,
        seconds=float(max(last for _, last in ends) - min(first for first, _ in ends)) / 1e9,
        clock_skew_ms=None
        if skew is None
        else dict(zip(("least", "median", "most"), skew, strict=True)),
        first_gap=where(missing),
        first_difference=where(anchors & ~equal),
        files=dict(
            zip(_short(recording.paths), map(of_file, range(len(recording.paths))), strict=True)
        ),
    )


def _short(paths: Sequence[str]) -> list[str]:
    """The names of files without their folders, where that tells them apart."""
    names = [Path(path).name for path in paths]
    return names if len(set(names)) == len(names) else [f"{k} {p}" for k, p in enumerate(paths, 1)]


def _gaps(recording: Recording) -> Int64:
    """The diffs before which something is missing."""
    diffs = recording.diffs
    if recording.futures:
        follows = diffs.previous[1:] == diffs.last[:-1]
    else:
        follows = diffs.first[1:] == diffs.last[:-1] + 1
    return np.flatnonzero(~follows) + 1


def _joins(recording: Recording, snapshot: Snapshot) -> int | None:
    """The first diff to be applied to a snapshot, None if it is not there."""
    diffs = recording.diffs
    wanted = snapshot.last_update + (0 if recording.futures else 1)
    holds = np.flatnonzero((diffs.first <= wanted) & (wanted <= diffs.last))
    return int(holds[0]) if len(holds) else None


def _no_start(recording: Recording) -> str:
    if not recording.snapshots:
        return "has no snapshot to start the book from; name the file that it continues first"
    snapshot, diffs = recording.snapshots[0], recording.diffs
    if not len(diffs):
        return "has no depth diffs"
    return (
        f"no snapshot leads to its diffs (snapshot {snapshot.last_update}, diffs "
        f"{diffs.first.min()} to {diffs.last.max()})"
    )


def _book(diffs: Diffs, start: int, end: int, snapshot: Snapshot, levels: int) -> Int64:
    """The book after each of the diffs `start` to `end`."""
    begins = int(diffs.ends[start - 1]) if start else 0
    said = diffs.levels[begins : int(diffs.ends[end - 1])]
    state = np.concatenate([snapshot.levels, said])
    ends = diffs.ends[start:end] - begins + len(snapshot.levels)
    return DepthBuilder(state["price"]).rows(_changes(state), ends, levels)


def _changes(state: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """By how much each level changed, from what each was set to."""
    order = np.lexsort((np.arange(len(state)), state["price"], state["side"]))
    sorted_ = state[order]
    before = np.zeros(len(state), np.int64)
    before[1:] = sorted_["quantity"][:-1]
    fresh = np.ones(len(state), np.bool_)
    fresh[1:] = (sorted_["price"][1:] != sorted_["price"][:-1]) | (
        sorted_["side"][1:] != sorted_["side"][:-1]
    )
    before[fresh] = 0
    result = np.empty(len(state), CHANGE)
    result["side"], result["price"] = state["side"], state["price"]
    result["displayed"][order] = sorted_["quantity"] - before
    return result
