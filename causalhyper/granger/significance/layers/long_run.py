"""Long-run covariance of a series: kernels, bandwidths, and the smoother that applies them."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

Kernel = Literal["cosine", "bartlett", "quadratic_spectral"]
Rule = Literal["andrews", "newey_west"]
ROUGH = 0.97
"""Largest autocorrelation that a bandwidth is computed from."""


def smoother(kernel: Kernel, bandwidth: float, rows: int) -> Array:
    r"""Return the matrix H of a long-run covariance :math:`S^\top H S / T` of a series S.

    Parameters
    ----------
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
        "bartlett" is that of Newey and West 1987; "cosine" the mean over the first cosines of
        the squared projections on them (Lazarus, Lewis, Stock and Watson 2018).
    bandwidth : float
        Lags, in the kernel's argument: Bartlett weights are 1 - j / bandwidth. Of "cosine" the
        number of cosines.
    rows : int
        T.

    Returns
    -------
    ndarray, shape (T, T)
        Positive semidefinite.

    Raises
    ------
    ConfigurationError
        If the kernel is unknown, or the bandwidth means nothing.

    Examples
    --------
    >>> smoother("bartlett", 2.0, 3)
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0.5],
           [0. , 0.5, 1. ]])
    """
    if kernel not in get_args(Kernel) or not 0 < bandwidth < math.inf:
        raise ConfigurationError(
            f"expected a kernel of {', '.join(get_args(Kernel))} and a bandwidth above zero; got "
            f"{kernel!r} and {bandwidth}"
        )
    if kernel == "cosine":
        count = min(max(int(bandwidth), 1), rows - 1)
        at = np.arange(1, count + 1)[:, None] * (np.arange(rows) + 0.5) / rows
        waves = np.sqrt(2) * np.cos(np.pi * at)
        return np.asarray(waves.T @ waves / count)
    weights = _weights(kernel, np.arange(rows) / bandwidth)
    return np.asarray(weights[np.abs(np.subtract.outer(np.arange(rows), np.arange(rows)))])


def degrees_of(kernel: Kernel, bandwidth: float, rows: int) -> float:
    """Degrees of freedom of a long-run variance as a multiple of a chi-square.

    Exact for independent normal series and "cosine"; for the others those with the same variance
    as the bandwidth tends to a small share of T (Sun 2014).

    Parameters
    ----------
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
    bandwidth : float
    rows : int
        T.

    Returns
    -------
    float
    """
    if kernel == "cosine":
        return float(min(max(int(bandwidth), 1), rows - 1))
    squared = {"bartlett": 2 / 3, "quadratic_spectral": 1.0}[kernel]
    return rows / (max(bandwidth, 1.0) * squared)


def choose_bandwidth(scores: Array, kernel: Kernel, rule: Rule = "andrews") -> float:
    """Choose a bandwidth from the data.

    Parameters
    ----------
    scores : ndarray, shape (T, q)
        The series; each is divided by its root mean square first, so that units do not matter.
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
        "cosine" takes 0.4 T^(2/3) cosines, whatever the scores and the rule.
    rule : {"andrews", "newey_west"}
        From first-order autoregressions (Andrews 1991, equations 6.2 and 6.4), or from
        autocovariances up to a fixed lag (Newey and West 1994), without prewhitening.

    Returns
    -------
    float
        At least 1 and at most T, but for "cosine".

    Raises
    ------
    ConfigurationError
        If the rule is unknown.
    """
    if rule not in get_args(Rule):
        raise ConfigurationError(f"rule must be 'andrews' or 'newey_west'; got {rule!r}")
    rows = len(scores)
    if kernel == "cosine":
        return float(max(int(0.4 * rows ** (2 / 3)), 1))
    size = np.sqrt(np.mean(scores**2, axis=0))
    scaled = scores / np.where(size > 0, size, 1.0)
    power = {"bartlett": 1, "quadratic_spectral": 2}[kernel]
    ratio = (_andrews if rule == "andrews" else _newey_west)(scaled, power)
    constant = {1: 1.1447, 2: 1.3221}[power]
    found = constant * (ratio * rows) ** (1 / (2 * power + 1))
    return float(np.clip(found, 1.0, rows))


def _weights(kernel: Kernel, x: Array) -> Array:
    """Weights of a kernel; x is the lag over the bandwidth."""
    if kernel == "bartlett":
        return np.maximum(0.0, 1 - x)
    a = 1.2 * np.pi * np.where(x == 0, 1.0, x)
    return np.where(x == 0, 1.0, 3 / a**2 * (np.sin(a) / a - np.cos(a)))


def _andrews(scores: Array, power: int) -> float:
    """Andrews' alpha(1) or alpha(2)."""
    before, now = scores[:-1], scores[1:]
    squares = (before**2).sum(axis=0)
    rho = (before * now).sum(axis=0) / np.where(squares > 0, squares, 1.0)
    rho = np.clip(rho, -ROUGH, ROUGH)
    variance = ((now - rho * before) ** 2).mean(axis=0)
    below = (variance**2 / (1 - rho) ** 4).sum()
    if not below > 0:
        return 0.0
    above = 4 * rho**2 * variance**2
    divisor = (1 - rho) ** 6 * (1 + rho) ** 2 if power == 1 else (1 - rho) ** 8
    return float((above / divisor).sum() / below)


def _newey_west(scores: Array, power: int) -> float:
    """Squared ratio of the spectrum's generalised derivative to the spectrum, at zero."""
    rows = len(scores)
    series = scores.sum(axis=1)
    lags = min(int(4 * (rows / 100) ** {1: 2 / 9, 2: 2 / 25}[power]), rows - 1)
    covariances = np.array([series[j:] @ series[: rows - j] for j in range(lags + 1)]) / rows
    plain = covariances[0] + 2 * covariances[1:].sum()
    bent = 2 * (np.arange(1, lags + 1) ** power * covariances[1:]).sum()
    return float((bent / plain) ** 2) if plain != 0 else 0.0
