"""How far a Ritz value can lie from an eigenvalue, and which Ritz values are asked for."""

from __future__ import annotations

from typing import Literal

import numpy as np

Which = Literal["largest", "smallest", "both", "size"]
"""The algebraically largest, the smallest, both apart, or the largest in absolute value."""
SWEEPS = 2
"""How often gaps are narrowed by the bounds of the neighbours."""


def error_bounds(values: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    r"""Bound the distance of each Ritz value from an eigenvalue.

    With r the residual and g the gap to the nearest other eigenvalue,

    .. math:: |\theta - \lambda| \le \min\bigl(r, \; r^2 / g\bigr)

    Parameters
    ----------
    values : ndarray, shape (m,)
        Ritz values, largest first.
    residuals : ndarray, shape (m,)
        Their residuals.

    Returns
    -------
    ndarray, shape (m,)
        In units of an eigenvalue.

    Notes
    -----
    The first term holds always, for *some* eigenvalue. The second takes the gap from the other
    Ritz values, each moved towards this one by its own bound (swept twice, from the
    residuals), and is used where that gap exceeds r; it holds where the Ritz values leave
    no eigenvalue out between them, which `collectors.curvature.hidden` bounds the probability
    of. Source: Parlett 1998, The Symmetric Eigenvalue Problem, theorem
    11.7.1 (Kato and Temple).

    Examples
    --------
    >>> error_bounds(np.array([6.0, 2.0]), np.array([0.5, 0.0])).tolist()
    [0.0625, 0.0]
    """
    apart = np.abs(values[:, None] - values[None, :])
    np.fill_diagonal(apart, np.inf)
    bounds = residuals
    if len(values) == 1:
        return bounds
    for _ in range(SWEEPS):
        gap = (apart - bounds[None, :]).min(axis=1)
        tight = residuals**2 / np.where(gap > residuals, gap, np.inf)
        bounds = np.where(gap > residuals, np.minimum(residuals, tight), residuals)
    return bounds


def places(values: np.ndarray, k: int, which: Which) -> list[tuple[str, int]]:
    """Choose Ritz values: the end that each belongs to, and its place among those given.

    Parameters
    ----------
    values : ndarray, shape (m,)
        Largest first.
    k : int
        How many at each end.
    which : {"largest", "smallest", "both", "size"}
        Which end; "both" gives k of each, "size" the k largest in absolute value.

    Returns
    -------
    list of (str, int)
        ("largest", 0), ("largest", 1) ... then ("smallest", m - 1), ("smallest", m - 2) ...

    Examples
    --------
    >>> places(np.array([3.0, 1.0, -5.0]), 2, "size")
    [('size', 2), ('size', 0)]
    """
    m = len(values)
    k = min(k, m)
    if which == "size":
        return [("size", int(i)) for i in np.argsort(-np.abs(values), kind="stable")[:k]]
    top = [("largest", i) for i in range(k)]
    bottom = [("smallest", m - 1 - i) for i in range(k)]
    return {"largest": top, "smallest": bottom, "both": top + bottom}[which]
