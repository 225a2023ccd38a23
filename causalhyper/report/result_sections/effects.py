"""The section of an effect curve."""

from __future__ import annotations

from causalhyper.queries import EffectCurve
from causalhyper.report.blocks import Block, Bullets, Drawing, PageSection, Prose
from causalhyper.report.result_sections.estimates import digits_of
from causalhyper.report.tables import curve_table


def effect_section(curve: EffectCurve) -> PageSection:
    """The curve by every estimator that answers, and why the others do not."""
    return PageSection(
        f"Effect of {curve.column} on {curve.outcome}",
        (Prose(curve.verdict, verdict=True), *curve_blocks(curve)),
    )


def curve_blocks(curve: EffectCurve) -> tuple[Block, ...]:
    """The curve without its verdict."""
    parts = [e for found in curve.by_estimator.values() for e in found]
    blocks: list[Block] = [
        Drawing(
            curve.plot,
            "Effect curve",
            curve.verdict,
            "Thick: pointwise intervals; thin: simultaneous band over all values.",
        ),
        curve_table(curve, digits_of(parts)),
    ]
    if curve.missing:
        blocks += [Prose("Not here:"), Bullets(curve.missing)]
    return tuple(blocks)
