"""One number over several cells: random effects, few clusters, and what a new cell may show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.inference.intervals import t_quantile


@dataclass(frozen=True, slots=True)
class Pooled:
    """A random-effects mean of several cells.

    Attributes
    ----------
    mean, se, lower, upper : float
        Mean effect over cells like these; t interval with one degree of freedom less than cells.
    tau : float
        Standard deviation of the true effects between cells.
    q, p_value : float
        Cochran's statistic, and its p-value under equal effects.
    new_lower, new_upper : float
        Interval for the true effect in a new cell; NaN with fewer than three cells.
    own, own_se : ndarray, shape (k,)
        Each cell's effect drawn towards the mean, and its standard error.
    """

    mean: float
    se: float
    lower: float
    upper: float
    tau: float
    q: float
    p_value: float
    new_lower: float
    new_upper: float
    own: Array
    own_se: Array

    @property
    def cells(self) -> int:
        """How many."""
        return len(self.own)


def pool(effects: Sequence[float], errors: Sequence[float], level: float = 0.95) -> Pooled:
    """Pool estimates of several cells whose true effects differ.

    Parameters
    ----------
    effects, errors : sequence of float, shape (k,)
        Estimates, independent of one another, and their standard errors; at least two.
    level : float

    Returns
    -------
    Pooled

    Raises
    ------
    DataError
        For fewer than two cells, or a standard error that is not positive.

    Notes
    -----
    Source: Paule and Mandel 1982 (the variance between cells, at which the weighted sum of squares
    equals its expectation); Hartung and Knapp 2001, not below the plain standard error as in
    Röver, Knapp and Friede 2015 (at Paule and Mandel's variance their factor is 1 wherever that
    is positive); Higgins, Thompson and Spiegelhalter 2009 (the interval for a new cell).

    Examples
    --------
    >>> found = pool([1.0, 3.0], [1.0, 1.0])
    >>> round(found.mean, 6), round(found.tau**2, 6)
    (2.0, 1.0)
    """
    y, v = np.asarray(effects, dtype=np.float64), np.square(errors, dtype=np.float64)
    if len(y) < 2 or len(y) != len(v) or not (v > 0).all():
        raise DataError(
            f"pooling needs at least two cells with positive standard errors; got {len(y)} "
            f"effects with errors {np.sqrt(v)}"
        )
    between = between_variance(y, v)
    weights = 1 / (v + between)
    mean = float(weights @ y / weights.sum())
    se = float(weights.sum() ** -0.5)
    half = float(t_quantile(np.array([len(y) - 1.0]), level)[0]) * se
    q = float((y - (y / v).sum() / (1 / v).sum()) ** 2 @ (1 / v))
    new = float("nan")
    if len(y) > 2:
        new = float(t_quantile(np.array([len(y) - 2.0]), level)[0]) * np.hypot(se, between**0.5)
    kept = between / (between + v)
    return Pooled(
        mean=mean,
        se=se,
        lower=mean - half,
        upper=mean + half,
        tau=between**0.5,
        q=q,
        p_value=float(special.gammaincc((len(y) - 1) / 2, q / 2)),
        new_lower=mean - new,
        new_upper=mean + new,
        own=mean + kept * (y - mean),
        own_se=np.sqrt(kept * v + ((1 - kept) * se) ** 2),
    )


def between_variance(effects: Array, variances: Array) -> float:
    """Paule and Mandel's variance between cells.

    Parameters
    ----------
    effects, variances : ndarray, shape (k,)
        Estimates and their sampling variances.

    Returns
    -------
    float
        The root of a falling function; 0 where that has none.

    Examples
    --------
    >>> between_variance(np.array([0.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0]))
    3.0
    """
    free = len(effects) - 1
    excess = _weighted_squares(effects, variances, 0.0) - free
    if excess <= 0:
        return 0.0
    low, high = 0.0, float(np.square(effects - effects.mean()).sum() + variances.max())
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _weighted_squares(effects, variances, middle) > free:
            low = middle
        else:
            high = middle
    return high


def _weighted_squares(effects: Array, variances: Array, between: float) -> float:
    """Sum of squares about the weighted mean, at some variance between cells."""
    weights = 1 / (variances + between)
    centred = effects - weights @ effects / weights.sum()
    return float(weights @ centred**2)


def cluster_mean(
    effects: Sequence[float], clusters: Sequence[object], level: float = 0.95
) -> tuple[float, float, float, float]:
    """Plain mean over cells, with the cells of one cluster dependent in any way.

    Parameters
    ----------
    effects : sequence of float, shape (k,)
    clusters : sequence, shape (k,)
        Such as the data set, whose splits its models share; at least two different ones.
    level : float

    Returns
    -------
    tuple of float
        Mean, standard error (CR1), and the ends of the t interval with clusters less one degrees
        of freedom.

    Raises
    ------
    DataError
        For fewer than two clusters.

    Notes
    -----
    Source: Cameron and Miller 2015, section VI.

    Examples
    --------
    >>> [round(x, 3) for x in cluster_mean([1.0, 2.0, 3.0], ["a", "b", "c"])]
    [2.0, 0.577, -0.484, 4.484]
    """
    y = np.asarray(effects, dtype=np.float64)
    codes = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    if count < 2:
        raise DataError(f"an interval over clusters needs two of them; got {count}")
    sums = np.bincount(codes, y - y.mean())
    se = float(np.sqrt(count / (count - 1) * np.square(sums).sum()) / len(y))
    half = float(t_quantile(np.array([count - 1.0]), level)[0]) * se
    return float(y.mean()), se, float(y.mean() - half), float(y.mean() + half)
