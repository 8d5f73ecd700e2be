"""The names that users may rely on. A change here is a change of the public interface."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

import mexchange

if TYPE_CHECKING:
    from pathlib import Path

EXPORTED = [
    "COMMAND",
    "EVENT",
    "Agent",
    "Asset",
    "Bursts",
    "CommandKind",
    "ConstantLatency",
    "EmpiricalLatency",
    "EventKind",
    "Exchange",
    "Fees",
    "Flag",
    "LogNormalLatency",
    "Market",
    "OrderType",
    "Reason",
    "Result",
    "SelfTrade",
    "Side",
    "SimClock",
    "SimTransport",
    "Simulation",
    "Strategy",
    "TimeInForce",
    "WallClock",
    "__version__",
]


def test_exported_names() -> None:
    assert mexchange.__all__ == EXPORTED


@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_name_is_there_and_documented(name: str) -> None:
    value = getattr(mexchange, name)
    assert name in dir(mexchange)
    if isinstance(value, type):
        assert value.__doc__, f"{name} has no docstring"
        assert value.__module__.startswith("mexchange.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Exchnage'"):
        _ = mexchange.Exchnage


def test_the_version_is_that_of_the_package(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert mexchange.__version__ == project["version"]
    assert f"## [{mexchange.__version__}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_importing_the_package_imports_nothing_heavy(root: Path) -> None:
    code = "import sys, mexchange; print(*{'numba', 'numpy', 'polars'}.intersection(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
