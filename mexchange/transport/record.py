"""What is kept of a run: arrays that come one after another and become one.

In memory they are copied into one block that grows. On disk they are appended to a file, whose
pages the system brings in and out as they are read, so that a run of any length has room.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

__all__ = ["FileRecord", "NoRecord", "Record"]

Rows = npt.NDArray[np.void]
SMALL = 1 << 14
"""Below so many bytes a copy costs less than a view."""


def _bytes_of(rows: Rows) -> bytes | memoryview:
    if rows.nbytes < SMALL:
        return rows.tobytes()
    return np.ascontiguousarray(rows).view(np.uint8).data


class Record(Sequence[Rows]):
    """Rows in memory: a sequence of the arrays that were appended."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._bytes = bytearray()
        self.rows = 0
        """How many rows were appended."""
        self._ends = array("q")

    def append(self, rows: Rows) -> None:
        """Keep a copy of the next rows."""
        self._put(_bytes_of(rows))
        self.rows += len(rows)
        self._ends.append(self.rows)

    def _put(self, data: bytes | memoryview) -> None:
        self._bytes.extend(data)

    def whole(self) -> Rows:
        """All rows as one array, not copied. Nothing may be appended any more."""
        return np.frombuffer(self._bytes, self._dtype)

    def _part(self, first: int, end: int) -> Rows:
        size = self._dtype.itemsize
        return np.frombuffer(self._bytes[first * size : end * size], self._dtype)

    def __len__(self) -> int:
        """How many arrays were appended."""
        return len(self._ends)

    @overload
    def __getitem__(self, number: int) -> Rows: ...
    @overload
    def __getitem__(self, number: slice) -> list[Rows]: ...
    def __getitem__(self, number: int | slice) -> Rows | list[Rows]:
        """A copy of the array that was appended as this one."""
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        number = range(len(self))[number]
        return self._part(self._ends[number - 1] if number else 0, self._ends[number])


class FileRecord(Record):
    """Rows in a file, as the bytes that they are."""

    def __init__(self, dtype: np.dtype[Any], path: Path) -> None:
        super().__init__(dtype)
        self._path = path
        # A file of that name may still be read by who holds an earlier result.
        path.unlink(missing_ok=True)
        self._file = path.open("xb", buffering=1 << 20)

    def _put(self, data: bytes | memoryview) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None

    def whole(self) -> Rows:
        """All rows as one array in the file, read only. Nothing may be appended any more."""
        self._file.close()
        if not self.rows:
            return np.zeros(0, self._dtype)
        return np.memmap(self._path, self._dtype, mode="r")

    def _part(self, first: int, end: int) -> Rows:
        return self.whole()[first:end]


class NoRecord(Record):
    """Keeps nothing."""

    def append(self, rows: Rows) -> None:
        """Forget the next rows."""
        self.rows += len(rows)
