"""Methods at equal sparsity, paired by seed: against baselines, controls and no pruning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from case_studies.pruning.logs import StudyFrames
from case_studies.pruning.methods import (
    DENSE,
    MAGNITUDE,
    MOVEMENT,
    NULL,
    best_of,
    of_role,
    owner,
    role,
)
from causalhyper.granger.pruning.paired_numbers import paired_numbers
from causalhyper.inference.intervals import t_quantile

LEVEL = 0.95
FLIPS = 9999
FEWEST = 3
"""Paired seeds from which there are intervals; those of two are 12.7 standard errors each way."""
TEST_SIZES = {"FashionMNIST": 10_000, "CIFAR-10": 10_000, "Tiny-ImageNet (50 classes)": 2_500}
"""Test images; runs may give their own as n_test."""
STRONGEST, OWN, SHIFTED = "strongest baseline", "own layer counts", "shifted loss"
FISHER = "fisher"
"""What a candidate has to add to: squared movements with the same weights squared, and no more."""
SECOND_ORDER = "woodfisher"
"""The second-order criterion that methods such as CHITA solve jointly for sets of weights."""
QUESTIONS = (STRONGEST, MAGNITUDE, SECOND_ORDER, DENSE, MOVEMENT, SHIFTED, FISHER, OWN)
"""By what each method is compared with."""
JUDGED = ("criterion", "candidate")
"""Roles of what the study is about."""
COLUMNS = (
    "cell", "question", "sparsity", "method", "against", "estimate", "se", "lower", "upper",
    "joint_lower", "joint_upper", "p_value", "adjusted_p_value", "flip_p_value", "seeds",
    "binomial_sd", "comparisons",
)  # fmt: skip


def contrast_table(frames: StudyFrames) -> pd.DataFrame:
    """Every comparison that the runs allow.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. Joint intervals (Bonferroni), adjusted p-values (Holm) and the joint
        p-values of sign flips are of a family, whose size is ``comparisons``: all rows of one
        cell and question that ask it of criteria of the loss series and candidates, which are
        what the study is about, or all others.
    """
    tables = [
        _judge(runs, family).assign(cell=cell, question=question)
        for cell, runs in frames.cells().items()
        for question, pairs in asked_pairs(runs).items()
        for family in _families(pairs)
    ]
    there = [table for table in tables if len(table)]
    if not there:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(there, ignore_index=True)[list(COLUMNS)]


Pair = tuple[str, str, float]
"""Method, what it is compared with, and the share pruned."""


def asked_pairs(runs: pd.DataFrame) -> dict[str, list[Pair]]:
    """The comparisons of one cell by the question that they answer.

    Parameters
    ----------
    runs : DataFrame
        Of the cell.

    Returns
    -------
    dict of str to list of (str, str, float)
        Method, what it is compared with, and the share pruned.
    """
    asked: dict[str, list[Pair]] = {name: [] for name in QUESTIONS}
    for sparsity, own in runs[runs["sparsity"] > 0].groupby("sparsity"):
        at, methods = float(sparsity), list(dict.fromkeys(own["method"]))
        criteria, candidates = of_role(methods, "criterion"), of_role(methods, "candidate")
        strongest = best_of(own, of_role(methods, "baseline"))
        controls = of_role(methods, "own counts")
        others = [m for m in methods if m not in controls]
        for name, against in ((STRONGEST, strongest), (MAGNITUDE, MAGNITUDE)):
            if against in methods:
                asked[name] += [(m, against, at) for m in others if m != against]
        asked[DENSE] += [(m, DENSE, at) for m in others]
        asked[MOVEMENT] += [(m, MOVEMENT, at) for m in criteria if MOVEMENT in methods]
        asked[FISHER] += [(m, FISHER, at) for m in candidates if FISHER in methods]
        if SECOND_ORDER in methods:
            asked[SECOND_ORDER] += [(m, SECOND_ORDER, at) for m in (*criteria, *candidates)]
        asked[SHIFTED] += [(m, m + NULL, at) for m in criteria if m + NULL in methods]
        asked[OWN] += [(owner(m), m, at) for m in controls if owner(m) in methods]
    return asked


def _families(pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Comparisons of criteria of the loss series and candidates, and of all else."""
    asked = [role(method) in JUDGED for method, _, _ in pairs]
    return tuple(
        [p for p, own in zip(pairs, asked, strict=True) if own is which] for which in (True, False)
    )


