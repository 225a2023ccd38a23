"""The columns that may take part: their values, means, spreads and correlations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.lasso.scan import LassoProblem, rounding


@dataclass(frozen=True, slots=True)
class WorkingSet:
    """Columns held in memory.

    Attributes
    ----------
    problem : LassoProblem
    indices : ndarray of int, shape (q,)
        Their numbers.
    values : ndarray, shape (q, T)
        A column each, as read.
    means, spreads, weights : ndarray, shape (q,)
        In float64; the means are zero without an intercept.
    """

    problem: LassoProblem
    indices: Codes
    values: Matrix
    means: Array
    spreads: Array
    weights: Array

    @classmethod
    def of(cls, problem: LassoProblem, indices: Codes, values: Matrix) -> WorkingSet:
        """Hold some columns."""
        means, spreads = np.zeros(len(indices)), np.empty(len(indices))
        for at in range(0, len(indices), PIECE):
            piece = slice(at, at + PIECE)
            exact = values[piece].astype(np.float64)
            if problem.intercept:
                means[piece] = exact.mean(axis=1)
                exact -= means[piece, None]
            spreads[piece] = _lengths(exact) / np.sqrt(problem.rows)
        weights = spreads if problem.standardise else np.ones(len(indices))
        return cls(problem, indices, values, means, spreads, weights)

    @property
    def steep(self) -> Flags:
        """Columns whose means drown their variation in the rounding of float32, shape (q,)."""
        return np.asarray(np.abs(self.means) > STEEP * self.spreads)

    def __len__(self) -> int:
        return len(self.indices)

    def joined(self, chosen: Codes, other: WorkingSet) -> WorkingSet:
        """Hold of these columns only those at some positions, and the columns of another too."""
        values = np.empty((len(chosen) + len(other), self.problem.rows), self.values.dtype)
        # straight into place: a copy of most values would set the peak of memory
        np.take(self.values, chosen, axis=0, out=values[: len(chosen)], mode="clip")
        values[len(chosen) :] = other.values
        return WorkingSet(
            self.problem,
            np.concatenate([self.indices[chosen], other.indices]),
            values,
            np.concatenate([self.means[chosen], other.means]),
            np.concatenate([self.spreads[chosen], other.spreads]),
            np.concatenate([self.weights[chosen], other.weights]),
        )

    def exact(self, chosen: Codes) -> Array:
        """Columns in float64 less their means, a row each."""
        return self.values[chosen].astype(np.float64) - self.means[chosen, None]

    def correlations(self, residual: Array) -> Array:
        """``x_j' r / T`` over the weights, shape (q,): in the precision of the values.

        Those of `steep` columns are computed in float64.
        """
        found = products_over(self.values, residual, self.weights)
        steep = np.flatnonzero(self.steep)
        for at in range(0, len(steep), PIECE):
            piece = steep[at : at + PIECE]
            found[piece] = products_over(self.exact(piece), residual, self.weights[piece])
        return found

    def extremes(self, residuals: Array, penalties: Array) -> tuple[Array, Array]:
        """Return the largest ``|x_j' r| / (T lambda w_j)`` of each residual and each column.

        Those near one or above are computed in float64, with its rounding added.

        Parameters
        ----------
        residuals : ndarray, shape (k, T)
        penalties : ndarray, shape (k,)

        Returns
        -------
        by_residual : ndarray, shape (k,)
            A number below one stands for whatever lies below one.
        by_column : ndarray, shape (q,)
        """
        scaled = (residuals / (self.problem.rows * penalties[:, None])).T
        rough = scaled.astype(self.values.dtype)
        least = 1 - max(NEAR, 2 * float((rounding(self.problem, residuals) / penalties).max()))
        by_residual, by_column = np.full(len(residuals), max(least, 0.0)), np.empty(len(self))
        for at in range(0, len(self), PIECE):
            piece = slice(at, at + PIECE)
            away = self.values[piece]
            if self.problem.intercept:
                away = away - away[:, :1]
            ratios = np.abs(away @ rough).max(axis=1) / self.weights[piece]
            by_column[piece] = ratios
            near = at + np.flatnonzero(ratios > least)
            exact = np.abs(self.exact(near) @ scaled) / self.weights[near, None]
            np.maximum(by_residual, exact.max(axis=0, initial=0.0), out=by_residual)
        fine = rounding(self.problem, residuals, np.dtype(np.float64)) / penalties
        return by_residual + fine, by_column


def _lengths(rows: Array) -> Array:
    """Of rows, also where their squares are too small for numbers of float64."""
    squares = np.einsum("ij,ij->i", rows, rows)
    small = np.flatnonzero(squares < SMALL)
    lengths = np.sqrt(squares)
    if len(small):
        peaks = np.abs(rows[small]).max(axis=1, keepdims=True)
        peaks[peaks == 0] = 1
        lengths[small] = np.linalg.norm(rows[small] / peaks, axis=1) * peaks[:, 0]
    return lengths


def products_over(values: Matrix, residual: Array, weights: Array) -> Array:
    """``x_j' r / T`` over the weights, in the precision of the values.

    Parameters
    ----------
    values : ndarray, shape (q, T)
    residual : ndarray, shape (T,)
    weights : ndarray, shape (q,)

    Returns
    -------
    ndarray, shape (q,)
    """
    # of a residual near one no product is lost to underflow
    peak = float(np.abs(residual).max(initial=0.0)) or 1.0
    products = values @ (residual / peak).astype(values.dtype)
    return products * (peak / len(residual) / weights)


PIECE = 512
"""Columns taken to float64 at a time."""
STEEP = 100
"""Spreads that a mean may be from zero."""
SMALL = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)
"""A sum of squares below has lost digits."""
NEAR = 0.01
"""A ratio that lies within so much of one, or within its rounding, is computed in float64."""
