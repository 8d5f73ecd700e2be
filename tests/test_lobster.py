"""Reading LOBSTER files: what they say, in whatever compression, and how bad ones are refused."""

from __future__ import annotations

import gzip
import lzma
from typing import TYPE_CHECKING

import pytest
import zstandard

from mexchange.data import DataError
from mexchange.data.lobster import MessageType, find_opening, read_book, read_messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = "TST_2024-01-02_34200000_34260000"
GOOD = "34200.1,1,1,100,1000000,1\n34200.2,1,2,50,1000200,-1\n34200.3,4,1,40,1000000,1\n"
BOOK = "1000200,30,1000000,40,1000300,50,999900,60\n"


@pytest.fixture(scope="module")
def day(root: Path) -> Path:
    """The folder with a small made-up day."""
    return root / "tests" / "data" / "lobster"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a file and returns its path."""

    def written(content: str | bytes) -> Path:
        path = tmp_path / "rows.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def test_messages_are_read_exactly(day: Path) -> None:
    messages = read_messages(day / f"{DAY}_message_3.csv")
    assert len(messages) == 14
    assert (messages.symbol, messages.date) == ("TST", "2024-01-02")
    assert messages.time_ns[:3].tolist() == [34_200_000_000_001, *[34_200_500_000_000] * 2]
    assert messages.type.tolist() == [1, 1, 1, 4, 4, 5, 2, 3, 4, 3, 1, 7, 1, 3]
    assert messages.order_id[3:6].tolist() == [7, 102, 0]
    assert messages.size[:3].tolist() == [40, 25, 15]
    assert messages.price[:3].tolist() == [1_000_000, 1_000_000, 1_000_200]
    assert messages.is_buy[:3].tolist() == [True, True, False]
    assert messages.count(MessageType.EXECUTED) == 3


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("34200", 34_200_000_000_000),
        ("34200.5", 34_200_500_000_000),
        ("34200.000000001", 34_200_000_000_001),
        ("34200.017459617", 34_200_017_459_617),
        # A double has no such digits; as text they are exact.
        ("999999999.999999999", 999_999_999_999_999_999),
        ("34200.0174596170004", 34_200_017_459_617),
        ("34200.0174596169996", 34_200_017_459_617),
        ("34200.9999999995", 34_201_000_000_000),
    ],
)
def test_time_is_exact_to_the_nanosecond(
    write: Callable[[str], Path], text: str, nanoseconds: int
) -> None:
    assert read_messages(write(f"{text},1,1,100,1000000,1\n")).time_ns.tolist() == [nanoseconds]


def test_book_is_read_and_empty_levels_are_zero(day: Path) -> None:
    book = read_book(day / f"{DAY}_orderbook_3.csv")
    assert (len(book), book.levels) == (14, 3)
    assert book.ask_price[0].tolist() == [1_000_200, 1_000_300, 1_000_500]
    assert book.ask_size[0].tolist() == [30, 50, 20]
    assert book.bid_price[0].tolist() == [1_000_000, 999_900, 999_800]
    assert book.bid_size[0].tolist() == [40, 60, 10]
    assert book.ask_price[7].tolist() == [1_000_300, 1_000_500, 0]
    assert book.bid_price[9].tolist() == [999_900, 999_800, 0]
    assert len(read_book(day / f"{DAY}_orderbook_3.csv", rows=2)) == 2


@pytest.mark.parametrize(
    "compress", [zstandard.compress, gzip.compress, lzma.compress], ids=["zst", "gz", "xz"]
)
def test_compressed_files_are_read_and_broken_ones_refused(
    write: Callable[[str | bytes], Path], compress: Callable[[bytes], bytes]
) -> None:
    later = GOOD.replace("34200", "34201").encode()
    # Two files put together are one, as all three tools have it.
    packed = compress(GOOD.encode()) + compress(later)
    assert len(read_messages(write(packed))) == 6
    with pytest.raises(DataError, match=r"rows\.csv: damaged (zstd|gzip|xz) file"):
        read_messages(write(packed[:-6]))
    with pytest.raises(DataError, match=r"rows\.csv: damaged (zstd|gzip|xz) file"):
        read_messages(write(packed[:20]))
    rows = (BOOK * 3).encode()
    assert len(read_book(write(compress(rows)))) == 3
    assert len(read_book(write(compress(rows)), rows=1)) == 1


@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n"])
@pytest.mark.parametrize("between", ["\n", "\r\n"])
def test_line_ends_do_not_matter(write: Callable[[str], Path], between: str, end: str) -> None:
    assert len(read_messages(write(GOOD.strip().replace("\n", between) + end))) == 3


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("34200.4,1,9,forty,1000000,1", "size 'forty' is not an integer"),
        ("34200.4,1,9,1.5,1000000,1", "size '1.5' is not an integer"),
        ("34200.4,1,9,99999999999999999999,1000000,1", "is not an integer"),
        ("34200.4,1,,40,1000000,1", "order id is missing"),
        (",1,9,40,1000000,1", "time is missing"),
        ("34200.4,1,9,40", "4 fields instead of 6"),
        ("34200.4,1,9,40,1000000,1,1", "7 fields instead of 6"),
        ("", "the line is empty"),
        ("noon,1,9,40,1000000,1", "time 'noon' is not seconds"),
        ("-1,1,9,40,1000000,1", "time '-1' is not seconds"),
        ("1e5,1,9,40,1000000,1", "time '1e5' is not seconds"),
        ("34200.25,1,9,40,1000000,1", "time goes back from 34200.3 to 34200.25"),
        ("34200.4,8,9,40,1000000,1", "type 8 is not one of 1 to 7"),
        ("34200.4,1,9,0,1000000,1", "size 0 is not positive"),
        ("34200.4,4,9,-5,1000000,1", "size -5 is not positive"),
        ("34200.4,1,9,40,0,1", "price 0 is not positive"),
        ("34200.4,1,9,40,9999999999,-1", "price 9999999999 marks an empty level"),
        ("34200.4,1,9,40,1000000,0", "direction 0 is neither 1 nor -1"),
        ('"34200.4",1,9,40,1000000,1', "is not seconds"),
        ("34200.4,1,9,\u00bd,1000000,1", "is not an integer"),
    ],
)
def test_bad_message_is_named(write: Callable[[str], Path], row: str, complaint: str) -> None:
    with pytest.raises(DataError) as caught:
        read_messages(write(f"{GOOD}{row}\n34200.5,1,10,40,1000000,1\n"))
    assert caught.value.line == 4
    assert caught.value.path.endswith("rows.csv")
    assert "rows.csv, line 4: " in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_is_recognised(write: Callable[[str], Path]) -> None:
    with pytest.raises(DataError, match=r"line 1: .*a header\? these files have none"):
        read_messages(write(f"time,type,order_id,size,price,direction\n{GOOD}"))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1000200,30,1000000,40,1000300,50,999900", "7 fields instead of 8"),
        ("1000200,x,1000000,40,1000300,50,999900,60", "field 2 'x' is not an integer"),
        ("1000200,0,1000000,40,1000300,50,999900,60", "size 0 of a level is not positive"),
        ("1000200,30,-1000000,40,1000300,50,999900,60", "price -1000000 is not positive"),
    ],
)
def test_bad_book_is_named(write: Callable[[str], Path], row: str, complaint: str) -> None:
    with pytest.raises(DataError, match=f"line 2: {complaint}"):
        read_book(write(f"{BOOK}{row}\n{BOOK}"))


def test_a_book_has_four_fields_a_level(write: Callable[[str], Path]) -> None:
    with pytest.raises(DataError, match="line 1: 6 fields are not four for each level"):
        read_book(write("1000200,30,1000000,40,1000300,50\n"))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nix\.csv: no such file"):
        read_messages(tmp_path / "nix.csv")
    with pytest.raises(DataError, match="is a folder, not a file"):
        read_messages(tmp_path)
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"\n")
    with pytest.raises(DataError, match=r"empty\.csv: the file is empty"):
        read_book(empty)


class TestFindOpening:
    """The book to start from, when the one to compare with is too shallow."""

    @pytest.fixture
    def messages(self, tmp_path: Path) -> Path:
        path = tmp_path / f"{DAY}_message_2.csv"
        path.write_text(GOOD, encoding="ascii")
        return path

    def put(self, messages: Path, name: str, row: str, compress: bool = True) -> Path:
        path = messages.with_name(f"{DAY}_orderbook_{name}")
        path.write_bytes(zstandard.compress(row.encode()) if compress else row.encode())
        return path

    def test_none(self, messages: Path) -> None:
        assert find_opening(read_messages(messages)) is None

    def test_the_deepest_file_beside_the_messages(self, messages: Path) -> None:
        top = self.put(messages, "1.csv", "1000200,30,1000000,40\n" * 2, compress=False)
        deep = self.put(messages, "2.csv.zst", BOOK * 2)
        for book in (None, read_book(top)):
            opening = find_opening(read_messages(messages), book)
            assert opening is not None
            assert (opening.path, opening.levels, len(opening)) == (str(deep), 2, 1)

    def test_a_book_of_another_day_does_not_count(self, messages: Path) -> None:
        top = read_book(self.put(messages, "1.csv", "1000200,31,1000000,40\n", compress=False))
        self.put(messages, "2.csv.zst", BOOK)
        self.put(messages, "3.csv", "junk\n", compress=False)
        messages.with_name("TST_2024-01-03_34200000_34260000_orderbook_2.csv").write_text(BOOK)
        opening = find_opening(read_messages(messages), top)
        assert opening is not None
        assert opening.levels == 1
