"""`mexchange run` and `mexchange scenarios`."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexchange.cli.errors import UserError, unknown
from mexchange.cli.output import announce_compilation, conclude, folder, show
from mexchange.cli.parsing import duration, load_module

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["list_scenarios", "run_scenario", "scenarios_there"]


def scenarios_there() -> dict[str, str]:
    """The name of every scenario and the first line that it says about itself, sorted by name."""
    spec = find_spec("scenarios")
    folders = spec.submodule_search_locations if spec is not None else None
    paths = [path for place in folders or () for path in Path(place).glob("[!_]*.py")]
    found = {}
    for path in sorted(paths, key=lambda path: path.stem):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.stem] = text.partition("\n")[0].rstrip(".")
    return found


def list_scenarios(*, as_json: bool) -> None:
    """Print what there is to run."""
    show(scenarios_there(), as_json=as_json, raw=True)


def run_scenario(
    name: str, *, seed: int, duration_text: str | None, out: Path | None, as_json: bool
) -> None:
    """Run a scenario, print its summary and write its report."""
    module = _scenario(name)
    options: dict[str, Any] = {"seed": seed, "progress": not as_json}
    if duration_text is not None:
        options["duration_ns"] = duration(duration_text)
    target = folder(out)
    announce_compilation()
    conclude(module.run(**options), target, as_json=as_json)


def _scenario(name: str) -> ModuleType:
    """The module of a scenario by its name or file; UserError if there is none."""
    there = scenarios_there()
    if not name.endswith(".py") and name not in there:
        raise unknown("scenario", name, there)
    module = load_module(name if name.endswith(".py") else f"scenarios.{name}")
    if not callable(getattr(module, "run", None)):
        raise UserError(f"{name}: a scenario has a function run(seed, duration_ns, progress)")
    return module
