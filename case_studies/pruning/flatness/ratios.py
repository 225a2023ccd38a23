"""Flatness of the minima: methods against magnitude and no pruning, and beside accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pandas as pd

from case_studies.pruning.contrasts import FEWEST, FLIPS, LEVEL
from case_studies.pruning.logs import StudyFrames, split
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
    found, fitted = paired_columns(columns), paired_columns(fits)
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


def paired_columns(columns: list[pd.Series]) -> pd.DataFrame:
    """What columns of differences say, a row each; NaN for those of fewer than two seeds.

    Those of fewer than `FEWEST` have a mean and nothing else, and count for nothing that is joint.

    Parameters
    ----------
    columns : list of Series
        By seed.

    Returns
    -------
    DataFrame
        Columns as `PairedNumbers` has them; joint over all rows that have numbers.
    """
    table = pd.concat(columns, axis=1).to_numpy(dtype=float)
    counts = (~np.isnan(table)).sum(axis=0)
    there = np.flatnonzero(counts >= FEWEST)
    names = [field.name for field in fields(PairedNumbers)]
    frame = pd.DataFrame(np.nan, index=range(len(columns)), columns=names)
    if len(there):
        rng = np.random.default_rng(0)
        found = paired_numbers(table[:, there], level=LEVEL, flips=FLIPS, rng=rng)
        for name in names:
            frame.loc[there, name] = getattr(found, name)
    few = np.flatnonzero((counts >= 2) & (counts < FEWEST))
    frame.loc[few, "mean"] = np.nanmean(table[:, few], axis=0)
    frame["count"] = counts
    return frame


def ratio_words(ratio: float, lower: float, upper: float) -> str:
    """A ratio with its interval, such as "0.8 [0.7, 0.9]"; alone where there is none."""
    ends = "" if pd.isna(lower) else f" [{lower:.3g}, {upper:.3g}]"
    return f"{ratio:.3g}{ends}"


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
