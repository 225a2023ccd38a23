"""How far values lie from others of their cell, in spreads that few values can move."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes

LIMIT = 3.5
"""Spreads from the centre beyond which a value is far out (Iglewicz and Hoaglin, 1993)."""
OWN = 10
"""Runs of the smallest cell that has a spread of its own."""
_SHAMOS = 1.04836
"""Makes the median distance of two normal values their standard deviation (Shamos, 1976)."""
_LAGS = 50
_ROUNDING = 1e-12


def pair_distances(values: Array) -> Array:
    """Return distances between values: of all pairs of up to 51, of 50 neighbours each of more.

    Parameters
    ----------
    values : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (pairs,)

    Examples
    --------
    >>> pair_distances(np.array([0.0, 1.0, 3.0]))
    array([1., 2., 3.])
    """
    lags = range(1, min(len(values), _LAGS + 1))
    parts = [np.abs(values[lag:] - values[:-lag]) for lag in lags]
    return np.concatenate([np.zeros(0), *parts])


def score_values(values: Array, cells: Codes) -> tuple[Array, Array, Array]:
    """Score each value by its distance from the median of its cell, in spreads.

    The spread is 1.048 times the median distance between two values of a cell: it needs no
    centre, so it is right for cells of any size, and up to 29% of wild values do not break it. A
    cell of fewer than `OWN` values takes the spread over all cells.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where a value is missing.
    cells : ndarray of int, shape (n,)
        The cell of each value, from 0.

    Returns
    -------
    centre, spread, score : ndarray, shape (n,)
        The score is NaN where the value is missing, where a cell has one value, and where the
        spread is zero: there, more than half of all values are the same, and no rule holds.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 4.0, 50.0])
    >>> score_values(values, np.zeros(5, dtype=int))[2].round(1)
    array([-0.8, -0.4,  0. ,  0.4, 17.9])
    """
    centre, spread = np.full(len(values), np.nan), np.full(len(values), np.nan)
    groups = [np.flatnonzero((cells == c) & ~np.isnan(values)) for c in range(cells.max() + 1)]
    distances = [pair_distances(values[rows]) for rows in groups]
    pooled = _spread(np.concatenate([np.zeros(0), *distances]))
    for rows, between in zip(groups, distances, strict=True):
        if len(rows) > 1:
            centre[rows] = np.median(values[rows])
            spread[rows] = _spread(between) if len(rows) >= OWN else pooled
    known = np.abs(values[~np.isnan(values)])
    spread[spread <= _ROUNDING * known.max(initial=0.0)] = np.nan
    return centre, spread, (values - centre) / spread


def _spread(distances: Array) -> float:
    return _SHAMOS * float(np.median(distances)) if len(distances) else np.nan
