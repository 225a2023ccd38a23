"""Bootstrap intervals that do not lean on Student's t: percentile, basic, BCa, studentised."""

from __future__ import annotations

import numpy as np
from scipy import special

from causalhyper.arrays import Array

Limits = tuple[Array, Array]
"""Lower and upper limits, each of shape (q,)."""


def percentile_limits(replicates: Array, level: float) -> Limits:
    """Quantiles of the replicates.

    Parameters
    ----------
    replicates : ndarray, shape (r, q)
    level : float

    Returns
    -------
    tuple of ndarray, shape (q,)
    """
    lower, upper = np.quantile(replicates, _tails(level), axis=0)
    return lower, upper


def basic_limits(estimate: Array, replicates: Array, level: float) -> Limits:
    """Quantiles of the replicates, mirrored at the estimate.

    Parameters
    ----------
    estimate : ndarray, shape (q,)
    replicates : ndarray, shape (r, q)
    level : float

    Returns
    -------
    tuple of ndarray, shape (q,)
    """
    lower, upper = percentile_limits(replicates, level)
    return 2 * estimate - upper, 2 * estimate - lower


def bca_limits(estimate: Array, replicates: Array, acceleration: Array, level: float) -> Limits:
    """Quantiles of the replicates at levels corrected for bias and skewness.

    Parameters
    ----------
    estimate : ndarray, shape (q,)
    replicates : ndarray, shape (r, q)
    acceleration : ndarray, shape (q,)
        Of `causalhyper.inference.acceleration`; zeros correct for bias alone.
    level : float

    Returns
    -------
    tuple of ndarray, shape (q,)

    Notes
    -----
    Source: Efron 1987, "Better bootstrap confidence intervals", equation 2.3. The bias is half
    the share of replicates below the estimate and half that of those not above it; a share of 0
    or 1 counts as half a replicate from there.
    """
    draws = len(replicates)
    share = ((replicates < estimate).sum(axis=0) + (replicates <= estimate).sum(axis=0)) / 2
    bias = special.ndtri(np.clip(share / draws, 0.5 / draws, 1 - 0.5 / draws))
    limits = []
    for tail in _tails(level):
        z = bias + special.ndtri(tail)
        at = special.ndtr(bias + z / (1 - acceleration * z))
        pairs = zip(replicates.T, at, strict=True)
        limits.append(np.array([np.quantile(column, a) for column, a in pairs]))
    return limits[0], limits[1]


def studentized_limits(
    estimate: Array, se: Array, replicates: Array, errors: Array, level: float
) -> tuple[Limits, Limits, Array]:
    """Quantiles of the bootstrap's own t statistics instead of Student's.

    Parameters
    ----------
    estimate, se : ndarray, shape (q,)
    replicates, errors : ndarray, shape (r, q)
        The replicates and their own standard errors. A replicate whose error is zero (it holds
        copies of one cluster alone) has no t statistic and does not count.
    level : float

    Returns
    -------
    pointwise, joint : tuple of ndarray, shape (q,)
        Equal-tailed limits; and symmetric ones by the maximum of ``|t|`` over the quantities.
    maxima : ndarray, shape (r',)
        Those maxima.

    Notes
    -----
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 12.5.
    """
    live = se > 0
    usable = (errors[:, live] > 1e-9 * se[live]).all(axis=1)
    t = np.zeros((int(usable.sum()), len(estimate)))
    t[:, live] = (replicates - estimate)[usable][:, live] / errors[usable][:, live]
    low, high = percentile_limits(t, level)
    maxima = np.abs(t).max(axis=1, initial=0.0)
    critical = np.quantile(maxima, level)
    return (
        (estimate - high * se, estimate - low * se),
        (estimate - critical * se, estimate + critical * se),
        maxima,
    )


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2
