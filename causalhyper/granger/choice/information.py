"""The extended Bayesian information criterion, and how many independent steps there are."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_real, check_whole


def extended_bic(
    left: Array,
    kept: Codes,
    rows: int,
    width: int,
    *,
    gamma: float = 1.0,
    steps: float | None = None,
) -> Array:
    r"""Extended Bayesian information criterion of fits with Gaussian errors.

    .. math:: n \log(|r|^2 / T) + d \log n + 2 \gamma \log \binom{p}{d}

    with d the number of nonzero coefficients, which is an unbiased estimate of the degrees of
    freedom of a lasso (Zou, Hastie and Tibshirani 2007), and n the number of steps.

    Parameters
    ----------
    left : ndarray, shape (k,)
        Sums of squared residuals.
    kept : ndarray of int, shape (k,)
        Nonzero coefficients d.
    rows, width : int
        T and p.
    gamma : float
        In [0, 1]; 0 is the BIC. 1 finds the right columns, as T grows, for p a power of T of any
        order; a smaller one only for lower powers (theorem 1).
    steps : float, optional
        n, where the steps are not independent; T otherwise.

    Returns
    -------
    ndarray, shape (k,)
        Infinite where d >= n, minus infinite where nothing is left.

    Raises
    ------
    ConfigurationError
        If gamma or the steps mean nothing.

    Notes
    -----
    Source: Chen and Chen 2008, equation 1.

    Examples
    --------
    >>> extended_bic(np.array([10.0, 1.0]), np.array([0, 1]), 10, 100, gamma=0.0).round(2)
    array([  0.  , -20.72])
    """
    check_whole(rows=rows, width=width)
    check_real(gamma=gamma, steps=rows if steps is None else steps)
    if rows < 1 or width < 1:
        raise ConfigurationError(f"expected a row and a column at least; got {rows} and {width}")
    if not 0 <= gamma <= 1 or (steps is not None and not 0 < steps <= rows):
        raise ConfigurationError(
            f"expected gamma in [0, 1] and steps in (0, {rows}]; got {gamma} and {steps}"
        )
    count = float(rows if steps is None else steps)
    choices = gammaln(width + 1) - gammaln(kept + 1) - gammaln(width - kept + 1)
    with np.errstate(divide="ignore"):
        fit = count * np.log(np.maximum(left, 0) / rows)
    criterion = fit + kept * np.log(count) + 2 * gamma * choices
    return np.where(kept < count, criterion, np.inf)


def effective_steps(residual: Array) -> float:
    r"""Count the independent steps that would know the mean as well as these dependent ones.

    .. math:: T / (1 + 2 \sum_{k \ge 1} \rho_k)

    with the autocorrelations summed in pairs, as long as the sum of a pair is above zero and
    never above that of the pair before (Geyer 1992, section 3.3).

    Parameters
    ----------
    residual : ndarray, shape (T,)
        In time; its mean is taken away.

    Returns
    -------
    float
        In [1, T]; T where the residual is constant.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=2000)
    >>> walk = np.zeros(2000)
    >>> for t in range(1, 2000):
    ...     walk[t] = 0.8 * walk[t - 1] + noise[t]
    >>> 1500 < effective_steps(noise) <= 2000, 130 < effective_steps(walk) < 330
    (True, True)
    """
    rows = len(residual)
    away = residual - residual.mean()
    scale = float(np.abs(away).max(initial=0.0))
    if scale <= 8 * np.finfo(float).eps * float(np.abs(residual).max(initial=0.0)):
        return float(rows)
    spectrum = np.fft.rfft(away / scale, 2 * rows)
    covariances = np.fft.irfft(np.abs(spectrum) ** 2, 2 * rows)[:rows]
    even = covariances[: rows - rows % 2] / covariances[0]
    pairs = even[0::2] + even[1::2]
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if len(ends) else pairs
    inflation = 2 * float(np.minimum.accumulate(positive).sum()) - 1 if len(positive) else 1.0
    return float(np.clip(rows / max(inflation, 1.0), 1.0, rows))
