"""Partial correlation of rows in clusters and contexts, with its test and interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, inf, sqrt

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.inference.flips import kept_interval, kept_ranges, sign_flips
from causalhyper.inference.smoothing import (
    add_intercepts,
    centre,
    cluster_products,
    regression_root,
    residuals,
)
from causalhyper.mechanisms.grouping import Groups

NOTHING_LEFT = 1e-8
"""Share of a variable's variance below which nothing of it is left to be tested."""


@dataclass(frozen=True, slots=True)
class PartialCorrelation:
    """A partial correlation and the test that it is zero.

    Attributes
    ----------
    estimate, lower, upper : float
        In [-1, 1]; the interval leaves zero out exactly where ``p_value <= 1 - level``.
    statistic : float
        Cluster-robust t.
    p_value : float
        Two-sided, from sign flips of whole clusters; at least ``1 / (1 + flips)``.
    flips : int
        Sign flips that it was held against.
    level : float
        Of the interval.
    """

    estimate: float
    lower: float
    upper: float
    statistic: float
    p_value: float
    flips: int
    level: float


def variation_left(
    columns: Array, given: Sequence[Array], groups: Groups, *, df: int = 3
) -> tuple[Array, Array]:
    """Shares of variables' variance that contexts leave, and contexts and curves together.

    Parameters
    ----------
    columns : ndarray, shape (n, q)
    given : sequence of ndarray, shape (n,)
    groups : Groups
    df : int
        Natural-spline functions of each of `given`.

    Returns
    -------
    within, beside : ndarray, shape (q,)
        In [0, 1]; below `NOTHING_LEFT` there is nothing to be tested.

    Examples
    --------
    >>> from causalhyper.mechanisms import make_groups
    >>> codes = np.array([0, 0, 1, 1])
    >>> x = np.array([[1.0], [1.0], [2.0], [2.0]])
    >>> variation_left(x, [], make_groups(codes, codes))
    (array([0.]), array([0.]))
    """
    within = centre(columns, groups)
    beside = residuals(within, regression_root(given, df, groups))
    total = ((columns - columns.mean(axis=0)) ** 2).sum(axis=0)
    # what rounding leaves of a constant is no variation
    flat = total <= np.finfo(float).eps * (columns**2).sum(axis=0)
    total = np.where(flat, np.inf, total)
    return (within**2).sum(axis=0) / total, (beside**2).sum(axis=0) / total


def partial_correlation(
    x: Array,
    y: Array,
    given: Sequence[Array],
    groups: Groups,
    *,
    rng: np.random.Generator,
    df: int = 3,
    flips: int = 1999,
    level: float = 0.95,
) -> PartialCorrelation:
    """Correlate what is left of two variables beside others, and test that it is zero.

    Both are regressed on an intercept for each context, on natural splines of each variable in
    `given`, and on the pairwise products of these variables, so that a curved common cause among
    them is not mistaken for dependence.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    given : sequence of ndarray, shape (n,)
        May be empty.
    groups : Groups
        Clusters are independent of one another; contexts have intercepts of their own.
    rng : numpy.random.Generator
        For the signs; not used where all sign flips are tried.
    df : int
        Natural-spline functions of each of `given`; 1 is a straight line.
    flips : int
        Sign flips at most, at least 19.
    level : float
        Of the interval, in (0, 1).

    Returns
    -------
    PartialCorrelation
        The same for (y, x) as for (x, y).

    Raises
    ------
    ConfigurationError
        If nothing is left of `x` or of `y`, or an option is wrong.

    Notes
    -----
    With residuals u, v scaled to mean square one, cluster g contributes ``a_g = sum u v`` and
    ``d_g = sum (u^2 + v^2) / 2``; the partial correlation is ``sum a_g / sum d_g``. The statistic
    is the one-sample t of the ``a_g``, centred within strata: the generalised covariance measure
    of Shah and Peters 2020 with clusters as its independent terms. Its reference flips the signs
    of the ``a_g``, which is the wild cluster bootstrap under the null hypothesis (Cameron, Gelbach
    and Miller 2008); one outlying cluster costs it less power than it costs Student's t. The
    interval holds the r that the same flips of ``a_g - r d_g`` keep. The terms carry the leverage
    correction of `causalhyper.inference.smoothing`. Simulated with 24 clusters of 18 rows
    (clustered noise, with and without contexts, curved and heteroscedastic), the test rejects a
    true hypothesis in 4 to 7% of data sets at the 5% level, cluster-robust least squares (CR1,
    t(K - 1)) in 5 to 9%. It sees linear dependence alone: y = x^2 can pass it.

    Examples
    --------
    >>> from causalhyper.mechanisms import make_groups
    >>> rng = np.random.default_rng(0)
    >>> groups = make_groups(np.arange(200) // 5, np.zeros(200, dtype=np.intp))
    >>> z, noise = rng.normal(size=200), rng.normal(size=(2, 200))
    >>> found = partial_correlation(z**2 + noise[0], z**2 + noise[1], [z], groups, rng=rng)
    >>> found.p_value > 0.05
    True
    """
    check_size(level, "level")
    check_options(df, flips)
    root = regression_root(given, df, groups)
    left = scaled_residuals(x, y, root, groups)
    terms = cluster_products(left, left, add_intercepts(root, groups), groups.clusters)
    a, d = terms[:, 0, 1], (terms[:, 0, 0] + terms[:, 1, 1]) / 2
    signs = sign_flips(groups.cluster_count, flips, rng)
    n = float(len(x))
    total = float(np.clip(left[:, 0] @ left[:, 1], -n, n))
    low, high = kept_ranges(total, n, signs @ a, signs @ d)
    p_value = float((1 + ((low <= 0) & (high >= 0)).sum()) / (1 + len(signs)))
    lower, upper = kept_interval(low, high, level)
    statistic = _ratio(total, _variance(a, groups.strata))
    return PartialCorrelation(total / n, lower, upper, statistic, p_value, len(signs), level)


