"""Shrinkage of many estimates to their common mean, by their errors."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array


def shrink_slopes(slopes: Array, errors: Array) -> Array:
    r"""Shrink estimates to zero by the share of their variance that is not error.

    .. math:: \hat\gamma_k \frac{\tau^2}{\tau^2 + s_k^2}, \quad
        \tau^2 = \max\left(0, \frac{\sum_k w_k (\hat\gamma_k^2 - s_k^2)}{\sum_k w_k}\right),
        \quad w_k = s_k^{-4}

    the empirical Bayes estimate where slopes are normal around zero with variance
    :math:`\tau^2`; weights are those of the squares under :math:`\tau = 0`. Where the estimates
    vary no more than their errors, all are zero.

    Parameters
    ----------
    slopes, errors : ndarray, shape (p,)
        Estimates and their standard errors; an error of 0 marks what has no estimate.

    Returns
    -------
    ndarray, shape (p,)

    Notes
    -----
    Source: Efron and Morris 1975.

    Examples
    --------
    >>> shrink_slopes(np.array([3.0, -3.0]), np.ones(2)).round(3).tolist()
    [2.667, -2.667]
    """
    known = errors > 0
    found = np.zeros(len(slopes))
    if not known.any():
        return found
    squares, noise = slopes[known] ** 2, errors[known] ** 2
    weights = (noise.min() / noise) ** 2
    variance = max(0.0, float((weights * (squares - noise)).sum() / weights.sum()))
    found[known] = slopes[known] * variance / (variance + noise)
    return found
