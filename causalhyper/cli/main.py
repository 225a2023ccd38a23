"""The ``causalhyper`` command: options in, exit code out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from causalhyper.cli.arguments import parse_numbers, repeat_options
from causalhyper.cli.extensions import add_commands
from causalhyper.errors import CausalHyperError, DataError, NotIdentifiedError
from causalhyper.study.mechanisms import DEFAULT, HELP, PLAIN

SEVERAL = frozenset(
    "--role --cluster --context --where --mechanism --column --experiment --by".split()
)
"""Options that take several values, repeated or one behind the other."""

TABLES = "Folder for every table of the report as CSV, Markdown and LaTeX."
"""Help of an option that two commands have."""

CallError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
"""What the parser raises; some versions of typer bring their own copy of click."""

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Causal hypergraphs for neural-network training data.",
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"causalhyper {version('causalhyper')}")
        raise typer.Exit


def _intervals() -> list[str]:
    """What a shell offers behind --interval."""
    from causalhyper.queries.experiments.uncertainty import INTERVALS

    return list(INTERVALS)


def _mechanisms() -> list[str]:
    """What a shell offers behind --mechanism, for all nodes."""
    return [*PLAIN, "cross-validated"]


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Causal hypergraphs for neural-network training data."""


@app.command()
def analyze(
    runs: Annotated[Path, typer.Argument(help="Runs frame: .parquet, .csv or .csv.gz.")],
    protocol: Annotated[
        str,
        typer.Option(help="What was held equal while the treatment varied; part of the estimand."),
    ],
    graph: Annotated[str, typer.Option(help="Hypergraph, as 'B -> N; {N, S} -> C; C -> G'.")],
    role: Annotated[
        list[str], typer.Option(help="NODE=column or NODE=log2(column); one for each node.")
    ],
    treatment: Annotated[str, typer.Option(help="Treatment node.")],
    outcome: Annotated[str, typer.Option(help="Outcome node.")],
    cluster: Annotated[list[str], typer.Option(help="Columns of what is resampled together.")],
    at: Annotated[str, typer.Option(help="Treatment values, separated by commas.")],
    baseline: Annotated[float, typer.Option(help="Treatment value to compare with.")],
    out: Annotated[Path, typer.Option(help="Folder for the report, DIR/index.html.")],
    context: Annotated[
        list[str] | None, typer.Option(help="Columns whose combinations get an intercept.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE: analyse only these runs.")
    ] = None,
    mechanism: Annotated[
        list[str] | None, typer.Option(help=HELP, autocompletion=_mechanisms)
    ] = None,
    draws: Annotated[int, typer.Option(help="Cluster-bootstrap replicates.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 1,
    level: Annotated[float, typer.Option(help="Confidence of the intervals, in (0, 1).")] = 0.95,
    interval: Annotated[
        str,
        typer.Option(
            help="Kind: t, jackknife, bootstrap, percentile, basic, bca or studentized.",
            autocompletion=_intervals,
        ),
    ] = "t",
    json: Annotated[
        Path | None, typer.Option(help="File for the estimates as JSON; - for standard output.")
    ] = None,
    tables: Annotated[Path | None, typer.Option(help=TABLES)] = None,
    quiet: Annotated[bool, typer.Option(help="Print nothing but errors.")] = False,
) -> None:
    """Effect curve, mediation and ablations of a treatment, as tables, a report and JSON.

    Options with several values may be repeated or list them one behind the other:
    --role B=batch_size G=test_accuracy, --mechanism linear G=binomial.
    """
    from causalhyper.cli.analysis import Request, run

    run(
        Request(
            runs=runs,
            protocol=protocol,
            graph=graph,
            role=tuple(role),
            treatment=treatment,
            outcome=outcome,
            cluster=tuple(cluster),
            context=tuple(context or ()),
            where=tuple(where or ()),
            at=parse_numbers(at, "--at"),
            baseline=baseline,
            mechanism=tuple(mechanism or (DEFAULT,)),
            draws=draws,
            seed=seed,
            level=level,
            interval=interval,
            out=out,
            json=json,
            tables=tables,
            quiet=quiet,
        )
    )


@app.command()
def read(
    log: Annotated[
        str, typer.Argument(help="What a logger wrote: a file, a folder, a local URI.")
    ],
    out: Annotated[Path, typer.Option(help="File for the runs frame: .parquet, .csv, .csv.gz.")],
    steps: Annotated[Path | None, typer.Option(help="File for the steps frame.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="mlflow, tensorboard, wandb, lightning or huggingface; found out by default.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="NEW=OLD: names for columns of the runs frame.")
    ] = None,
    experiment: Annotated[
        list[str] | None, typer.Option(help="MLflow: names of experiments; all by default.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="What was read as JSON on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Print no words but errors.")] = False,
) -> None:
    """Read runs from MLflow, TensorBoard, W&B, Lightning or Hugging Face logs into a runs frame.

    The frame is a file of its own, so that an analysis of it can be made again.
    """
    from causalhyper.cli.logs import convert

    convert(
        log,
        out,
        steps=steps,
        kind=source,
        columns=tuple(column or ()),
        experiment=tuple(experiment or ()),
        json=json,
        quiet=quiet,
    )


@app.command(name="run")
def run_study_file(
    study: Annotated[Path, typer.Argument(help="Study file, such as study.toml.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to, in place of the file's own.")
    ] = None,
    tables: Annotated[Path | None, typer.Option(help=TABLES)] = None,
    json: Annotated[
        bool, typer.Option("--json", help="All results as JSON on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Print no words but errors.")] = False,
) -> None:
    """Ask every query of a study file, and write its report, results and tables."""
    from causalhyper.cli.study import run_file

    run_file(study, out, tables=tables, json=json, quiet=quiet)


@app.command(name="check")
def check_study_file(
    study: Annotated[
        Path, typer.Argument(help="Study file, such as study.toml; or a runs frame alone.")
    ],
    json: Annotated[
        bool, typer.Option("--json", help="The check as JSON on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Print no words but errors.")] = False,
) -> None:
    """Check a study file and its runs, and say what its hypergraph identifies.

    Of runs alone (.parquet, .csv, .csv.gz) roles and hypergraph are guessed by the names of
    columns, and said to be.

    Exit code 4: the effect is not identified, or the runs do not compare its values.
    """
    from causalhyper.cli.study import check_file

    raise typer.Exit(check_file(study, json=json, quiet=quiet))


@app.command(name="init")
def init_study_file(
    runs: Annotated[Path, typer.Argument(help="Runs frame: .parquet, .csv or .csv.gz.")],
    out: Annotated[Path, typer.Option(help="The study file to write.")] = Path("study.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="What was guessed as JSON on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Print no words but errors.")] = False,
) -> None:
    """Write a commented study file for runs, with roles guessed from the names of columns."""
    from causalhyper.cli.study import init_file

    init_file(runs, out, force=force, json=json, quiet=quiet)


@app.command(name="prunings")
def report_on_prunings(
    runs: Annotated[
        Path, typer.Argument(help="Runs or logs of prunings: .parquet, .csv or .csv.gz.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report, DIR/index.html.")],
    baseline: Annotated[
        str, typer.Option(help="Method that the others are compared with.")
    ] = "magnitude",
    outcome: Annotated[str, typer.Option(help="Column that is compared.")] = "test_accuracy",
    by: Annotated[
        list[str] | None, typer.Option(help="Columns that tell cells apart, such as dataset.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE: compare only these runs.")
    ] = None,
    layers: Annotated[
        Path | None, typer.Option(help="Frame of layers: method, layer, entries, kept.")
    ] = None,
    overlap: Annotated[Path | None, typer.Option(help="Frame of pairs of masks.")] = None,
    flatness: Annotated[Path | None, typer.Option(help="Frame of eigenvalues and fit.")] = None,
    surfaces: Annotated[Path | None, typer.Option(help="Frame of loss surfaces.")] = None,
    test_size: Annotated[
        int | None, typer.Option(help="Test examples, for the noise of an accuracy.")
    ] = None,
    floor: Annotated[
        float | None, typer.Option(help="Accuracy of guessing, where no run falls to it.")
    ] = None,
    level: Annotated[float, typer.Option(help="Confidence of the intervals, in (0, 1).")] = 0.95,
    json: Annotated[
        bool, typer.Option("--json", help="All results as JSON on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="Print no words but errors.")] = False,
) -> None:
    """Compare pruned networks seed by seed, and write a report: HTML, Markdown, CSV and JSON."""
    from causalhyper.cli.prunings import PruningRequest, report_on

    report_on(
        PruningRequest(
            runs=runs,
            out=out,
            baseline=baseline,
            outcome=outcome,
            by=tuple(by or ()),
            where=tuple(where or ()),
            layers=layers,
            overlap=overlap,
            flatness=flatness,
            surfaces=surfaces,
            test_size=test_size,
            floor=floor,
            level=level,
            json=json,
            quiet=quiet,
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; by default those of the process.

    Returns
    -------
    int
        0 done; 2 a bad call or configuration; 3 bad data; 4 not identified or no overlap; 1 an
        error of the program itself; 130 interrupted. Whoever reads standard output may stop
        before the end, as `head` does: that is 0 too.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        add_commands(app, given)
        code = app(repeat_options(given, SEVERAL), "causalhyper", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # typer and rich turn the closed pipe into an exit
        if not any(isinstance(e, BrokenPipeError) for e in (error, error.__context__)):
            raise
        return _close_output()
    except CallError as error:
        return _fail(error.format_message(), 2)
    except DataError as error:
        return _fail(str(error), 3)
    except NotIdentifiedError as error:
        return _fail(str(error), 4)
    except CausalHyperError as error:
        return _fail(str(error), 2)
    except OSError as error:
        return _fail(f"{error.filename or 'file'}: {error.strerror or error}", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing was written", 130)
    except Exception as error:  # the last line of defence: one message, never a traceback
        return _fail(f"internal error ({type(error).__name__}: {error}); please report it", 1)
    return int(code or 0)


def _fail(message: str, code: int) -> int:
    if message:  # empty where help was printed in its place
        sys.stderr.write(f"causalhyper: {message}\n")
    return code


def _close_output() -> int:
    """Send what is still to be written to nowhere, where nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.close(nowhere)
    return 0


def run_and_exit() -> None:
    """Entry point of the installed command."""
    sys.exit(main())
