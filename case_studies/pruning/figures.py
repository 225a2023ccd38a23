"""The study's picture: criteria against the strongest baseline."""

from __future__ import annotations

import pandas as pd

from case_studies.pruning.contrasts import LEVEL, STRONGEST
from case_studies.pruning.judging import APART, pick, points_of, side_of
from case_studies.pruning.logs import StudyFrames
from case_studies.pruning.methods import percent, shown_criteria
from causalhyper.figures import compact_svg, house_style, plot_forest, to_svg


def standing_rows(frames: StudyFrames, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Contrasts of the criteria that stand for the paper's with the strongest baselines.

    Parameters
    ----------
    frames : StudyFrames
    contrasts : DataFrame
        Of `contrast_table`.

    Returns
    -------
    DataFrame
    """
    parts = []
    for cell, runs in frames.cells().items():
        rows = pick(contrasts, cell=cell, question=STRONGEST)
        parts.append(rows[rows["method"].isin(shown_criteria(runs))])
    return pd.concat(parts, ignore_index=True)


def draw_standing(frames: StudyFrames, contrasts: pd.DataFrame) -> str:
    """Draw them, a group a cell; grey where the joint interval holds zero.

    Parameters
    ----------
    frames : StudyFrames
    contrasts : DataFrame

    Returns
    -------
    str
        An `<svg>` element; "" without a row.
    """
    rows = standing_rows(frames, contrasts)
    if rows.empty:
        return ""
    labels = [
        f"{percent(r['sparsity'])}: {r['method']} less {r['against']}" for _, r in rows.iterrows()
    ]
    drawn = pd.DataFrame(
        {
            "label": labels,
            "group": rows["cell"],
            "estimate": 100 * rows["estimate"],
            "lower": 100 * rows["joint_lower"],
            "upper": 100 * rows["joint_upper"],
            "muted": [side_of(r) == APART for _, r in rows.iterrows()],
        }
    )
    words = "; ".join(
        f"{r['cell']}, {label}: {points_of(r)}"
        for label, (_, r) in zip(labels, rows.iterrows(), strict=True)
    )
    with house_style():
        xlabel = f"points of test accuracy, joint {LEVEL:.0%} intervals"
        axes = plot_forest(drawn, xlabel=xlabel)
        title = "Criteria of the loss series against the strongest baseline"
        return compact_svg(to_svg(axes.figure, title=title, description=words, prefix="standing-"))
