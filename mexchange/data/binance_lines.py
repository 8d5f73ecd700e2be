"""Lines of a raw Binance recording as typed frames: one line of text, one JSON message.

A line is `<local time, ns since 1970> <message as it came>`. All lines of a kind are parsed at
once; only when something does not fit is the file gone through again, line by line, to say which
line is at fault and why. Decimals stay texts until they are integers of 10^-8, so nothing is
rounded.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from mexchange.data.errors import DataError
from mexchange.data.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DECIMALS", "KINDS", "Lines", "read_lines", "units"]

DECIMALS = 8
"""Prices and quantities are integers of 10 to the power of minus this."""

_LEVELS = pl.List(pl.List(pl.String))
_DIFF = {"s": pl.String, "E": pl.Int64, "U": pl.Int64, "u": pl.Int64, "pu": pl.Int64}
_BOOK = {"b": _LEVELS, "a": _LEVELS}
_TRADE = {"s": pl.String, "T": pl.Int64, "t": pl.Int64, "p": pl.String, "q": pl.String}
_TRADE_KIND = {"m": pl.Boolean, "X": pl.String}
_QUOTE = {
    "s": pl.String, "u": pl.Int64, "b": pl.String, "B": pl.String, "a": pl.String, "A": pl.String,
}  # fmt: skip
_SNAPSHOT = {"lastUpdateId": pl.Int64, "bids": _LEVELS, "asks": _LEVELS}
OPTIONAL = frozenset({"pu", "X"})
"""Fields that only USD-M messages have."""

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "diff": (r'^\{"stream":"[^"@]+@depth(@\d+ms)?"', {**_DIFF, **_BOOK}),
    "quote": (r'^\{"stream":"[^"@]+@bookTicker"', _QUOTE),
    "trade": (r'^\{"stream":"[^"@]+@trade"', {**_TRADE, **_TRADE_KIND}),
    "snapshot": (r'^\{"lastUpdateId":', _SNAPSHOT),
}
"""How the messages of each kind begin, and the fields that are read from them."""

_TIME = r"^[0-9]{1,19} "
_DECIMAL = r"^[0-9]{1,10}(\.[0-9]{0,8}0*)?$"
_SHOWN = 40

Lines = dict[str, pl.DataFrame]
"""By kind: `line` (from 1), `local_ns`, and the fields of `KINDS`; `other` counts the rest."""


def read_lines(path: str | Path) -> Lines:
    """All messages of a file by kind, in their order.

    Raises DataError for a file that is missing, empty or damaged, and, naming the line, for one
    that is not a time and a message with the fields that its kind has.
    """
    data = read_bytes(path).rstrip()
    try:
        found = _parse(data)
    except pl.exceptions.PolarsError:
        found = None
    if found is None:
        raise _diagnose(path, data)
    return found


def _parse(data: bytes) -> Lines | None:
    """The frames, or None where a line does not fit."""
    schema = {"text": pl.String}
    texts = pl.read_csv(data, has_header=False, separator="\x01", quote_char=None, schema=schema)
    lines = texts.with_row_index("line", offset=1).with_columns(pl.col("line").cast(pl.Int64))
    if not lines["text"].str.contains(_TIME).fill_null(False).all():
        return None
    parts = pl.col("text").str.splitn(" ", 2).struct
    lines = lines.select(
        "line",
        local_ns=parts.field("field_0").cast(pl.Int64),
        message=parts.field("field_1").str.strip_chars(),
    )
    found: Lines = {}
    for kind, (pattern, fields) in KINDS.items():
        chosen = pl.col("message").str.contains(pattern)
        frame = _decode(lines.filter(chosen), fields, wrapped=kind != "snapshot")
        required = [name for name in fields if name not in OPTIONAL]
        if any(frame.select(required).null_count().row(0)) or not _sound(frame, kind):
            return None
        found[kind] = frame
        lines = lines.filter(~chosen)
    whole = pl.col("message").str.starts_with("{") & pl.col("message").str.ends_with("}")
    if not lines.select(whole.all()).item():
        return None
    found["other"] = lines.select("line", "local_ns")
    return found


def _decode(lines: pl.DataFrame, fields: dict[str, Any], *, wrapped: bool) -> pl.DataFrame:
    """The messages of one kind as columns."""
    inner = pl.Struct(fields)
    decoded = lines["message"].str.json_decode(pl.Struct({"data": inner}) if wrapped else inner)
    fields_of = decoded.struct.field("data") if wrapped else decoded
    return pl.concat(
        [lines.select("line", "local_ns"), fields_of.struct.unnest()], how="horizontal"
    )


def _sound(frame: pl.DataFrame, kind: str) -> bool:
    """Whether all decimals are decimals, and all levels are a price and a quantity."""
    texts = {"quote": ("b", "B", "a", "A"), "trade": ("p", "q")}.get(kind, ())
    if not all(frame[name].str.contains(_DECIMAL).all() for name in texts):
        return False
    for name in {"diff": ("b", "a"), "snapshot": ("bids", "asks")}.get(kind, ()):
        levels = frame[name].explode().drop_nulls()
        if not (levels.list.len() == 2).all():
            return False
        flat = levels.explode()
        if flat.null_count() or not flat.str.contains(_DECIMAL).all():
            return False
    return kind != "diff" or bool((frame["U"] <= frame["u"]).all())


def units(texts: pl.Series) -> pl.Series:
    """Decimals as integers of 10^-8, exactly.

    >>> units(pl.Series(["61800.30", "7", "0.00000001"])).to_list()
    [6180030000000, 700000000, 1]
    """
    parts = texts.str.split_exact(".", 1).struct.unnest()
    whole, fraction = parts.to_series(0), parts.to_series(1).fill_null("")
    padded = fraction.str.slice(0, DECIMALS).str.pad_end(DECIMALS, "0")
    result: pl.Series = whole.cast(pl.Int64) * 10**DECIMALS + padded.cast(pl.Int64)
    return result


def _diagnose(path: str | Path, data: bytes) -> DataError:
    """The first line that is at fault, and what is wrong there."""
    for number, line in enumerate(data.split(b"\n"), 1):
        for what in _faults(line.decode("utf-8", "replace").strip()):
            return DataError(path, what, line=number)
    return DataError(path, "is not a recording of Binance streams")


def _faults(line: str) -> Iterator[str]:
    """What is wrong with a line."""
    time, _, message = line.partition(" ")
    if not line:
        yield "the line is empty"
    elif not time.isascii() or not time.isdigit() or len(time) > 19:
        yield f"{time[:_SHOWN]!r} is not a time in nanoseconds"
    else:
        try:
            decoded = json.loads(message)
        except ValueError as error:
            yield f"the message is not JSON ({error})"
            return
        if not isinstance(decoded, dict):
            yield "the message is not a JSON object"
            return
        for kind, (pattern, fields) in KINDS.items():
            if re.match(pattern, message):
                wrapped = kind != "snapshot"
                yield from _field_faults(kind, decoded.get("data") if wrapped else decoded, fields)


def _field_faults(kind: str, message: Any, fields: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the fields of a message."""
    if not isinstance(message, dict):
        yield f"the {kind} has no data"
        return
    for name, wanted in fields.items():
        value = message.get(name)
        if value is None:
            if name not in OPTIONAL:
                yield f"the {kind} has no field {name!r}"
        elif wanted == pl.Int64 and (not isinstance(value, int) or isinstance(value, bool)):
            yield f"{name} {str(value)[:_SHOWN]!r} of the {kind} is not a whole number"
        elif wanted == pl.Boolean and not isinstance(value, bool):
            yield f"{name} {str(value)[:_SHOWN]!r} of the {kind} is neither true nor false"
        elif wanted == _LEVELS:
            yield from _level_faults(name, value)
        elif wanted == pl.String and name not in {"s", "X"} and not _is_decimal(value):
            yield f"{name} {str(value)[:_SHOWN]!r} of the {kind} is not a decimal with 8 places"
    first, last = message.get("U"), message.get("u")
    if kind == "diff" and isinstance(first, int) and isinstance(last, int) and first > last:
        yield f"the first update id {first} is after the last, {last}"


def _level_faults(name: str, levels: Any) -> Iterator[str]:
    if not isinstance(levels, list):
        yield f"{name} is not a list of levels"
        return
    for level in levels:
        if not isinstance(level, list) or len(level) != 2 or not all(map(_is_decimal, level)):
            yield f"level {json.dumps(level)[:_SHOWN]} of {name} is not a price and a quantity"


def _is_decimal(value: Any) -> bool:
    return isinstance(value, str) and re.match(_DECIMAL, value) is not None
