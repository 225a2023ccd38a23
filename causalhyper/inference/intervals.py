"""Intervals and tests from bootstrap replicates, with small-cluster corrections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array

ROUNDING = 1e-12
"""Share of the numbers that a quantity is made of below which its spread is rounding."""


@dataclass(frozen=True, slots=True)
class Bands:
    """Pointwise and simultaneous bands of several quantities estimated together.

    Attributes
    ----------
    se, lower, upper, joint_lower, joint_upper : ndarray, shape (q,)
        Standard errors; pointwise intervals; max-t simultaneous bands.
    statistic : float
        ``max_i |estimate_i| / se_i`` over the quantities with a positive standard error.
    p_value : float
        Of the hypothesis that all quantities are zero, from the maximum statistic.
    critical : float
        Critical value of the simultaneous bands.
    df : ndarray, shape (q,)
        Degrees of freedom of each standard error.
    """

    se: Array
    lower: Array
    upper: Array
    joint_lower: Array
    joint_upper: Array
    statistic: float
    p_value: float
    critical: float
    df: Array


def bands(
    estimate: Array,
    replicates: Array,
    *,
    df: float | Array,
    level: float,
    seed: int,
    se: Array | None = None,
    size: float = 0.0,
) -> Bands:
    """Student intervals and max-t bands for quantities that share their resamples.

    Critical values are those of Student's t, pointwise, and of the maximum of the bootstrap's own
    centred and scaled draws divided by ``sqrt(chi2 / df)``, simultaneously.

    Parameters
    ----------
    estimate : ndarray, shape (q,)
    replicates : ndarray, shape (r, q)
    df : float or ndarray, shape (q,)
        Degrees of freedom, at least 1; the bands use the smallest.
    level : float
        In (0, 1).
    seed : int
        For the chi-square draws.
    se : ndarray, shape (q,), optional
        Standard errors; by default the standard deviations of the replicates.
    size : float
        Size of the numbers that the quantities are made of, such as the outcome's: a standard
        error below 1e-12 of it, or of the estimate, is rounding and counts as zero.

    Returns
    -------
    Bands

    Notes
    -----
    Source: Westfall and Young 1993 (max-t); Cameron and Miller 2015, "A practitioner's guide to
    cluster-robust inference", section VI (t with K - 1).
    """
    least_se = ROUNDING * np.maximum(size, np.abs(estimate))
    spread = _clean(replicates.std(axis=0, ddof=1), least_se)
    error = spread if se is None else _clean(se, least_se)
    free = np.broadcast_to(np.asarray(df, dtype=np.float64), estimate.shape)
    quantile = t_quantile(free, level)
    half = quantile * error
    live = (error > 0) & (spread > 0)
    least = float(free[live].min()) if live.any() else 1.0
    maxima = _maxima(replicates[:, live], spread[live], least, seed)
    critical = float(np.quantile(maxima, level)) if live.any() else 0.0
    critical = max(critical, float(quantile.max(initial=0.0, where=live)))
    statistic = float(np.max(np.abs(estimate[live]) / error[live])) if live.any() else 0.0
    reached = int((maxima >= statistic).sum()) if live.any() else len(replicates)
    return Bands(
        error,
        estimate - half,
        estimate + half,
        estimate - critical * error,
        estimate + critical * error,
        statistic,
        (1 + reached) / (1 + len(replicates)),
        critical,
        free,
    )


def t_quantile(df: Array, level: float) -> Array:
    """Half the width of a t interval in standard errors."""
    # the upper tail of Student's t by symmetry; scipy.stats would double the import time
    quantile: Array = -np.asarray(special.stdtrit(df, (1 - level) / 2), dtype=np.float64)
    return quantile


def _clean(se: Array, rounding: Array) -> Array:
    """Standard errors at the level of rounding are zero."""
    cleaned: Array = np.where(se > rounding, se, 0.0)
    return cleaned


def _maxima(replicates: Array, se: Array, df: float, seed: int) -> Array:
    """Draws of the maximum t statistic under the centre of the bootstrap."""
    if not se.size:
        return np.zeros(len(replicates))
    centred = np.abs(replicates - replicates.mean(axis=0)) / se
    chi = np.random.default_rng(seed).chisquare(df, size=len(replicates))
    maxima: Array = centred.max(axis=1) / np.sqrt(chi / df)
    return maxima
