"""Sections of ablations and of models fitted again with another hypergraph."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from causalhyper.queries import Ablation, Refit
from causalhyper.report.blocks import Block, Bullets, Code, Fold, PageSection, Prose
from causalhyper.report.result_sections.estimates import (
    at_farthest,
    digits_of,
    effect_blocks,
    said,
    whole_rows,
)
from causalhyper.report.tables import ablation_table

EXPLAINED = (
    "An ablation is a declared intervention, never a zeroed coefficient. The change of the level "
    "is averaged over the two compared values."
)


def ablation_section(a: Ablation) -> PageSection:
    """What one ablation does to an effect."""
    return PageSection(
        f"Ablation: {a.operation}",
        (Prose(_change(a), verdict=True), *ablation_blocks((a,))),
    )


def ablation_blocks(found: Sequence[Ablation]) -> tuple[Block, ...]:
    """Ablations as one table at the farthest value, and folded at every value."""
    digits = digits_of([e for a in found for e in a.before])
    values = [e.value for e in found[0].change]
    blocks: list[Block] = [Prose(EXPLAINED), ablation_table(found, digits)]
    drawn = tuple(f"{a.operation}: {a.reference}" for a in found)
    blocks.append(Fold("What is drawn from where", (Bullets(drawn),)))
    if len(values) > 1:
        tables = tuple(ablation_table(found, digits, value) for value in values)
        blocks.append(Fold("Ablations at every value", tables))
    return tuple(blocks)


def refit_section(refit: Refit) -> PageSection:
    """What an effect becomes with another hypergraph, and how the fit changes."""
    changes = refit.fit_frame()
    numbers = [name for name in changes.columns if name != "head"]
    changes = changes.astype(dict.fromkeys(numbers, "float64"))
    blocks: list[Block] = [
        Prose(_change(refit), verdict=True),
        Code(str(refit.graph)),
        *effect_blocks(
            refit.estimates,
            "Effects before and after",
            outcome=refit.outcome,
            label=lambda e: e.query.partition(".")[2],
        ),
        *_fit(changes, numbers),
    ]
    return PageSection(f"Refit: {refit.operation}", tuple(blocks))


def _fit(changes: pd.DataFrame, numbers: Sequence[str]) -> list[Block]:
    if changes.empty:
        return []
    return [whole_rows(changes, "Change of fit: after less before", numbers, 4)]


def _change(found: Ablation | Refit) -> str:
    """The change of the effect at the farthest value, in words."""
    change, after, before = (
        at_farthest(part)[0] for part in (found.change, found.after, found.before)
    )
    digits = digits_of([change, before])
    note = f" {found.note[:1].upper()}{found.note[1:].rstrip('.')}." if found.note else ""
    return (
        f"After “{found.operation}” the effect of {change.value:g} instead of {change.against:g} "
        f"is {after.estimate:+.{digits}f} in place of {before.estimate:+.{digits}f}, a change of "
        f"{said(change, digits)}.{note}"
    )
