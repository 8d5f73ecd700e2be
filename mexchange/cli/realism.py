"""`mexchange realism`: how much a market looks like a real one."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexchange.cli.errors import UserError, refusing, unknown
from mexchange.cli.output import WIDTH, announce_compilation, folder, show
from mexchange.cli.parsing import duration, existing
from mexchange.cli.simulated import load_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexchange.analytics.realism import Measurement, Report, Sample
    from mexchange.analytics.realism.page import Column

__all__ = ["run_realism"]

CONTROL = "poisson_control"
DAY_NS = 86_400_000_000_000
HOUR_NS = 3_600_000_000_000
FEEDS = ("binance",)


def run_realism(
    target: str,
    given: Sequence[str],
    *,
    seeds: int,
    duration_text: str | None,
    feed: str | None,
    control: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure a market, a control and perhaps a feed; print the facts and write their page."""
    length = None if duration_text is None else duration(duration_text)
    real_files = None if feed is None else _feed_files(feed)
    place = folder(out)
    columns = [_target(target, given, seeds, length, hidden=as_json)]
    seconds = columns[0].each[0].seconds
    if control:
        announce_compilation()
        fair = max(HOUR_NS, round(seconds * 1e9)) if length is None else length
        sample = _run(CONTROL, (), 1, fair, hidden=as_json)
        columns.append(_column("control", sample.name, [sample]))
    if real_files is not None:
        sample = _recorded(real_files)
        columns.append(_column("real", sample.name, [sample]))
    page = None
    if place is not None:
        from mexchange.analytics.realism.page import write_page

        page = write_page(place / "realism.html", columns, notes=_notes(columns))
    if as_json:
        found: dict[str, Any] = {column.role: _plain(column) for column in columns}
        show(found | ({} if page is None else {"page": str(page)}), as_json=True)
        return
    _print(columns)
    if page is not None:
        print(f"\npage: {page}")


def _target(
    target: str, given: Sequence[str], seeds: int, length: int | None, *, hidden: bool
) -> Column:
    """What the user wants to know about: a feed, the folder of a result, or a scenario."""
    kind, colon, _ = target.partition(":")
    if colon and not target.endswith(".py") and not Path(target).exists():
        if kind not in FEEDS:
            raise unknown("kind of feed", kind, FEEDS)
        sample = _recorded(_feed_files(target))
        return _column("market", sample.name, [sample])
    if Path(target).is_dir():
        from mexchange.analytics.realism import of_folder

        sample = of_folder(target)
        return _column("market", sample.name, [sample])
    load_scenario(target)
    announce_compilation()
    # One at a time: a day of events is large, what is measured of it small.
    reports, curves, name = [], None, ""
    from mexchange.analytics.realism import measure
    from mexchange.analytics.realism.curves import curves as draw

    for seed in range(1, seeds + 1):
        sample = _run(target, given, seed, length or DAY_NS, hidden=hidden)
        reports.append(measure(sample))
        curves, name = curves or draw(sample), sample.name
    return _column_of("market", name, reports, curves or {})


def _column(role: str, name: str, samples: Sequence[Sample]) -> Column:
    from mexchange.analytics.realism import measure
    from mexchange.analytics.realism.curves import curves

    return _column_of(role, name, [measure(sample) for sample in samples], curves(samples[0]))


def _column_of(role: str, name: str, reports: list[Report], curves: dict[str, Any]) -> Column:
    from mexchange.analytics.realism import pool
    from mexchange.analytics.realism.page import Column

    return Column(role, name, pool(reports, name), curves, reports)


def _run(name: str, given: Sequence[str], seed: int, length: int, *, hidden: bool) -> Sample:
    """The sample of one run of a scenario."""
    from mexchange.analytics.realism import of_result
    from mexchange.cli.parsing import scenario_options
    from mexchange.strategy.parameters import ParameterError

    module = load_scenario(name)
    options = scenario_options(module.run, given)
    if not hidden:
        print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
    with refusing(ParameterError):
        result = module.run(seed=seed, duration_ns=length, progress=not hidden, **options)
    return of_result(result)


