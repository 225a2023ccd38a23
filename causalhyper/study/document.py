"""What a study writes: report, document of all results, and a table a query."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

from causalhyper.queries import Analysis
from causalhyper.study.plain_values import plain
from causalhyper.study.results import AnsweredQuery, PartResults, StudyResults

STUDY_SCHEMA = "causalhyper.study-results/1"
"""Name and version of the document; a change that breaks readers raises the number."""


def study_document(results: StudyResults, command: str) -> dict[str, object]:
    """The document of a study, ready for `json.dumps`.

    Parameters
    ----------
    results : StudyResults
    command : str
        As one would type it.

    Returns
    -------
    dict
        Valid under `study_schema`. An analysis brings its own document beside its table, the same
        as that of ``causalhyper analyze --json``.
    """
    from causalhyper.report import record_provenance

    plan = results.plan
    provenance = record_provenance(command, plan.data.runs.name, results.checksum)
    return {
        "schema": STUDY_SCHEMA,
        "title": plan.output.title,
        "graph": str(plan.graph),
        "roles": {role.node: role.label for role in plan.roles.values()},
        "parts": [_part(found, results, command) for found in results.parts],
        "study": {"name": plan.source.name, "sha256": plan.sha256},
        "data": {"name": provenance.data, "sha256": provenance.sha256},
        "command": command,
        "versions": dict(provenance.versions),
    }


def _part(found: PartResults, results: StudyResults, command: str) -> dict[str, object]:
    return {
        "name": found.part.name,
        "values": dict(found.part.values),
        "protocol": found.part.protocol,
        "n": found.model.n,
        "clusters": found.model.clusters,
        "queries": [_query(answer, results, command) for answer in found.answers],
    }


def _query(answer: AnsweredQuery, results: StudyResults, command: str) -> dict[str, object]:
    from causalhyper.report import estimates_document, record_provenance

    frame = answer.result.to_frame()
    record: dict[str, object] = {
        "ask": answer.asked.verb,
        "options": plain(answer.asked.options),
        "verdict": answer.verdict,
        "summary": answer.result.summary(),
        "columns": [str(name) for name in frame.columns],
        "rows": [[plain(value) for value in row] for row in frame.itertuples(index=False)],
    }
    if isinstance(answer.result, Analysis):
        name = results.plan.data.runs.name
        provenance = record_provenance(command, name, results.checksum)
        record["document"] = estimates_document(answer.result, provenance)
    return record


def study_files(results: StudyResults, command: str) -> dict[Path, bytes]:
    """All files of a study with their contents, for `causalhyper.frames.write_together`.

    Parameters
    ----------
    results : StudyResults
    command : str
        As one would type it.

    Returns
    -------
    dict of Path to bytes
        In the study's folder, as it asks: ``index.html``, ``results.json``, and in ``tables`` a
        CSV file a query and part. Equal inputs give equal bytes.
    """
    from causalhyper.report import document_bytes
    from causalhyper.study.pages import study_page

    output = results.plan.output
    found: dict[Path, bytes] = {}
    if output.html:
        found[output.folder / "index.html"] = study_page(results, command)
    if output.json:
        document = study_document(results, command)
        found[output.folder / "results.json"] = document_bytes(document)
    if output.csv:
        found |= _tables(results, output.folder / "tables")
    return found


def _tables(results: StudyResults, folder: Path) -> dict[Path, bytes]:
    found = {}
    for number, part in enumerate(results.parts, start=1):
        words = "-".join(value for _, value in part.part.values) or "all"
        name = re.sub(r"[^A-Za-z0-9.]+", "_", words)[:60]
        for answer in part.answers:
            asked = answer.asked
            file = folder / f"{number}-{name}-{asked.number}-{asked.verb}.csv"
            text = answer.result.to_frame().to_csv(index=False, lineterminator="\n")
            found[file] = text.encode()
    return found


def study_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = files("causalhyper.report").joinpath("study-results.schema.json").read_text("utf-8")
    schema: dict[str, object] = json.loads(text)
    return schema
