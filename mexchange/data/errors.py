"""What every reader of recorded data raises."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DataError"]


class DataError(ValueError):
    """Recorded data that cannot be used; the message names the file and, if there is one, the line.

    `path` is the file and `line` its line, counted from 1, or None when the whole file is meant.

    >>> print(DataError("aapl.csv", "size 0 is not positive", line=7))
    aapl.csv, line 7: size 0 is not positive
    """

    def __init__(self, path: str | Path, what: str, line: int | None = None) -> None:
        self.path = str(path)
        self.line = line
        where = self.path if line is None else f"{self.path}, line {line}"
        super().__init__(f"{where}: {what}")
