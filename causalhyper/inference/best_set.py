"""Choosing the best of several values from bootstrap replicates, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.inference.intervals import ROUNDING


@dataclass(frozen=True, slots=True)
class Selection:
    """What replicates say about which of d values is the best; arrays of shape (d,).

    Attributes
    ----------
    probability : ndarray
        That each value is the best, under the confidence distribution; sums to 1.
    regret, regret_upper : ndarray
        Mean, and quantile at the level, of what choosing the value loses against the best.
    gap, gap_se : ndarray
        Each value less the best of the others, and its standard error.
    gap_lower, gap_upper : ndarray
        Simultaneous intervals of the gap (multiple comparisons with the best); each holds zero.
    rivals : ndarray of int
        The best of the others.
    rank : ndarray of int
        1 is the highest estimate; ties share a rank.
    kept : ndarray of bool
        The values that cannot be told apart from the best: those whose upper limit is positive,
        or zero without any error. At the level they hold the best.
    """

    probability: Array
    regret: Array
    regret_upper: Array
    gap: Array
    gap_se: Array
    gap_lower: Array
    gap_upper: Array
    rivals: Codes
    rank: Codes
    kept: Flags


def confidence_draws(estimate: Array, replicates: Array, *, df: int, seed: int) -> Array:
    """Draws of an approximate confidence distribution around an estimate.

    The replicates' deviations from their own mean, each divided by ``sqrt(chi2 / df)``, around
    the estimate. Where replicates are normal, this is the multivariate t distribution with df
    degrees of freedom, so that the share of draws beyond zero of any single contrast is the
    one-sided p-value of its t test.

    Parameters
    ----------
    estimate : ndarray, shape (d,)
    replicates : ndarray, shape (r, d)
    df : int
        Degrees of freedom, at least 1: clusters less strata.
    seed : int
        For the chi-square draws.

    Returns
    -------
    ndarray, shape (r, d)

    Notes
    -----
    Source: Schweder and Hjort 2016, "Confidence, likelihood, probability", chapters 3 and 7
    (confidence distributions, from t and from the bootstrap).
    """
    chi = np.random.default_rng(seed).chisquare(df, size=len(replicates))
    deviations = (replicates - replicates.mean(axis=0)) / np.sqrt(chi / df)[:, None]
    drawn: Array = estimate + deviations
    return drawn


def select_best(
    estimate: Array,
    replicates: Array,
    *,
    df: int,
    level: float,
    seed: int,
    size: float = 0.0,
) -> Selection:
    """Compare each of several values with the best of the others; larger is better.

    Parameters
    ----------
    estimate : ndarray, shape (d,)
        d at least 2.
    replicates : ndarray, shape (r, d)
        Of all values from the same resamples.
    df : int
        Degrees of freedom: clusters less strata.
    level : float
        In (0, 1).
    seed : int
        For the chi-square draws.
    size : float
        Size of the numbers that the values are made of: differences below 1e-12 of it, or of the
        largest value, are rounding, and such values tie.

    Returns
    -------
    Selection

    Notes
    -----
    Source: Hsu 1984, "Constrained simultaneous confidence intervals for multiple comparisons with
    the best"; Edwards and Hsu 1983, "Multiple comparisons with the best treatment" (unequal and
    correlated errors). Critical values: one-sided max-t of the replicates, as in `bands`.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=(4000, 3))
    >>> found = select_best(np.array([0.0, 1.0, 9.0]), noise, df=30, level=0.95, seed=1)
    >>> found.kept.tolist(), found.probability.round(2).tolist()
    ([False, False, True], [0.0, 0.0, 1.0])
    """
    drawn = confidence_draws(estimate, replicates, df=df, seed=seed)
    lost = drawn.max(axis=1, keepdims=True) - drawn
    rounding = ROUNDING * max(size, float(np.abs(estimate).max()))
    first = lost <= rounding
    chi = np.random.default_rng(seed).chisquare(df, size=len(replicates))
    se, slack = _slack(replicates, np.sqrt(chi / df), df, level, rounding)
    lower, upper, kept = _intervals(estimate, slack, rounding)
    rivals = np.array([_rival(estimate, b) for b in range(len(estimate))])
    own = np.arange(len(estimate))
    return Selection(
        probability=(first / first.sum(axis=1, keepdims=True)).mean(axis=0),
        regret=lost.mean(axis=0),
        regret_upper=np.quantile(lost, level, axis=0),
        gap=estimate - estimate[rivals],
        gap_se=se[own, rivals],
        gap_lower=lower,
        gap_upper=upper,
        rivals=rivals,
        rank=1 + (estimate > estimate[:, None] + rounding).sum(axis=1),
        kept=kept,
    )


def _rival(estimate: Array, b: int) -> int:
    """The best of the other values, the first of several."""
    return int(np.argmax(np.where(np.arange(len(estimate)) == b, -np.inf, estimate)))


def _slack(
    replicates: Array, root: Array, df: int, level: float, rounding: float
) -> tuple[Array, Array]:
    """Standard error of each difference, and that times its row's critical value, (d, d).

    Row b holds the one-sided simultaneous bound of value b less each other value.
    """
    quantile = float(special.stdtrit(df, level))
    centred = replicates - replicates.mean(axis=0)
    count = replicates.shape[1]
    se = np.zeros((count, count))
    slack = np.zeros_like(se)
    for b in range(count):
        beyond = centred - centred[:, b : b + 1]
        errors = beyond.std(axis=0, ddof=1)
        live = errors > rounding
        if live.any():
            maxima = (beyond[:, live] / errors[live]).max(axis=1) / root
            se[b, live] = errors[live]
            slack[b] = max(quantile, float(np.quantile(maxima, level))) * se[b]
    return se, slack


def _intervals(estimate: Array, slack: Array, rounding: float) -> tuple[Array, Array, Flags]:
    """Constrained intervals of each value less the best of the others, and the best set."""
    gaps = estimate[:, None] - estimate
    own = np.eye(len(estimate), dtype=bool)
    reach = np.where(own, np.inf, gaps + slack).min(axis=1)
    kept = reach >= -rounding
    # value j stands in row j of slack: the bound that kept it among the best
    fall = np.where(own | ~kept, np.inf, gaps - slack.T).min(axis=1)
    lower = np.where(np.isfinite(fall), np.minimum(0.0, fall), 0.0)
    return lower, np.maximum(0.0, reach), kept
