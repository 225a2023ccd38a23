"""The study's page: verdicts first, then the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from case_studies.pruning import forms
from case_studies.pruning.contrasts import FISHER, JUDGED, MOVEMENT, OWN, SHIFTED, STRONGEST
from case_studies.pruning.falls import fall_pictures
from case_studies.pruning.figures import draw_standing
from case_studies.pruning.flatness.page import flatness_sections
from case_studies.pruning.flatness.surface_page import strip_sections, surface_sections
from case_studies.pruning.judging import pick
from case_studies.pruning.logs import split
from case_studies.pruning.methods import DENSE, MAGNITUDE, percent, role
from case_studies.pruning.page_size import MOST, without_pictures
from case_studies.pruning.study import PruningStudy
from causalhyper.report import (
    Bullets,
    Fold,
    Heading,
    PageSection,
    Picture,
    Prose,
    render_sections,
    reproduce_section,
)
from causalhyper.report.blocks import Block
from causalhyper.report.pruning import (
    layers_section,
    overlap_section,
)

TITLE = "Is causal pruning better than magnitude?"
SHOWN = 0.98
"""Share pruned of which masks are shown: the middle one of those that averages are over."""
ONE_SHARE = "Here at the share pruned that is nearest 98%; tables/layers.csv has all."
UNANSWERED = "Questions that the runs of a cell do not answer are in tables/claims.csv."
METHODS = (
    "Methods are compared at exactly equal sparsity, seed by seed: the runs of a seed share their "
    "network before pruning. Intervals are Student's t over seeds; joint intervals (Bonferroni) "
    "and p-values (Holm; exact sign flips of whole seeds) are over all comparisons of one "
    "question in one network, data set and protocol: those of criteria of the loss series and "
    "of candidates that were looked for here, or those of all other methods.",
    "The strongest baseline of a sparsity is the one with the highest mean validation accuracy "
    "there, of those that know nothing of the loss series; so is the best criterion. Accuracies "
    "that are compared are of test images that chose nothing.",
    "A verdict is read off joint 95% intervals: holds where they lie on the claim's side of zero, "
    "reversed on the other, not shown where they hold zero, which is no proof of equality.",
    "All intervals are of training randomness on one test set; what another test set as large "
    "would add is the binomial_sd of the contrasts.",
)


def study_sections(study: PruningStudy) -> list[PageSection]:
    """All sections of the page but the last.

    Parameters
    ----------
    study : PruningStudy

    Returns
    -------
    list of PageSection
    """
    tables, contrasts = study.tables, study.tables["contrasts"]
    sections = [
        PageSection("In short", (Bullets(study.sentences),)),
        PageSection("Verdicts", (forms.claim_form(study.claims), Prose(UNANSWERED))),
        PageSection(
            "The paper's table beside ours",
            (
                Prose(
                    "The paper gives one number a cell and compares unequal sparsities. Ours are "
                    "means over seeds with 95% intervals; the difference is paired, with a joint "
                    "interval."
                ),
                forms.paper_form(study.frames, tables),
                forms.imagenet_form(),
                forms.count_form(study.frames),
            ),
        ),
        PageSection("Accuracies", (forms.accuracy_form(tables["accuracy"], "Test accuracy, %"),)),
    ]
    if "averages" in tables:
        sections.append(PageSection("On average", (forms.average_form(tables["averages"]),)))
    if len(contrasts):
        sections.append(PageSection("Differences", tuple(_differences(contrasts, study))))
    if "own_rule" in tables:
        sections.append(
            PageSection("The paper's own rule", (forms.rule_form(tables["own_rule"]),))
        )
    if "rates" in tables:
        sections.append(PageSection("Tuned rates", (forms.rate_form(tables["rates"]),)))
    falls = (forms.width_form(study.shifts), *fall_pictures(study, "transition"))
    sections.append(PageSection("Phase shift", falls))
    sections += _of_masks(study)
    sections += flatness_sections(study)
    sections += surface_sections(study)
    sections += strip_sections(study)
    sections.append(PageSection("Cost", (forms.cost_form(study.frames, tables),)))
    return [*sections, PageSection("Methods", (Bullets(METHODS),))]


def render_study(study: PruningStudy, command: str) -> bytes:
    """The page of the whole study.

    Parameters
    ----------
    study : PruningStudy
    command : str
        As typed.

    Returns
    -------
    bytes
        UTF-8 HTML.
    """
    last = reproduce_section(command, study.frames.checksums)
    sections = [*study_sections(study), last]
    page = render_sections(TITLE, sections)
    if len(page) <= MOST:
        return page
    return render_sections(TITLE, without_pictures(sections, len(page) - MOST))


def _differences(contrasts: pd.DataFrame, study: PruningStudy) -> Iterator[Block]:
    drawn = draw_standing(study.frames, contrasts)
    if drawn:
        yield Picture(drawn, "Criteria that stand for the paper's, less the strongest baseline")
    for question, words in (
        (STRONGEST, "Less the strongest baseline (named), points; *: joint interval without zero"),
        (MAGNITUDE, "Less magnitude, points"),
        (DENSE, "Less the network without pruning, points"),
    ):
        rows = pick(contrasts, question=question)
        if rows.empty:
            yield Prose(f"{words}: no run compares them.")
            continue
        table = forms.contrast_form(rows, words)
        yield table if question == STRONGEST else Fold(words, (table,))
    controls = contrasts[contrasts["question"].isin([MOVEMENT, SHIFTED, FISHER, OWN])]
    if len(controls):
        yield forms.control_form(controls)


def _of_masks(study: PruningStudy) -> Iterator[PageSection]:
    """Sections of layers and overlap, of one sparsity a cell; the tables have all."""
    others, tables = study.frames.others, study.tables
    if "layers" in others:
        chosen = others["layers"]["method"].map(role).isin(["baseline", *JUDGED])
        frames = _shown(others["layers"][chosen], "target")
        parts = [
            (name, layers_section(own, prefix=f"layers{i}-"))
            for i, (name, own) in enumerate(frames.items())
        ]
        yield PageSection("Masks by layer", (Prose(ONE_SHARE), *_joined(parts)))
    if "overlap" in others:
        title = "What masks have in common"
        if "overlaps" in tables:
            yield PageSection(title, (forms.overlap_form(tables["overlaps"]),))
            return
        parts = [
            (n, overlap_section(own)) for n, own in _shown(others["overlap"], "pruned").items()
        ]
        yield PageSection(title, _joined(parts))


def _joined(parts: list[tuple[str, PageSection]]) -> tuple[Block, ...]:
    """The blocks of sections, each under a heading."""
    return tuple(block for name, part in parts for block in (Heading(name), *part.blocks))


def _shown(frame: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Rows by cell; of the share pruned that is nearest `SHOWN` where a column says it."""
    found = {}
    for cell, own in split(frame).items():
        if column not in own or own[column].isna().all():
            found[cell] = own
            continue
        share = min(own[column].dropna().unique(), key=lambda each: abs(each - SHOWN))
        rows = own[own[column] == share].reset_index(drop=True)
        found[f"{cell}, {percent(float(share))}"] = rows
    return found
