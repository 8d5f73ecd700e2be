"""Recorded Binance streams: what they say, the book that comes of them, and how bad ones fail."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zstandard

from mexchange.data import DataError
from mexchange.data.binance import read_recording
from mexchange.data.binance_book import rebuild, replay
from mexchange.data.binance_lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mexchange.data.binance import Recording


@pytest.fixture(scope="module")
def made(root: Path) -> Path:
    """The folder with small made-up recordings."""
    return root / "tests" / "data" / "binance"


@pytest.fixture
def edited(made: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes one of them with lines changed: by number, from 1, to a text or (None) to nothing."""

    def written(name: str, lines: dict[int, str | None]) -> Path:
        texts = dict(enumerate((made / name).read_text().splitlines(), 1)) | lines
        path = tmp_path / name
        path.write_text("\n".join(text for text in texts.values() if text is not None))
        return path

    return written


def changed(made: Path, name: str, line: int, **fields: Any) -> str:
    """A line with fields of its message replaced; those that are None are left out."""
    time, _, text = (made / name).read_text().splitlines()[line - 1].partition(" ")
    message = json.loads(text)
    data = message.get("data", message) | fields
    data = {key: value for key, value in data.items() if value is not None}
    message = {**message, "data": data} if "data" in message else data
    return f"{time} {json.dumps(message, separators=(',', ':'))}"


def test_streams_are_read_exactly(made: Path) -> None:
    recording = read_recording(made / "spot.txt")
    assert (recording.symbol, recording.futures) == ("TSTUSDT", False)
    assert (recording.tick, recording.lot) == (Decimal("0.01"), Decimal("0.05"))
    assert recording.others == 1
    assert recording.diffs.first.tolist() == [95, 99, 104, 107]
    assert recording.diffs.last.tolist() == [98, 103, 106, 107]
    assert recording.diffs.line.tolist() == [1, 4, 9, 13]
    second = recording.diffs.levels[recording.diffs.ends[0] : recording.diffs.ends[1]]
    assert second.tolist() == [(0, 9999, 35), (0, 9990, 0), (1, 10003, 10)]
    assert recording.quotes.bid.tolist() == [9999, 9999, 9999, 10000, 10000]
    assert recording.quotes.ask_quantity.tolist() == [40, 40, 80, 80, 80]
    assert recording.trades.price.tolist() == [10001, 10001, 10000]
    assert recording.trades.quantity.tolist() == [10, 30, 2]
    assert recording.trades.sign.tolist() == [1, 1, -1]
    assert recording.trades.local_ns[0] == 1_700_000_000_060_000_000
    (snapshot,) = recording.snapshots
    assert (snapshot.line, snapshot.last_update, len(snapshot.levels)) == (3, 100, 6)
    # The local clock was 50 ms behind when each message came.
    assert recording.clock_skew_ms == (-50.0, -50.0, -50.0)


def test_the_book_of_spot_is_what_was_published(made: Path) -> None:
    recording = read_recording(made / "spot.txt", lot="0.01")
    rebuilt = rebuild(recording, levels=3)
    assert rebuilt.known.tolist() == [False, True, True, True]
    assert rebuilt.rows[1].tolist() == [
        [10001, 200, 9999, 175],
        [10002, 400, 9998, 300],
        [10003, 50, 0, 0],
    ]
    # A level that is removed though it is not there changes nothing.
    assert rebuilt.rows[2, :, :2].tolist() == [[10002, 400], [10003, 50], [10050, 100]]
    report = replay(recording)
    assert report.files["spot.txt"].anchors == report.files["spot.txt"].equal == 2
    assert (report.files["spot.txt"].books, report.files["spot.txt"].dropped) == (3, 1)
    assert (report.first_gap, report.first_difference) == (None, None)
    assert json.dumps(report.as_dict())


def test_usdm_has_rules_of_its_own(made: Path) -> None:
    recording = read_recording(made / "usdm.txt", lot="0.001")
    assert recording.futures
    # What the insurance fund did is no trade of the market.
    assert (len(recording.trades), recording.others) == (1, 1)
    rebuilt = rebuild(recording)
    # The second diff came before the snapshot and is the one that holds its update id.
    assert rebuilt.known.tolist() == [False, True, True]
    assert rebuilt.rows[:, 0].tolist()[1:] == [[502, 7000, 500, 2000], [502, 6500, 500, 2000]]
    assert replay(recording).files["usdm.txt"].equal == 2
    assert len(rebuilt.gaps) == 0


