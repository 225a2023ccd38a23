"""Sections of what the assignment alone says: randomisation tests, the wild cluster bootstrap."""

from __future__ import annotations

from causalhyper.queries import RandomisationTests, WildContrasts
from causalhyper.report.blocks import Block, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.result_sections.estimates import (
    at_farthest,
    digits_of,
    estimate_table,
    forest_of,
    said,
    span_of,
)
from causalhyper.report.result_sections.tests import p_words


def randomisation_section(found: RandomisationTests) -> PageSection:
    """Tests by dealing the treatment again, and the constant effects that they leave."""
    verdict = found.omnibus.reading
    if found.omnibus.p_value is not None:
        verdict += f" ({p_words(found.omnibus.p_value)})."
    if found.effects:
        e = at_farthest(found.effects)[0]
        verdict += (
            f" The constant effects of {e.value:g} instead of {e.against:g} that are not rejected "
            f"are around {said(e, digits_of(found.effects))}."
        )
    blocks: list[Block] = [
        Prose(verdict, verdict=True),
        Prose(f"What exchanged treatment values: {found.assigned}."),
    ]
    if found.effects:
        blocks.append(estimate_table(found.effects, "Constant effects", label=lambda _: "effect"))
        blocks.append(forest_of(found.effects, "Constant effects", found.outcome))
    blocks += [Prose(found.note)] if found.note else []
    return PageSection("Randomisation tests", tuple(blocks))


def wild_section(found: WildContrasts) -> PageSection:
    """Contrasts of the design by the wild cluster bootstrap."""
    digits = digits_of(found.contrasts)
    e = at_farthest(found.contrasts)[0]
    test = found.tests[found.contrasts.index(e)]
    known = "" if test.p_value is None else f" ({p_words(test.p_value)})"
    verdict = f"{e.value:g} instead of {e.against:g}: {said(e, digits)}{known}. {test.reading}"
    frame = found.to_frame()
    shown = [
        ShownColumn("value", ("value",), 6, kind="general"),
        ShownColumn("against", ("baseline",), 6, kind="general"),
        ShownColumn("contrast", ("estimate",), digits, signed=True),
        ShownColumn(span_of(e), ("lower", "upper"), digits, signed=True),
        ShownColumn("t", ("statistic",), 2, signed=True),
        ShownColumn("p", ("p_value",), 3, kind="p"),
    ]
    return PageSection(
        "Contrasts by the wild cluster bootstrap",
        (
            Prose(verdict, verdict=True),
            frame_table(frame, "Contrasts of the design", shown),
            forest_of(found.contrasts, "Contrasts of the design", found.outcome),
        ),
    )
