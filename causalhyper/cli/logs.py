"""The read command: a log in, frames out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import typer

from causalhyper.cli.console import print_bytes
from causalhyper.errors import ConfigurationError
from causalhyper.frames import write_frame
from causalhyper.frames.logged import Logged, read_logged
from causalhyper.frames.logged.recognition import Kind
from causalhyper.report import document_bytes


def convert(
    log: str,
    out: Path,
    *,
    steps: Path | None,
    kind: str | None,
    columns: Sequence[str],
    experiment: Sequence[str],
    json: bool,
    quiet: bool,
) -> None:
    """Write the frames of a log, and say what was read.

    Parameters
    ----------
    log : str
        Path or local tracking URI.
    out : Path
        File for the runs frame.
    steps : Path or None
        File for the steps frame.
    kind : str or None
        See `read_logged`.
    columns : sequence of str
        Pairs NEW=OLD.
    experiment : sequence of str
        Names of MLflow's experiments; empty for all.
    json, quiet : bool
        What was read on standard output, with schema ``causalhyper.read/1``; no words.

    Raises
    ------
    ConfigurationError
        If an option is wrong, or a target cannot be written.
    DataError
        If the log is damaged or empty, or keeps no histories though steps are asked for.
    """
    if steps is not None and steps.resolve() == out.resolve():
        raise ConfigurationError(f"--steps {str(steps)!r} is --out: name another file")
    found = read_logged(
        log,
        cast("Kind | None", kind),
        columns=dict(_pair(text) for text in columns),
        experiment=list(experiment) or None,
    )
    if steps is not None and found.steps.empty:
        raise ConfigurationError(f"{found.source} keeps no histories: leave --steps out")
    write_frame(out, found.runs)
    if steps is not None:
        write_frame(steps, found.steps)
    if json:
        print_bytes(document_bytes(read_document(found, out, steps)))
    if not quiet:
        typer.echo(found.summary(), err=json)


def read_document(found: Logged, out: Path, steps: Path | None) -> dict[str, Any]:
    """What was read of a log, as a document."""
    return {
        "schema": "causalhyper.read/1",
        "source": found.source,
        "kind": found.kind,
        "runs": {"file": str(out), "rows": len(found.runs), "columns": list(found.runs.columns)},
        "steps": None if steps is None else {"file": str(steps), "rows": len(found.steps)},
        "renamed": dict(found.renamed),
        "steps_renamed": dict(found.steps_renamed),
        "notes": list(found.notes),
    }


def _pair(text: str) -> tuple[str, str]:
    """Read NEW=OLD, as --role names a node before its column."""
    new, sign, old = text.partition("=")
    if not sign or not new.strip() or not old.strip():
        raise ConfigurationError(
            f"--column needs NEW=OLD, such as test_accuracy=val/acc; got {text!r}"
        )
    return old.strip(), new.strip()
