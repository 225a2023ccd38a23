"""The commands about study files: run, check and init."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from causalhyper.cli.console import (
    make_console,
    print_analysis,
    print_bytes,
    progress_bar,
    written_line,
)
from causalhyper.errors import ConfigurationError
from causalhyper.frames import write_together
from causalhyper.queries import Analysis
from causalhyper.report import document_bytes, section_tables, table_files
from causalhyper.study import (
    StudyCheck,
    StudyResults,
    check_study,
    guess_plan,
    read_study,
    run_study,
    start_study,
    study_document,
    study_files,
)
from causalhyper.study.guessed_plans import holds_runs
from causalhyper.study.guesses import StudyGuess
from causalhyper.study.pages import study_sections
from causalhyper.study.plain_values import plain

CHECK_SCHEMA = "causalhyper.study-check/1"
START_SCHEMA = "causalhyper.study-start/1"
"""Name and version of what ``causalhyper check --json`` prints."""
NOT_ANSWERABLE = 4
"""Exit code where an effect is not identified, or the runs do not compare its values."""


def run_file(
    study: Path, out: Path | None, *, tables: Path | None = None, json: bool, quiet: bool
) -> None:
    """Run a study file; files are written at the very end, together or not at all.

    Parameters
    ----------
    study : Path
    out : Path or None
        Folder to write to in place of the file's own.
    tables : Path or None
        Folder for every table of the report as CSV, Markdown and LaTeX.
    json : bool
        Whether the document goes to standard output, and words to standard error.
    quiet : bool
        Whether words are left out.
    """
    plan = read_study(study)
    folders = {"--out": out, "--tables": tables}
    given = [word for name, path in folders.items() if path for word in (name, str(path))]
    command = shlex.join(["causalhyper", "run", str(study), *given])
    for name, path in folders.items():
        if path is not None and path.exists() and not path.is_dir():
            raise ConfigurationError(f"{name} {str(path)!r} is a file: name a folder")
    if out is not None:
        plan = replace(plan, output=replace(plan.output, folder=out))
    with progress_bar("asking", quiet=quiet) as progress:
        results = run_study(plan, progress)
    files = study_files(results, command)
    if tables is not None:
        files |= table_files(section_tables(study_sections(results, command)), tables)
    write_together(files)
    if json:
        print_bytes(document_bytes(study_document(results, command)))
    if not quiet:
        console = make_console(stderr=json)
        _print_results(results, console)
        console.print(Text(written_line(files)))


def _print_results(results: StudyResults, console: Console) -> None:
    for found in results.parts:
        console.print(Text(f"\n{found.part.name}: {found.part.protocol}", style="bold"))
        for answer in found.answers:
            if isinstance(answer.result, Analysis):
                print_analysis(answer.result, console)
            else:
                console.print(Text(f"\n{answer.asked}\n{answer.result.summary()}"))


def check_file(study: Path, *, json: bool, quiet: bool) -> int:
    """Check a study file, its runs and its hypergraph, and print what can be answered.

    Parameters
    ----------
    study : Path
        Or runs alone: then roles and hypergraph are guessed, and said to be.
    json : bool
        Whether a document goes to standard output, and words to standard error.
    quiet : bool
        Whether words are left out.

    Returns
    -------
    int
        0, or 4 where the effect is not identified or its values are not compared.
    """
    found = check_study(guess_plan(study) if holds_runs(study) else read_study(study))
    if json:
        print_bytes(document_bytes(check_document(found)))
    if not quiet:
        make_console(stderr=json).print(Text(found.summary()), soft_wrap=True)
    return 0 if found.answerable else NOT_ANSWERABLE


def check_document(found: StudyCheck) -> dict[str, object]:
    """The document of a check, ready for `json.dumps`."""
    identification = found.identification
    return {
        "schema": CHECK_SCHEMA,
        "study": None
        if found.plan.guesses
        else {"name": found.plan.source.name, "sha256": found.plan.sha256},
        "guesses": list(found.plan.guesses),
        "data": {"name": found.plan.data.runs.name, "sha256": found.checksum},
        "graph": str(found.plan.graph),
        "roles": {role.node: role.label for role in found.plan.roles.values()},
        "answerable": found.answerable,
        "verdict": identification.verdict,
        "derivation": list(identification.derivation),
        "estimand": None if identification.estimand is None else str(identification.estimand),
        "strategies": found.to_frame().to_dict("records"),
        "independencies": list(found.independencies),
        "parts": [
            {
                "name": part.name,
                "protocol": part.protocol,
                "n": part.n,
                "clusters": part.clusters,
                "missing": dict(part.missing),
                "balance": [plain(row) for row in part.balance.to_dict("records")],
                "overlap": part.overlap,
            }
            for part in found.parts
        ],
    }


def init_file(runs: Path, out: Path, *, force: bool, json: bool, quiet: bool) -> None:
    """Write a first study file and say what in it is a guess.

    Parameters
    ----------
    runs, out : Path
    force : bool
        Whether a file that is there is replaced.
    json, quiet : bool
        What was guessed on standard output, with schema ``causalhyper.study-start/1``; no words.
    """
    guess = start_study(runs, out, force=force)
    if json:
        print_bytes(document_bytes(guess_document(guess, out)))
    if quiet:
        return
    console = make_console(stderr=json)
    guessed = ", ".join(map(str, guess.roles.values())) or "no role"
    lines = [f"wrote {out}", f"guessed from the column names: {guessed}"]
    if guess.left:
        lines.append(f"not guessed: {'; '.join(guess.left)}")
    if guess.cluster:
        lines.append(f"guessed cluster and context: {guess.cluster}")
    if guess.by:
        lines.append(f"guessed designs: {guess.by} ({', '.join(guess.designs)})")
    lines.append("fill in [protocol], look at every guess, then: causalhyper check " + str(out))
    console.print(Text("\n".join(lines)), soft_wrap=True)


def guess_document(guess: StudyGuess, out: Path) -> dict[str, Any]:
    """What a study file was begun with, as a document."""
    return {
        "schema": START_SCHEMA,
        "study": str(out),
        "roles": {node: str(role).partition("=")[2] for node, role in guess.roles.items()},
        "not_guessed": list(guess.left),
        "graph": None if guess.graph is None else str(guess.graph),
        "cluster": guess.cluster,
        "designs": {guess.by: list(guess.designs)} if guess.by else {},
        "values": list(guess.values),
    }
