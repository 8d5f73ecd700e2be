"""Imports go down the layers only, and the compiled engine needs nothing but what it is made of."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mexchange", "strategies", "scenarios", "live")

# From the bottom up. A module may import what stands in its own row or in one above it here. The
# most specific name counts, so that what makes frames of a result may stand below what runs.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("mexchange.records",),
    ("mexchange.markets",),
    ("mexchange.digest",),
    ("mexchange.engine",),
    ("mexchange.reference",),
    ("mexchange.exchange",),
    ("mexchange.journal",),
    ("mexchange.ledger",),
    ("mexchange.transport", "mexchange.clock", "mexchange.latency"),
    ("mexchange.strategy",),
    ("mexchange.data",),
    ("mexchange.flow",),
    # A run ends in a Result, so it and all that it can show stand below the simulation.
    ("mexchange.analytics",),
    ("mexchange.simulation", "mexchange.replay", "mexchange.backtest"),
    ("mexchange.analytics.realism",),
    ("mexchange.testing",),
    # The package itself only gathers the names that users import.
    ("mexchange",),
    ("mexchange.bench", "mexchange.sweep", "mexchange.gym"),
    ("mexchange.cli", "mexchange.__main__"),
    ("strategies",),
    ("scenarios",),
    ("live",),
)
# An oracle that shared code with what it judges would share its mistakes.
STRANGERS = {
    "mexchange.reference": "mexchange.engine",
    "mexchange.engine": "mexchange.reference",
}


def layer(module: str) -> int:
    """The row of `module` in LAYERS, by its longest name there."""
    rows = {name: row for row, names in enumerate(LAYERS) for name in names}
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in rows:
            return rows[name]
    raise AssertionError(f"{module} has no place in LAYERS")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, Path]:
    """Every module of the packages by its dotted name."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {name_of(path): path for path in paths}


MODULES = sources()


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that `module` imports, wherever in it that is."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node.lineno, inner if inner in MODULES else base


def is_ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in PACKAGES


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    upward = [
        f"{MODULES[module].relative_to(ROOT)}:{line}: {module} imports {name}, which stands above"
        for line, name in imports(module)
        if is_ours(name) and layer(name) > layer(module)
    ]
    assert not upward, "\n".join(upward)


@pytest.mark.parametrize(("one", "other"), STRANGERS.items())
def test_kernel_and_reference_are_independent(one: str, other: str) -> None:
    shared = [
        f"{module}:{line} imports {name}"
        for module in MODULES
        if module == one or module.startswith(one + ".")
        for line, name in imports(module)
        if name == other or name.startswith(other + ".")
    ]
    assert not shared, "\n".join(shared)


def test_the_engine_does_no_input_or_output() -> None:
    outside = {
        f"{module}:{line} imports {name}"
        for module in MODULES
        if module.startswith("mexchange.engine")
        for line, name in imports(module)
        if name.split(".")[0] in {"trio", "socket", "asyncio", "polars", "rich", "typer"}
    }
    assert not outside, "\n".join(sorted(outside))


def test_every_layer_is_known() -> None:
    for module in MODULES:
        layer(module)


def test_a_layer_is_found_by_its_longest_name() -> None:
    assert layer("mexchange.analytics.result") < layer("mexchange.simulation")
    assert layer("mexchange.analytics.realism") > layer("mexchange.simulation")
    assert layer("mexchange.engine.ladder") == layer("mexchange.engine")
