"""Stochastic descent with a cumulative l1 penalty, over all columns at once."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.granger.stochastic.rows import RowReader
from causalhyper.granger.stochastic.schedule import Schedule


def soft_threshold(sums: Array, bounds: Array) -> Array:
    """Shrink every number by its bound, to zero where it is smaller.

    Parameters
    ----------
    sums : ndarray
    bounds : ndarray
        Not negative; of a shape that broadcasts with `sums`.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> soft_threshold(np.array([3.0, -0.5, -3.0]), np.array(1.0)).tolist()
    [2.0, 0.0, -2.0]
    """
    return np.asarray(sums - np.clip(sums, -bounds, bounds))


def descend(
    row: RowReader,
    y: Array,
    width: int,
    penalties: Array,
    schedule: Schedule,
    orders: list[np.ndarray],
) -> Array:
    r"""Run the descent for several penalties side by side, from zero.

    Step by step, with example t and rate :math:`\eta`,

    .. math:: s \leftarrow s + \eta\, x_t (y_t - x_t' g), \quad
              u \leftarrow u + \eta \lambda, \quad g \leftarrow S(s, u)

    with S the soft threshold. It is the cumulative penalty: with :math:`q = g - s`, the penalty
    that a coefficient has had so far, clipping g at zero by what it still owes, u + q or u - q,
    gives S(s, u), whatever the gradients were, as long as every coefficient is penalised at every
    step.

    Parameters
    ----------
    row : callable
        Reads row t.
    y : ndarray, shape (T,)
    width : int
        p.
    penalties : ndarray, shape (k,)
    schedule : Schedule
    orders : list of ndarray
        The order of the examples in each epoch.

    Returns
    -------
    ndarray, shape (k, p)
        Coefficients after the last step.

    Raises
    ------
    DataError
        If they are not finite.

    Notes
    -----
    Source: Tsuruoka, Tsujii and Ananiadou 2009, figure 2.
    """
    sums = np.zeros((len(penalties), width))
    coefficients, scratch = np.zeros_like(sums), np.empty_like(sums)
    owed = np.zeros((len(penalties), 1))
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch, order in enumerate(orders):
            for t, rate in zip(order.tolist(), schedule.rates(epoch, len(y)), strict=True):
                x = row(t)
                errors = y[t] - coefficients @ x
                np.multiply((rate * errors)[:, None], x, out=scratch)
                sums += scratch
                owed += rate * penalties[:, None]
                np.clip(sums, -owed, owed, out=scratch)
                np.subtract(sums, scratch, out=coefficients)
    if not np.isfinite(coefficients).all():
        raise DataError(
            "the descent diverged, or the design is not finite: use a smaller learning rate (at "
            "most 1 in relative units), and leave out steps where training diverged"
        )
    return coefficients
