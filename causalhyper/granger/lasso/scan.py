"""What one reading of the whole design yields: spreads of columns, and their correlations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import DataError
from causalhyper.granger.lasso.columns import ColumnBlocks, Matrix
from causalhyper.granger.lasso.shortlist import Shortlist


@dataclass(frozen=True, slots=True)
class LassoProblem:
    r"""Minimise ``|y - X g|^2 / 2T + lambda sum_j w_j |g_j|``.

    Attributes
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : ndarray, shape (T,)
        Of mean zero where there is an intercept.
    spreads : ndarray, shape (p,)
        Standard deviation of each column (root mean square without an intercept), divisor T, in
        the unit of a block; infinite where the column does not vary.
    standardise : bool
        Whether w_j is the spread of column j, or one (in the unit of a block).
    intercept : bool
        Whether an unpenalised constant is fitted too: columns are then taken from their means.
    """

    columns: ColumnBlocks
    y: Array
    spreads: Matrix
    standardise: bool
    intercept: bool

    @property
    def rows(self) -> int:
        """T."""
        return self.columns.shape[0]

    @property
    def null(self) -> float:
        """``|y|^2 / 2T``, the objective without any column."""
        return float(self.y @ self.y) / (2 * self.rows)

    def weights(self, chosen: slice | Codes) -> Matrix:
        """Penalty weights w_j of some columns; infinite where the column does not vary."""
        spreads = self.spreads[chosen]
        return spreads if self.standardise else np.where(np.isinf(spreads), np.inf, 1.0)


def survey(
    columns: ColumnBlocks, y: Array, *, standardise: bool, intercept: bool, keep: int
) -> tuple[LassoProblem, tuple[Codes, Matrix]]:
    """Read a design once: its problem, and the columns that correlate with y most.

    Parameters
    ----------
    columns : ColumnBlocks
    y : ndarray, shape (T,)
    standardise, intercept : bool
        As `LassoProblem` has them.
    keep : int
        Columns to return.

    Returns
    -------
    problem : LassoProblem
    kept : tuple of ndarray
        Numbers and values, a row each, of the columns with the largest ``|x_j' y| / w_j``.

    Raises
    ------
    DataError
        If a value is not finite.
    """
    rows, count = columns.shape
    response = y - y.mean() if intercept else y
    if np.abs(response).max() <= 8 * np.finfo(float).eps * np.abs(y).max():
        response = np.zeros(rows)
    spreads = np.empty(count, columns.dtype)
    problem = LassoProblem(columns, response, spreads, standardise, intercept)
    sums = np.stack([np.full(rows, 1 / rows), response / rows]).astype(columns.dtype)
    best = Shortlist(min(keep, count), rows, columns.dtype)
    for start, block in columns.blocks():
        where = slice(start, start + block.shape[1])
        away = block - block[0] if intercept else block
        mean, product = sums @ away
        square = np.einsum("ij,ij->j", away, away) / columns.dtype.type(rows)
        if not np.isfinite(square).all():
            raise _not_finite(start, block)
        variance = square - mean * mean if intercept else square
        # differences of equal numbers leave rounding behind
        flat = variance <= 8 * rows * np.finfo(columns.dtype).eps * mean * mean
        spreads[where] = np.where(flat | (variance <= 0), np.inf, np.sqrt(np.maximum(variance, 0)))
        best.offer(start, block, np.abs(product) / problem.weights(where))
    return problem, best.columns()


def _not_finite(start: int, block: Matrix) -> DataError:
    at = np.argwhere(~np.isfinite(block))
    where = f"column {start + at[0, 1]}, row {at[0, 0]}" if len(at) else f"columns from {start}"
    return DataError(
        f"the design must hold finite numbers whose squares are finite; {where} does not: did "
        "training diverge? Leave those steps out"
    )


def scan(
    problem: LassoProblem, residuals: Array, lambdas: Array, known: Codes, keep: int
) -> tuple[Array, Shortlist]:
    """Read a design once for many residuals: how far each lies from optimal.

    Parameters
    ----------
    problem : LassoProblem
    residuals : ndarray, shape (k, T)
        Of mean zero where there is an intercept.
    lambdas : ndarray, shape (k,)
    known : ndarray of int, shape (q,)
        Columns to pass over: they are looked after elsewhere.
    keep : int
        Columns to keep at most.

    Returns
    -------
    excess : ndarray, shape (k,)
        ``max_j |x_j' r| / (T lambda w_j)`` over all columns but the known and the kept; rounding
        is added, so that it is never below the true value.
    kept : Shortlist
        Columns where that ratio comes near one for some residual, or lies above.
    """
    columns, rows = problem.columns, problem.rows
    scaled = (residuals / (rows * lambdas[:, None])).astype(columns.dtype)
    slack = _rounding(problem, residuals) / lambdas
    near = 1 - max(NEAR, 2 * float(slack.max()))
    skip = np.zeros(columns.shape[1], dtype=bool)
    skip[known] = True
    kept = Shortlist(keep, rows, columns.dtype)
    excess, peaks = np.zeros(len(lambdas)), np.zeros(len(lambdas))
    for start, block in columns.blocks():
        where = slice(start, start + block.shape[1])
        away = block - block[0] if problem.intercept else block
        ratios = scaled @ away
        np.abs(ratios, out=ratios)
        ratios /= problem.weights(where)
        ratios[:, skip[where]] = 0
        np.maximum(peaks, ratios.max(axis=1), out=peaks)
        highest = ratios.max(axis=0)
        kept.offer(start, block, np.where(highest > near, highest, 0))
        far = highest <= near
        if far.any():
            ratios[:, ~far] = 0
            np.maximum(excess, ratios.max(axis=1), out=excess)
    return (peaks if kept.overflowed else excess) + slack, kept


NEAR = 0.05
"""Columns whose ratio lies within so much of one are kept: the next fit may need them."""


def _rounding(problem: LassoProblem, residuals: Array) -> Array:
    """Error of ``|x_j' r| / (T w_j)`` by rounding, for each residual.

    A product of T terms errs by at most ``6 sqrt(T) eps |x| |r|``, but for a probability of some
    1e-7 (Higham and Mary 2019, theorem 2.4); taken from its first value, a column has a norm of
    ``sqrt(T (1 + T))`` spreads at most.
    """
    rows, eps = problem.rows, float(np.finfo(problem.columns.dtype).eps)
    finite = problem.spreads[np.isfinite(problem.spreads)]
    widest = 1.0 if problem.standardise or not len(finite) else float(finite.max())
    length = np.sqrt(1 + rows if problem.intercept else 1.0)
    norms: Array = np.linalg.norm(residuals, axis=1)
    return 6 * eps * length * widest * norms
