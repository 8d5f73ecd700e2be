"""Nothing that a simulation runs may look at the world: the time, chance, threads, sets in order.

A line that has to ends with `# det-ok: reason`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
# These measure, draw or talk to a user; no command or event passes through them.
OUTSIDE = (
    "mexchange/cli", "mexchange/bench", "mexchange/sweep", "mexchange/analytics/report",
    "mexchange/testing",
)  # fmt: skip

MODULES = {
    "_thread", "asyncio", "concurrent", "datetime", "multiprocessing", "random", "secrets",
    "select", "selectors", "signal", "socket", "threading", "time", "uuid",
}  # fmt: skip
CALLS = {
    "hash": "differs from process to process for strings",
    "id": "is an address",
    "os.cpu_count": "is a fact of the machine",
    "os.getpid": "is a fact of the process",
    "os.urandom": "is chance",
    "trio.run": "belongs to the one place that owns the clock",
    "trio.to_thread.run_sync": "is a thread",
}
# Of numpy.random, only what is built from an explicit seed.
SEEDED = {"Generator", "PCG64", "PCG64DXSM", "Philox", "SFC64", "SeedSequence", "default_rng"}
EXEMPT = re.compile(r"#\s*det-ok: \S")

Finding = tuple[int, str]


def dotted(node: ast.expr) -> str:
    """`a.b.c` for an expression of that form, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


class Sets:
    """Which names of a module hold sets, as far as assignments and annotations tell."""

    def __init__(self, tree: ast.Module) -> None:
        self.names: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and self.is_set(node.value):
                self.names.update(filter(None, map(dotted, node.targets)))
            elif isinstance(node, ast.AnnAssign) and self.is_annotation(node.annotation):
                self.names.add(dotted(node.target))
            elif isinstance(node, ast.arg) and self.is_annotation(node.annotation):
                self.names.add(node.arg)

    @staticmethod
    def is_annotation(node: ast.expr | None) -> bool:
        if isinstance(node, ast.Subscript):
            node = node.value
        return node is not None and dotted(node).split(".")[-1] in {
            "set",
            "frozenset",
            "Set",
            "AbstractSet",
        }

    def is_set(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Call):
            return dotted(node.func) in {"set", "frozenset"}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
            return self.is_set(node.left) or self.is_set(node.right)
        return dotted(node) in self.names


def imported(node: ast.AST) -> Iterator[Finding]:
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    for name in names:
        if name.split(".")[0] in MODULES:
            yield node.lineno, f"imports {name}"  # type: ignore[attr-defined]


def called(node: ast.AST) -> Iterator[Finding]:
    if not isinstance(node, ast.Call):
        return
    name = dotted(node.func)
    if name in CALLS:
        yield node.lineno, f"{name}() {CALLS[name]}"
    head, _, last = name.rpartition(".")
    if head in {"np.random", "numpy.random"} and last not in SEEDED:
        yield node.lineno, f"{name}() draws from a generator that everyone shares"
    if last == "default_rng" and not node.args and not node.keywords:
        yield node.lineno, "default_rng() without a seed"


def iterated(node: ast.AST, sets: Sets) -> Iterator[Finding]:
    over: list[ast.expr] = []
    if isinstance(node, ast.For | ast.AsyncFor):
        over = [node.iter]
    elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
        over = [part.iter for part in node.generators]
    elif isinstance(node, ast.Call) and dotted(node.func) in {"list", "tuple", "iter", "enumerate"}:
        over = node.args[:1]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        over = [node.func.value] if node.func.attr == "pop" and not node.args else []
    elif isinstance(node, ast.Starred):
        over = [node.value]
    for expression in over:
        if sets.is_set(expression):
            yield expression.lineno, "takes elements of a set in no defined order; sort it"


def findings(source: str) -> list[Finding]:
    """Line and complaint of everything in `source` that breaks the contract."""
    tree = ast.parse(source)
    sets = Sets(tree)
    lines = source.splitlines()
    found = [
        finding
        for node in ast.walk(tree)
        for finding in (*imported(node), *called(node), *iterated(node, sets))
        if not EXEMPT.search(lines[finding[0] - 1])
    ]
    return sorted(found)


def simulated() -> list[str]:
    """The files that simulation runs, relative to the repository."""
    folders = ("mexchange", "strategies", "scenarios")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    names = sorted(path.relative_to(ROOT).as_posix() for path in files)
    return [name for name in names if not name.startswith(OUTSIDE)]


@pytest.mark.parametrize("name", simulated())
def test_contract_is_kept(name: str) -> None:
    found = findings((ROOT / name).read_text(encoding="utf-8"))
    assert not found, "\n".join(f"{name}:{line}: {complaint}" for line, complaint in found)


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os.path, random",
        "from datetime import datetime",
        "from concurrent.futures import ThreadPoolExecutor",
        "x = os.urandom(8)",
        "x = np.random.normal()",
        "x = np.random.default_rng()",
        "x = hash('KCN')",
        "for x in {1, 2}: pass",
        "for x in set(y): pass",
        "s = set()\nt = [x for x in s]",
        "def f(s: set[int]) -> int:\n    return s.pop()",
        "class A:\n  def f(self):\n    self.s = set()\n    return list(self.s)",
        "a = {1}\nb = {2}\nx = [*(a | b)]",
        "import time  # det-ok:",
    ],
)
def test_it_finds(source: str) -> None:
    assert findings(source)


@pytest.mark.parametrize(
    "source",
    [
        "import math",
        "for x in sorted({1, 2}): pass",
        "x = 3 in {1, 2}",
        "x = np.random.default_rng(7)",
        "x = np.random.Generator(np.random.PCG64(7))",
        "d = {}\nfor x in d: pass",
        "import time  # det-ok: the wall clock is made of it",
    ],
)
def test_it_lets_pass(source: str) -> None:
    assert not findings(source)
