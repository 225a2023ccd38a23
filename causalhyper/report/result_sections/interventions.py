"""Sections of outcomes where nodes are set: distributions, and what single runs would have had."""

from __future__ import annotations

from causalhyper.queries import Counterfactual, Intervention
from causalhyper.report.blocks import Block, Drawing, Fold, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.result_sections.estimates import (
    beyond_sentence,
    digits_of,
    estimate_table,
    span_of,
    words_of,
)

MOST_DRAWN = 40
"""Runs that the picture of a counterfactual shows."""
MOST_LISTED = 12
"""Runs that a page lists; all are in `Counterfactual.by_run`."""


def intervention_section(found: Intervention) -> PageSection:
    """The outcome's distribution, value by value."""
    shown = [e for e in found.estimates if e not in found.density]
    shown.sort(key=lambda e: e.value)
    what = "density" if found.density else "quantiles and mean"
    title = f"Where {found.column} is set"
    blocks: list[Block] = [
        Prose(found.verdict, verdict=True),
        estimate_table(
            shown,
            f"{found.outcome} where {found.column} is set",
            label=lambda e: words_of(e).replace("sd", "standard deviation"),
            head="part",
        ),
        Drawing(found.plot, title, found.verdict, f"The outcome's {what} at each value."),
    ]
    if found.density:
        table = estimate_table(found.density, "Density at each point", head="point")
        blocks.append(Fold("The density in numbers", (table,)))
    if text := beyond_sentence(max(found.extrapolated, default=0.0)):
        blocks.append(Prose(text))
    blocks += [Prose(f"{found.note}.")] if found.note else []
    return PageSection(title, tuple(blocks))


def counterfactual_section(found: Counterfactual) -> PageSection:
    """What runs would have had."""
    frame = found.by_run()
    digits = digits_of(found.differences)
    count = len(frame)
    shown = [
        ShownColumn("run", ("run_id",), kind="text"),
        *(ShownColumn(name, (name,), kind="text") for name in found.labels if name != "run_id"),
        ShownColumn("observed", ("factual",), digits),
        ShownColumn("would have had", ("counterfactual",), digits),
        ShownColumn(span_of(found.average), ("lower", "upper"), digits),
        ShownColumn("difference", ("difference",), digits, signed=True),
    ]
    some = f", the first {MOST_LISTED} of {count} runs" if count > MOST_LISTED else ""
    blocks: list[Block] = [
        Prose(found.verdict, verdict=True),
        frame_table(frame.head(MOST_LISTED), f"{found.outcome} with {found.setting}{some}", shown),
    ]
    if count <= MOST_DRAWN:
        caption = "An arrow a run, from what it had to what it would have had."
        title = f"Had runs had {found.setting}"
        blocks.append(Drawing(found.plot, title, found.verdict, caption))
    if text := beyond_sentence(found.extrapolated):
        blocks.append(Prose(text))
    return PageSection(f"Counterfactual: had {found.setting}", tuple(blocks))
