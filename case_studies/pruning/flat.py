"""Flatness of the minima: methods against magnitude and no pruning, and beside accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from case_studies.pruning.contrasts import FLIPS, LEVEL
from case_studies.pruning.logs import TOLERANCE, StudyFrames, split
from case_studies.pruning.methods import AS, DENSE, MAGNITUDE
from causalhyper.granger.pruning.paired_numbers import PairedNumbers, paired_numbers

EIGENVALUE, RELATIVE = "eigenvalue", "filter_relative_eigenvalue"
MEASURES = {
    EIGENVALUE: "largest eigenvalue",
    "trace": "trace",
    RELATIVE: "largest eigenvalue relative to filters",
    "adaptive_sam_sharpness": "adaptive SAM sharpness",
}
"""What is compared; the last two stay as they are when layers are rescaled."""
LOSS = "training_loss"
SPACES = ("full", "kept")
FEWEST = 4
"""Methods of one sparsity without which no rank correlation is taken."""
COLUMNS = (
    "cell", "quantity", "question", "pruned", "space", "method", "against", "ratio", "estimate",
    "se", "lower", "upper", "joint_lower", "joint_upper", "p_value", "adjusted_p_value",
    "flip_p_value", "seeds", "left_out", "comparisons", "loss_ratio", "loss_lower", "loss_upper",
    "cautions",
)  # fmt: skip

Pair = tuple[float, str, str, str]
"""Share pruned (NaN where the criterion chose), space, method, and what it is compared with."""


def flatness_table(frames: StudyFrames) -> pd.DataFrame:
    """Every method against magnitude and against no pruning, paired by seed, as a ratio.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. Estimates and intervals are of logarithms of ratios, ``ratio`` is the
        geometric mean; the loss's interval is joint. A criterion that chose how much is pruned is
        compared with magnitude at its layer counts. What is joint or adjusted is so over all
        rows of one cell, quantity and question. ``left_out``: seeds in which one of the two is
        not above zero; ``cautions``: the share of the method's networks with one. Empty where
        the folder has no flatness.
    """
    if "flatness" not in frames.others:
        return pd.DataFrame(columns=list(COLUMNS))
    tables = [
        table.assign(cell=cell, quantity=quantity, question=question)
        for cell, own in split(with_levels(frames.others["flatness"])).items()
        for quantity in MEASURES
        for question in (MAGNITUDE, DENSE)
        if len(table := _judge(own, quantity, question))
    ]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def with_levels(flatness: pd.DataFrame) -> pd.DataFrame:
    """The frame with a share pruned in every row, NaN where none was set."""
    return flatness.assign(pruned=flatness.get("pruned", np.nan))


def _pairs(own: pd.DataFrame, question: str) -> Iterator[Pair]:
    """What is compared in one cell."""
    there = own[["pruned", "method"]].drop_duplicates()
    for pruned, level in there.groupby("pruned", sort=True, dropna=False):
        methods = list(level["method"])
        for method in methods:
            control = f"{MAGNITUDE}{AS}{method}"
            against = control if control in methods else MAGNITUDE
            if question == DENSE:
                against = DENSE
            if DENSE != method != against and (question == DENSE or against in methods):
                yield from ((float(str(pruned)), space, method, against) for space in SPACES)


def _judge(own: pd.DataFrame, quantity: str, question: str) -> pd.DataFrame:
    """Compare the pairs of one cell as one family, those with two seeds or more."""
    values, losses = _wide(own, quantity), _wide(own, LOSS)
    rows, columns, fits = [], [], []
    for pruned, space, method, against in _pairs(own, question):
        first = (_key(pruned), space, method)
        second = (_key(pruned), space, against)
        if against == DENSE:
            second = (_key(0.0), "full", DENSE)
        if not {first, second} <= set(values):
            continue
        gaps = (values[first] - values[second]).replace([np.inf, -np.inf], np.nan)
        if gaps.notna().sum() < 2:
            continue
        fit, other = (losses.get((key[0], "network", key[2])) for key in (first, second))
        absent = pd.Series(np.nan, index=gaps.index)
        fits.append(absent if fit is None or other is None else fit - other)
        columns.append(gaps)
        both = values[first].index[values[[first, second]].isna().sum(axis=1) == 0]
        cautions = _cautions(own, pruned, space, method)
        rows.append({"pruned": pruned, "space": space, "method": method, "against": against,
                     "left_out": len(both) - int(gaps.notna().sum()),
                     "cautions": cautions})  # fmt: skip
    if not rows:
        return pd.DataFrame()
    found, fitted = _paired(columns), _paired(fits)
    return pd.DataFrame(rows).assign(
        ratio=np.exp(found["mean"]),
        estimate=found["mean"],
        se=found["se"],
        lower=found["lower"],
        upper=found["upper"],
        joint_lower=found["joint_lower"],
        joint_upper=found["joint_upper"],
        p_value=found["p_value"],
        adjusted_p_value=found["adjusted"],
        flip_p_value=found["joint_flip_p_value"],
        seeds=found["count"].astype(int),
        comparisons=len(rows),
        loss_ratio=np.exp(fitted["mean"]),
        loss_lower=np.exp(fitted["joint_lower"]),
        loss_upper=np.exp(fitted["joint_upper"]),
    )


def _paired(columns: list[pd.Series]) -> pd.DataFrame:
    """What columns of differences say, a row each; NaN for those of fewer than two seeds."""
    table = pd.concat(columns, axis=1).to_numpy(dtype=float)
    there = np.flatnonzero((~np.isnan(table)).sum(axis=0) >= 2)
    names = [field.name for field in fields(PairedNumbers)]
    frame = pd.DataFrame(np.nan, index=range(len(columns)), columns=names)
    if len(there):
        rng = np.random.default_rng(0)
        found = paired_numbers(table[:, there], level=LEVEL, flips=FLIPS, rng=rng)
        for name in names:
            frame.loc[there, name] = getattr(found, name)
    return frame


def _wide(own: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Logarithms, -inf where not above 0: a row a seed, a column a share, space and method."""
    rows = own[(own["quantity"] == quantity) & own["rank"].isin([0, 1])]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(rows["value"].clip(lower=0.0).astype(float))
    rows = rows.assign(level=rows["pruned"].map(_key), log=logs)
    return rows.pivot(index="seed", columns=["level", "space", "method"], values="log")


