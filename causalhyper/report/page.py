"""The report: one self-contained HTML page, made from results alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from causalhyper.figures import house_style, new_axes, to_svg
from causalhyper.queries import Analysis
from causalhyper.queries.effects.arc_slopes import arc_slopes
from causalhyper.report import run_tables, tables
from causalhyper.report.provenance import Provenance
from causalhyper.report.tables import ReportTable


@dataclass(frozen=True, slots=True)
class Study:
    """One analysis with the runs that it rests on.

    Attributes
    ----------
    analysis : Analysis
    runs : DataFrame
        The rows that were analysed.
    """

    analysis: Analysis
    runs: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Section:
    """What the template shows of one study."""

    number: int
    protocol: str
    question: str
    verdict: str
    graph: str
    graph_svg: str
    curve_svg: str
    missing: str
    roles: ReportTable
    counts: ReportTable
    measurements: ReportTable
    mechanisms: ReportTable
    curve: ReportTable
    tests: ReportTable
    mediation: ReportTable | None
    ablations: ReportTable
    details: tuple[ReportTable, ...]
    notes: tuple[str, ...]
    references: tuple[str, ...]
    assumptions: tuple[str, ...]
    method: str


def render_report(
    studies: Sequence[Study], provenance: Provenance, *, title: str = "Causal report"
) -> bytes:
    """Render studies as one page that needs no network and no script.

    Parameters
    ----------
    studies : sequence of Study
        Analyses to show one after the other, such as one a matching protocol.
    provenance : Provenance
    title : str

    Returns
    -------
    bytes
        UTF-8 HTML. Equal inputs give equal bytes; labels from the data are escaped.
    """
    page = (
        environment()
        .get_template("page.html.jinja")
        .render(
            title=title,
            style=files("causalhyper.report").joinpath("style.css").read_text("utf-8"),
            glance=tables.glance_table([study.analysis for study in studies]),
            sections=[study_section(i, study) for i, study in enumerate(studies, start=1)],
            provenance=provenance,
        )
    )
    return page.encode()


def environment() -> Environment:
    """What renders a page: labels are escaped, and a name that is not there is an error."""
    return Environment(
        loader=PackageLoader("causalhyper.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def study_section(number: int, study: Study) -> Section:
    """What the page shows of one study, the first being number 1."""
    a, runs = study.analysis, study.runs
    digits = tables.digits_of(a)
    values = [e.value for e in a.curve.design]
    details = [tables.mediation_table(a.mediation, digits, v) for v in values if a.mediation]
    details += [tables.ablation_table(a.ablations, digits, v) for v in values]
    notes = [f"{m.note}." for m in a.mediation if m.note]
    return Section(
        number=number,
        protocol=a.model.protocol,
        question=_question(a),
        verdict=a.curve.verdict,
        graph=str(a.model.graph),
        graph_svg=_graph_svg(a, number),
        curve_svg=_curve_svg(a, number),
        missing=run_tables.missing_sentence(runs),
        roles=run_tables.role_table(a),
        counts=run_tables.count_table(a, runs),
        measurements=run_tables.measurement_table(a, runs),
        mechanisms=run_tables.mechanism_table(a),
        curve=tables.curve_table(a.curve, digits),
        tests=tables.test_table(a.curve),
        mediation=tables.mediation_table(a.mediation, digits) if a.mediation else None,
        ablations=tables.ablation_table(a.ablations, digits),
        details=tuple(details),
        notes=tuple(dict.fromkeys(notes)),
        references=tuple(f"{o.operation}: {o.reference}" for o in a.ablations),
        assumptions=_assumptions(a),
        method=a.curve.graph[0].method,
    )


def _question(a: Analysis) -> str:
    curve = a.curve
    values = ", ".join(f"{e.value:g}" for e in curve.design)
    context = f", with an intercept for each {' x '.join(a.model.context)}" * bool(a.model.context)
    return (
        f"With {a.model.protocol}: what does setting {curve.column} to {values} instead of "
        f"{curve.baseline:g} do to {curve.outcome}, and through what? {a.model.n} runs in "
        f"{a.model.clusters} clusters ({' x '.join(a.model.cluster)}{context})."
    )


def _assumptions(a: Analysis) -> tuple[str, ...]:
    """Every assumption, once, with the queries that need it; remarks on support stay in tables."""
    needs: dict[str, dict[str, None]] = {}
    for e in a.estimates:
        for assumption in e.assumptions:
            if not assumption.startswith("Q: ") and "simulated runs" not in assumption:
                needs.setdefault(assumption, {})[_part(e.query)] = None
    return tuple(f"{text} (needed by {', '.join(parts)})" for text, parts in needs.items())


def _part(query: str) -> str:
    """The part of the report that a query belongs to, in words."""
    if query.startswith("mediate.natural") or query.endswith("_interaction"):
        return "natural effects"
    parts = {
        "effect_curve.design": "the design's contrast",
        "effect_curve.adjusted": "the adjusted contrast",
        "effect_curve.graph": "the hypergraph's curve",
        "effect_curve.gap": "the gap test",
    }
    return parts.get(query) or {"mediate": "mediation", "ablate": "ablations"}[query.split(".")[0]]


def _graph_svg(a: Analysis, number: int) -> str:
    slopes = arc_slopes(a.model, a.treatment, a.outcome)
    with house_style():
        return to_svg(
            slopes.plot().figure,
            title="Hypergraph",
            description=slopes.description,
            prefix=f"graph{number}-",
        )


def _curve_svg(a: Analysis, number: int) -> str:
    with house_style():
        ax = a.curve.plot(new_axes())
        return to_svg(
            ax.figure,
            title="Effect curve",
            description=a.curve.verdict,
            prefix=f"curve{number}-",
        )
