"""How far coefficients lie from the lasso that they aim at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.lasso import ColumnBlocks
from causalhyper.granger.lasso.columns import host_blocks


@dataclass(frozen=True, slots=True, eq=False)
class Distance:
    """Measured in float64, for each of k penalties.

    Attributes
    ----------
    gaps : ndarray, shape (k,)
        Relative duality gaps, not negative.
    fitted : ndarray, shape (k,)
        Norm of the fitted values over the norm of y; 0 where y is zero.
    r_squared : ndarray, shape (k,)
        Share of the sum of squares of y (not centred) that is fitted.
    """

    gaps: Array
    fitted: Array
    r_squared: Array


def distance(columns: ColumnBlocks, y: Array, penalties: Array, coefficients: Array) -> Distance:
    r"""Measure the duality gap of any coefficients, in two readings.

    .. math:: \frac{|r|^2}{2T} + \lambda |g|_1 - \frac{|y|^2 - |y - r / \max(1, e)|^2}{2T},
              \quad e = \max_k \frac{|x_k' r|}{T \lambda}

    over :math:`|y|^2 / 2T` (Kim et al. 2007, section III).

    Parameters
    ----------
    columns : ColumnBlocks
    y : ndarray, shape (T,)
    penalties : ndarray, shape (k,)
    coefficients : ndarray, shape (k, p)

    Returns
    -------
    Distance
    """
    rows, null = len(y), float(y @ y)
    if null == 0:
        nothing = np.zeros(len(penalties))
        return Distance(nothing, nothing, nothing)
    fits = np.zeros((len(penalties), rows))
    for start, block in host_blocks(columns):
        part = coefficients[:, start : start + block.shape[1]]
        used = np.flatnonzero(part.any(axis=0))
        fits += part[:, used] @ (block[:, used].astype(np.float64) * columns.unit).T
    residuals = y - fits
    excess = np.ones(len(penalties))
    for _, block in host_blocks(columns):
        products = np.abs(residuals @ block.astype(np.float64)).max(axis=1) * columns.unit
        np.maximum(excess, products / (rows * penalties), out=excess)
    feasible = residuals / excess[:, None]
    primal = (residuals**2).sum(axis=1) + 2 * rows * penalties * np.abs(coefficients).sum(axis=1)
    # |y|^2 - |y - f|^2 = f (2 y - f), without the cancellation
    dual = (feasible * (2 * y - feasible)).sum(axis=1)
    return Distance(
        gaps=np.maximum(primal - dual, 0) / null,
        fitted=np.sqrt((fits**2).sum(axis=1) / null),
        r_squared=1 - (residuals**2).sum(axis=1) / null,
    )