def _judge(runs: pd.DataFrame, pairs: list[Pair]) -> pd.DataFrame:
    """Compare pairs as one family; those with fewer than `FEWEST` shared seeds are left out."""
    asked, columns = seed_differences(runs, pairs)
    if not asked:
        return pd.DataFrame()
    names = pd.DataFrame(asked, columns=["method", "against", "sparsity"])
    wide = _wide(runs)
    sds = [_binomial_sd(wide, pair, _test_size(runs)) for pair in asked]
    found = pd.concat([names.assign(binomial_sd=sds), family_numbers(columns)], axis=1)
    return found.assign(comparisons=len(asked))


def family_numbers(columns: Sequence[pd.Series]) -> pd.DataFrame:
    """What differences say, by Student's t and by sign flips, as one family.

    Parameters
    ----------
    columns : sequence of Series
        By seed, of two seeds at least.

    Returns
    -------
    DataFrame
        A row each: estimate, se, lower, upper, joint_lower, joint_upper, p_value,
        adjusted_p_value, flip_p_value, seeds.
    """
    table = pd.concat(columns, axis=1).to_numpy(dtype=float)
    found = paired_numbers(table, level=LEVEL, flips=FLIPS, rng=np.random.default_rng(0))
    return pd.DataFrame(
        {
            "estimate": found.mean,
            "se": found.se,
            "lower": found.lower,
            "upper": found.upper,
            "joint_lower": found.joint_lower,
            "joint_upper": found.joint_upper,
            "p_value": found.p_value,
            "adjusted_p_value": found.adjusted,
            "flip_p_value": found.joint_flip_p_value,
            "seeds": found.count.astype(int),
        }
    )


def seed_differences(runs: pd.DataFrame, pairs: list[Pair]) -> tuple[list[Pair], list[pd.Series]]:
    """Differences in test accuracy, seed by seed.

    Parameters
    ----------
    runs : DataFrame
        Of one cell.
    pairs : list of (str, str, float)
        See `asked_pairs`.

    Returns
    -------
    pairs : list of (str, str, float)
        Those that share `FEWEST` seeds or more.
    differences : list of Series
        Of each, by seed.
    """
    wide = _wide(runs)
    found, columns = [], []
    for pair in pairs:
        own, other = _places(pair)
        if not {own, other} <= set(wide.columns):
            continue
        gaps = (wide[own] - wide[other]).dropna()
        if len(gaps) >= FEWEST:
            found.append(pair)
            columns.append(gaps)
    return found, columns


def _places(pair: Pair) -> tuple[tuple[str, float], tuple[str, float]]:
    """Method and share of both sides."""
    method, against, at = pair
    return (method, at), (against, 0.0 if against == DENSE else at)


def _wide(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracies: a row a seed, a column a method and share."""
    return runs.pivot(index="seed", columns=["method", "sparsity"], values="test_accuracy")


def _binomial_sd(wide: pd.DataFrame, pair: Pair, size: float) -> float:
    """What another test set as large would add to a difference."""
    means = wide[list(_places(pair))].dropna().mean()
    return float(np.sqrt((means * (1 - means)).sum() / size))


def _test_size(runs: pd.DataFrame) -> float:
    """Test images of a cell; NaN where nothing says how many there are."""
    there = "n_test" in runs and runs["n_test"].notna().all()
    first = runs.iloc[0]
    return float(first["n_test"] if there else TEST_SIZES.get(str(first["dataset"]), np.nan))


def accuracy_table(frames: StudyFrames) -> pd.DataFrame:
    """Mean test accuracy of every method and level; from `FEWEST` seeds with its t interval.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns cell, network, dataset, protocol, method, sparsity, mean, lower, upper, seeds,
        validation (mean), collapsed (share of runs where it is known).
    """
    return pd.DataFrame(
        [row for cell, runs in frames.cells().items() for row in _means(cell, runs)]
    )


def _means(cell: str, runs: pd.DataFrame) -> Iterator[dict[str, object]]:
    for (method, sparsity), own in runs.groupby(["method", "sparsity"], sort=False):
        values = own["test_accuracy"].to_numpy(dtype=float)
        half = np.nan
        if len(values) >= FEWEST:
            se = values.std(ddof=1) / np.sqrt(len(values))
            half = float(t_quantile(np.array(len(values) - 1.0), LEVEL)) * se
        mean = float(values.mean())
        first = own.iloc[0]
        yield {
            "cell": cell, "network": first["network"], "dataset": first["dataset"],
            "protocol": first["protocol"], "method": method, "sparsity": sparsity, "mean": mean,
            "lower": mean - half, "upper": mean + half, "seeds": len(values),
            "validation": own.get("validation_accuracy", pd.Series(dtype=float)).mean(),
            "collapsed": own.get("collapsed", pd.Series(dtype=float)).astype(float).gt(0).mean(),
        }  # fmt: skip
