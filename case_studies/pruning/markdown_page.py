"""What stands between the markers of docs/pruning-study.md: sentences and tables of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from case_studies.batch_size.report.markdown_page import MARKED, fill_page
from case_studies.pruning import forms
from case_studies.pruning.contrasts import FISHER, JUDGED, MOVEMENT, OWN, SHIFTED, STRONGEST
from case_studies.pruning.judging import SHARPER
from case_studies.pruning.logs import LADDER
from case_studies.pruning.methods import DENSE, role
from case_studies.pruning.page_parts import PARTS, part_text
from case_studies.pruning.study import PruningStudy
from causalhyper.errors import DataError
from causalhyper.report import Bullets, PageSection, ReportTable, markdown_table
from causalhyper.report.pruning import sections_markdown

NOTHING = "No run answers this yet.\n"


def short(study: PruningStudy) -> str:
    """The findings in short, as a list."""
    text = sections_markdown("", [PageSection("", (Bullets(study.sentences),))])
    return text[text.index("- ") :]


def _contrasts(study: PruningStudy, *questions: str) -> pd.DataFrame:
    rows = study.tables["contrasts"]
    return rows[rows["question"].isin(questions)]


def _contrast(study: PruningStudy, question: str) -> str:
    """What the study is about, against something; the tables have all methods."""
    rows = _contrasts(study, question)
    rows = rows[rows["method"].map(role).isin(JUDGED)]
    return markdown_table(forms.contrast_form(rows, "")) if len(rows) else NOTHING


def _controls(study: PruningStudy) -> str:
    rows = _contrasts(study, MOVEMENT, SHIFTED, FISHER, OWN)
    return markdown_table(forms.control_form(rows)) if len(rows) else NOTHING


def _optional(study: PruningStudy, name: str, make: Callable[[pd.DataFrame], ReportTable]) -> str:
    return markdown_table(make(study.tables[name])) if name in study.tables else NOTHING


def _table(make: Callable[[PruningStudy], ReportTable]) -> Callable[[PruningStudy], str]:
    return lambda study: markdown_table(make(study))


BLOCKS: dict[str, Callable[[PruningStudy], str]] = {
    "short": short,
    "claims": _table(lambda s: forms.claim_form(s.claims)),
    "runs": _table(lambda s: forms.count_form(s.frames)),
    "paper": _table(lambda s: forms.paper_form(s.frames, s.tables)),
    "accuracy": _table(lambda s: forms.accuracy_form(s.tables["accuracy"], "")),
    "strongest": lambda s: _contrast(s, STRONGEST),
    "dense": lambda s: _contrast(s, DENSE),
    "controls": _controls,
    "averages": lambda study: _optional(study, "averages", forms.average_form),
    "imagenet": _table(lambda _: forms.imagenet_form()),
    "own-rule": lambda study: _optional(study, "own_rule", forms.rule_form),
    "rates": lambda study: _optional(study, "rates", forms.rate_form),
    "overlaps": lambda study: _optional(study, "overlaps", forms.overlap_form),
    **{part: lambda study, part=part: part_text(study, part) for part in PARTS},  # type: ignore[misc]
    "costs": _table(lambda s: forms.cost_form(s.frames, s.tables)),
}
"""What a page may ask for by name."""
WHOLE = {"short", "runs", "phase-shift", "costs"}
"""Blocks that also tell of the protocol `LADDER`; the report has its other comparisons."""


def without_ladders(study: PruningStudy) -> PruningStudy:
    """The study without runs at many sparsities, but for the claim that they are made for.

    Parameters
    ----------
    study : PruningStudy

    Returns
    -------
    PruningStudy
    """
    ladders, runs = study.frames.ladders(), study.frames.runs
    tables = {
        name: table[~table["cell"].isin(ladders)] if "cell" in table else table
        for name, table in study.tables.items()
    }
    claims = tuple(c for c in study.claims if c.claim == SHARPER or c.cell not in ladders)
    frames = replace(study.frames, runs=runs[runs["protocol"] != LADDER])
    return replace(study, frames=frames, tables=tables, claims=claims)


def filled(text: str, study: PruningStudy) -> str:
    """The page with all that it asks for written anew.

    Parameters
    ----------
    text : str
        A block stands between ``<!-- table: NAME -->`` and ``<!-- end -->``.
    study : PruningStudy

    Returns
    -------
    str

    Raises
    ------
    DataError
        If the page asks for something else than `BLOCKS`.
    """
    names = {name for _, name, *_ in MARKED.findall(text)}
    if unknown := names - set(BLOCKS):
        raise DataError(f"the page asks for {sorted(unknown)}; there are {sorted(BLOCKS)}")
    fewer = without_ladders(study)
    return fill_page(
        text, {name: BLOCKS[name](study if name in WHOLE else fewer) for name in names}
    )