def test_a_file_continues_another(made: Path) -> None:
    paths = [made / "spot.txt", made / "spot_continued.txt"]
    report = replay(read_recording(paths))
    assert report.files["spot_continued.txt"].equal == 1
    assert report.files["spot_continued.txt"].gaps == 0
    with pytest.raises(DataError, match=r"spot_continued\.txt: has no snapshot to start .* first"):
        replay(read_recording(paths[1]))
    twice = replay(read_recording([paths[0], paths[0]]))
    assert list(twice.files) == [f"1 {paths[0]}", f"2 {paths[0]}"]
    assert twice.first_gap == f"{paths[0]}, line 1"


@pytest.mark.parametrize(
    "compress", [gzip.compress, zstandard.compress, bytes], ids=["gz", "zst", "plain"]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_compression_and_line_ends_do_not_matter(
    made: Path, tmp_path: Path, compress: Callable[[bytes], bytes], ends: str
) -> None:
    path = tmp_path / "streams"
    text = (made / "spot.txt").read_text().replace("\n", ends) + ends
    path.write_bytes(compress(text.encode()))
    assert replay(read_recording(path)).files["streams"].equal == 2


def test_a_gap_is_reported_and_the_book_not_trusted(
    made: Path, edited: Callable[..., Path]
) -> None:
    path = edited("spot.txt", {9: None})
    recording = read_recording(path)
    rebuilt = rebuild(recording)
    assert rebuilt.known.tolist() == [False, True, False]
    report = replay(recording)
    assert report.first_gap == f"{path}, line 12"
    assert (report.files["spot.txt"].gaps, report.files["spot.txt"].equal) == (1, 1)
    snapshot = changed(made, "spot.txt", 3, lastUpdateId=106)
    healed = rebuild(read_recording(edited("spot.txt", {9: None, 10: snapshot})))
    assert healed.known.tolist() == [False, True, True]
    assert healed.rows[2, 0].tolist()[2:] == [10000, 4]


def test_a_gap_of_usdm_is_told_by_pu(made: Path, edited: Callable[..., Path]) -> None:
    path = edited("usdm.txt", {7: changed(made, "usdm.txt", 7, pu=103)})
    assert replay(read_recording(path)).first_gap == f"{path}, line 7"


def test_a_difference_is_reported(made: Path, edited: Callable[..., Path]) -> None:
    path = edited("spot.txt", {10: changed(made, "spot.txt", 10, B="0.31")})
    report = replay(read_recording(path))
    assert report.first_difference == f"{path}, line 9"
    assert (report.files["spot.txt"].anchors, report.files["spot.txt"].equal) == (2, 1)


def test_a_crossed_book_is_counted(made: Path, edited: Callable[..., Path]) -> None:
    path = edited("spot.txt", {9: changed(made, "spot.txt", 9, a=[])})
    assert replay(read_recording(path)).files["spot.txt"].crossed == 0
    path = edited("spot.txt", {9: changed(made, "spot.txt", 9, b=[["100.05", "1"]])})
    assert replay(read_recording(path)).files["spot.txt"].crossed == 2


def test_a_snapshot_that_leads_nowhere(made: Path, edited: Callable[..., Path]) -> None:
    path = edited("spot.txt", {3: changed(made, "spot.txt", 3, lastUpdateId=10)})
    with pytest.raises(DataError, match=r"no snapshot leads to its diffs \(snapshot 10, diffs 95"):
        replay(read_recording(path))


WRONG = [
    (1, "x {}", "'x' is not a time in nanoseconds"),
    (2, "", "the line is empty"),
    (2, "17 [1]", "the message is not a JSON object"),
    (5, '17 {"stream":"tstusdt@trade","data":{"s":"TST', "the message is not JSON"),
    (5, '17 {"stream":"tstusdt@trade","data":3}', "the trade has no data"),
    (5, '17 {"stream":"tstusdt@trade"}', "the trade has no data"),
]
FIELDS = [
    (6, {"p": None}, "the trade has no field 'p'"),
    (6, {"p": "1e5"}, "p '1e5' of the trade is not a decimal with 8 places"),
    (6, {"q": "0.000000001"}, "q '0.000000001' of the trade is not a decimal"),
    (6, {"m": "yes"}, "m 'yes' of the trade is neither true nor false"),
    (6, {"T": "1"}, "T '1' of the trade is not a whole number"),
    (4, {"u": 98}, "the first update id 99 is after the last, 98"),
    (4, {"b": "none"}, "b is not a list of levels"),
    (4, {"b": [["1.00"]]}, r"level \[\"1.00\"\] of b is not a price and a quantity"),
    (4, {"a": [["-1.00", "1"]]}, r"level \[\"-1.00\", \"1\"\] of a is not a price"),
    (4, {"U": None}, "the diff has no field 'U'"),
    (3, {"bids": [["1", "2", "3"]]}, "of bids is not a price and a quantity"),
]


@pytest.mark.parametrize(("line", "text", "what"), WRONG)
def test_a_malformed_line_is_named(
    edited: Callable[..., Path], line: int, text: str, what: str
) -> None:
    with pytest.raises(DataError, match=rf"spot\.txt, line {line}: {what}"):
        read_lines(edited("spot.txt", {line: text}))


@pytest.mark.parametrize(("line", "fields", "what"), FIELDS)
def test_a_wrong_field_is_named(
    made: Path, edited: Callable[..., Path], line: int, fields: dict[str, Any], what: str
) -> None:
    path = edited("spot.txt", {line: changed(made, "spot.txt", line, **fields)})
    with pytest.raises(DataError, match=rf"spot\.txt, line {line}: .*{what}"):
        read_lines(path)


def test_symbols_and_units_are_checked(made: Path, edited: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"holds nothing of OTHER; there is TSTUSDT"):
        read_recording(made / "spot.txt", symbol="OTHER")
    with pytest.raises(DataError, match=r"not everything in it is a multiple of the tick 0\.1"):
        read_recording(made / "spot.txt", tick="0.1")
    with pytest.raises(DataError, match="tick 0 is not positive"):
        read_recording(made / "spot.txt", tick="0")
    both = edited("spot.txt", {6: changed(made, "spot.txt", 6, s="OTHER")})
    with pytest.raises(DataError, match=r"several symbols, name one of them: OTHER, TSTUSDT"):
        read_recording(both)
    assert len(read_recording(both, symbol="TSTUSDT").trades) == 2
    mixed = edited("usdm.txt", {7: changed(made, "usdm.txt", 7, pu=None)})
    with pytest.raises(DataError, match=r"usdm\.txt, line 7: the diff has no pu, others have"):
        read_recording(mixed)
    nothing = edited("spot.txt", {k: None for k in range(1, 15) if k != 11})
    with pytest.raises(DataError, match="holds no depth, bookTicker or trade stream"):
        read_recording(nothing)
    with pytest.raises(ValueError, match="at least one file"):
        read_recording([])


# What was recorded of a real market.


@pytest.fixture(scope="module")
def recorded(data: Path) -> Callable[..., Recording]:
    """Reads recordings of BTCUSDT by name."""
    return lambda *names: read_recording([data / "binance" / f"{name}.gz" for name in names])


@pytest.mark.parametrize(
    ("names", "anchors", "after", "skew"),
    [
        (["spot_btcusdt_20240808"], [564], [3_448], -1_272),
        (["usdm_btcusdt_20240808"], [629], [6_545], -1_270),
        (["spot_btcusdt_20240808", "spot_btcusdt_20240809"], [564, 507], [3_448, 3_044], -1_273),
    ],
)
def test_the_rebuilt_best_is_the_published_one(
    recorded: Callable[..., Recording],
    names: list[str],
    anchors: list[int],
    after: list[int],
    skew: float,
) -> None:
    recording = recorded(*names)
    report = replay(recording)
    files = list(report.files.values())
    assert [file.equal for file in files] == [file.anchors for file in files] == anchors
    assert sum(file.gaps for file in files) == sum(file.crossed for file in files) == 0
    assert report.clock_skew_ms is not None
    assert round(report.clock_skew_ms["median"]) == skew
    assert report.clock_skew_ms["most"] < 0
    diffs, (snapshot, *_) = recording.diffs, recording.snapshots
    later = (diffs.file > snapshot.file) | (diffs.line > snapshot.line)
    assert [int(np.sum(later & (diffs.file == k))) for k in range(len(files))] == after


def test_recorded_trades_are_exact(recorded: Callable[..., Recording]) -> None:
    spot = recorded("spot_btcusdt_20240808")
    assert (len(spot.quotes), len(spot.trades), spot.tick) == (28_040, 9_757, Decimal("0.01"))
    assert spot.trades.price.min() * spot.tick == Decimal("61583.22")
    assert spot.trades.price.max() * spot.tick == Decimal("61860.80")
    assert round(int(spot.trades.quantity.sum()) * spot.lot, 3) == Decimal("212.033")
    usdm = recorded("usdm_btcusdt_20240808")
    assert (len(usdm.quotes), len(usdm.trades), usdm.tick) == (66_089, 21_313, Decimal("0.1"))
    assert int(usdm.trades.quantity.sum()) * usdm.lot == Decimal("2429.366")
