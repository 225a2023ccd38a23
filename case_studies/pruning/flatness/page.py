"""The page's section of flatness: eigenvalues beside the training loss, ratios, accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from case_studies.pruning.flatness.claims import FLATTER, GOES_WITH, SHARPENS, THAN_DENSE
from case_studies.pruning.flatness.forms import (
    association_form,
    level_name,
    ratio_form,
)
from case_studies.pruning.flatness.ratios import EIGENVALUE, RELATIVE, with_levels
from case_studies.pruning.further import drawn_methods
from case_studies.pruning.judging import pick
from case_studies.pruning.logs import split
from case_studies.pruning.methods import DENSE, MAGNITUDE
from case_studies.pruning.study import PruningStudy
from causalhyper.figures import plot_eigenvalues
from causalhyper.report import (
    Bullets,
    Fold,
    PageSection,
    Picture,
    Prose,
    ReportTable,
    ShownColumn,
    frame_table,
)
from causalhyper.report.blocks import Block
from causalhyper.report.pruning.flatness import SPACES, flatness_table
from causalhyper.report.pruning.pictures import draw_picture

PICTURES = 2
"""Cells that are drawn; all are in the tables."""
MARKED = 4
"""Methods in a picture of eigenvalues, beside no pruning."""
SHOWN = (
    (MAGNITUDE, EIGENVALUE, "Largest eigenvalue, times that of magnitude"),
    (DENSE, EIGENVALUE, "Largest eigenvalue, times that of no pruning"),
    (MAGNITUDE, RELATIVE, "Largest eigenvalue relative to filters, times that of magnitude"),
)
"""Comparisons that are shown; the table of the folder has more."""
NOTES = (
    "Ratios are geometric means over seeds of a method's value by that of what it is compared "
    "with, with joint 95% intervals over all rows of one cell, measure and comparison; below one "
    "is flatter. *: the interval leaves one out.",
    "Full space: the Hessian of all parameters, pruned ones too. Kept space: of those that are "
    "left; its largest eigenvalue never exceeds that of the full space, so that a sparse network "
    "looks flatter there for the smaller number of directions alone. The network without pruning "
    "has one space.",
    "A network that fits worse, or has collapsed, is flatter for that: ratios are read beside "
    "that of the training losses. Eigenvalue and trace change when layers are rescaled; the "
    "measure relative to filters and the adaptive sharpness do not.",
    "The training loss is measured on a sample of the training images, the same for all networks "
    "of a data set. Fewer than three seeds give a ratio without an interval. A caution is mostly "
    "that a network is not at a minimum: training was cut short.",
)
ASSOCIATED = (
    "Rank correlations, over the methods of one sparsity and within each seed, of flatness with "
    "test accuracy: below zero, flatter is more accurate. Joint 95% intervals over seeds, of "
    "these methods; what is left given the training loss stands beside, without its interval."
)


def flatness_sections(study: PruningStudy) -> Iterator[PageSection]:
    """Flatness, where it was measured.

    Parameters
    ----------
    study : PruningStudy

    Yields
    ------
    PageSection
    """
    if "flatness" in study.frames.others:
        yield PageSection("Flatness", tuple(_flatness(study)))


def _flatness(study: PruningStudy) -> Iterator[Block]:
    told = [
        f"{c.claim} [{c.cell}{', ' + c.criterion if c.criterion else ''}]: {c.verdict}."
        for c in study.claims
        if c.claim in (FLATTER, THAN_DENSE, SHARPENS, GOES_WITH)
    ]
    yield Prose(" ".join(told), verdict=True)
    drawn = list(drawn_flatness(study))
    for i, (name, rows) in enumerate(drawn[:PICTURES]):
        yield from eigenvalue_pictures(rows, name, f"flat{i}-")
    yield from _ratios(study)
    if "flat_and_accurate" in study.tables:
        yield Prose(ASSOCIATED)
        yield association_form(study.tables["flat_and_accurate"], "Flatness and accuracy")
    medians = [flatness_table(rows).assign(cell=name) for name, rows in drawn[:PICTURES]]
    if medians:
        yield _medians(pd.concat(medians))
    yield Bullets(NOTES)


def _ratios(study: PruningStudy) -> Iterator[Block]:
    if "flatness" not in study.tables:
        yield Prose("No method was measured beside magnitude or no pruning in two seeds.")
        return
    table = study.tables["flatness"]
    for question, quantity, words in SHOWN:
        if len(rows := pick(table, question=question, quantity=quantity)):
            form = ratio_form(rows, words)
            yield form if quantity == EIGENVALUE else Fold(words, (form,))


def _medians(table: pd.DataFrame) -> ReportTable:
    shown = [
        ShownColumn("cell", ("cell",), kind="text"),
        ShownColumn("method", ("method",), kind="text"),
        ShownColumn("moving", ("space",), kind="text"),
        ShownColumn("networks", ("networks",), 0),
        ShownColumn("largest eigenvalue", ("top",), 3, kind="general"),
        ShownColumn("least to most", ("least", "most"), 3, kind="general"),
        ShownColumn("training loss", ("loss",), 4),
        ShownColumn("training accuracy, %", ("accuracy",), 1, 100),
        ShownColumn("cautions", ("cautions",), kind="text"),
    ]
    named = table.assign(space=table["space"].map(SPACES).fillna(table["space"]))
    return frame_table(named, "Largest eigenvalues and fit, medians over seeds", shown)


def _by_level(study: PruningStudy) -> dict[str, pd.DataFrame]:
    """Flatness by cell and share pruned, the network without pruning in each."""
    found = {}
    for cell, own in split(with_levels(study.frames.others["flatness"])).items():
        dense = own[own["method"] == DENSE]
        pruned = own[own["method"] != DENSE]
        for share, rows in pruned.groupby("pruned", dropna=False):
            name = f"{cell}, {level_name(float(str(share)))}"
            found[name] = pd.concat([dense, rows], ignore_index=True)
    return found


def drawn_flatness(study: PruningStudy) -> Iterator[tuple[str, pd.DataFrame]]:
    """The level of each cell with most methods, the sparsest of several, and few methods of it.

    Parameters
    ----------
    study : PruningStudy

    Yields
    ------
    name : str
        Of cell and share pruned.
    rows : DataFrame
        Flatness.
    """
    cells = study.frames.cells()
    levels = _by_level(study)
    for cell, runs in cells.items():
        own = {n: rows for n, rows in levels.items() if n.startswith(f"{cell}, ")}
        if not own:
            continue
        name = max(own, key=lambda n: (own[n]["method"].nunique(), list(own).index(n)))
        measured = runs[runs["method"].isin(own[name]["method"])]
        chosen = [DENSE, *drawn_methods(measured)[:MARKED]]
        rows = own[name][own[name]["method"].isin(chosen)]
        order = rows["method"].map({m: i for i, m in enumerate(chosen)})
        yield name, rows.iloc[order.argsort(kind="stable")]


def eigenvalue_pictures(rows: pd.DataFrame, name: str, prefix: str) -> Iterator[Picture]:
    """The largest eigenvalues of each space, method by method; without pruning in both.

    Parameters
    ----------
    rows : DataFrame
        Flatness of one cell and share pruned.
    name : str
        Of cell and share.
    prefix : str
        Of the pictures' ids.

    Yields
    ------
    Picture
    """
    whole = rows[(rows["method"] == DENSE) & (rows["space"] == "full")]
    rows = pd.concat([whole.assign(space="kept"), rows])  # it keeps all that it has
    table = flatness_table(rows)
    for space in dict.fromkeys(table["space"]):
        own = table[table["space"] == space]
        if not (own["top"] > 0).any():
            continue
        words = "; ".join(
            f"{r['method']}: median of the largest {r['top']:.3g}, training loss {r['loss']:.3g}"
            for r in own.to_dict("records")
        )
        yield draw_picture(
            lambda space=space: plot_eigenvalues(rows, space=space),  # type: ignore[misc]
            f"Largest eigenvalues of the Hessian, {SPACES.get(space, space)}: {name}",
            words,
            f"{prefix}{space}-",
        )