def check_size(size: float, name: str = "alpha") -> None:
    """Refuse what is no size of a test, or no level of an interval.

    Parameters
    ----------
    size : float
        In (0, 1).
    name : str
        In the error.

    Raises
    ------
    ConfigurationError
        If it is out of range.
    """
    if not 0 < size < 1:
        raise ConfigurationError(f"{name} must lie between 0 and 1, got {size:g}")


def check_options(df: int, flips: int) -> None:
    """Refuse options that make no test.

    Parameters
    ----------
    df : int
        At least 1.
    flips : int
        At least 19, so that a p-value can be 0.05.

    Raises
    ------
    ConfigurationError
        If one is out of range.
    """
    if df < 1:
        raise ConfigurationError(f"curves need df >= 1, got {df}: use 1 for straight lines")
    if flips < 19:
        raise ConfigurationError(f"a test needs at least 19 sign flips, got {flips}: use 1999")


def scaled_residuals(x: Array, y: Array, root: Array, groups: Groups) -> Array:
    """Residuals of two variables beside contexts and a smoother, scaled to mean square one.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    root : ndarray, shape (n, k)
        Centred within contexts.
    groups : Groups

    Returns
    -------
    ndarray, shape (n, 2)

    Raises
    ------
    ConfigurationError
        If nothing is left of one of them.
    """
    both = np.column_stack([x, y])
    total = ((both - both.mean(axis=0)) ** 2).mean(axis=0)
    left = residuals(centre(both, groups), root)
    scale = (left**2).mean(axis=0)
    flat = total <= np.finfo(float).eps * (both**2).mean(axis=0)
    for name, empty in zip(
        ("first", "second"), flat | (scale <= NOTHING_LEFT * total), strict=True
    ):
        if empty:
            raise ConfigurationError(
                f"nothing is left of the {name} variable beside contexts and what is conditioned "
                "on, so its independence cannot be tested: condition on less, or use coarser "
                "contexts"
            )
    scaled: Array = left / np.sqrt(scale)
    return scaled


def _variance(a: Array, strata: Codes) -> float:
    """Variance of a sum of independent clusters, from their spread within strata."""
    counts = np.bincount(strata)
    deviations = a - (np.bincount(strata, a) / counts)[strata]
    weights = counts / np.maximum(counts - 1, 1)
    return float((weights[strata] * deviations**2).sum())


def _ratio(total: float, variance: float) -> float:
    """Student's t; without any spread, 0 for a zero and infinite otherwise."""
    if variance > 0:
        return total / sqrt(variance)
    return 0.0 if abs(total) < 1e-12 else copysign(inf, total)
