"""Intervals and tests from bootstrap replicates, with small-cluster corrections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bands:
    """Pointwise and simultaneous bands of several quantities estimated together.

    Attributes
    ----------
    se, lower, upper, joint_lower, joint_upper : ndarray, shape (q,)
        Bootstrap standard errors; pointwise t intervals; max-t simultaneous bands.
    statistic : float
        ``max_i |estimate_i| / se_i`` over the quantities with a positive standard error.
    p_value : float
        Of the hypothesis that all quantities are zero, from the maximum statistic.
    critical : float
        Critical value of the simultaneous bands.
    df : int
        Degrees of freedom: clusters less strata.
    """

    se: Array
    lower: Array
    upper: Array
    joint_lower: Array
    joint_upper: Array
    statistic: float
    p_value: float
    critical: float
    df: int


def bands(estimate: Array, replicates: Array, *, df: int, level: float, seed: int) -> Bands:
    """Bootstrap-t bands for quantities that share their resamples.

    Critical values are those of Student's t, pointwise, and of the maximum of the bootstrap's own
    centred and scaled draws divided by ``sqrt(chi2 / df)``, simultaneously.

    Parameters
    ----------
    estimate : ndarray, shape (q,)
    replicates : ndarray, shape (r, q)
    df : int
        Degrees of freedom, at least 1: clusters less strata.
    level : float
        In (0, 1).
    seed : int
        For the chi-square draws.

    Returns
    -------
    Bands

    Notes
    -----
    Source: Westfall and Young 1993 (max-t); Cameron and Miller 2015, "A practitioner's guide to
    cluster-robust inference", section VI (t with K - 1).
    """
    se = replicates.std(axis=0, ddof=1)
    se = np.where(se > 1e-12 * np.maximum(1.0, np.abs(estimate)), se, 0.0)
    # the upper tail of Student's t by symmetry; scipy.stats would double the import time
    quantile = -float(special.stdtrit(df, (1 - level) / 2))
    half = quantile * se
    live = se > 0
    maxima = _maxima(replicates[:, live], se[live], df, seed)
    critical = float(np.quantile(maxima, level)) if live.any() else 0.0
    critical = max(critical, quantile)
    statistic = float(np.max(np.abs(estimate[live]) / se[live])) if live.any() else 0.0
    reached = int((maxima >= statistic).sum()) if live.any() else len(replicates)
    p_value = (1 + reached) / (1 + len(replicates))
    return Bands(
        se,
        estimate - half,
        estimate + half,
        estimate - critical * se,
        estimate + critical * se,
        statistic,
        p_value,
        critical,
        df,
    )


def _maxima(replicates: Array, se: Array, df: int, seed: int) -> Array:
    """Draws of the maximum t statistic under the centre of the bootstrap."""
    if not se.size:
        return np.zeros(len(replicates))
    centred = np.abs(replicates - replicates.mean(axis=0)) / se
    chi = np.random.default_rng(seed).chisquare(df, size=len(replicates))
    maxima: Array = centred.max(axis=1) / np.sqrt(chi / df)
    return maxima
