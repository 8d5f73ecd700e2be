"""Opening recorded files: plain or compressed bytes, and tables of comma-separated integers.

The compression is told by the first bytes of a file, not by its name, so a renamed file still
opens and a wrong name does not mislead. Empty lines at the end of a table are ignored.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

import polars as pl
import zstandard

from mexchange.data.errors import DataError

__all__ = ["read_bytes", "read_table"]

_INTEGER = r"^[+-]?[0-9]+$"
_SHOWN = 40


def _unzstd(data: bytes) -> bytes:
    parts = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts.append(frame.decompress(data))
        # A frame that was cut off decompresses without complaint as far as it goes.
        if not frame.eof:
            raise EOFError("it ends in the middle")
        data = frame.unused_data
    return b"".join(parts)


def _unzstd_stream(stream: io.BytesIO) -> Any:
    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return io.BufferedReader(cast(io.RawIOBase, reader))


# The first bytes of a format, its name, how to decompress all of it and how to do it bit by bit.
_FORMATS: tuple[tuple[bytes, str, Any, Any], ...] = (
    (b"\x28\xb5\x2f\xfd", "zstd", _unzstd, _unzstd_stream),
    (b"\x1f\x8b", "gzip", gzip.decompress, lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"\xfd7zXZ\x00", "xz", lzma.decompress, lzma.LZMAFile),
)
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def read_bytes(path: str | Path, lines: int | None = None) -> bytes:
    """The content of a file or its first `lines`, decompressed if it is zstd, gzip or xz.

    Raises DataError if the file is missing, unreadable, empty, or damaged.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(path, "no such file") from None
    except IsADirectoryError:
        raise DataError(path, "is a folder, not a file") from None
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror or error})") from None
    for magic, name, decompress, stream in _FORMATS:
        if data.startswith(magic):
            try:
                if lines is None:
                    data = decompress(data)
                else:
                    data = b"".join(islice(stream(io.BytesIO(data)), lines))
            except _BROKEN as error:
                raise DataError(path, f"damaged {name} file ({error})") from None
            break
    if lines is not None:
        data = b"".join(islice(io.BytesIO(data), lines))
    if not data.strip():
        raise DataError(path, "the file is empty")
    return data


def read_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    text: Sequence[str] = (),
    rows: int | None = None,
) -> pl.DataFrame:
    """A file of comma-separated integers without a header as a frame, one row a line.

    Args:
        columns: their names; None takes as many as the first line has, named `0`, `1`, ...
        text: those of `columns` that stay strings, for the caller to parse.
        rows: read only so many; None reads all.

    Raises DataError, naming the first bad line, for a wrong number of fields or a field that is
    not a 64-bit integer.
    """
    data = read_bytes(path, rows).rstrip(b"\r\n")
    if columns is None:
        first = data[: data.find(b"\n")] if b"\n" in data else data
        columns = [str(number) for number in range(first.count(b",") + 1)]
    schema = {name: pl.String if name in text else pl.Int64 for name in columns}
    try:
        frame = pl.read_csv(data, has_header=False, schema=schema, quote_char=None)
    except pl.exceptions.PolarsError:
        frame = None
    if frame is None or any(frame.null_count().row(0)):
        raise _diagnose(path, data, columns, text)
    return frame


def _diagnose(
    path: str | Path, data: bytes, columns: Sequence[str], text: Sequence[str]
) -> DataError:
    """The error of a table that did not parse: its first bad line and what is wrong there."""
    lines = pl.read_csv(
        data,
        has_header=False,
        schema={"line": pl.String},
        separator="\x01",
        quote_char=None,
        encoding="utf8-lossy",
    ).with_row_index("number", offset=1)
    fields = pl.col("line").fill_null("").str.split(",")
    lines = lines.with_columns(count=fields.list.len())
    found: list[tuple[int, str]] = []
    for number, line, count in lines.filter(pl.col("count") != len(columns)).head(1).iter_rows():
        what = f"{count} fields instead of {len(columns)}" if line else "the line is empty"
        found.append((number, what))
    whole = lines.filter(pl.col("count") == len(columns))
    for position, name in enumerate(columns):
        field = fields.list.get(position).str.strip_chars(" ")
        bad = field.str.len_chars() == 0 if name in text else ~_is_integer(field)
        for number, value in whole.filter(bad).head(1).select("number", field.alias("f")).rows():
            what = f"{_label(name)} {value[:_SHOWN]!r} is not an integer"
            if not value:
                what = f"{_label(name)} is missing"
            found.append((number, what + (_HEADER if number == 1 and value.isidentifier() else "")))
    if not found:
        return DataError(path, "is not a table of comma-separated integers")
    number, what = min(found, key=lambda entry: entry[0])
    return DataError(path, what, line=number)


_HEADER = " (a header? these files have none)"


def _label(name: str) -> str:
    return f"field {int(name) + 1}" if name.isdigit() else name


def _is_integer(field: pl.Expr) -> pl.Expr:
    return field.str.contains(_INTEGER) & field.cast(pl.Int64, strict=False).is_not_null()
