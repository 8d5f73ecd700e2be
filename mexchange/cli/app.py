"""The commands, their arguments and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="mexchange",
    help="A deterministic exchange: simulate, backtest, replay and measure.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)
replay_app = typer.Typer(help="Play recorded order flow through the engine.", no_args_is_help=True)
bench_app = typer.Typer(help="Measure the speed on this machine; by itself against every budget.")
app.add_typer(replay_app, name="replay")
app.add_typer(bench_app, name="bench")


def _complete_scenario(incomplete: str) -> list[tuple[str, str]]:
    from mexchange.cli.simulated import scenarios_there

    return [item for item in scenarios_there().items() if item[0].startswith(incomplete)]


def _complete_strategy(incomplete: str) -> list[str]:
    from mexchange.cli.parsing import strategies_there

    return [name for name in strategies_there() if name.lower().startswith(incomplete.lower())]


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write the frames as Parquet and report.html here."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="KEY=VALUE", help="Another value; may be repeated."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same run.")]


@app.command()
def run(
    scenario: Annotated[
        str,
        typer.Argument(
            help="A name that `mexchange scenarios` lists, or FILE.py.",
            autocompletion=_complete_scenario,
        ),
    ],
    seed: Seed = 1,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Simulated time, as in 90s, 15m or 1h30m."),
    ] = None,
    param: Param = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Run a scenario in simulated time."""
    from mexchange.cli.simulated import run_scenario

    run_scenario(scenario, param or [], seed=seed, duration_text=duration, out=out, as_json=as_json)


@app.command()
def sweep(
    scenario: Annotated[
        str,
        typer.Argument(
            help="A name that `mexchange scenarios` lists, or FILE.py.",
            autocompletion=_complete_scenario,
        ),
    ],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="KEY=A,B,…", help="Values of a parameter; may be repeated."
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Run each cell with 1, 2, … N.")
    ] = 10,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Simulated time, as in 90s, 15m or 1h30m."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; by itself one a processor.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="A Dask scheduler, as tcp://host:8786."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write results here; go on with what is there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a scenario at every cell of a grid of parameters, with many seeds."""
    from mexchange.cli.sweeping import run_sweep

    code = run_sweep(
        scenario, param or [], seeds=seeds, duration_text=duration, workers=workers,
        address=cluster, out=out, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def scenarios(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCENARIO]",
            help="Show the parameters of this one.",
            autocompletion=_complete_scenario,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the scenarios that can be run, or the parameters of one."""
    from mexchange.cli.simulated import list_scenarios

    list_scenarios(name, as_json=as_json)


@app.command()
def strategies(as_json: Json = False) -> None:
    """List the strategies and their parameters."""
    from mexchange.cli.recorded import list_strategies

    list_strategies(as_json=as_json)


@app.command()
def backtest(
    strategy: Annotated[
        str,
        typer.Argument(
            help="A name that `mexchange strategies` lists, or your own as FILE.py:Class.",
            autocompletion=_complete_strategy,
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="lobster:MESSAGES[,BOOK]",
            help="Recorded order flow, and the book it starts from.",
        ),
    ],
    param: Param = None,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Run a strategy inside recorded order flow."""
    from mexchange.cli.recorded import run_backtest

    run_backtest(strategy, data, param or [], seed=seed, out=out, as_json=as_json)


@app.command()
def realism(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RESULT|SCENARIO|FEED",
            help="The folder of a saved result, a scenario, or binance:FILE[,FILE].",
            autocompletion=_complete_scenario,
        ),
    ],
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="Of the scenario.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of a scenario.")] = 5,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Simulated time of each run; default 24h."),
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option("--feed", metavar="binance:FILE[,FILE]", help="A real market, as ceiling."),
    ] = None,
    control: Annotated[
        bool, typer.Option("--control/--no-control", help="Measure Poisson traders beside it.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write realism.html here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how much a market looks like a real one."""
    from mexchange.cli.realism import run_realism

    run_realism(
        target,
        param or [],
        seeds=seeds,
        duration_text=duration,
        feed=feed,
        control=control,
        out=out,
        as_json=as_json,
    )


@replay_app.command()
def lobster(
    messages: Annotated[Path, typer.Argument(help="The message file: .csv, .zst, .gz or .xz.")],
    book: Annotated[
        Path | None, typer.Option("--book", help="The published book to compare with.")
    ] = None,
    opening: Annotated[
        Path | None, typer.Option("--opening", help="A file whose first row is the opening book.")
    ] = None,
    levels: Annotated[
        int | None, typer.Option("--levels", min=1, help="Compare this many levels of each side.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay LOBSTER messages and compare the book with the published one."""
    from mexchange.cli.recorded import run_replay

    run_replay(messages, book, opening, levels, as_json=as_json)


@replay_app.command()
def binance(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Raw streams; files that continue one another, in order."
        ),
    ],
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="Which one, where there are several.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rebuild the book of raw Binance streams and compare it with the published best."""
    from mexchange.cli.recorded import run_replay_binance

    run_replay_binance(files, symbol, as_json=as_json)


@bench_app.callback(invoke_without_command=True)
def bench(context: typer.Context, as_json: Json = False) -> None:
    """Measure the speed on this machine; by itself against every budget."""
    if context.invoked_subcommand is None:
        from mexchange.cli.measuring import run_bench_all

        run_bench_all(as_json=as_json)


@bench_app.command("engine")
def bench_engine(
    flow: Annotated[
        Path | None,
        typer.Option("--flow", help="Packed int64 rows: op, side, id, price, quantity."),
    ] = None,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Runs; the best counts.")] = 5,
    as_json: Json = False,
) -> None:
    """How many commands a second the engine takes."""
    from mexchange.cli.measuring import run_bench_engine

    run_bench_engine(flow, repeat, as_json=as_json)


@bench_app.command("strategy")
def bench_strategy(
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Runs; the best counts.")] = 3,
    as_json: Json = False,
) -> None:
    """What a hook, a round trip of an order, and one submit from Python cost."""
    from mexchange.cli.measuring import run_bench_strategy

    run_bench_strategy(repeat, as_json=as_json)


@bench_app.command("simulation")
def bench_simulation(
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Runs; the best counts.")] = 3,
    as_json: Json = False,
) -> None:
    """How fast whole markets are simulated, and what a day of one takes of memory."""
    from mexchange.cli.measuring import run_bench_simulation

    run_bench_simulation(repeat, as_json=as_json)


@app.command()
def version() -> None:
    """Print the version."""
    from mexchange import __version__

    print(__version__)
