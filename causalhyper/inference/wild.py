"""The wild cluster bootstrap of one coefficient, from cluster-summed Gram matrices alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.inference.intervals import t_quantile
from causalhyper.inference.inversion import invert_test
from causalhyper.mechanisms.grams import ClusterGrams

Signs = Literal["auto", "rademacher", "webb"]
"""Weights: plus or minus one; six points; or whichever suits the number of clusters."""

ROUNDING = 1e-12
"""Share of the outcome's size below which a standard error is an error of rounding."""
FEWEST, FEW = 6, 12
"""Below 6 clusters signs reject nothing at 5%; up to 12, sampled signs repeat themselves."""
SIGNS: Array = np.array([1.0, -1.0])
SIX: Array = np.sqrt([1.5, 1.0, 0.5, 0.5, 1.0, 1.5]) * [-1, -1, -1, 1, 1, 1]


@dataclass(frozen=True, slots=True)
class WildTest:
    """One coefficient, with cluster-robust t and wild cluster bootstrap.

    Attributes
    ----------
    estimate, se, t : float
        Least squares; CR1 standard error; their t statistic against the null. Where clusters
        agree to rounding, se is 0 and t is 0 or infinite.
    df : int
        Clusters less one.
    t_p_value : float
        Of t against Student's t.
    p_value : float
        Share of bootstrap statistics at least as large in size as t, the null imposed; the
        observed one counts among sampled ones, so it is never 0.
    lower, upper : float
        All null values that are not rejected: the test inverted. Infinite where no null value,
        however far, is rejected.
    draws : int
        Sets of weights, all of them where `enumerated`.
    weights : str
    enumerated : bool
    """

    estimate: float
    se: float
    t: float
    df: int
    t_p_value: float
    p_value: float
    lower: float
    upper: float
    draws: int
    weights: str
    enumerated: bool


@dataclass(frozen=True, slots=True)
class _Scores:
    """What the bootstrap needs of a regression; G clusters with data.

    Attributes
    ----------
    estimate : float
        The coefficient, unrestricted.
    own : ndarray, shape (G,)
        Coefficient's part of each cluster's score at the unrestricted estimate.
    slope : ndarray, shape (G,)
        What imposing a coefficient one unit lower adds to `own`.
    reach : ndarray, shape (G, k)
        How each cluster's part follows the coefficients that are fitted again.
    scores, slopes : ndarray, shape (G, k)
        The whole scores, and what imposing a coefficient one unit lower adds to them.
    correction : float
    size : float
        Of the largest coefficient.
    """

    estimate: float
    own: Array
    slope: Array
    reach: Array
    scores: Array
    slopes: Array
    correction: float
    size: float


def wild_test(
    grams: ClusterGrams,
    column: int,
    *,
    null: float = 0.0,
    n: int | None = None,
    width: int | None = None,
    draws: int = 9999,
    weights: Signs = "auto",
    level: float = 0.95,
    seed: int = 1,
    scale: float = 0.0,
) -> WildTest:
    """Test one coefficient of a least-squares regression with few clusters.

    The null is imposed (WCR): residuals of the restricted fit, times one random weight a
    cluster, make new responses; each gives a t statistic with its own CR1 standard error. All
    draws are three products of matrices of cluster scores, so the cost is free of the rows.

    Parameters
    ----------
    grams : ClusterGrams
        Of all columns, of full rank; clusters without data count for nothing.
    column : int
        The coefficient.
    null : float
    n, width : int, optional
        Rows, and columns with those absorbed, for the factor ``(n - 1) / (n - width)`` of CR1;
        by default it is left away (it changes neither bootstrap p-value nor interval).
    draws : int
        Sets of weights, unless 2^clusters is at most as many: then every set of signs once.
    weights : {"auto", "rademacher", "webb"}
        "auto" takes signs, but Webb's six points with fewer than 6 clusters, or with at most 12
        whose signs are not enumerated.
    level : float
        Of the interval.
    seed : int
    scale : float
        Size of the outcome: what is less than 1e-12 of it, or of a coefficient, is rounding.

    Returns
    -------
    WildTest

    Raises
    ------
    ConfigurationError
        If the columns are collinear, there are fewer than 3 clusters, or an option is unknown.

    Notes
    -----
    Source: Cameron, Gelbach and Miller 2008, "Bootstrap-based improvements for inference with
    clustered errors"; Webb 2023, "Reworking wild bootstrap-based inference for clustered
    errors"; MacKinnon, Nielsen and Webb 2023, "Fast and reliable jackknife and bootstrap methods
    for cluster-robust inference" (cluster scores); Roodman et al. 2019 (test inversion).
    """
    s = _scores(grams, column, n, width)
    clusters = len(s.own)
    signs, kind, enumerated = _draw_weights(clusters, draws, weights, seed)
    t, se = _statistics(s, null, np.ones((1, clusters)))
    statistic, df = float(t[0]), clusters - 1
    floor = ROUNDING * max(scale, s.size)
    if se[0] <= floor:
        return _without_variance(s, null, floor, signs, kind, enumerated=enumerated)

    def p_value(value: float) -> float:
        seen = abs((s.estimate - value) / se[0])
        drawn = np.abs(_statistics(s, value, signs)[0])
        reached = int((drawn >= seen * (1 - 1e-9)).sum())
        return reached / len(drawn) if enumerated else (1 + reached) / (1 + len(drawn))

    step = float(t_quantile(np.array(float(df)), level) * se[0])
    lower, upper = invert_test(p_value, s.estimate, step, 1 - level)
    return WildTest(
        estimate=s.estimate,
        se=float(se[0]),
        t=statistic,
        df=df,
        t_p_value=float(2 * special.stdtr(df, -abs(statistic))),
        p_value=p_value(null),
        lower=lower,
        upper=upper,
        draws=len(signs),
        weights=kind,
        enumerated=enumerated,
    )


