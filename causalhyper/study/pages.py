"""The page of a study: every query of its file, in the file's order, for each part of the runs."""

from __future__ import annotations

import json

from causalhyper.report.page import SourceText, render_parts
from causalhyper.report.parts import Answer, ReportPart
from causalhyper.report.provenance import record_provenance
from causalhyper.study.plain_values import plain
from causalhyper.study.plan import AskedQuery
from causalhyper.study.results import PartResults, StudyResults


def study_page(results: StudyResults, command: str) -> bytes:
    """Render a study as one page that needs no network and no script.

    Parameters
    ----------
    results : StudyResults
    command : str
        As one would type it.

    Returns
    -------
    bytes
        UTF-8 HTML. Equal inputs give equal bytes; labels are escaped.
    """
    plan = results.plan
    return render_parts(
        [_part(found, results) for found in results.parts],
        record_provenance(command, plan.data.runs.name, results.checksum),
        title=plan.output.title,
        source=SourceText(plan.source.name, plan.sha256, plan.text),
    )


def _part(found: PartResults, results: StudyResults) -> ReportPart:
    plan, part = results.plan, found.part
    several = len(plan.queries) > 1
    return ReportPart(
        name=part.name if part.values else "",
        model=found.model,
        treatment=plan.treatment,
        outcome=plan.outcome,
        runs=part.runs,
        answers=tuple(Answer(_asked(a.asked) if several else "", a.result) for a in found.answers),
        at=plan.at,
        baseline=plan.baseline,
    )


def _asked(query: AskedQuery) -> str:
    """The query as its table has it, on one line."""
    options = (
        f"{name} = {json.dumps(plain(value), ensure_ascii=False)}"
        for name, value in query.options.items()
    )
    return ", ".join([f"Query {query.number} of the study file: {query.verb}", *options])
