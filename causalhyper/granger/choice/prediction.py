"""What fits to some steps predict for others, from one reading of the design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.backend import Block, beside, to_host
from causalhyper.granger.lasso.columns import ColumnBlocks, Matrix
from causalhyper.granger.lasso.result import LassoPath


@dataclass(frozen=True, slots=True)
class _Slopes:
    """Coefficients of a path, by column.

    Attributes
    ----------
    columns : ndarray of int, shape (q,)
        Increasing: those that are in at some penalty.
    values : ndarray, shape (q, k)
        In the unit of a block.
    """

    columns: Codes
    values: Array

    @classmethod
    def of(cls, path: LassoPath, unit: float) -> _Slopes:
        """Collect them."""
        columns = np.unique(np.concatenate([np.empty(0, np.intp), *path.columns]))
        values = np.zeros((len(columns), len(path)))
        for at, (chosen, slopes) in enumerate(zip(path.columns, path.coefficients, strict=True)):
            values[np.searchsorted(columns, chosen), at] = slopes * unit
        return cls(columns, values)


def predict_rows(
    columns: ColumnBlocks, fits: Sequence[tuple[LassoPath, Codes]]
) -> tuple[Array, ...]:
    """Predict with every penalty of some paths, each for its own rows.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p), read once; only columns that are in a fit are computed with.
    fits : sequence of tuple of LassoPath and ndarray
        Paths of k penalties, and the rows that each is to predict.

    Returns
    -------
    tuple of ndarray, shape (k, rows)
        For each of them.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns, lasso_path
    >>> x = DenseColumns(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0], [3.0, 0.0]]))
    >>> path = lasso_path(x, 5 + x.matrix[:, 0], lambdas=[1e-9])
    >>> predict_rows(x, [(path, np.array([1, 3]))])[0].round(6)
    array([[6., 8.]])
    """
    slopes = [_Slopes.of(path, columns.unit) for path, _ in fits]
    found = [np.repeat(path.intercepts[:, None], len(rows), axis=1) for path, rows in fits]
    for start, block in columns.blocks():
        for (_, rows), slope, predicted in zip(fits, slopes, found, strict=True):
            first, end = np.searchsorted(slope.columns, [start, start + block.shape[1]])
            if first < end:
                values = _taken(block, slope.columns[first:end] - start)[rows]
                predicted += (values.astype(np.float64) @ slope.values[first:end]).T
    return tuple(found)


def values_of(columns: ColumnBlocks, chosen: Codes) -> Array:
    """Read some columns of a design.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p), read once.
    chosen : ndarray of int, shape (q,)
        Increasing.

    Returns
    -------
    ndarray, shape (T, q)
        In the unit of the blocks.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> values_of(DenseColumns(np.arange(6.0).reshape(2, 3), width=2), np.array([0, 2]))
    array([[0., 2.],
           [3., 5.]])
    """
    values = np.empty((columns.shape[0], len(chosen)))
    for start, block in columns.blocks():
        first, end = np.searchsorted(chosen, [start, start + block.shape[1]])
        if first < end:
            values[:, first:end] = _taken(block, chosen[first:end] - start)
    return values


def _taken(block: Block, chosen: Codes) -> Matrix:
    """Some columns of a block, in a processor's memory."""
    return to_host(block[:, beside(chosen, block)])
