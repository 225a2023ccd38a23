"""The fall of accuracy with the share pruned: where it is, how sharp, method by method."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames.foreign import as_pandas
from causalhyper.granger.lasso.arguments import check_real
from causalhyper.granger.pruning.phase_shift_result import PhaseShift
from causalhyper.granger.pruning.runs import (
    merge_near,
    read_runs,
    refuse_repeats,
    split_dense,
)
from causalhyper.granger.pruning.seed_fits import SeedFits, fit_seeds
from causalhyper.granger.pruning.transition import Scale, to_sparsity, to_x
from causalhyper.granger.pruning.transition_table import COLUMNS, difference_rows, own_rows

SAME = 0.02
"""Decades of the share kept within which runs count as one level."""


def phase_shift(
    frame: pd.DataFrame,
    *,
    outcome: str = "test_accuracy",
    sparsity: str = "sparsity",
    method: str = "method",
    seed: str = "seed",
    collapsed: str = "collapsed",
    dense: str = "dense",
    baseline: str | None = None,
    floor: float | None = None,
    scale: Scale = "kept",
    level: float = 0.95,
) -> PhaseShift:
    """Fit where and how sharply the accuracy of each method falls as more is pruned.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a pruned network that was evaluated.
    outcome, sparsity, method, seed : str
        Names of columns; sparsity is the share pruned, in [0, 1).
    collapsed : str
        Column that says whether, or how many, layers collapsed; looked for, not required.
    dense : str
        Method of networks that were not pruned: each is the first level of every method of its
        seed.
    baseline : str, optional
        The method that the others are compared with; by default all are compared.
    floor : float, optional
        Accuracy after the fall where it is known, such as 0.1 for guessing one of ten classes;
        needed where no run reaches it.
    scale : {"kept", "pruned"}
        On which the fall is a logistic curve: the logarithm of the share kept, on which 90, 99
        and 99.9% are equally far apart; or the share pruned.
    level : float
        Of the intervals.

    Returns
    -------
    PhaseShift

    Raises
    ------
    DataError
        For absent columns or values, shares outside [0, 1), or a run that is there twice.
    ConfigurationError
        For an unknown scale or baseline, or a level or floor out of range.

    Notes
    -----
    Accuracy is ``floor + (top - floor) / (1 + exp((x - middle) / width))`` with
    ``x = -log10(share kept)``. The point is the share pruned at `middle`; the width is what lies
    between 90% and 10% of the fall. The shoulder is what lies between 90% and half of the fall
    from the mean of the first level, by straight lines between means made monotone: it knows no
    curve, and where the floor is known it needs no level near it. It is the shoulder at these
    levels, with coarse ones a little wider than that of a smooth fall. Intervals leave out whole
    seeds (jackknife) and use Student's t, on the scale of x and of logarithms of widths: a
    bootstrap of three to five seeds has too few samples. Differences leave the same seed out of
    both methods.

    That a sharp fall shows a good subset (Shah et al., "A Granger-causal perspective on gradient
    descent with application to pruning", test 1) is a claim, and the point says more: a layer that
    collapses makes the sharpest fall of all.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> kept = np.array([0.5, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.001])
    >>> fall = 0.1 + 0.6 / (1 + (0.03 / kept) ** 3)
    >>> frame = pd.concat(
    ...     pd.DataFrame({"seed": s, "sparsity": 1 - kept, "test_accuracy": fall + noise})
    ...     for s, noise in enumerate(rng.normal(scale=0.004, size=(4, 9)))
    ... )
    >>> found = phase_shift(frame.assign(method="magnitude"))
    >>> found.to_frame()[["quantity", "estimate", "lower", "upper"]].round(2).head(4)
               quantity  estimate  lower  upper
    0             point      0.97   0.97   0.97
    1      width_points      0.05   0.05   0.05
    2     width_decades      0.64   0.64   0.64
    3  shoulder_decades      0.37   0.36   0.38
    """
    if scale not in ("kept", "pruned") or not 0 < level < 1:
        raise ConfigurationError(
            f"scale is kept or pruned, and level in (0, 1); got {scale!r} and {level}"
        )
    frame = as_pandas(frame)
    runs = read_runs(
        frame, outcome=outcome, sparsity=sparsity, method=method, seed=seed, collapsed=collapsed
    )
    refuse_repeats(runs, ["method", "seed", "sparsity"])
    runs = _share_dense(*split_dense(runs, dense))
    names = list(dict.fromkeys(runs["method"]))
    if baseline is not None and baseline not in names:
        raise ConfigurationError(f"no run is of {baseline!r}; methods: {', '.join(names)}")
    if floor is not None:
        check_real(floor=floor)
    if floor is not None and not floor < runs["outcome"].max():
        raise ConfigurationError(f"floor {floor:g} is not below any {outcome}: it is the least")
    runs = runs.sort_values(["seed", "sparsity"], kind="stable").reset_index(drop=True)
    decades = to_x(runs["sparsity"].to_numpy(), "kept")
    decades = merge_near(decades, np.full(len(runs), SAME))
    runs["at"] = to_sparsity(decades, "kept")
    fits = {m: fit_seeds(m, runs[runs["method"] == m], scale, floor, level) for m in names}
    rows = [row for own in fits.values() for row in own_rows(own, scale, level)]
    for a, b in _pairs(names, baseline):
        first, second = _same_seeds(fits, runs, (a, b), scale, floor, level)
        rows += difference_rows(first, second, scale, level)
    return PhaseShift(
        tuple(fits.values()),
        pd.DataFrame(rows, columns=list(COLUMNS)),
        runs,
        outcome,
        scale,
        level,
        collapsed in frame.columns,
    )


def _share_dense(dense: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Put the network of a seed that was not pruned before the levels of each method."""
    if others.empty:
        raise ConfigurationError("there is no run of a network that was pruned")
    parts = [others]
    for name, own in others.groupby("method", sort=False):
        lacking = set(own["seed"]) - set(own.loc[own["sparsity"] == 0, "seed"])
        parts.append(dense[dense["seed"].isin(lacking)].assign(method=str(name)))
    return pd.concat(parts, ignore_index=True)


def _pairs(names: list[str], baseline: str | None) -> list[tuple[str, str]]:
    if baseline is None:
        return list(combinations(names, 2))
    return [(name, baseline) for name in names if name != baseline]


def _same_seeds(
    fits: dict[str, SeedFits],
    runs: pd.DataFrame,
    pair: tuple[str, str],
    scale: Scale,
    floor: float | None,
    level: float,
) -> tuple[SeedFits, SeedFits]:
    """Fits of two methods to the seeds that both have."""
    a, b = (fits[name] for name in pair)
    if a.seeds == b.seeds:
        return a, b
    shared = runs[runs["seed"].isin(set(a.seeds) & set(b.seeds))]
    both = []
    for own in (a, b):
        rows = shared[shared["method"] == own.method]
        if not len(rows):
            said = "no seed in common"
            both.append(SeedFits(own.method, (), None, (), (), (said, said, said), ()))
        else:
            both.append(fit_seeds(own.method, rows, scale, floor, level))
    return both[0], both[1]
