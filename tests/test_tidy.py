"""What every file keeps: width, length, no notes to oneself, nothing of one machine only."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = {".py", ".fbs", ".rs", ".toml", ".sh", ""}
# Pictures in notebooks are base 64; tests/test_notebooks.py looks after those.
BINARY = {".bin", ".zst", ".gz", ".xz", ".parquet", ".png", ".ipynb"}
WIDTH_MAX = 100
LINES_MAX = 400
# Longer for one reason each: what is one idea is not cut in two.
LONGER: dict[str, int] = {}

# Each is put together here, so that this file does not contain what it looks for.
NOTES = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)))
PATHS = re.compile("|".join("(?<![\\w.])/" + name for name in ("work/", "tmp/w", "root/", "home/")))
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("crates", "io"),
            ("anaconda", "org"),
            ("debian", "org"),
        )
    )
)


def files() -> list[str]:
    """Every file that is or would be committed, relative to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted({name for name in names if name and (ROOT / name).is_file()})


TEXTS = [name for name in files() if Path(name).suffix not in BINARY]


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", TEXTS)
def test_file_is_tidy(name: str) -> None:
    wide = WIDTH_MAX if Path(name).suffix in CODE else 10_000
    complaints = []
    for number, line in enumerate(lines(name), 1):
        if len(line) > wide:
            complaints.append(f"{number}: {len(line)} columns, at most {wide}")
        if line != line.rstrip():
            complaints.append(f"{number}: ends in blanks")
        for pattern, what in (
            (NOTES, "a note to oneself"),
            (PATHS, "a path of one machine"),
            (REGISTRIES, "the host of a package registry"),
        ):
            if found := pattern.search(line):
                complaints.append(f"{number}: {what}: {found[0]}")
    assert not complaints, "\n".join(f"{name}:{complaint}" for complaint in complaints)


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(".py")])
def test_file_is_short_enough_to_read(name: str) -> None:
    assert len(lines(name)) <= LONGER.get(name, LINES_MAX)


def test_no_longer_file_is_listed_in_vain() -> None:
    for name, allowed in LONGER.items():
        assert LINES_MAX < len(lines(name)) <= allowed


def test_every_module_says_what_it_is_for() -> None:
    bare = [
        name
        for name in TEXTS
        if name.endswith(".py")
        and not any(line.startswith(('"""', 'r"""')) for line in lines(name)[:2])
    ]
    assert not bare
