"""Unbiased moments of gradients with variances from leaving each one out."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def ratio(
    trace: float, squared: float, variances: tuple[float, float, float]
) -> tuple[float, float]:
    r"""Ratio of two estimates with its standard error by the delta method.

    .. math:: \mathrm{var}(a / b) \approx
              \frac{\mathrm{var}\,a - 2 r\,\mathrm{cov}(a, b) + r^2\,\mathrm{var}\,b}{b^2},
              \quad r = a / b

    Parameters
    ----------
    trace, squared : float
        Numerator and denominator.
    variances : tuple of float
        Variances of the two, then their covariance.

    Returns
    -------
    ratio, error : float
        Both NaN where the denominator is not positive.

    Examples
    --------
    >>> ratio(6.0, 2.0, (0.04, 0.0, 0.0))
    (3.0, 0.1)
    """
    if not squared > 0:
        return math.nan, math.nan
    r = trace / squared
    a, b, ab = variances
    return r, math.sqrt(max(0.0, a - 2 * r * ab + r * r * b)) / squared


def leave_one_out(
    squares: Tensor, along: Tensor
) -> tuple[float, float, tuple[float, float, float]]:
    r"""Unbiased trace and squared mean of n gradients, with the jackknife's variances.

    .. math:: \mathrm{tr}\,S = \frac{\sum_i |g_i|^2 - n |\bar g|^2}{n - 1}, \qquad
              \widehat{|g|^2} = |\bar g|^2 - \frac{\mathrm{tr}\,S}{n}

    Parameters
    ----------
    squares : Tensor of float64, shape (n,)
        ``|g_i|^2``; n >= 3.
    along : Tensor of float64, shape (n,)
        ``g_i`` times the mean gradient.

    Returns
    -------
    trace, squared : float
        The two; NaN where a gradient is not finite.
    variances : tuple of float
        Variances of the two, then their covariance.

    Notes
    -----
    Leaving out needs no gradient again: both are functions of the inputs alone. Source: Efron
    1982, "The jackknife, the bootstrap and other resampling plans", chapter 3.

    Examples
    --------
    >>> g = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    >>> trace, squared, _ = leave_one_out(g * g, g * g.mean())
    >>> round(trace, 6), round(squared, 6)
    (1.0, 3.666667)
    """
    n = len(squares)
    total, mean = squares.sum(), along.mean()
    left_mean = (n**2 * mean - 2 * n * along + squares) / (n - 1) ** 2
    left = torch.stack(_unbiased(total - squares, left_mean, n - 1))
    if not bool(torch.isfinite(left).all()):
        return math.nan, math.nan, (math.nan, math.nan, math.nan)
    centred = left - left.mean(1, keepdim=True)
    covariance = (n - 1) / n * (centred @ centred.T)
    trace, squared = _unbiased(total, mean, n)
    variances = (float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1]))
    return float(trace), float(squared), variances


def _unbiased(total: Tensor, mean_squared: Tensor, n: int) -> tuple[Tensor, Tensor]:
    trace = (total - n * mean_squared) / (n - 1)
    return trace, mean_squared - trace / n
