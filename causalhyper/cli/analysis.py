"""The analyze command: read, fit, ask, and only then write."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from causalhyper.cli.console import make_console, print_analysis, print_bytes, progress_bar
from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles, checksum, read_runs, select_runs, write_together
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.queries import analyze
from causalhyper.queries.experiments.uncertainty import INTERVALS
from causalhyper.report import (
    Study,
    document_bytes,
    estimates_document,
    record_provenance,
    render_report,
    report_tables,
    table_files,
)
from causalhyper.scm import fit
from causalhyper.study.mechanisms import parse_mechanisms

STANDARD_OUTPUT = Path("-")
"""In place of a file for the estimates; words go to standard error then."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of ``causalhyper analyze``; the fields are its options."""

    runs: Path
    protocol: str
    graph: str
    role: tuple[str, ...]
    treatment: str
    outcome: str
    cluster: tuple[str, ...]
    context: tuple[str, ...]
    where: tuple[str, ...]
    at: tuple[float, ...]
    baseline: float
    mechanism: tuple[str, ...]
    draws: int
    seed: int
    level: float
    interval: str
    out: Path
    json: Path | None
    tables: Path | None
    quiet: bool

    @property
    def command(self) -> str:
        """The call as one would type it."""
        several = [("--role", self.role), ("--cluster", self.cluster), ("--context", self.context)]
        several.append(("--where", self.where))
        words = ["causalhyper", "analyze", str(self.runs), "--protocol", self.protocol]
        words += ["--graph", self.graph]
        words += [word for option, values in several for v in values for word in (option, v)]
        words += ["--treatment", self.treatment, "--outcome", self.outcome]
        words += ["--at", ",".join(map(_plain, self.at)), "--baseline", _plain(self.baseline)]
        words += [w for m in self.mechanism for w in ("--mechanism", m)]
        words += ["--draws", str(self.draws), "--seed", str(self.seed)]
        words += ["--level", _plain(self.level), "--interval", self.interval]
        words += ["--out", str(self.out)]
        words += ["--json", str(self.json)] if self.json else []
        words += ["--tables", str(self.tables)] if self.tables else []
        return shlex.join(words)


def _plain(number: float) -> str:
    """A number so that reading it gives it back, without a needless ".0"."""
    return repr(number).removesuffix(".0")


def run(request: Request) -> None:
    """Answer a request; files are written at the very end, each whole or not at all.

    Parameters
    ----------
    request : Request

    Raises
    ------
    ConfigurationError
        If an option is wrong, or a target cannot be written.
    DataError
        If the runs are.
    """
    page, document = request.out / "index.html", request.json
    _check(request)
    graph, roles = DirectedHypergraph.parse(request.graph), Roles.parse(request.role)
    mechanisms = parse_mechanisms(request.mechanism, graph)
    runs = select_runs(read_runs(request.runs), request.where)
    with progress_bar("fitting", quiet=request.quiet) as progress:
        model = fit(
            graph,
            runs,
            roles,
            protocol=request.protocol,
            cluster=request.cluster,
            context=request.context,
            mechanisms=mechanisms,
            treatment=request.treatment,
            outcome=request.outcome,
            progress=progress,
        )
    with progress_bar("resampling", quiet=request.quiet) as progress:
        analysis = analyze(
            model,
            request.treatment,
            request.outcome,
            at=request.at,
            baseline=request.baseline,
            draws=request.draws,
            seed=request.seed,
            level=request.level,
            interval=request.interval,
            progress=progress,
        )
    provenance = record_provenance(request.command, request.runs.name, checksum(request.runs))
    studies = [Study(analysis, runs)]
    files = {page: render_report(studies, provenance)}
    if request.tables is not None:
        files |= table_files(report_tables(studies, provenance), request.tables)
    estimates = document_bytes(estimates_document(analysis, provenance))
    if document is not None and document != STANDARD_OUTPUT:
        files[document] = estimates
    write_together(files)
    if document == STANDARD_OUTPUT:
        print_bytes(estimates)
    if not request.quiet:
        print_analysis(analysis, make_console(stderr=document == STANDARD_OUTPUT))


def _check(request: Request) -> None:
    """Refuse what would fail only after the work is done."""
    if request.interval not in INTERVALS:
        raise ConfigurationError(
            f"no interval {request.interval!r}: use one of {', '.join(INTERVALS)}"
        )
    if request.out.exists() and not request.out.is_dir():
        raise ConfigurationError(f"--out {str(request.out)!r} is a file: name a folder")
    if request.tables is not None and request.tables.exists() and not request.tables.is_dir():
        raise ConfigurationError(f"--tables {str(request.tables)!r} is a file: name a folder")
    if request.json is not None and request.json.is_dir():
        raise ConfigurationError(f"--json {str(request.json)!r} is a folder: name a file")
    if request.json and request.json.resolve() == (request.out / "index.html").resolve():
        raise ConfigurationError(f"--json {str(request.json)!r} is the report: name another file")
