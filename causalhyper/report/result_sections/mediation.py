"""Sections of what goes through mediators and along paths, and of how an effect is shared out."""

from __future__ import annotations

from collections.abc import Sequence

from causalhyper.queries import Mediation, PathEffects, Shares
from causalhyper.report.blocks import Block, Bullets, Fold, PageSection, Prose
from causalhyper.report.result_sections.estimates import (
    at_farthest,
    beyond_sentence,
    digits_of,
    effect_blocks,
    forest_of,
    said,
)
from causalhyper.report.tables import mediation_table
from causalhyper.results import Estimate

EXPLAINED = (
    "Direct and indirect are interventional: the mediator is drawn at random from its "
    "distribution under the one or the other value. Natural effects use the run's own mediator in "
    "another world. The remainder is what randomising the mediator leaves out of both."
)


def mediation_section(m: Mediation) -> PageSection:
    """What goes through and past one set of mediators."""
    drawn = [e for e in at_farthest(m.estimates) if e.se > 0]
    forest = forest_of(drawn, f"Mediation through {', '.join(m.mediators)}", m.outcome)
    return PageSection(
        f"Mediation through {', '.join(m.mediators)}",
        (Prose(m.verdict, verdict=True), *mediation_blocks((m,)), forest),
    )


def mediation_blocks(found: Sequence[Mediation]) -> tuple[Block, ...]:
    """Mediations as one table at the farthest value, and folded at every value."""
    digits = digits_of([e for m in found for e in m.total])
    blocks: list[Block] = [Prose(EXPLAINED), mediation_table(found, digits)]
    blocks += [Prose(f"{note}.") for note in dict.fromkeys(m.note for m in found) if note]
    values = [e.value for e in found[0].total]
    if len(values) > 1:
        tables = tuple(mediation_table(found, digits, value) for value in values)
        blocks.append(Fold("Mediation at every value", tables))
    return tuple(blocks)


def path_section(paths: PathEffects) -> PageSection:
    """Effects along groups of paths."""
    order = (
        "Each effect has the paths before it at the new value, so that they depend on the order."
        if paths.sequential
        else "Each effect has all other paths at the baseline."
    )
    digits = digits_of(paths.total)
    clear = ", ".join(f"{e.subject} {said(e, digits)}" for e in _at_end(paths.along))
    total = at_farthest(paths.total)[0]
    verdict = (
        f"{total.value:g} instead of {total.against:g} has the effect {said(total, digits)}; "
        f"along paths: {clear}. {paths.verdict}"
    )
    blocks = [
        Prose(verdict, verdict=True),
        Prose(f"{order} The worlds that are compared have {paths.coupling} noise."),
        *effect_blocks(paths.estimates, "Effects along paths", outcome=paths.outcome),
        *_beyond(paths.extrapolated),
    ]
    return PageSection("Effects along paths", tuple(blocks))


def shares_section(shares: Shares) -> PageSection:
    """Shapley shares of an effect."""
    digits = digits_of(shares.total)
    total = at_farthest(shares.total)[0]
    parts = _at_end(shares.shares)
    listed = ", ".join(f"{e.subject} {said(e, digits)}" for e in parts)
    verdict = (
        f"Of the effect {said(total, digits)} of {total.value:g} instead of {total.against:g}, "
        f"averaged over all orders: {listed}."
    )
    if len({e.estimate > 0 for e in parts if e.excludes_zero}) > 1:
        verdict += " Shares oppose one another: none is a proportion of the total."
    references = tuple(map(" — ".join, zip(shares.players, shares.references, strict=False)))
    blocks: list[Block] = [Prose(verdict, verdict=True)]
    blocks += [Prose(f"{shares.note}.")] if shares.note else []
    blocks += effect_blocks(
        shares.estimates,
        "Shapley shares",
        outcome=shares.outcome,
        label=lambda e: e.subject or e.query.partition(".")[2],
        head="player",
    )
    blocks += _beyond(shares.extrapolated)
    if references:
        blocks.append(Fold("What each player is replaced by", (Bullets(references),)))
    return PageSection("Shapley shares", tuple(blocks))


def _at_end(groups: Sequence[tuple[Estimate, ...]]) -> tuple[Estimate, ...]:
    return tuple(e for group in groups for e in at_farthest(group))


def _beyond(share: float) -> list[Block]:
    text = beyond_sentence(share)
    return [Prose(text)] if text else []
