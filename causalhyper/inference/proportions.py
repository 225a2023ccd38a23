"""Intervals of probabilities, which stay between 0 and 1."""

from __future__ import annotations

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.inference.intervals import t_quantile


def proportion_interval(
    estimate: Array, se: Array, *, df: float | Array, level: float, clusters: int
) -> tuple[Array, Array]:
    """Student's t interval on the logistic scale.

    A probability near 0 or 1 may have no standard error, because no replicate shows the event, or
    each does. Its interval is the exact binomial one, the clusters being the trials.

    Parameters
    ----------
    estimate, se : ndarray, shape (q,)
        Probabilities and their standard errors.
    df : float or ndarray, shape (q,)
        Degrees of freedom, at least 1.
    level : float
        In (0, 1).
    clusters : int
        Independent clusters, at least 1.

    Returns
    -------
    lower, upper : ndarray, shape (q,)
        In [0, 1].

    Notes
    -----
    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in
    the case of the binomial"; Korn and Graubard 1998, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data" (clusters as trials).

    Examples
    --------
    >>> ends = proportion_interval(
    ...     np.array([0.5, 0.0]), np.array([0.1, 0.0]), df=10, level=0.95, clusters=20
    ... )
    >>> [end.round(3).tolist() for end in ends]
    [[0.291, 0.0], [0.709, 0.168]]
    """
    tail = (1.0 - level) / 2
    quantile = t_quantile(np.asarray(df, dtype=np.float64), level)
    live = (se > 0) & (estimate > 0) & (estimate < 1)
    p = np.where(live, estimate, 0.5)
    half = quantile * se / (p * (1 - p))
    hits = estimate * clusters
    with np.errstate(invalid="ignore"):
        low = np.where(hits > 0, special.betaincinv(hits, clusters - hits + 1, tail), 0.0)
        high = special.betaincinv(hits + 1, clusters - hits, 1 - tail)
    high = np.where(hits < clusters, high, 1.0)
    lower = np.where(live, special.expit(special.logit(p) - half), low)
    upper = np.where(live, special.expit(special.logit(p) + half), high)
    return lower, upper
