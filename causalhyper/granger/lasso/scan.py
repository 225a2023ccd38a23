"""What one reading of the whole design yields: spreads of columns, and their correlations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.backend import Block, beside, to_host
from causalhyper.granger.lasso.columns import ColumnBlocks, Matrix, check_columns
from causalhyper.granger.lasso.products import product
from causalhyper.granger.lasso.response import varies
from causalhyper.granger.lasso.shortlist import Shortlist
from causalhyper.granger.lasso.spreads import spreads_of


@dataclass(frozen=True, slots=True)
class LassoProblem:
    r"""Minimise ``|y - X g|^2 / 2T + lambda sum_j w_j |g_j|``.

    Attributes
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : ndarray, shape (T,)
        Of mean zero where there is an intercept.
    spreads : array, shape (p,)
        Standard deviation of each column (root mean square without an intercept), divisor T, in
        the unit of a block; infinite where the column does not vary. It lies where the blocks
        lie.
    standardise : bool
        Whether w_j is the spread of column j, or one (in the unit of a block).
    intercept : bool
        Whether an unpenalised constant is fitted too: columns are then taken from their means.
    """

    columns: ColumnBlocks
    y: Array
    spreads: Block
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

    def weights(self, chosen: slice) -> Block:
        """Penalty weights w_j of some columns; infinite where the column does not vary."""
        return _weights(self.spreads[chosen], self.standardise)


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
    ConfigurationError
        If the design is none that is read in blocks.
    DataError
        If a value is not finite.
    """
    check_columns(columns)
    rows, count = columns.shape
    response = y
    if intercept:
        response = y - y.mean() if varies(y) else np.zeros(rows)
    # of a response near one no product is lost to underflow
    alike = response / (float(np.abs(response).max()) or 1.0)
    sums = np.stack([np.full(rows, 1 / rows), alike / rows]).astype(columns.dtype)
    best = Shortlist(min(keep, count), rows, columns.dtype)
    pieces = []
    for start, block in _read(columns):
        xp = array_namespace(block)
        away = block - block[0, :] if intercept else block
        mean, towards = product(beside(sums, block), away)
        square, spreads = spreads_of(away, mean, intercept=intercept)
        if not bool(xp.all(xp.isfinite(square))):
            raise _not_finite(start, block, square)
        pieces.append(spreads)
        best.offer(start, block, xp.abs(towards) / _weights(spreads, standardise))
    problem = LassoProblem(columns, response, xp.concat(pieces), standardise, intercept)
    return problem, best.columns()


def _read(columns: ColumnBlocks) -> Iterator[tuple[int, Block]]:
    """Yield the blocks, looked over for what would make every result wrong."""
    rows, count = columns.shape
    after = 0
    for start, block in columns.blocks():
        right = start == after and block.shape[0] == rows and block.shape[1] > 0
        stored = str(block.dtype).removeprefix("torch.")
        if not right or stored != columns.dtype.name:
            raise ConfigurationError(
                f"a design of shape {columns.shape} in {columns.dtype.name} must yield its "
                f"columns from left to right: expected {rows} rows from column {after} on; got "
                f"shape {tuple(block.shape)} of {stored} from column {start} on"
            )
        after += block.shape[1]
        yield start, block
    if after != count:
        raise ConfigurationError(f"a design of {count} columns yielded {after} in its blocks")


def _weights(spreads: Block, standardise: bool) -> Block:
    xp = array_namespace(spreads)
    return spreads if standardise else xp.where(xp.isinf(spreads), spreads, 1.0)


def _not_finite(start: int, block: Block, square: Block) -> DataError:
    xp = array_namespace(block)
    rows, columns = xp.nonzero(~xp.isfinite(block))
    if len(rows):
        where = f"column {start + int(columns[0])}, row {int(rows[0])}"
    else:
        where = f"column {start + int(xp.nonzero(~xp.isfinite(square))[0][0])}"
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
        is added, so that it is never below the true value. Zero where there is no such column.
    kept : Shortlist
        Columns where that ratio comes near one for some residual, or lies above.
    """
    columns, rows = problem.columns, problem.rows
    xp = array_namespace(problem.spreads)
    scaled = (residuals / (rows * lambdas[:, None])).astype(columns.dtype)
    scaled = beside(scaled, problem.spreads)
    slack = rounding(problem, residuals) / lambdas
    near = 1 - max(NEAR, 2 * float(slack.max()))
    bounds = xp.asarray(problem.weights(slice(None)), copy=True)
    bounds[beside(known, bounds)] = xp.inf
    kept = Shortlist(keep, rows, columns.dtype)
    excess = peaks = xp.zeros_like(scaled[:, 0])
    for start, block in _read(columns):
        away = block - block[0, :] if problem.intercept else block
        ratios = xp.abs(product(scaled, away))
        ratios /= bounds[start : start + block.shape[1]]
        peaks = xp.maximum(peaks, xp.max(ratios, axis=1))
        highest = xp.max(ratios, axis=0)
        far = xp.astype(highest <= near, ratios.dtype)
        kept.offer(start, block, highest * (1 - far))
        ratios *= far
        excess = xp.maximum(excess, xp.max(ratios, axis=1))
    outside = to_host(peaks if kept.overflowed else excess).astype(np.float64) + slack
    if len(kept) == int(xp.sum(xp.astype(xp.isfinite(bounds), xp.int64))) and not kept.overflowed:
        return np.zeros_like(outside), kept
    return outside, kept


NEAR = 0.05
"""Columns whose ratio lies within so much of one are kept: the next fit may need them."""


def rounding(problem: LassoProblem, residuals: Array, dtype: np.dtype[Any] | None = None) -> Array:
    """Error of ``|x_j' r| / (T w_j)`` by rounding, for each residual.

    Products are in the precision of the columns, or in another one.

    A product of T terms errs by at most ``6 sqrt(T) eps |x| |r|``, but for a probability of some
    1e-7 (Higham and Mary 2019, theorem 2.4); taken from its first value, a column has a norm of
    ``sqrt(T (1 + T))`` spreads at most.
    """
    rows, eps = problem.rows, float(np.finfo(dtype or problem.columns.dtype).eps)
    xp, spreads, widest = array_namespace(problem.spreads), problem.spreads, 1.0
    if not problem.standardise:
        widest = float(xp.max(xp.where(xp.isinf(spreads), 0.0, spreads))) or 1.0
    length = np.sqrt(1 + rows if problem.intercept else 1.0)
    norms: Array = np.linalg.norm(residuals, axis=1)
    return 6 * eps * length * widest * norms
