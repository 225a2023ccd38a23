"""The section of methods compared at equal sparsity, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.granger.pruning import PairedDifferences
from causalhyper.report.blocks import Block, Bullets, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.pictures import MOST, draw_picture
from causalhyper.report.pruning.tested import APART, NullTest, fold_tests, p_words, side
from causalhyper.report.tables import ReportTable
from causalhyper.results import decimals

SAID = 12
"""Comparisons that the verdict names; of more it gives numbers."""


def differences_section(
    found: PairedDifferences, *, title: str = "", prefix: str = "differences-"
) -> PageSection:
    """Show paired differences: verdict, picture, table, tests.

    Parameters
    ----------
    found : PairedDifferences
    title : str
        Of the section; made of the baseline's name by default.
    prefix : str
        Of the picture's ids; unique in a page.

    Returns
    -------
    PageSection

    Examples
    --------
    >>> from causalhyper.granger.pruning import paired_differences
    >>> frame = pd.DataFrame(
    ...     {
    ...         "method": ["causal"] * 3 + ["magnitude"] * 3,
    ...         "seed": [0, 1, 2] * 2,
    ...         "sparsity": 0.95,
    ...         "test_accuracy": [0.690, 0.688, 0.693, 0.695, 0.694, 0.697],
    ...     }
    ... )
    >>> section = differences_section(paired_differences(frame, baseline="magnitude"))
    >>> section.title, section.blocks[0].text
    ('Methods against magnitude', 'By joint 95% intervals causal is below at 95%.')
    """
    frame = found.to_frame()
    blocks: list[Block] = [Prose(tell_differences(frame), verdict=True)]
    if len(frame) <= MOST:
        drawn = f"{found.outcome}: difference from {found.baseline}, with its interval"
        blocks.append(draw_picture(found.plot, drawn, found.summary(), prefix))
    blocks.append(difference_table(frame, found.outcome))
    blocks.append(fold_tests(difference_tests(frame, found.baseline)))
    notes = (_flip_note(frame), *(f"left out: {said}" for said in found.left_out))
    assumed = (f"assumed: {text}" for text in found.differences[0].assumptions)
    blocks.append(Bullets((*notes, *assumed)))
    return PageSection(title or f"Methods against {found.baseline}", tuple(blocks))


def tell_differences(frame: pd.DataFrame) -> str:
    """Say which differences joint intervals tell from zero.

    Parameters
    ----------
    frame : DataFrame
        Of `PairedDifferences.to_frame`.

    Returns
    -------
    str
        One sentence: names, or numbers where there would be many names.
    """
    own = frame[frame["query"] != "paired_differences.mean"]
    sides = own.apply(joint_side, axis=1)
    level = f"{100 * own['level'].iloc[0]:g}%"
    told = own[sides != APART]
    if told.empty:
        return (
            f"No method is told apart from the baseline: all {len(own)} joint {level} intervals "
            "hold zero, which is no proof that methods are equal."
        )
    if len(told) > SAID:
        above, below = int((sides == "above").sum()), int((sides == "below").sum())
        return (
            f"By joint {level} intervals {above} of {len(own)} differences lie above zero and "
            f"{below} below; {len(own) - above - below} are not told apart."
        )
    places: dict[str, list[str]] = {}
    for row, word in zip(told.to_dict("records"), sides[told.index], strict=True):
        places.setdefault(f"{row['compared']} is {word}", []).append(str(row["place"]))
    said = "; ".join(f"{who} at {', '.join(at)}" for who, at in places.items())
    return f"By joint {level} intervals {said}."


def joint_side(row: Mapping[Any, Any]) -> str:
    """Side of zero of the joint interval; none where all seeds give the same difference."""
    if not row["se"] > 0:
        return APART
    return side(row["joint_lower"], row["joint_upper"])


def difference_table(frame: pd.DataFrame, outcome: str, caption: str = "") -> ReportTable:
    """Show differences; those of accuracies in percentage points.

    Parameters
    ----------
    frame : DataFrame
        Of `PairedDifferences.to_frame`.
    outcome : str
    caption : str

    Returns
    -------
    ReportTable
    """
    scale = 100.0 if "accuracy" in outcome else 1.0
    unit = ", percentage points" if scale == 100 else ""
    digits = min(decimals(scale * e for e in frame["se"]), 4)

    def number(head: str, *names: str) -> ShownColumn:
        return ShownColumn(head, names, digits, scale, signed=True)

    level = f"{100 * frame['level'].iloc[0]:g}%"
    shown = [
        ShownColumn("method", ("compared",), kind="text"),
        ShownColumn("at", ("place",), kind="text"),
        number("difference", "estimate"),
        number(f"{level} interval", "lower", "upper"),
        number(f"joint {level} interval", "joint_lower", "joint_upper"),
        ShownColumn("p, Holm", ("adjusted_p_value",), 3, kind="p"),
        ShownColumn("p, sign flips, joint", ("joint_flip_p_value",), 3, kind="p"),
        ShownColumn("seeds", ("clusters",), 0),
    ]
    if frame["binomial_sd"].notna().any():
        shown.append(ShownColumn("sd of the test set", ("binomial_sd",), digits, scale))
    return frame_table(frame, caption or f"Difference in {outcome}{unit}", shown)


def difference_tests(frame: pd.DataFrame, baseline: str) -> list[NullTest]:
    """The tests of paired differences, a row a method and place.

    Parameters
    ----------
    frame : DataFrame
        Of `PairedDifferences.to_frame`.
    baseline : str

    Returns
    -------
    list of NullTest
    """
    rows = []
    for row in frame.to_dict("records"):
        reading = (
            f"t over {row['clusters']} seeds: p = {p_words(row['p_value'])}, adjusted by Holm "
            f"{p_words(row['adjusted_p_value'])}; flips of signs "
            f"{p_words(row['flip_p_value'])}, jointly {p_words(row['joint_flip_p_value'])}"
        )
        null = f"{row['compared']} equals {baseline} in the mean over seeds, at {row['place']}"
        adjusted, alpha = row["adjusted_p_value"], 1 - row["level"]
        kept = np.isnan(adjusted) or adjusted > alpha
        word = "above" if row["estimate"] > 0 else "below"
        verdict = "H0 kept" if kept else f"H0 rejected: {word}"
        if not kept and row["joint_flip_p_value"] > alpha:
            verdict += "; rests on normal differences"
        rows.append(NullTest("paired difference", null, reading, verdict))
    return rows


def _flip_note(frame: pd.DataFrame) -> str:
    seeds = int(frame["clusters"].max())
    return (
        f"with {seeds} seeds no p-value of sign flips is below {2.0 ** (1 - seeds):.3g}; what is "
        "told apart beyond that rests on near-normal differences"
    )
