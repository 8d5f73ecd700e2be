"""Every example in README.md, docs/ and the docstrings runs."""

from __future__ import annotations

import doctest
import importlib
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)|`((?:docs|tests|bench|mexchange)/[\w./]+\.\w+)`")


def modules() -> list[str]:
    """The modules whose source has an interactive example."""
    paths = (
        path for folder in ("mexchange", "strategies") for path in (ROOT / folder).rglob("*.py")
    )
    names = []
    for path in sorted(paths):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def blocks(page: str) -> list[tuple[int, str]]:
    """First line and source of each block of Python in a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [(text[: m.start(1)].count("\n") + 1, m[1]) for m in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run from top to bottom in one namespace and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "COLUMNS", "100")
    namespace = {"__name__": "__main__"}
    for line, source in blocks(page):
        # Empty lines before the block give a failure the line it has in the page.
        code = compile("\n" * (line - 1) + source, page, "exec", dont_inherit=True)
        exec(code, namespace)


@pytest.mark.parametrize("page", PAGES)
def test_page_points_to_what_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [(m[1], (ROOT / page).parent) if m[1] else (m[2], ROOT) for m in LINK.finditer(text)]
    missing = [name for name, folder in targets if not (folder / name).exists()]
    assert not missing


@pytest.mark.parametrize("module", modules())
def test_docstring_examples(module: str) -> None:
    result = doctest.testmod(
        importlib.import_module(module),
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted > 0
    assert result.failed == 0
