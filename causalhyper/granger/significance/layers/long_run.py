"""Long-run covariance of a series: kernels, bandwidths, and the smoother that applies them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError

Kernel = Literal["cosine", "bartlett", "quadratic_spectral"]
Rule = Literal["andrews", "newey_west"]
ROUGH = 0.97
"""Largest autocorrelation that a bandwidth is computed from."""


def smoother(kernel: Kernel, bandwidth: float, edges: Codes | int) -> Array:
    r"""Return the matrix H of a long-run covariance :math:`S^\top H S / T` of a series S.

    Parameters
    ----------
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
        "bartlett" is that of Newey and West 1987; "cosine" the mean over the first cosines of
        the squared projections on them (Lazarus, Lewis, Stock and Watson 2018).
    bandwidth : float
        Lags, in the kernel's argument: Bartlett weights are 1 - j / bandwidth. Of "cosine" the
        number of cosines, over all trainings.
    edges : int, or ndarray of int, shape (trainings + 1,)
        T; or rows where trainings begin, and T. No product crosses an edge.

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
    >>> smoother("bartlett", 2.0, np.array([0, 2, 3]))
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    if kernel not in get_args(Kernel) or not 0 < bandwidth < math.inf:
        raise ConfigurationError(
            f"expected a kernel of {', '.join(get_args(Kernel))} and a bandwidth above zero; got "
            f"{kernel!r} and {bandwidth}"
        )
    ends = edges_of(edges)
    counts = share_cosines(bandwidth, ends) if kernel == "cosine" else [0] * (len(ends) - 1)
    whole = np.zeros((ends[-1], ends[-1]))
    for start, stop, count in zip(ends[:-1], ends[1:], counts, strict=True):
        rows = int(stop - start)
        if kernel == "cosine":
            waves = np.sqrt(2) * cosines(rows, count)
            whole[start:stop, start:stop] = waves @ waves.T / count
        else:
            weights = _weights(kernel, np.arange(rows) / bandwidth)
            lags = np.abs(np.subtract.outer(np.arange(rows), np.arange(rows)))
            whole[start:stop, start:stop] = weights[lags]
    return whole


def edges_of(edges: Codes | int) -> Codes:
    """Return edges of trainings; a number of rows is one training.

    Parameters
    ----------
    edges : int or ndarray of int

    Returns
    -------
    ndarray of int, shape (trainings + 1,)
    """
    return np.array([0, edges]) if isinstance(edges, int | np.integer) else edges


def cosines(rows: int, count: int) -> Array:
    """Cosines of half a period, a whole one, and so on, over the rows of a training.

    Parameters
    ----------
    rows, count : int

    Returns
    -------
    ndarray, shape (rows, count)
        Of mean zero and mean square one half.
    """
    at = (np.arange(rows)[:, None] + 0.5) * np.arange(1, count + 1) / rows
    return np.asarray(np.cos(np.pi * at))


def share_cosines(bandwidth: float, edges: Codes) -> list[int]:
    """Share cosines among trainings by their rows to the power of 2/3, one each at least.

    Parameters
    ----------
    bandwidth : float
        Cosines in all.
    edges : ndarray of int, shape (trainings + 1,)

    Returns
    -------
    list of int

    Examples
    --------
    >>> share_cosines(9, np.array([0, 80, 90]))
    [7, 2]
    """
    lengths = np.diff(edges)
    shares = lengths ** (2 / 3) / (lengths ** (2 / 3)).sum()
    counts = np.round(int(bandwidth) * shares).astype(int)
    return [int(c) for c in np.clip(counts, 1, np.maximum(lengths - 1, 1))]


def degrees_of(kernel: Kernel, bandwidth: float, edges: Codes | int) -> float:
    """Degrees of freedom of a long-run variance as a multiple of a chi-square.

    Exact for independent normal series and "cosine" of one training; of several those with the
    same variance (Satterthwaite 1946); for the other kernels those with the same variance as the
    bandwidth tends to a small share of T (Sun 2014).

    Parameters
    ----------
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
    bandwidth : float
    edges : int, or ndarray of int, shape (trainings + 1,)
        As in `smoother`.

    Returns
    -------
    float
    """
    ends = edges_of(edges)
    if kernel == "cosine":
        lengths = np.diff(ends)
        each = lengths**2 / np.array(share_cosines(bandwidth, ends))
        return float(lengths.sum() ** 2 / each.sum())
    squared = {"bartlett": 2 / 3, "quadratic_spectral": 1.0}[kernel]
    return float(ends[-1] / (max(bandwidth, 1.0) * squared))


def choose_bandwidth(
    scores: Array, kernel: Kernel, rule: Rule = "andrews", edges: Codes | None = None
) -> float:
    """Choose a bandwidth from the data.

    Parameters
    ----------
    scores : ndarray, shape (T, q)
        The series; each is divided by its root mean square first, so that units do not matter.
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
        "cosine" takes 0.4 T^(2/3) cosines a training, whatever the scores and the rule.
    rule : {"andrews", "newey_west"}
        From first-order autoregressions (Andrews 1991, equations 6.2 and 6.4), or from
        autocovariances up to a fixed lag (Newey and West 1994), without prewhitening.
    edges : ndarray of int, optional
        Rows where trainings begin, and T; one training unless given.

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
    ends = edges_of(rows if edges is None else edges)
    if kernel == "cosine":
        return float(sum(max(int(0.4 * n ** (2 / 3)), 1) for n in np.diff(ends)))
    size = np.sqrt(np.mean(scores**2, axis=0))
    scaled = scores / np.where(size > 0, size, 1.0)
    powers = {"bartlett": 1, "quadratic_spectral": 2}
    if kernel not in powers:
        raise ConfigurationError(f"a kernel is one of {', '.join(powers)}; got {kernel!r}")
    power = powers[kernel]
    ratio = (_andrews if rule == "andrews" else _newey_west)(scaled, power, ends)
    constant = {1: 1.1447, 2: 1.3221}[power]
    found = constant * (ratio * rows) ** (1 / (2 * power + 1))
    return float(np.clip(found, 1.0, rows))


def _weights(kernel: Kernel, x: Array) -> Array:
    """Weights of a kernel; x is the lag over the bandwidth."""
    if kernel == "bartlett":
        return np.maximum(0.0, 1 - x)
    a = 1.2 * np.pi * np.where(x == 0, 1.0, x)
    return np.where(x == 0, 1.0, 3 / a**2 * (np.sin(a) / a - np.cos(a)))


def _andrews(scores: Array, power: int, edges: Codes) -> float:
    """Andrews' alpha(1) or alpha(2)."""
    within = np.delete(np.arange(1, len(scores)), edges[1:-1] - 1)
    before, now = scores[within - 1], scores[within]
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


def _newey_west(scores: Array, power: int, edges: Codes) -> float:
    """Squared ratio of the spectrum's generalised derivative to the spectrum, at zero."""
    rows = len(scores)
    series = scores.sum(axis=1)
    lags = min(int(4 * (rows / 100) ** {1: 2 / 9, 2: 2 / 25}[power]), rows - 1)
    parts = [series[start:stop] for start, stop in pairwise(edges)]
    covariances = np.array(
        [sum(float(x[j:] @ x[: max(len(x) - j, 0)]) for x in parts) for j in range(lags + 1)]
    )
    covariances /= rows
    plain = covariances[0] + 2 * covariances[1:].sum()
    bent = 2 * (np.arange(1, lags + 1) ** power * covariances[1:]).sum()
    return float((bent / plain) ** 2) if plain != 0 else 0.0