def _key(pruned: float) -> str:
    return "chosen" if pd.isna(pruned) else f"{pruned:.4f}"


def _cautions(own: pd.DataFrame, pruned: float, space: str, method: str) -> float:
    rows = own[(own["method"] == method) & (own["space"] == space)]
    rows = rows[(rows["quantity"] == EIGENVALUE) & (rows["pruned"].map(_key) == _key(pruned))]
    return float((rows["caution"].fillna("") != "").mean())


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
        level = runs[(runs["sparsity"] - float(str(pruned))).abs() <= TOLERANCE]
        keys = ["method", "seed"]
        table = values[[*keys, "value"]].merge(level[[*keys, "test_accuracy"]], on=keys)
        fit = losses[losses["pruned"] == pruned][[*keys, "value"]]
        table = table.merge(fit.rename(columns={"value": "loss"}), on=keys).dropna()
        seeds = {s: t for s, t in table.groupby("seed") if len(t) >= FEWEST}
        if len(seeds) < 2:
            continue
        both = {seed: correlations(t) for seed, t in seeds.items()}
        plain.append(pd.Series({seed: pair[0] for seed, pair in both.items()}))
        given.append(pd.Series({seed: pair[1] for seed, pair in both.items()}))
        rows.append({"quantity": quantity, "pruned": pruned, "space": space,
                     "methods": table["method"].nunique(), "seeds": len(seeds)})  # fmt: skip
    if not rows:
        return pd.DataFrame()
    found, held = _paired(plain), _paired(given)
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
