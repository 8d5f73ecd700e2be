"""`mexchange run` and `mexchange scenarios`."""

from __future__ import annotations

import ast
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexchange.cli.errors import UserError, refusing, unknown
from mexchange.cli.output import announce_compilation, conclude, folder, show
from mexchange.cli.parsing import defaults, duration, load_module, scenario_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["list_scenarios", "load_scenario", "run_scenario", "scenarios_there"]


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


def list_scenarios(name: str | None, *, as_json: bool) -> None:
    """Print what there is to run, or the parameters of one scenario."""
    there = scenarios_there()
    if name is not None:
        described = _described(name)
        if not as_json:
            print(there.get(name, name))
            print("" if described else "It has no parameters.")
        show(described, as_json=as_json, raw=True)
    elif as_json:
        values = {
            each: {"about": line, "parameters": _described(each)} for each, line in there.items()
        }
        show(values, as_json=True)
    else:
        show(there, as_json=False, raw=True)


def _described(name: str) -> dict[str, str]:
    """The parameters of a scenario, each with its value as it is without `--param`."""
    return defaults(load_scenario(name).run)


def run_scenario(
    name: str,
    given: Sequence[str],
    *,
    seed: int,
    duration_text: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a scenario with the parameters `given`, print its summary and write its report."""
    from mexchange.simulation import streaming
    from mexchange.strategy.parameters import ParameterError

    module = load_scenario(name)
    options: dict[str, Any] = {"seed": seed, "progress": not as_json}
    options |= scenario_options(module.run, given)
    if duration_text is not None:
        options["duration_ns"] = duration(duration_text)
    target = folder(out)
    announce_compilation()
    with refusing(ParameterError), nullcontext() if target is None else streaming(target):
        result = module.run(**options)
    conclude(result, target, as_json=as_json)


def load_scenario(name: str) -> ModuleType:
    """The module of a scenario by its name or file; UserError if there is none."""
    there = scenarios_there()
    if not name.endswith(".py") and name not in there:
        raise unknown("scenario", name, there)
    module = load_module(name if name.endswith(".py") else f"scenarios.{name}")
    if not callable(getattr(module, "run", None)):
        raise UserError(f"{name}: a scenario has a function run(seed, duration_ns, progress)")
    return module
