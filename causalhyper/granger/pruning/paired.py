"""Methods compared at equal sparsity, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.pruning.paired_numbers import (
    PairedNumbers,
    flip_generator,
    paired_numbers,
)
from causalhyper.granger.pruning.paired_result import PairedDifferences
from causalhyper.granger.pruning.pairing import (
    SeedPairs,
    name_place,
    pair_runs,
    pairs_over_places,
)
from causalhyper.granger.pruning.runs import (
    read_runs,
    refuse_repeats,
    sparsity_levels,
    split_dense,
)
from causalhyper.results import Estimate

ASSUMPTIONS = (
    "seeds are independent, and paired: both methods start from the same network",
    "for the t interval differences are near normal; for sign flips they are symmetric",
    "this test set is all that matters: another one adds the binomial noise shown beside",
)


def paired_differences(
    frame: pd.DataFrame,
    *,
    baseline: str,
    outcome: str = "test_accuracy",
    by: Sequence[str] = ("sparsity",),
    sparsity: str = "sparsity",
    method: str = "method",
    seed: str = "seed",
    dense: str = "dense",
    tolerance: float | None = None,
    test_size: int | None = None,
    level: float = 0.95,
    flips: int = 9999,
    rng: np.random.Generator | None = None,
) -> PairedDifferences:
    """Compare the outcome of each method with a baseline's at equal sparsity, paired by seed.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a pruned network that was evaluated.
    baseline : str
        The method that the others are compared with; networks that were not pruned (see `dense`)
        are a baseline at every sparsity.
    outcome : str
        Column of what is compared.
    by : sequence of str
        Columns within whose values methods are compared, such as the data set.
    sparsity, method, seed : str
        Columns; sparsity is the share pruned, in [0, 1).
    dense : str
        Method of networks that were not pruned; unless they are the baseline, they take no part.
    tolerance : float, optional
        By how much two shares pruned may differ and still count as equal; by default 0.001, and no
        more than a tenth of the share kept.
    test_size : int, optional
        Test examples, where the outcome is an accuracy: for its binomial noise.
    level : float
        Of the intervals.
    flips : int
        Sign flips of seeds; all where there are at most so many.
    rng : numpy.random.Generator, optional
        For the flips where there are more.

    Returns
    -------
    PairedDifferences

    Raises
    ------
    DataError
        If sparsities are unequal, a run is there twice, or fewer than two seeds are shared.
    ConfigurationError
        If the baseline is no method, or a generator is needed.

    Notes
    -----
    Equal sparsity is part of the question: a method at 96% against another at 97% answers none.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "method": ["causal"] * 3 + ["magnitude"] * 3,
    ...         "seed": [0, 1, 2] * 2,
    ...         "sparsity": 0.95,
    ...         "test_accuracy": [0.690, 0.688, 0.693, 0.695, 0.694, 0.697],
    ...     }
    ... )
    >>> found = paired_differences(frame, baseline="magnitude")
    >>> found.estimates[0].interval()
    '-0.0050 [-0.0075, -0.0025]'
    """
    check_generator(rng)
    if isinstance(by, str):
        raise ConfigurationError(f"by takes several columns: give by=({by!r},), got {by!r}")
    if flips < 1:
        raise ConfigurationError(f"expected a flip at least; got flips={flips}")
    within = 0.0 if tolerance is None else tolerance
    if not 0 < level < 1 or not 0 <= within < 1 or (test_size is not None and test_size < 1):
        raise ConfigurationError(
            "level must be in (0, 1), tolerance in [0, 1), test_size at least 1; got "
            f"{level}, {tolerance} and {test_size}"
        )
    others = [name for name in by if name != sparsity]
    runs = read_runs(
        frame, outcome=outcome, sparsity=sparsity, method=method, seed=seed, by=others
    )
    keys = [*others, "at"] if sparsity in by else others
    runs = _place_runs(runs, baseline, dense, tolerance, keys)
    refuse_repeats(runs, ["method", "seed", *keys])
    found, left_out = pair_runs(runs, baseline, keys, tolerance, test_size)
    names = {"outcome": outcome, "treatment": method, "baseline": baseline, "dense": dense}
    drawn = flip_generator(runs["seed"].nunique(), flips, rng)
    return _judge(found, left_out, names, level, flips, drawn)


def _place_runs(
    runs: pd.DataFrame, baseline: str, dense: str, tolerance: float | None, keys: list[str]
) -> pd.DataFrame:
    """Say at which level each run is; networks that were not pruned are at each, or left out."""
    own, others = split_dense(runs, dense)
    found = others.assign(at=sparsity_levels(others["sparsity"].to_numpy(), tolerance))
    if baseline == dense and len(own):
        levels = found.groupby(["seed", *keys], as_index=False)["sparsity"].mean()
        copies = own.drop(columns="sparsity").merge(
            levels, on=["seed", *(k for k in keys if k != "at")]
        )
        found = pd.concat([found, copies], ignore_index=True)
    if baseline not in set(found["method"]) or found["method"].nunique() < 2:
        raise ConfigurationError(
            f"the baseline must be one of two methods or more, got {baseline!r}; methods: "
            f"{', '.join(dict.fromkeys(found['method']))}"
        )
    return found.reset_index(drop=True)


def _judge(
    found: list[SeedPairs],
    left_out: list[str],
    names: dict[str, str],
    level: float,
    flips: int,
    rng: np.random.Generator,
) -> PairedDifferences:
    """Estimates and tests: places are one family, means over places another."""
    families = [found]
    if len({c.place for c in found}) > 1:
        families.append(pairs_over_places(found, left_out))
    estimates, rows = [], []
    for family in families:
        if not family:
            continue
        table = pd.concat([c.differences for c in family], axis=1).to_numpy(dtype=np.float64)
        numbers = paired_numbers(table, level=level, flips=flips, rng=rng)
        for i, comparison in enumerate(family):
            estimates.append(_estimate(comparison, numbers, i, names, level))
            rows.append(_row(comparison, numbers, i))
    return PairedDifferences(
        tuple(estimates), pd.DataFrame(rows), names["baseline"], names["outcome"], tuple(left_out)
    )


def _estimate(
    c: SeedPairs, numbers: PairedNumbers, i: int, names: dict[str, str], level: float
) -> Estimate:
    kind, where = ("level", name_place(c.place)) if c.place else ("mean", "the mean over levels")
    seeds = int(numbers.count[i])
    return Estimate(
        query=f"paired_differences.{kind}",
        treatment=names["treatment"],
        value=c.sparsity,
        baseline=0.0 if names["baseline"] == names["dense"] else c.sparsity,
        estimand=f"E[{names['outcome']}({c.method}) - {names['outcome']}({names['baseline']})]",
        estimate=float(numbers.mean[i]),
        se=float(numbers.se[i]),
        lower=float(numbers.lower[i]),
        upper=float(numbers.upper[i]),
        level=level,
        method="mean over seeds of paired differences; Student's t, jointly by Bonferroni",
        n=2 * seeds,
        clusters=seeds,
        assumptions=ASSUMPTIONS,
        seed=0,
        subject=f"{c.method} - {names['baseline']} at {where}",
        joint_lower=float(numbers.joint_lower[i]),
        joint_upper=float(numbers.joint_upper[i]),
        df=float(seeds - 1),
    )


def _row(c: SeedPairs, numbers: PairedNumbers, i: int) -> dict[str, object]:
    return {
        "compared": c.method,
        "place": name_place(c.place) if c.place else "mean over levels",
        "seeds": ", ".join(map(str, c.differences.index)),
        "p_value": numbers.p_value[i],
        "adjusted_p_value": numbers.adjusted[i],
        "flip_p_value": numbers.flip_p_value[i],
        "joint_flip_p_value": numbers.joint_flip_p_value[i],
        "binomial_sd": c.noise,
    }
