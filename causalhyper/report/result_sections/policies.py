"""Sections of decisions: which treatment value to use, and how many further clusters to run."""

from __future__ import annotations

import pandas as pd

from causalhyper.queries import Policy, Power
from causalhyper.report.blocks import Block, Drawing, Fold, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.result_sections.estimates import whole_rows
from causalhyper.report.tables import ReportTable


def policy_section(found: Policy) -> PageSection:
    """The values ranked by utility, overall and context by context."""
    frame = found.table()
    overall = frame["context"] == ""
    title = f"Policy: which {found.column}"
    blocks: list[Block] = [
        Prose(found.verdict, verdict=True),
        Prose(f"Maximised: {found.aim}, by the {_estimator(found)}."),
        _ranking(found, frame[overall], "All runs"),
        Drawing(
            found.plot, title, found.verdict, "Utilities, and how probably each value is the best."
        ),
    ]
    if found.pooling:
        blocks.append(Prose(found.pooling))
    if found.contexts:
        blocks.append(Fold(f"Each {found.by} by itself", (_contexts(found, frame),)))
    return PageSection(title, tuple(blocks))


def _estimator(found: Policy) -> str:
    return "hypergraph" if found.estimator == "graph" else "design"


def _ranking(found: Policy, frame: pd.DataFrame, caption: str) -> ReportTable:
    digits = found.overall.digits
    span = f"{found.level:.0%} interval"
    frame = frame.assign(
        known=[
            "recommended" if best else "may be best" if may else "not the best"
            for best, may in zip(frame["recommended"], frame["may_be_best"], strict=True)
        ]
    )
    shown = [
        ShownColumn(found.column, ("value",), 6, kind="general"),
        ShownColumn("mean outcome", ("outcome",), digits),
        ShownColumn("cost", ("cost",), digits),
        ShownColumn("utility", ("utility",), digits),
        ShownColumn(span, ("utility_lower", "utility_upper"), digits),
        ShownColumn("less the best other", ("gap",), digits, signed=True),
        ShownColumn("simultaneous interval", ("gap_lower", "gap_upper"), digits, signed=True),
        ShownColumn("P(best)", ("probability_best",), 2),
        ShownColumn("expected regret", ("expected_regret",), 2, kind="general"),
        ShownColumn("at most", ("regret_upper",), 2, kind="general"),
        ShownColumn("answer", ("known",), kind="text"),
    ]
    if frame["cost"].isna().all():
        del shown[2]
    return frame_table(frame, caption, shown)


def _contexts(found: Policy, frame: pd.DataFrame) -> ReportTable:
    """The recommended value of each context, and those that may be best there."""
    own = frame[(frame["context"] != "") & frame["recommended"]]
    may = {r.context: ", ".join(f"{value:g}" for value in r.best_set) for r in found.contexts}
    shown = [
        ShownColumn(found.by, ("context",), kind="text"),
        ShownColumn("recommended", ("value",), 6, kind="general"),
        ShownColumn("utility", ("utility",), found.overall.digits),
        ShownColumn(
            f"{found.level:.0%} interval", ("utility_lower", "utility_upper"), found.overall.digits
        ),
        ShownColumn("P(best)", ("probability_best",), 2),
        ShownColumn("may be best", ("may",), kind="text"),
    ]
    table = own.assign(may=own["context"].map(may))
    return frame_table(table, f"Recommended for each {found.by}", shown)


def power_section(found: Power) -> PageSection:
    """Effect, clusters and power, one of them solved for."""
    frame = found.to_frame()
    span = f"{found.level:.0%} interval of what is solved for"
    numbers = ("value", "baseline", "effect", "clusters", "power", "lower", "upper")
    ends = frame.rename(columns={"lower": "from", "upper": "to", "solved": "solved for"})
    heads = [*numbers[:5], "from", "to"]
    return PageSection(
        "Further clusters",
        (
            Prose(found.verdict, verdict=True),
            Prose(f"By {found.pilot.how}; from and to are the {span}, by the pilot's spread."),
            whole_rows(ends, "Plans (empty: no number suffices)", heads, 4),
            Drawing(
                found.plot, "Power", found.verdict, f"Power over {found.unit}, with the target."
            ),
        ),
    )
