"""Sections of what the runs say of the hypergraph: implied independencies, permuted nodes."""

from __future__ import annotations

import pandas as pd

from causalhyper.queries import Falsification, IndependenceChecks
from causalhyper.report.blocks import Block, Drawing, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.tables import ReportTable


def independence_section(found: IndependenceChecks) -> PageSection:
    """Every implied independence with its partial correlation."""
    blocks: list[Block] = [
        Prose(found.verdict, verdict=True),
        Prose(
            f"{found.n} runs in {found.clusters} clusters, tested by {found.method}; p-values are "
            f"adjusted for one another ({found.adjust})."
        ),
    ]
    frame = found.to_frame()
    if not frame.empty:
        blocks.append(_independence_table(frame))
    if frame["estimate"].notna().any():
        caption = "Partial correlations with their intervals; grey ones are not contradicted."
        blocks.append(Drawing(found.plot, "Implied independencies", found.verdict, caption))
    return PageSection("Independencies that the hypergraph implies", tuple(blocks))


def _independence_table(frame: pd.DataFrame) -> ReportTable:
    answers = frame["rejected"].map({True: "contradicted", False: "kept"})
    shown = [
        ShownColumn("independence", ("independence",), kind="text"),
        ShownColumn("partial correlation", ("estimate",), 3, signed=True),
        ShownColumn("interval", ("lower", "upper"), 3, signed=True),
        ShownColumn("p", ("p",), 3, kind="p"),
        ShownColumn("adjusted p", ("q",), 3, kind="p"),
        ShownColumn("answer", ("answer",), kind="text"),
    ]
    answer = answers.where(frame["p"].notna(), "cannot be tested")
    return frame_table(frame.assign(answer=answer), "Implied independencies", shown)


def falsification_section(found: Falsification) -> PageSection:
    """The hypergraph among those with permuted nodes."""
    which = "all permutations" if found.exact else "a random sample of permutations"
    kept = f", {', '.join(found.keep)} kept in place" if found.keep else ""
    blocks: list[Block] = [
        Prose(found.verdict, verdict=True),
        Prose(
            f"{len(found.permuted)} hypergraphs with permuted nodes ({which}{kept}); each "
            f"independence is tested by {found.method} at {found.alpha:g}."
        ),
    ]
    if found.conditions:
        blocks.append(_condition_table(found))
    if found.permuted and found.given.tested:
        caption = "How many permutations violate how much; the line is the given hypergraph."
        blocks.append(Drawing(found.plot, "Permuted hypergraphs", found.verdict, caption))
    return PageSection("Falsification by permuted nodes", tuple(blocks))


def _condition_table(found: Falsification) -> ReportTable:
    rows = [
        {
            "condition": str(one),
            "estimate": finding.estimate,
            "p": finding.p_value,
            "answer": finding.inapplicable
            or ("violated" if (finding.p_value or 0.0) <= found.alpha else "kept"),
        }
        for one, finding in found.conditions
    ]
    frame = pd.DataFrame(rows).astype({"estimate": "float64", "p": "float64"})
    shown = [
        ShownColumn("condition", ("condition",), kind="text"),
        ShownColumn("partial correlation", ("estimate",), 3, signed=True),
        ShownColumn("p", ("p",), 3, kind="p"),
        ShownColumn("answer", ("answer",), kind="text"),
    ]
    return frame_table(frame, "Local Markov conditions", shown)