def _feed_files(text: str) -> list[Path]:
    """The files that `binance:FILE[,FILE]` names."""
    kind, colon, rest = text.partition(":")
    names = rest.split(",")
    if not colon or not all(names):
        raise UserError(f"feed {text!r}: write binance:FILE or binance:FILE,FILE")
    if kind not in FEEDS:
        raise unknown("kind of feed", kind, FEEDS)
    return [existing(Path(name)) for name in names]


def _recorded(files: Sequence[Path]) -> Sample:
    from mexchange.analytics.realism import of_recording
    from mexchange.data.binance import read_recording

    recording = read_recording(files)
    kind = "USD-M" if recording.futures else "spot"
    return of_recording(recording, f"{recording.symbol} {kind} ({files[0].name.split('.')[0]})")


def _notes(columns: Sequence[Column]) -> list[str]:
    """What was measured, in a line each."""
    notes = []
    for column in columns:
        runs = f", {len(column.each)} seeds" if len(column.each) > 1 else ""
        minutes = column.each[0].seconds / 60
        long = f"{minutes / 60:.3g} h" if minutes >= 90 else f"{minutes:.3g} min"
        notes.append(f"{column.role}: {column.name}, {long}{runs}")
    return notes


def _plain(column: Column) -> dict[str, Any]:
    """A column as values for JSON."""
    report = column.report
    return {
        "name": column.name,
        "score": _number(report.score),
        "inside": report.inside,
        "scored": report.scored,
        "seconds": column.each[0].seconds,
        "seeds": [
            {"score": _number(one.score), "inside": one.inside, "scored": one.scored}
            for one in column.each
        ],
        "facts": {m.fact.key: _fact(m, column.each) for m in report.measurements},
    }


def _fact(measured: Measurement, each: Sequence[Report]) -> dict[str, Any]:
    fact = measured.fact
    return {
        "title": fact.title,
        "bands": [str(band) for band in fact.bands],
        "source": fact.source,
        "values": {name: _number(value) for name, value in measured.values.items()},
        "intervals": {
            name: [_number(low), _number(high)] for name, (low, high) in measured.intervals.items()
        },
        "score": _number(measured.score),
        "inside": measured.holds,
        "seeds_inside": sum(report[fact.key].holds is True for report in each),
        "reason": measured.reason,
    }


def _number(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return None if value is None or not math.isfinite(value) else round(value, 6)


def _print(columns: Sequence[Column]) -> None:
    """The table of facts, and a line for each market."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else WIDTH + 40)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("", style="cyan", no_wrap=True)
    for heading in ("fact", "band"):
        table.add_column(heading)
    many = len(columns[0].each) > 1
    for column in columns:
        table.add_column({"market": "value"}.get(column.role, column.role))
        if column.role == "market" and many:
            table.add_column("seeds", justify="right")
    for place, first in enumerate(columns[0].report.measurements):
        row = [first.fact.key, first.fact.title, "\n".join(map(str, first.fact.bands)) or "-"]
        for column in columns:
            measured = column.report.measurements[place]
            row.append(_cell(measured))
            if column.role == "market" and many:
                held = sum(report[first.fact.key].holds is True for report in column.each)
                row.append("" if measured.holds is None else f"{held} of {len(column.each)}")
        table.add_row(*row)
    console.print(table)
    for column in columns:
        report = column.report
        console.print(
            f"{column.role} {column.name}: {report.inside} of {report.scored} scored facts "
            f"inside, score {report.score:.3f}",
            highlight=False,
        )
    if many:
        inside = sum(report.inside for report in columns[0].each)
        scored = sum(report.scored for report in columns[0].each)
        console.print(
            f"seed by seed: {inside} of {scored} inside ({inside / max(1, scored):.1%})",
            highlight=False,
        )


def _cell(measured: Measurement) -> str:
    from mexchange.analytics.realism.page import shown

    if not measured.values:
        return f"[dim]{measured.reason}[/]"
    names = [band.value for band in measured.fact.bands] or list(measured.values)[:2]
    colour = {True: "green", False: "red", None: "default"}[measured.holds]
    lines = [f"[{colour}]{name} {shown(measured.values[name])}[/]" for name in names]
    if measured.reason:
        lines.append(f"[dim]{measured.reason}[/]")
    return "\n".join(lines)
