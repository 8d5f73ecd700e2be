"""The schema and `records.py` say the same: offsets, sizes, enum values and bytes on the wire."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import sysconfig
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
import pytest

from mexchange import records
from mexchange.records import COMMAND, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    Generated = Callable[[str], ModuleType]

RECORDS = {"Command": COMMAND, "Event": EVENT}
ENUMS = [
    value
    for value in vars(records).values()
    if isinstance(value, type)
    and issubclass(value, IntEnum | IntFlag)
    and value.__module__ == records.__name__
]


@pytest.fixture(scope="module")
def generated(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """Imports a module of the Python code that `flatc` makes of the schema."""
    folder = tmp_path_factory.mktemp("flatc")
    schema = (root / "mexchange/schema/mexchange.fbs").read_text(encoding="utf-8")
    # The generated package must not be called as ours is.
    (folder / "wire.fbs").write_text(
        schema.replace("namespace mexchange;", "namespace wire;"), encoding="utf-8"
    )
    flatc = Path(sysconfig.get_path("scripts")) / "flatc"
    subprocess.run([flatc, "--python", "-o", folder, folder / "wire.fbs"], check=True)
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"wire.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == "wire"]:
        del sys.modules[name]


def distinct(dtype: np.dtype[np.void], count: int = 1) -> np.ndarray[Any, np.dtype[np.void]]:
    """Rows in which no two fields, and no two bytes of a field, could be taken for each other."""
    rows = np.zeros(count, dtype)
    assert dtype.names is not None
    for row in range(count):
        for column, name in enumerate(dtype.names):
            size = dtype[name].itemsize
            number = int.from_bytes(bytes((16 * row + column + 31 * k) & 0x7F for k in range(size)))
            sign = -1 if dtype[name].kind == "i" and column % 2 else 1
            rows[row][name] = sign * number
    return rows


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def test_there_are_enums() -> None:
    assert len(ENUMS) == 8


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: str(enum.__name__))
def test_enum_values_agree(generated: Generated, enum: type[IntEnum]) -> None:
    compiled = getattr(generated(enum.__name__), enum.__name__)
    theirs = {name: value for name, value in vars(compiled).items() if not name.startswith("_")}
    assert theirs == {member.name: member.value for member in enum}


@pytest.mark.parametrize("name", RECORDS)
def test_sizes_and_padding(generated: Generated, name: str) -> None:
    dtype = RECORDS[name]
    assert getattr(generated(name), name).SizeOf() == dtype.itemsize
    assert dtype.itemsize % 8 == 0
    assert dtype.isalignedstruct
    assert dtype.names is not None
    # Every byte belongs to a declared field, so that no byte is ever undefined.
    assert sum(dtype[field].itemsize for field in dtype.names) == dtype.itemsize


@pytest.mark.parametrize("name", RECORDS)
def test_fields_are_the_same_in_the_same_order(root: Path, name: str) -> None:
    schema = (root / "mexchange/schema/mexchange.fbs").read_text(encoding="utf-8")
    struct = re.search(rf"struct {name} {{(.*?)}}", schema, re.DOTALL)
    assert struct is not None
    assert tuple(re.findall(r"(\w+):", struct[1])) == RECORDS[name].names


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_lies_where_flatbuffers_reads_it(generated: Generated, name: str) -> None:
    dtype = RECORDS[name]
    rows = distinct(dtype)
    struct = getattr(generated(name), name)()
    struct.Init(bytearray(rows.tobytes()), 0)
    assert dtype.names is not None
    for field in dtype.names:
        assert getattr(struct, camel(field))() == rows[0][field], field


@pytest.mark.parametrize("name", RECORDS)
def test_a_vector_built_by_flatbuffers_is_an_array(generated: Generated, name: str) -> None:
    dtype = RECORDS[name]
    rows = distinct(dtype, 3)
    table = generated(name + "s")
    builder = flatbuffers.Builder()
    table.StartRecordsVector(builder, len(rows))
    for row in rows[::-1]:
        getattr(generated(name), f"Create{name}")(builder, *row.tolist())
    vector = builder.EndVector()
    message = finish(builder, table, vector)

    read = getattr(table, name + "s").GetRootAs(message, 0)
    start = read._tab.Vector(read._tab.Offset(4))
    assert start % 8 == 0
    view = np.frombuffer(message, dtype, count=read.RecordsLength(), offset=start)
    np.testing.assert_array_equal(view, rows)


@pytest.mark.parametrize("name", RECORDS)
def test_an_array_is_a_vector_that_flatbuffers_reads(generated: Generated, name: str) -> None:
    dtype = RECORDS[name]
    rows = distinct(dtype, 3)
    table = generated(name + "s")
    builder = flatbuffers.Builder()
    table.StartRecordsVector(builder, len(rows))
    builder.head -= rows.nbytes
    builder.Bytes[builder.head : builder.head + rows.nbytes] = rows.tobytes()
    message = finish(builder, table, builder.EndVector())

    read = getattr(table, name + "s").GetRootAs(message, 0)
    assert read.RecordsLength() == len(rows)
    assert dtype.names is not None
    for number, row in enumerate(rows):
        record = read.Records(number)
        read_back = tuple(getattr(record, camel(field))() for field in dtype.names)
        assert read_back == row.tolist()


def finish(builder: Any, table: ModuleType, vector: int) -> bytearray:
    """The finished message of a table whose only field is `vector`."""
    table.Start(builder)
    table.AddRecords(builder, vector)
    builder.Finish(table.End(builder))
    return bytearray(builder.Output())


@pytest.mark.parametrize("name", RECORDS)
def test_golden_bytes(root: Path, name: str) -> None:
    """These bytes may never change: a released record keeps its shape, a new shape gets a name."""
    golden = (root / f"tests/golden/{name.lower()}.bin").read_bytes()
    rows = np.frombuffer(golden, RECORDS[name])
    np.testing.assert_array_equal(rows, distinct(RECORDS[name], 2))
