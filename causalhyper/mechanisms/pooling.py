"""Partial pooling: how far context effects are drawn to their mean."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError

LARGEST = 1e8
"""Ratio that stands for context effects without any variance."""
SMALLEST = 1e-8
"""Ratio that stands for noise without any variance."""


def variance_ratio(columns: Array, response: Array, contexts: Codes) -> float:
    """Variance of the noise over the variance of the context effects, by REML.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
        Without a constant.
    response : ndarray, shape (n,)
    contexts : ndarray of int, shape (n,)
        At least two contexts.

    Returns
    -------
    float
        Between `SMALLEST` and `LARGEST`; the ridge penalty under which least squares gives the
        best linear unbiased predictions of the context effects.

    Raises
    ------
    ConfigurationError
        If there is a single context.

    Notes
    -----
    The restricted likelihood of a random intercept has one unknown once the noise is profiled
    out, so a bounded search finds its maximum. statsmodels' mixed models give the same number
    inside the range, and fail at its ends. Source: Patterson and Thompson 1971; Robinson 1991,
    "That BLUP is a good thing".
    """
    if contexts.max() == 0:
        raise ConfigurationError(
            "there is one context only, so there is nothing to pool: name context columns, or "
            "use contexts='fixed'"
        )
    from scipy.optimize import minimize_scalar

    both = np.column_stack([np.ones(len(columns)), columns, response])
    sums = np.zeros((int(contexts.max()) + 1, both.shape[1]))
    np.add.at(sums, contexts, both)
    within, sizes = both.T @ both, np.bincount(contexts)

    def loss(log_ratio: float) -> float:
        return _restricted_loss(np.exp(log_ratio), within, sums, sizes, len(both))

    ends = (np.log(SMALLEST), np.log(LARGEST))
    # a coarse grid first: the likelihood can be flat towards an end
    grid = np.linspace(*ends, 75)
    at = int(np.argmin([loss(g) for g in grid]))
    near = (grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)])
    found = minimize_scalar(loss, bounds=near, method="bounded", options={"xatol": 1e-8})
    best = min((float(found.x), grid[at], *ends), key=loss)
    return float(np.exp(best))


def _restricted_loss(ratio: float, within: Array, sums: Array, sizes: Codes, n: int) -> float:
    """Minus twice the restricted log likelihood, up to a constant.

    The inverse covariance of a context of m runs is ``I - 11' / (ratio + m)``.
    """
    moments = within - (sums / (ratio + sizes)[:, None]).T @ sums
    gram, cross = moments[:-1, :-1], moments[:-1, -1]
    rest = float(moments[-1, -1] - cross @ np.linalg.solve(gram, cross))
    p = len(gram)
    determinants = np.log1p(sizes / ratio).sum() + np.linalg.slogdet(gram)[1]
    return float((n - p) * np.log(max(rest, 1e-300)) + determinants)