def _scores(grams: ClusterGrams, column: int, n: int | None, width: int | None) -> _Scores:
    """Scores of the clusters that have data."""
    there = np.einsum("gii->gi", grams.xx).any(axis=1)
    xx, xy = grams.xx[there], grams.xy[there]
    clusters, k = xy.shape
    total = xx.sum(axis=0)
    if clusters < 3 or np.linalg.matrix_rank(total, hermitian=True) < k:
        raise ConfigurationError(
            f"a wild bootstrap needs at least 3 clusters and columns that are not collinear; got "
            f"{clusters} clusters and {k} columns"
        )
    inverse = np.linalg.inv(total)
    coefs, row = inverse @ xy.sum(axis=0), inverse[column]
    scores = xy - xx @ coefs
    # the restricted fit moves all coefficients along `row`
    slopes = xx @ (row / row[column])
    correction = clusters / (clusters - 1)
    if n is not None and width is not None:
        correction *= (n - 1) / (n - width)
    return _Scores(
        estimate=float(coefs[column]),
        own=scores @ row,
        slope=slopes @ row,
        reach=xx @ row @ inverse,
        scores=scores,
        slopes=slopes,
        correction=correction,
        size=float(np.abs(coefs).max()),
    )


def _without_variance(
    s: _Scores, null: float, floor: float, signs: Array, kind: str, *, enumerated: bool
) -> WildTest:
    """The test where every cluster has the same coefficient: all other nulls are impossible.

    With such a null imposed the statistic is infinite in the data, and in the draws that give
    all clusters that matter one weight; these alone count.
    """
    away, df = s.estimate - null, len(s.own) - 1
    p_value, t = 1.0, 0.0
    if abs(away) > floor:
        score = signs * s.slope - (signs @ s.slopes) @ s.reach.T
        flat = np.abs(score).max(axis=1) <= 1e-9 * np.abs(signs * s.slope).max(axis=1)
        count = int(flat.sum())
        p_value = count / len(signs) if enumerated else (1 + count) / (1 + len(signs))
        t = float(np.copysign(np.inf, away))
    return WildTest(
        estimate=s.estimate,
        se=0.0,
        t=t,
        df=df,
        t_p_value=float(t == 0),
        p_value=p_value,
        lower=s.estimate,
        upper=s.estimate,
        draws=len(signs),
        weights=kind,
        enumerated=enumerated,
    )


def _statistics(s: _Scores, null: float, signs: Array) -> tuple[Array, Array]:
    """T statistics of the null and their standard errors, one for each set of weights.

    A set of ones gives the statistic of the data themselves.
    """
    away = s.estimate - null
    own = s.own + away * s.slope
    moved = signs @ own
    score = signs * own - (signs @ (s.scores + away * s.slopes)) @ s.reach.T
    se = np.sqrt(s.correction * (score**2).sum(axis=1))
    safe = np.where(se > 0, se, 1.0)
    return np.where(se > 0, moved / safe, np.where(moved == 0, 0.0, np.inf)), se


def _draw_weights(clusters: int, draws: int, weights: str, seed: int) -> tuple[Array, str, bool]:
    """Sets of weights, shape (draws, clusters), their name, and whether they are all there are."""
    if weights not in ("auto", "rademacher", "webb") or draws < 99:
        raise ConfigurationError(
            f"weights must be 'auto', 'rademacher' or 'webb' and draws at least 99, got "
            f"{weights!r} and {draws}"
        )
    if weights == "auto":
        coarse = clusters < FEWEST or (clusters <= FEW and 2**clusters > draws)
        weights = "webb" if coarse else "rademacher"
    if weights == "rademacher" and 2**clusters <= draws:
        bits = np.arange(2**clusters)[:, None] >> np.arange(clusters) & 1
        return SIGNS[bits], "Rademacher", True
    rng = np.random.default_rng(seed)
    if weights == "webb":
        return SIX[rng.integers(0, 6, size=(draws, clusters))], "Webb", False
    return SIGNS[rng.integers(0, 2, size=(draws, clusters))], "Rademacher", False
