"""Power of the t test of a contrast: from effect and clusters to power, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isfinite, sqrt

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

Critical = Callable[[int], float]
"""Maps degrees of freedom to the critical value of |t|."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)

MOST = 10**7
"""Clusters beyond which an effect is called undetectable."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A two-sided t test of one contrast, for any number of clusters.

    Attributes
    ----------
    sd : float
        Of one cluster's contribution: of its paired difference, or of its mean at one value.
    arms : int
        1 where each cluster has both values (paired), 2 where each has one of them.
    lost : int
        Degrees of freedom lost to means: the strata, and one more for two arms.

    Raises
    ------
    ConfigurationError
        If the standard deviation is not positive.
    """

    sd: float
    arms: int = 1
    lost: int = 1

    def __post_init__(self) -> None:
        if not (self.sd > 0 and isfinite(self.sd)):
            raise ConfigurationError(
                f"the standard deviation must be positive, got {self.sd}: without spread between "
                "clusters any effect is found, and there is nothing to plan"
            )

    @property
    def fewest(self) -> int:
        """Clusters (at each value, if there are two arms) that leave a degree of freedom."""
        return max(2, -(-(self.lost + 1) // self.arms))

    def df(self, clusters: int) -> int:
        """Degrees of freedom of so many clusters (at each value, if there are two arms)."""
        return self.arms * clusters - self.lost

    def se(self, clusters: int) -> float:
        """Standard error of the contrast."""
        return self.sd * sqrt(self.arms / clusters)


def pointwise(level: float, tests: int = 1) -> Critical:
    """Critical values of Student's t, split over several tests by Bonferroni.

    Parameters
    ----------
    level : float
        Confidence, in (0, 1).
    tests : int

    Returns
    -------
    callable
        From degrees of freedom to the critical value of ``|t|``.

    Examples
    --------
    >>> round(pointwise(0.95)(9), 4)
    2.2622
    """
    return lambda df: -float(special.stdtrit(df, (1 - level) / (2 * tests)))


def simultaneous(level: float, correlation: Array, seed: int, draws: int = 2**15) -> Critical:
    """Critical values of the largest of several correlated ``|t|`` with one variance.

    Parameters
    ----------
    level : float
        Confidence, in (0, 1).
    correlation : ndarray, shape (q, q)
    seed : int
        Of the normal draws; the chi-square is integrated exactly.
    draws : int
        A multiple of 16.

    Returns
    -------
    callable
        From degrees of freedom to the critical value of ``|t|``.
    """
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((draws, len(correlation)))
    largest = np.sort(np.abs(normal @ root.T).max(axis=1)).reshape(-1, 16).mean(axis=1)

    @cache
    def critical(df: int) -> float:
        def excess(c: float) -> float:
            beyond = special.chdtr(df, df * (largest / c) ** 2)
            return float(beyond.mean()) - (1 - level)

        low = pointwise(level)(df)
        high = pointwise(level, 2 * len(correlation))(df)
        if excess(low) <= 0:
            return low
        return _root(excess, low, high, 1e-9, 8.9e-16)

    return critical


def power_of(comparison: Comparison, effect: float, clusters: int, critical: Critical) -> float:
    """Chance that the test rejects, from the noncentral t.

    Parameters
    ----------
    comparison : Comparison
    effect : float
    clusters : int
        At each value, if there are two arms; at least `Comparison.fewest`.
    critical : callable

    Returns
    -------
    float

    Examples
    --------
    >>> round(power_of(Comparison(sd=1.0), 0.5, 34, pointwise(0.95)), 4)
    0.8078
    """
    df = comparison.df(clusters)
    return _exceeds(critical(df), df, abs(effect) / comparison.se(clusters))


def _exceeds(bound: float, df: int, shift: float) -> float:
    """P(|T| > bound) of the noncentral t: a normal tail averaged over the chi's distribution.

    Gauss and Legendre's rule between breaks around the tail's turn; no tail loses digits, and
    none is undefined, as scipy's noncentral t is far out.
    """
    low = np.sqrt(2 * special.gammaincinv(df / 2, 1e-18) / df)
    high = np.sqrt(2 * special.gammainccinv(df / 2, 1e-18) / df)
    turn = np.array([low, (shift - 8) / bound, shift / bound, (shift + 8) / bound, high])
    breaks = np.unique(np.clip(turn, low, high))
    half = np.diff(breaks)[:, None] / 2
    s = (breaks[:-1, None] + half + half * _NODES).ravel()
    density = (half * _WEIGHTS).ravel() * np.exp(
        (df - 1) * np.log(s) - df / 2 * (s**2 - 1)  # up to a factor, which the sum replaces
    )
    tails = special.ndtr(shift - bound * s) + special.ndtr(-shift - bound * s)
    return float((density * tails).sum() / density.sum())


def clusters_for(
    comparison: Comparison, effect: float, target: float, critical: Critical
) -> float:
    """Fewest clusters (at each value, if there are two arms) whose power reaches a target.

    Parameters
    ----------
    comparison : Comparison
    effect : float
    target : float
    critical : callable

    Returns
    -------
    float
        A whole number; infinite beyond `MOST`.

    Examples
    --------
    >>> clusters_for(Comparison(sd=1.0), 0.5, 0.8, pointwise(0.95))
    34.0
    """

    def enough(clusters: int) -> bool:
        return power_of(comparison, effect, clusters, critical) >= target

    high = comparison.fewest
    if enough(high):
        return float(high)
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST:
            return float("inf")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(high)


def detectable(comparison: Comparison, clusters: int, target: float, critical: Critical) -> float:
    """Smallest effect whose power reaches a target.

    Parameters
    ----------
    comparison : Comparison
    clusters : int
        At each value, if there are two arms.
    target : float
        Above the size of the test.
    critical : callable

    Returns
    -------
    float

    Examples
    --------
    >>> round(detectable(Comparison(sd=1.0), 34, 0.8, pointwise(0.95)), 4)
    0.495
    """

    def excess(effect: float) -> float:
        return power_of(comparison, effect, clusters, critical) - target

    high = comparison.se(clusters)
    while excess(high) < 0:
        high *= 2
    return _root(excess, 0.0, high, 1e-12 * high, 1e-12)


def sd_interval(sd: float, df: int, level: float) -> tuple[float, float]:
    """Confidence interval of a standard deviation, for normal observations.

    Parameters
    ----------
    sd : float
    df : int
    level : float

    Returns
    -------
    lower, upper : float

    Examples
    --------
    >>> [round(end, 4) for end in sd_interval(1.0, 39, 0.95)]
    [0.8192, 1.284]
    """
    tail = (1 - level) / 2
    ends = special.chdtri(df, tail), special.chdtri(df, 1 - tail)
    return sd * sqrt(df / ends[0]), sd * sqrt(df / ends[1])


def seeds_needed(
    effect: float,
    sd: float,
    *,
    correlation: float | None = None,
    target: float = 0.8,
    level: float = 0.95,
) -> int:
    """Seeds needed to detect an effect between two values of a treatment.

    Parameters
    ----------
    effect : float
        Smallest difference of means that matters.
    sd : float
        Standard deviation of the outcome. Over seeds at one value, in the unit of the effect.
    correlation : float, optional
        Between the outcomes of one seed at the two values, where each seed is run at both
        (paired); None where each run has a seed of its own.
    target : float
        Power to reach.
    level : float
        Confidence of the intervals, in (0, 1). The effect is detected where its own leaves zero
        out: 0.95 for a test of size 0.05.

    Returns
    -------
    int
        Seeds at each value: with a correlation the same seeds at both.

    Raises
    ------
    ConfigurationError
        If a number is out of its range, or no number of seeds up to ten million is enough.

    Notes
    -----
    Two-sided t test, exact for normal outcomes of equal variance. Source: Cohen 1988,
    "Statistical power analysis for the behavioral sciences", chapter 2 (noncentral t).

    Examples
    --------
    Paired seeds whose outcomes correlate at 0.8 need a quarter of the separate ones:

    >>> seeds_needed(0.005, 0.01)
    64
    >>> seeds_needed(0.005, 0.01, correlation=0.8)
    15
    """
    check_plan(effect, level, target)
    if correlation is None:
        comparison = Comparison(sd, arms=2, lost=2)
    elif -1 <= correlation < 1:
        comparison = Comparison(sd * sqrt(2 * (1 - correlation)))
    else:
        raise ConfigurationError(f"the correlation must lie in [-1, 1), got {correlation}")
    found = clusters_for(comparison, effect, target, pointwise(level))
    if not isfinite(found):
        raise ConfigurationError(
            f"an effect of {effect:g} is too small beside a standard deviation of {sd:g}: not "
            f"even {MOST:,} seeds detect it"
        )
    return int(found)


def check_plan(effect: float, level: float, target: float) -> None:
    """Refuse effects, levels and targets that no plan meets."""
    if not isfinite(effect) or effect == 0:
        raise ConfigurationError(
            f"the effect to detect must be a number other than 0, got {effect}: give the smallest "
            "one that matters"
        )
    if not 0 < level < 1:
        raise ConfigurationError(f"the level must lie between 0 and 1, got {level}: use 0.95")
    if not 1 - level < target < 1:
        raise ConfigurationError(
            f"the target power must lie between {1 - level:g} (what no effect has) and 1, got "
            f"{target}: use 0.8"
        )


def _root(
    function: Callable[[float], float], low: float, high: float, xtol: float, rtol: float
) -> float:
    """Find where a function changes its sign."""
    # takes as long to import as all else here
    from scipy import optimize

    return float(optimize.brentq(function, low, high, xtol=xtol, rtol=rtol))
