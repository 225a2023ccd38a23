"""Whether flatter networks are more accurate, over methods and within each seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from case_studies.pruning.flatness.ratios import LOSS, MEASURES, paired_columns, with_levels
from case_studies.pruning.logs import StudyFrames, split
from case_studies.pruning.methods import DENSE
from causalhyper.granger.pruning.runs import sparsity_gaps

MINUS = "\N{MINUS SIGN}"
METHODS = 4
"""Methods of one sparsity without which no rank correlation is taken."""


def association_table(frames: StudyFrames) -> pd.DataFrame:
    """Whether flatter methods are more accurate, seed by seed, at each share pruned.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns cell, quantity, pruned, space, methods, seeds, correlation (mean over seeds of
        Spearman's over methods; below zero where flatter goes with more accurate), se, lower,
        upper, joint_lower, joint_upper (over all rows of a cell), comparisons, given_loss (the
        mean partial correlation, training loss held), its given_lower and given_upper (joint).
        Intervals are of other seeds with these methods. Empty where nothing can be said.
    """
    if "flatness" not in frames.others:
        return pd.DataFrame()
    runs = frames.cells()
    tables = [
        table.assign(cell=cell)
        for cell, own in split(with_levels(frames.others["flatness"])).items()
        if cell in runs and len(table := _associations(own, runs[cell]))
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _associations(own: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    rows, plain, given = [], [], []
    losses = own[own["quantity"] == LOSS]
    measured = own[own["quantity"].isin(MEASURES) & own["rank"].isin([0, 1])]
    measured = measured[(measured["method"] != DENSE) & measured["pruned"].notna()]
    for (quantity, pruned, space), values in measured.groupby(["quantity", "pruned", "space"]):
        share = float(str(pruned))
        near = sparsity_gaps(np.array([share]))[0]
        level = runs[(runs["sparsity"] - share).abs() <= near]
        keys = ["method", "seed"]
        table = values[[*keys, "value"]].merge(level[[*keys, "test_accuracy"]], on=keys)
        fit = losses[losses["pruned"] == pruned][[*keys, "value"]]
        table = table.merge(fit.rename(columns={"value": "loss"}), on=keys).dropna()
        seeds = {s: t for s, t in table.groupby("seed") if len(t) >= METHODS}
        if len(seeds) < 2:
            continue
        both = {seed: correlations(t) for seed, t in seeds.items()}
        plain.append(pd.Series({seed: pair[0] for seed, pair in both.items()}))
        given.append(pd.Series({seed: pair[1] for seed, pair in both.items()}))
        rows.append({"quantity": quantity, "pruned": pruned, "space": space,
                     "methods": table["method"].nunique(), "seeds": len(seeds)})  # fmt: skip
    if not rows:
        return pd.DataFrame()
    found, held = paired_columns(plain), paired_columns(given)
    return pd.DataFrame(rows).assign(
        correlation=found["mean"],
        se=found["se"],
        lower=found["lower"],
        upper=found["upper"],
        joint_lower=found["joint_lower"],
        joint_upper=found["joint_upper"],
        flip_p_value=found["joint_flip_p_value"],
        comparisons=len(rows),
        given_loss=held["mean"],
        given_lower=held["joint_lower"],
        given_upper=held["joint_upper"],
    )


def correlations(table: pd.DataFrame) -> tuple[float, float]:
    """Spearman's correlation of value and test accuracy; and the partial one, given the loss.

    Parameters
    ----------
    table : DataFrame
        Columns value, test_accuracy, loss; a row a method of one seed.

    Returns
    -------
    plain, given : float
        NaN where a column does not vary, or the loss says all of another.

    Examples
    --------
    >>> flat = {"value": [1.0, 2.0, 3.0, 4.0], "test_accuracy": [0.9, 0.8, 0.7, 0.6]}
    >>> correlations(pd.DataFrame({**flat, "loss": [1.0, 3.0, 2.0, 4.0]}))
    (-1.0, -1.0)
    """
    ranks = [stats.rankdata(table[c]) for c in ("value", "test_accuracy", "loss")]
    value, accuracy, loss = (r - r.mean() for r in ranks)

    def cosine(a: Any, b: Any) -> float:
        size = float(np.sqrt((a @ a) * (b @ b)))
        return float(np.round(a @ b / size, 12)) if size > 1e-9 else np.nan

    def rest(a: Any) -> Any:
        return a - loss * ((a @ loss) / (loss @ loss)) if loss @ loss > 0 else a

    return cosine(value, accuracy), cosine(rest(value), rest(accuracy))


def correlation_words(row: Mapping[Any, Any]) -> str:
    """A rank correlation with its joint interval; alone where there is none."""
    ends = "" if pd.isna(row["joint_lower"]) else (
        f" [{row['joint_lower']:+.2f}, {row['joint_upper']:+.2f}]"
    )  # fmt: skip
    return f"{row['correlation']:+.2f}{ends}".replace("-", MINUS)


def given_words(row: Mapping[Any, Any]) -> str:
    """What is left of a rank correlation given the loss, in words."""
    return f"given loss {row['given_loss']:+.2f}".replace("-", MINUS)
