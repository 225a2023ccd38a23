"""Sign flips of whole clusters: the reference of a test, and the interval that it keeps."""

from __future__ import annotations

from math import floor

import numpy as np

from causalhyper.arrays import Array


def sign_flips(clusters: int, draws: int, rng: np.random.Generator) -> Array:
    """Signs of the clusters, no row all of one sign where all flips are tried.

    Parameters
    ----------
    clusters : int
    draws : int
        Rows at most.
    rng : numpy.random.Generator
        Not used where all of the ``2^(clusters - 1) - 1`` flips are tried.

    Returns
    -------
    ndarray, shape (flips, clusters)
        Of +1 and -1; the first cluster's sign stays, as no statistic depends on all signs.

    Examples
    --------
    >>> sign_flips(3, 99, np.random.default_rng(0)).tolist()
    [[1.0, -1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
    """
    others = clusters - 1
    if others < 60 and 2**others - 1 <= draws:
        bits = (np.arange(1, 2**others)[:, None] >> np.arange(others)) & 1
        signs = 1.0 - 2.0 * bits
    else:
        signs = rng.choice([-1.0, 1.0], size=(draws, others))
    return np.concatenate([np.ones((len(signs), 1)), signs], axis=1)


def kept_ranges(a: float, d: float, flipped_a: Array, flipped_d: Array) -> tuple[Array, Array]:
    """The ratios r for which a flip reaches ``|a - r d|``: for each flip one range about a / d.

    Parameters
    ----------
    a, d : float
        Sums over clusters; `d` positive.
    flipped_a, flipped_d : ndarray, shape (flips,)
        The same sums with flipped signs.

    Returns
    -------
    low, high : ndarray, shape (flips,)
        In [-1, 1]. ``(A - r D)^2 >= (a - r d)^2`` holds between ``(a - A) / (d - D)`` and
        ``(a + A) / (d + D)``: the ratios of the flipped and of the other clusters.

    Examples
    --------
    >>> low, high = kept_ranges(1.0, 4.0, np.array([0.0]), np.array([2.0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.167], [0.5])
    """
    bounded = np.abs(flipped_d) < d * (1 - 1e-12)
    below = np.where(bounded, d - flipped_d, 1.0)
    above = np.where(bounded, d + flipped_d, 1.0)
    ratios = np.stack([(a - flipped_a) / below, (a + flipped_a) / above])
    low = np.where(bounded, ratios.min(axis=0), -1.0)
    high = np.where(bounded, ratios.max(axis=0), 1.0)
    return np.clip(low, -1.0, 1.0), np.clip(high, -1.0, 1.0)


def kept_interval(low: Array, high: Array, level: float) -> tuple[float, float]:
    """The ratios that the flips do not reject at ``1 - level``.

    Parameters
    ----------
    low, high : ndarray, shape (flips,)
        From `kept_ranges`.
    level : float
        In (0, 1).

    Returns
    -------
    lower, upper : float
        [-1, 1] where there are too few flips to reject anything.

    Examples
    --------
    >>> kept_interval(np.array([-0.5] + [0.1] * 38), np.array([0.9] + [0.3] * 38), 0.95)
    (0.1, 0.3)
    """
    needed = floor((1 - level) * (1 + len(low)) * (1 + 1e-12))
    if not needed:
        return -1.0, 1.0
    return float(np.sort(low)[needed - 1]), float(np.sort(high)[-needed])
