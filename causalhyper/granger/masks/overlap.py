"""How much two masks overlap, and how much independent masks would."""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes

EXACT_SD = 20.0
"""Standard deviation of the overlap up to which its distribution is summed."""


def overlap_moments(entries: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """Mean and variance of how many entries of a layer two independent masks both keep.

    Parameters
    ----------
    entries, first, second : ndarray, shape (..., layers)
        Entries of each layer, and how many of them each mask keeps.

    Returns
    -------
    mean, variance : ndarray, shape (..., layers)
        Of the hypergeometric distribution: each mask keeps so many, any of them as probable.

    Examples
    --------
    >>> overlap_moments(np.array([10.0]), np.array([5.0]), np.array([4.0]))
    (array([2.]), array([0.66666667]))
    """
    mean: Array = first * second / entries
    left = (entries - first) * (entries - second)
    return mean, mean * left / entries / np.maximum(entries - 1, 1)


def overlap_p_value(entries: Codes, first: Codes, second: Codes, both: int) -> float:
    """Two-sided p-value of the entries that both masks keep, over all layers.

    Parameters
    ----------
    entries, first, second : ndarray of int, shape (layers,)
    both : int
        Entries of any layer that both keep.

    Returns
    -------
    float
        Of H0: within each layer, which entries one mask keeps says nothing of which the other
        keeps. Twice the smaller tail, at most 1: exact where the standard deviation is at most
        `EXACT_SD`, otherwise normal with a continuity correction.

    Notes
    -----
    Source: Mantel and Haenszel 1959, "Statistical aspects of the analysis of data from
    retrospective studies of disease"; layers are the strata.

    Examples
    --------
    Two of four in both masks of a layer, all the same: one of six ways, twice.

    >>> two = np.array([2])
    >>> round(overlap_p_value(np.array([4]), two, two, 2), 4)
    0.3333
    """
    moments = overlap_moments(*(a.astype(np.float64) for a in (entries, first, second)))
    mean, sd = float(moments[0].sum()), float(np.sqrt(moments[1].sum()))
    if sd == 0:
        return 1.0
    if sd > EXACT_SD:
        z = max(abs(both - mean) - 0.5, 0.0) / sd
        return min(1.0, 2 * float(special.ndtr(-z)))
    layers = [_distribution(*row) for row in zip(entries, first, second, strict=True)]
    chances = reduce(np.convolve, (chance for _, chance in layers))
    place = both - sum(low for low, _ in layers)
    tails = chances[: max(place + 1, 0)].sum(), chances[max(place, 0) :].sum()
    return min(1.0, 2 * float(min(tails)))


def _distribution(entries: int, first: int, second: int) -> tuple[int, Array]:
    """The least overlap of a layer, and the probability of it and of each larger one."""
    low, high = max(0, first + second - entries), min(first, second)
    both = np.arange(low, high + 1)
    ways = _log_choose(first, both) + _log_choose(entries - first, second - both)
    chance = np.exp(ways - _log_choose(entries, second))
    return low, chance / chance.sum()


def _log_choose(n: int, k: Codes | int) -> Array:
    parts = special.gammaln(n + 1), special.gammaln(k + np.ones(1)), special.gammaln(n - k + 1.0)
    return np.asarray(parts[0] - parts[1] - parts[2])


def jaccard(first: Array, second: Array, both: Array) -> Array:
    """Share of the members of either of two sets that are members of both; NaN if both are empty.

    Parameters
    ----------
    first, second, both : ndarray, shape (...)
        Members of each set and of both.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> jaccard(np.array([4.0]), np.array([4.0]), np.array([2.0])).round(3).tolist()
    [0.333]
    """
    either = np.asarray(first + second - both, dtype=np.float64)
    return np.divide(both, either, out=np.full_like(either, np.nan), where=either > 0)


def kappa(agreed: Array, chance: Array) -> Array:
    """Cohen's kappa: agreement beyond chance, as a share of what chance leaves; NaN if nothing.

    Parameters
    ----------
    agreed, chance : ndarray, shape (...)
        Share of entries on which two masks agree, and on which independent masks would.

    Returns
    -------
    ndarray, shape (...)

    Notes
    -----
    Source: Cohen 1960, "A coefficient of agreement for nominal scales".

    Examples
    --------
    >>> kappa(np.array([0.7]), np.array([0.5])).round(3).tolist()
    [0.4]
    """
    left = np.asarray(1 - chance, dtype=np.float64)
    return np.divide(agreed - chance, left, out=np.full_like(left, np.nan), where=left > 1e-12)
