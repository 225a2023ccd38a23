"""The section of the phase shift: where accuracy falls, and how sharply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.granger.pruning import PhaseShift
from causalhyper.report.blocks import Block, Fold, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.pictures import draw_picture
from causalhyper.report.pruning.tested import NullTest, fold_tests, side
from causalhyper.report.tables import Cell, ReportTable

NAMES = {
    "point_difference": ("point", 0.0, ("later", "earlier")),
    "width_points_ratio": ("width in points", 1.0, ("smoother", "sharper")),
    "width_decades_ratio": ("width in decades", 1.0, ("smoother", "sharper")),
    "shoulder_decades_ratio": ("shoulder in decades", 1.0, ("smoother", "sharper")),
}
"""Contrasts with the value of no difference, and words for the sides above and below it."""
LEVELS = 30
"""Rows of the table of levels at most: longer ones are in the files alone."""
CAUTION = (
    "A sharp fall is no proof of a better subset: the point says how much can be pruned, the "
    "width how suddenly accuracy goes, and a layer that collapses makes it go at once."
)


def transition_section(
    found: PhaseShift,
    *,
    drawn: PhaseShift | None = None,
    title: str = "Phase shift",
    prefix: str = "transition-",
) -> PageSection:
    """Show a phase shift: verdict, curves, points and widths, contrasts as tests, fit.

    Parameters
    ----------
    found : PhaseShift
    drawn : PhaseShift, optional
        The same for fewer methods, where a picture of all cannot be read.
    title : str
    prefix : str
        Of the picture's ids; unique in a page.

    Returns
    -------
    PageSection
    """
    table = found.to_frame()
    pairs = table[table["against"] != ""]
    caption = f"{found.outcome} over the share pruned"
    if drawn is not None:
        caption += f": {len(drawn.fits)} of {len(found.fits)} methods"
    blocks: list[Block] = [
        Prose(tell_transition(table), verdict=True),
        Prose(CAUTION),
    ]
    shown = drawn or found
    if any(fit.curve is not None for fit in shown.fits):
        blocks.append(draw_picture(shown.plot, caption, tell_transition(table), prefix))
    blocks.append(width_table(table))
    if len(pairs):
        blocks.append(fold_tests(transition_tests(pairs)))
    levels = found.levels_frame()
    fit = frame_table(found.goodness(), "Fit, and that of the same curve on the other scale", _FIT)
    details: tuple[Block, ...] = (fit,)
    if len(levels) <= LEVELS:
        details = (frame_table(levels, "Levels, with the fitted curve", _LEVELS), fit)
    blocks.append(Fold("Levels and fit", details))
    return PageSection(title, tuple(blocks))


def tell_transition(table: pd.DataFrame) -> str:
    """Say which methods fall later, and which more sharply.

    Parameters
    ----------
    table : DataFrame
        Of `PhaseShift.to_frame`.

    Returns
    -------
    str
    """
    points = table[(table["quantity"] == "point") & (table["against"] == "")]
    there = points["estimate"].notna()
    if not there.any():
        reason = points["reason"].iloc[0]
        return f"No fall is identified: of {points['method'].iloc[0]}, {reason}."
    pairs = table[(table["against"] != "") & table["lower"].notna()]
    pairs = pairs[pairs["quantity"] != "width_points_ratio"]
    widths = pairs["quantity"] == "width_decades_ratio"
    wide = set(zip(pairs.loc[widths, "method"], pairs.loc[widths, "against"], strict=True))
    told = []
    for row in pairs.to_dict("records"):
        word, both = contrast_side(row), (row["method"], row["against"])
        if row["quantity"] == "shoulder_decades_ratio" and both in wide:
            continue
        if word in ("later", "earlier", "sharper", "smoother"):
            told.append(f"{row['method']} falls {_adverb(word)} than {row['against']}")
    shown = f"{int(there.sum())} of {len(points)} methods show where accuracy has fallen half way"
    if not told:
        return f"{shown}; no two are told apart in place or sharpness."
    return f"{shown}. By {100 * table['level'].iloc[0]:g}% intervals {'; '.join(told)}."


def _adverb(word: str) -> str:
    return {"sharper": "more sharply", "smoother": "more smoothly"}.get(word, word)


def contrast_side(row: Mapping[Any, Any]) -> str:
    """Word for a row of contrasts: later, earlier, sharper, smoother, or why there is none."""
    _, nothing, words = NAMES[str(row["quantity"])]
    return side(row["lower"], row["upper"], nothing, words)


def width_table(table: pd.DataFrame) -> ReportTable:
    """Show points and widths, a row a method.

    Parameters
    ----------
    table : DataFrame
        Of `PhaseShift.to_frame`.

    Returns
    -------
    ReportTable
    """
    rows = []
    for method, own in table[table["against"] == ""].groupby("method", sort=False):
        by = {str(row["quantity"]): row for row in own.to_dict("records")}
        cells = (
            _measure(by["point"], 100, 2),
            _measure(by["width_points"], 100, 2),
            _measure(by["width_decades"], 1, 2),
            _measure(by["shoulder_decades"], 1, 2),
        )
        reasons = dict.fromkeys(str(row["reason"]) for row in by.values() if row["reason"])
        seeds = int(by["point"]["seeds"])
        flat = [cell for pair in cells for cell in pair]
        last = (Cell(str(seeds), (float(seeds),)), Cell("; ".join(reasons)))
        rows.append((Cell(str(method)), *flat, *last))
    level = f"{100 * table['level'].iloc[0]:g}% interval"
    names = ("half way at, %", "width, points", "width, decades", "shoulder, decades")
    heads = [head for name in names for head in (name, level)]
    return ReportTable(
        "Where accuracy has fallen half way, and how much is pruned from 90% to 10% of the fall "
        "(width) and to half of it (shoulder)",
        ("method", *heads, "seeds", "remark"),
        tuple(rows),
    )


def _measure(row: Mapping[Any, Any], scale: float, digits: int) -> tuple[Cell, Cell]:
    cells = []
    for names in (("estimate",), ("lower", "upper")):
        shown = ShownColumn("", names, digits, scale)
        cells.append(shown.cell([row[name] for name in names]))
    return cells[0], cells[1]


def transition_tests(pairs: pd.DataFrame) -> list[NullTest]:
    """Contrasts of two methods as tests: by intervals, which leave out whole seeds.

    Parameters
    ----------
    pairs : DataFrame
        Rows of `PhaseShift.to_frame` with a method to be against.

    Returns
    -------
    list of NullTest
    """
    rows = []
    for row in pairs.to_dict("records"):
        name, nothing, _ = NAMES[str(row["quantity"])]
        null = f"{row['method']} and {row['against']}: the same {name}"
        if np.isnan(row["lower"]):
            rows.append(NullTest(name, null, row["reason"] or "no interval", "not tested"))
            continue
        scale, unit = (1.0, "times") if nothing else (100.0, "points")
        numbers = [f"{scale * row[n]:.2f}" for n in ("estimate", "lower", "upper")]
        reading = f"{numbers[0]} {unit} [{numbers[1]}, {numbers[2]}], jackknife over seeds"
        word = contrast_side(row)
        kept = word == "not told apart"
        rows.append(NullTest(name, null, reading, "H0 kept" if kept else f"H0 rejected: {word}"))
    return rows


_LEVELS = [
    ShownColumn("method", ("method",), kind="text"),
    ShownColumn("pruned, %", ("sparsity",), 2, 100),
    ShownColumn("seeds", ("seeds",), 0),
    ShownColumn("mean", ("mean",), 4),
    ShownColumn("interval", ("lower", "upper"), 4),
    ShownColumn("fitted", ("fitted",), 4),
    ShownColumn("miss, standard errors", ("miss",), 1, signed=True),
    ShownColumn("runs with a collapsed layer, %", ("collapsed",), 0, 100),
]
_FIT = [
    ShownColumn("method", ("method",), kind="text"),
    ShownColumn("root mean square miss", ("rmse",), 4),
    ShownColumn("on the other scale", ("other_rmse",), 4),
    ShownColumn("R2 of level means", ("r2",), 3),
    ShownColumn("worst at, %", ("worst",), 2, 100),
    ShownColumn("by", ("worst_miss",), 4, signed=True),
]
