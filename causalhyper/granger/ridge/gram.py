"""Products of the rows of a design: all that a ridge fit needs of the columns."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.granger.lasso.columns import ColumnBlocks, Matrix, host_blocks


def gram_of(
    columns: ColumnBlocks, *, standardise: bool = True, intercept: bool = True
) -> tuple[Array, Array]:
    """Multiply a design with its own transpose, in one reading and float64.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    standardise : bool
        Whether each column is divided by its standard deviation (root mean square without
        intercept); a column that does not vary becomes zero.
    intercept : bool
        Whether the mean is taken from each column.

    Returns
    -------
    gram : ndarray, shape (T, T)
        Of the columns as prepared.
    scales : ndarray, shape (p,)
        What each column was divided by; infinite where it does not vary.

    Raises
    ------
    DataError
        If a value is not finite.

    Examples
    --------
    >>> from causalhyper.granger.lasso.columns import DenseColumns
    >>> gram_of(DenseColumns(np.array([[1.0, 2.0], [3.0, 2.0]])))[0]
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    rows, count = columns.shape
    gram, scales = np.zeros((rows, rows)), np.empty(count)
    for start, block in host_blocks(columns):
        values = checked_block(block, columns.unit, start)
        there = slice(start, start + values.shape[1])
        values, scales[there] = prepared(values, standardise=standardise, intercept=intercept)
        gram += values @ values.T
    return gram, scales


def checked_block(block: Matrix, unit: float, start: int) -> Array:
    """Return a block in float64 and the design's unit.

    Parameters
    ----------
    block : ndarray, shape (T, w)
    unit : float
    start : int
        Number of the first column, for the message.

    Returns
    -------
    ndarray, shape (T, w)

    Raises
    ------
    DataError
        If a value is not finite.
    """
    values = np.asarray(block.astype(np.float64) * unit)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(
            f"a design must be finite; column {start + column}, row {row} is "
            f"{values[row, column]}: did training diverge? Leave those steps out"
        )
    return values


def prepared(values: Array, *, standardise: bool, intercept: bool) -> tuple[Array, Array]:
    """Centre and scale columns.

    Parameters
    ----------
    values : ndarray, shape (T, w)
    standardise, intercept : bool
        As `gram_of` takes them.

    Returns
    -------
    values : ndarray, shape (T, w)
    scales : ndarray, shape (w,)
        What they were divided by.
    """
    mean = values.mean(axis=0)
    if intercept:
        values = values - mean
    if not standardise:
        return values, np.ones(values.shape[1])
    scales = np.sqrt(np.einsum("ij,ij->j", values, values) / len(values))
    # what is left of equal numbers after their mean is taken is rounding
    flat = scales <= 8 * np.finfo(float).eps * np.abs(mean) * intercept
    scales = np.where(flat | (scales == 0), np.inf, scales)
    return values / scales, scales
