"""Stochastic descent where every column is as good as alone: its closed form, in one reading."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.granger.lasso import ColumnBlocks
from causalhyper.granger.lasso.columns import host_blocks
from causalhyper.granger.stochastic.descent import soft_threshold
from causalhyper.granger.stochastic.schedule import Schedule


def step_weights(examples: int, schedule: Schedule, orders: list[np.ndarray]) -> Array:
    """Return the sum of the learning rates that each example had over the epochs.

    Parameters
    ----------
    examples : int
    schedule : Schedule
    orders : list of ndarray
        The order of the examples in each epoch.

    Returns
    -------
    ndarray, shape (examples,)

    Examples
    --------
    >>> step_weights(2, Schedule(2, 1.0, 0.0), [np.array([0, 1]), np.array([1, 0])]).tolist()
    [2.0, 2.0]
    """
    weights = np.zeros(examples)
    for epoch, order in enumerate(orders):
        weights[order] += schedule.rates(epoch, examples)
    return weights


def thresholded_sums(columns: ColumnBlocks, y: Array, penalties: Array, weights: Array) -> Array:
    r"""Return what the descent comes to when its prediction is left out of its error.

    .. math:: g_k = S\Big(\sum_t w_t x_{tk} y_t,\; \lambda \sum_t w_t\Big)

    exactly: the gradient then does not depend on the coefficients, and the cumulative penalty
    does not depend on the order of the steps. Column k is kept where
    :math:`|\sum w_t x_{tk} y_t| > \lambda \sum w_t`: marginal screening.

    Parameters
    ----------
    columns : ColumnBlocks
    y : ndarray, shape (T,)
    penalties : ndarray, shape (k,)
    weights : ndarray, shape (T,)
        Sum of the learning rates of each step.

    Returns
    -------
    ndarray, shape (k, p)

    Raises
    ------
    DataError
        If a value is not finite.
    """
    found = np.empty((len(penalties), columns.shape[1]))
    bounds = penalties[:, None] * weights.sum()
    for start, block in host_blocks(columns):
        sums = (weights * y) @ block.astype(np.float64) * columns.unit
        if not np.isfinite(sums).all():
            raise DataError(
                f"the design must be finite; one of {len(sums)} columns from {start} is not: did "
                "training diverge? Leave those steps out"
            )
        found[:, start : start + len(sums)] = soft_threshold(sums, bounds)
    return found
