"""What people see on a terminal: tables on standard output, bars and errors on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from causalhyper.progress import Progress as Callback
from causalhyper.queries import Analysis
from causalhyper.report.tables import (
    ReportTable,
    ablation_table,
    curve_table,
    digits_of,
    mediation_table,
)

PLAIN_WIDTH = 160
"""Columns of a table where the output is no terminal."""
_FEW = 4
"""Files of a folder that are named one by one."""


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callback]:
    """Show a bar while the block runs, where standard error is a terminal; yield what moves it."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def make_console(*, stderr: bool) -> Console:
    """A console, of fixed width where the output is no terminal."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=PLAIN_WIDTH)


def print_analysis(analysis: Analysis, console: Console | None = None) -> None:
    """Print the effect table, mediation, ablations and the verdict."""
    console = console or make_console(stderr=False)
    digits = digits_of(analysis)
    console.print(Text(analysis.model.summary()))
    found = [curve_table(analysis.curve, digits)]
    if analysis.mediation:
        found.append(mediation_table(analysis.mediation, digits))
    found.append(ablation_table(analysis.ablations, digits))
    for table in found:
        console.print(_rich(table))
    console.print(Text(analysis.curve.verdict, style="bold"))


def _rich(tidy: ReportTable) -> Table:
    table = Table(title=Text(tidy.caption), title_justify="left", header_style="bold")
    for i, name in enumerate(tidy.columns):
        numeric = bool(tidy.rows) and bool(tidy.rows[0][i].numbers)
        table.add_column(Text(name), justify="right" if numeric else "left")
    for row in tidy.rows:
        table.add_row(*(Text(cell.text) for cell in row))
    return table


def print_bytes(data: bytes) -> None:
    """Put a document on standard output, which has nothing else then."""
    sys.stdout.write(data.decode())
    sys.stdout.flush()


def written_line(files: Iterable[Path]) -> str:
    """Say what was written: a folder of more than a few files by their number.

    Parameters
    ----------
    files : iterable of Path

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> written_line([Path("out/index.html"), *(Path(f"tables/{i}.csv") for i in range(6))])
    'written: out/index.html, tables (6 files)'
    """
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    said: list[str] = []
    for folder, inside in folders.items():
        many = len(inside) > _FEW
        said += [f"{folder} ({len(inside)} files)"] if many else list(map(str, inside))
    return f"written: {', '.join(said) or 'nothing'}"
