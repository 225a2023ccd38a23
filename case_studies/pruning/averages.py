"""Criteria on average over the sparsities that the study is about: one number each."""

from __future__ import annotations

import pandas as pd

from case_studies.pruning.contrasts import (
    FEWEST,
    FISHER,
    JUDGED,
    SECOND_ORDER,
    SHIFTED,
    STRONGEST,
    asked_pairs,
    family_numbers,
    seed_differences,
)
from case_studies.pruning.logs import StudyFrames
from case_studies.pruning.methods import DENSE, MAGNITUDE, MOVEMENT, role

GOAL = (0.95, 0.98, 0.99)
"""Shares pruned at which a criterion has to be above the strongest baseline."""
ASKED = (STRONGEST, MAGNITUDE, SECOND_ORDER, MOVEMENT, SHIFTED, FISHER, DENSE)
COLUMNS = (
    "cell", "question", "method", "estimate", "se", "lower", "upper", "joint_lower",
    "joint_upper", "p_value", "adjusted_p_value", "flip_p_value", "seeds", "comparisons",
)  # fmt: skip


def average_table(frames: StudyFrames) -> pd.DataFrame:
    """Every criterion and candidate less what it is compared with, averaged over `GOAL`.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, a row a cell, question and method that was run at all of `GOAL`. Seeds
        are the units: each has one average. What is joint is so over the methods of one cell and
        question.
    """
    tables = [
        table.assign(cell=cell, question=question)
        for cell, runs in frames.cells().items()
        for question, pairs in asked_pairs(runs).items()
        if question in ASKED and len(table := _averages(runs, pairs))
    ]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def _averages(runs: pd.DataFrame, pairs: list[tuple[str, str, float]]) -> pd.DataFrame:
    """One family: the criteria that one question asks of, in one cell."""
    asked = [p for p in pairs if role(p[0]) in JUDGED and round(p[2], 3) in GOAL]
    found, columns = seed_differences(runs, asked)
    means: dict[str, pd.Series] = {}
    for method in dict.fromkeys(pair[0] for pair in found):
        own = [c for p, c in zip(found, columns, strict=True) if p[0] == method]
        each = pd.concat(own, axis=1).dropna()
        if len(own) == len(GOAL) and len(each) >= FEWEST:
            means[method] = each.mean(axis=1)
    if not means:
        return pd.DataFrame()
    found = family_numbers(list(means.values()))
    return found.assign(method=list(means), comparisons=len(means))
