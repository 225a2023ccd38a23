"""Variances of sums of dependent, heteroscedastic steps."""

from __future__ import annotations

import math

import numpy as np

from causalhyper.arrays import Array, Codes


def long_run_variance(
    scores: Array, times: Codes, lags: float | None = None
) -> tuple[float, float]:
    r"""Estimate the variance of a sum of scores that depend on their neighbours.

    .. math:: \sum_{s, t} \max(1 - |s - t| / (b + 1), 0)\, u_s u_t

    over pairs of steps of one stretch; Bartlett's weights keep it from being negative.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        u, with mean zero.
    times : ndarray of int, shape (n,)
        Increasing; distances count within stretches of neighbouring steps.
    lags : float, optional
        b, 0 for heteroscedasticity alone. Unless given, that of Andrews for an autoregression:
        :math:`1.1447 (\alpha n)^{1/3} - 1`, :math:`\alpha = 4 \rho^2 / (1 - \rho^2)^2`.

    Returns
    -------
    variance, lags : float

    Notes
    -----
    Source: Newey and West 1987, equation 5; Andrews 1991, equations 6.2 and 6.4. Andrews' number
    S is b + 1 here.

    Examples
    --------
    >>> long_run_variance(np.array([1.0, 1.0, -1.0]), np.arange(3), lags=1.0)
    (3.0, 1.0)
    """
    count = len(scores)
    if lags is None:
        near = np.flatnonzero(np.diff(times) == 1)
        size = float(scores[near] @ scores[near])
        rho = float(scores[near] @ scores[near + 1]) / size if size > 0 else 0.0
        rho = float(np.clip(rho, -0.97, 0.97))
        alpha = 4 * rho**2 / (1 - rho**2) ** 2
        lags = max(1.1447 * (alpha * count) ** (1 / 3) - 1, 0.0)
    total = float(scores @ scores)
    for lag in range(1, min(math.ceil(lags + 1), count)):
        there = (times[lag:] - times[:-lag]) == lag
        weight = 1 - lag / (lags + 1)
        total += 2 * weight * float((scores[lag:] * scores[:-lag])[there].sum())
    return total, lags
