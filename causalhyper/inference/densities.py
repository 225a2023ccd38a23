"""Densities of simulated outcomes: a normal kernel of fixed width, for many samples at once."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array

FINENESS = 16
"""Bins a bandwidth: binning adds to the kernel's variance at most a quarter of a squared bin."""
REACH = 6.0
"""Bandwidths beyond which a draw counts for nothing: its kernel is below 1e-8 of the peak."""


def bandwidth(values: Array, n: int) -> float:
    """Silverman's rule, with the number of observations that the draws rest on.

    Parameters
    ----------
    values : ndarray, shape (d, m)
        Draws of d distributions; the narrowest decides.
    n : int
        Observations behind the draws. Draws can be made without end and say no more.

    Returns
    -------
    float
        ``0.9 min(sd, IQR / 1.349) n^(-1/5)``; 0 where the draws don't vary.

    Notes
    -----
    Source: Silverman 1986, Density Estimation for Statistics and Data Analysis, eq. 3.31.

    Examples
    --------
    >>> round(bandwidth(np.array([[0.0, 1.0, 2.0, 3.0]]), n=32), 4)
    0.5004
    """
    sd = values.std(axis=1)
    upper, lower = np.quantile(values, [0.75, 0.25], axis=1)
    spread = np.where(upper > lower, np.minimum(sd, (upper - lower) / 1.349), sd)
    return float(0.9 * spread.min() * n**-0.2)


def kernel_densities(values: Array, points: Array, width: float) -> Array:
    """Density of draws smoothed by a normal kernel.

    Draws are first shared between the two nearest of many equal bins, in proportion to their
    nearness (linear binning), so the cost doesn't grow with draws times points.

    Parameters
    ----------
    values : ndarray, shape (..., m)
        Draws; each sample of m has a density of its own.
    points : ndarray, shape (g,)
    width : float
        Standard deviation of the kernel, above 0, in the unit of the values.

    Returns
    -------
    ndarray, shape (..., g)
        Per unit of the values.

    Notes
    -----
    Source: Jones and Lotwick 1983, "On the errors involved in computing the empirical
    characteristic function" (linear binning); Wand and Jones 1995, Kernel Smoothing, appendix D.

    Examples
    --------
    >>> kernel_densities(np.array([[0.0]]), np.array([0.0, 1.0]), 1.0).round(4).tolist()
    [[0.3989, 0.242]]
    """
    step = width / FINENESS
    start = points.min() - REACH * width
    count = int(np.ceil((points.max() + REACH * width - start) / step)) + 2
    samples = values.reshape(-1, values.shape[-1])
    # what lies beyond the bins goes to the outer ones, too far from any point to count
    place = np.clip((samples - start) / step, 0.0, count - 1.0)
    left = np.minimum(place.astype(np.intp), count - 2)
    share = place - left
    flat = (left + count * np.arange(len(samples))[:, None]).ravel()
    size = count * len(samples)
    weights = np.bincount(flat, (1.0 - share).ravel(), size)
    weights += np.bincount(flat + 1, share.ravel(), size)
    bins = start + step * np.arange(count)
    kernel = np.exp(-0.5 * ((bins[:, None] - points) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    found: Array = weights.reshape(len(samples), count) @ kernel / samples.shape[1]
    return found.reshape(*values.shape[:-1], len(points))
