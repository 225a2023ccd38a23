"""The sections of a part: question, hypergraph, data, answers, mechanisms, assumptions."""

from __future__ import annotations

from causalhyper.queries.effects.arc_slopes import arc_slopes
from causalhyper.report import run_tables
from causalhyper.report.blocks import Bullets, Code, Drawing, PageSection, Prose
from causalhyper.report.data_summary import summarise_runs
from causalhyper.report.data_tables import data_blocks
from causalhyper.report.parts import ReportPart
from causalhyper.report.result_sections import result_section, tests_section
from causalhyper.report.result_sections.registry import verdict_of
from causalhyper.results import Estimate


def part_section(part: ReportPart) -> PageSection:
    """Everything about one part, its answers in their order.

    Parameters
    ----------
    part : ReportPart

    Returns
    -------
    PageSection
        Titled by the protocol.
    """
    protocol = part.model.protocol
    sections = [question_section(part), hypergraph_section(part), data_section(part)]
    sections += answer_sections(part)
    tests = tests_section(part.results)
    sections += [tests] if tests is not None else []
    sections.append(mechanism_section(part))
    assumptions = assumption_section(part)
    sections += [assumptions] if assumptions is not None else []
    title = f"{part.name}: {protocol}" if part.name else protocol
    return PageSection(title, (), tuple(sections))


def question_section(part: ReportPart) -> PageSection:
    """What is asked under which matching protocol, and the verdict."""
    model = part.model
    context = f", with an intercept for each {' x '.join(model.context)}" * bool(model.context)
    held = f"Held equal: {model.protocol}. This matching protocol is part of what is estimated."
    rest = f"{model.n} runs in {model.clusters} clusters ({' x '.join(model.cluster)}{context})."
    blocks = [Prose(_asked(part)), Prose(f"{held} {rest}")]
    first = part.curve or next(iter(part.results), None)
    if first is not None:
        blocks.append(Prose(verdict_of(first), verdict=True))
    return PageSection("Question and verdict", tuple(blocks))


def _asked(part: ReportPart) -> str:
    roles = part.model.roles
    column, outcome = roles[part.treatment].column, roles[part.outcome].label
    if not part.at or part.baseline is None:
        return f"What does {column} do to {outcome}, and through what?"
    values = ", ".join(f"{value:g}" for value in part.at)
    return (
        f"What does setting {column} to {values} instead of {part.baseline:g} do to {outcome}, "
        "and through what?"
    )


def hypergraph_section(part: ReportPart) -> PageSection:
    """The hypergraph drawn, and which column plays which node."""
    graph, slopes = part.model.graph, arc_slopes(part.model, part.treatment, part.outcome)
    drawing = Drawing(
        slopes.plot,
        "Hypergraph",
        slopes.description,
        f"Arrows are causes; the arcs of causes that act jointly meet in a square. "
        f"{' '.join(slopes.notes)}",
    )
    return PageSection("Hypergraph", (Code(str(graph)), drawing, run_tables.role_table(part)))


def data_section(part: ReportPart) -> PageSection:
    """Counts, missing values, pairing, values far out, diverged runs, and means."""
    model = part.model
    found = summarise_runs(
        part.runs,
        model.roles,
        treatment=part.treatment,
        cluster=model.cluster,
        context=model.context,
    )
    means = run_tables.measurement_table(part, part.runs)
    return PageSection("Data", (*data_blocks(found), means))


def answer_sections(part: ReportPart) -> list[PageSection]:
    """One section an answer; one that only holds others stands open where it is alone."""
    found = []
    for answer in part.answers:
        section = result_section(answer.result)
        if len(part.answers) == 1 and not section.blocks:
            return list(section.sections)
        asked = (Prose(f"{answer.asked}."),) if answer.asked else ()
        found.append(PageSection(section.title, (*asked, *section.blocks), section.sections))
    return found


def mechanism_section(part: ReportPart) -> PageSection:
    """How each node was fitted."""
    methods = dict.fromkeys(e.method for e in part.estimates if e.query == "effect_curve.graph")
    said = tuple(Prose(f"{method}.") for method in methods)
    return PageSection("Mechanisms", (run_tables.mechanism_table(part), *said))


def assumption_section(part: ReportPart) -> PageSection | None:
    """Every assumption once, with what needs it; None where no estimate has any."""
    needs: dict[str, dict[str, None]] = {}
    for e in part.estimates:
        for assumption in e.assumptions:
            if not assumption.startswith("Q: ") and "simulated runs" not in assumption:
                needs.setdefault(assumption, {})[_needed_by(e)] = None
    if not needs:
        return None
    items = tuple(f"{text} (needed by {', '.join(parts)})" for text, parts in needs.items())
    return PageSection("Assumptions", (Bullets(items),))


_NEEDS = {
    "effect_curve.design": "the design's contrast",
    "effect_curve.adjusted": "the adjusted contrast",
    "effect_curve.graph": "the hypergraph's curve",
    "effect_curve.gap": "the gap test",
    "mediate": "mediation",
    "ablate": "ablations",
    "path_effects": "effects along paths",
    "shapley": "Shapley shares",
    "refit": "refits",
    "do": "distributions under interventions",
    "counterfactual": "counterfactuals",
    "policy": "policy",
    "randomisation": "randomisation tests",
    "wild_contrasts": "the wild cluster bootstrap",
}


def _needed_by(e: Estimate) -> str:
    """What an estimate belongs to, in words."""
    if e.query.startswith("mediate.natural") or e.query.endswith("_interaction"):
        return "natural effects"
    family = e.query.partition(".")[0]
    return _NEEDS.get(e.query) or _NEEDS.get(family, family.replace("_", " "))
