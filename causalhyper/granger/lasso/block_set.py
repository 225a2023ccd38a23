"""The columns that may take part, in blocks that enter together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.backend import beside, to_host
from causalhyper.granger.lasso.block_dual import Blocks, Level
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.lasso.groups import ColumnGroups
from causalhyper.granger.lasso.scan import rounding
from causalhyper.granger.lasso.working_set import NEAR, PIECE, WorkingSet


@dataclass(frozen=True, slots=True)
class BlockSet:
    """Columns held in memory, over their weights.

    Attributes
    ----------
    columns : WorkingSet
        The columns of a group side by side.
    groups : ColumnGroups or None
        None where each column stands for itself.
    starts : ndarray of int, shape (b,)
        Position of the first column of each block.
    bounds : ndarray, shape (b,)
        What lambda is multiplied by: the root of the number of columns.
    factors : ndarray, shape (q,)
        One over the weight of each column; zero where it does not vary.
    """

    columns: WorkingSet
    groups: ColumnGroups | None
    starts: Codes
    bounds: Array
    factors: Array

    @classmethod
    def of(cls, columns: WorkingSet, groups: ColumnGroups | None) -> BlockSet:
        """Cut columns into blocks."""
        spreads = columns.problem.spreads
        varies = np.isfinite(to_host(spreads[beside(columns.indices, spreads)]))
        columns = replace(columns, weights=np.where(varies, columns.weights, np.inf))
        factors = 1 / columns.weights
        if groups is None:
            count = len(columns)
            return cls(columns, None, np.arange(count), np.ones(count), factors)
        numbers = groups.numbers(columns.indices)
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        return cls(columns, groups, starts, groups.roots[numbers[starts]], factors)

    def extended(self, indices: Codes, values: Matrix) -> BlockSet:
        """Hold further columns too."""
        if not len(indices):
            return self
        held, more = self.columns, WorkingSet.of(self.columns.problem, indices, values)
        return BlockSet.of(held.joined(np.arange(len(held)), more), self.groups)

    @property
    def numbers(self) -> Codes:
        """Of the blocks held: their groups, or columns."""
        first = self.columns.indices[self.starts]
        return first if self.groups is None else self.groups.numbers(first)

    def ratios(self, residual: Array) -> Array:
        """``|C_b' r| / (T v_b)`` as `WorkingSet.correlations` computes products, shape (b,)."""
        return self._over_bounds(self.columns.correlations(residual).astype(np.float64))

    def doubtful(self, residuals: Array, strengths: Array) -> Flags:
        """Blocks that come near the penalty or may lie above it, whatever rounding does.

        Parameters
        ----------
        residuals : ndarray, shape (k, T)
        strengths : ndarray, shape (k,)

        Returns
        -------
        ndarray of bool, shape (k, b)
        """
        problem, values = self.columns.problem, self.columns.values
        scaled = (residuals / (problem.rows * strengths[:, None])).astype(values.dtype)
        products = np.empty((len(residuals), len(values)))
        for at in range(0, len(values), PIECE):
            piece = slice(at, at + PIECE)
            away = values[piece]
            if problem.intercept:
                away = away - away[:, :1]
            products[:, piece] = scaled @ away.T
        slack = rounding(problem, residuals) / strengths
        ratios = self._over_bounds(products * self.factors)
        return np.asarray(ratios > 1 - np.maximum(NEAR, 2 * slack)[:, None])

    def _over_bounds(self, products: Array) -> Array:
        """Length of each block of what the last axis has a number a column of, over v_b."""
        if self.groups is None or not len(self.starts):
            return np.abs(products)
        squares = np.add.reduceat(products * products, self.starts, axis=-1)
        return np.asarray(np.sqrt(squares) / self.bounds)

    def exact_ratios(self, chosen: Flags, residual: Array, slack: float) -> Array:
        """``|C_b' r| / (T v_b)`` of some blocks in float64, its rounding added."""
        at = self.positions(chosen)
        products = np.zeros(len(self.columns))
        for first in range(0, len(at), PIECE):
            piece = at[first : first + PIECE]
            products[piece] = self.columns.exact(piece) @ (residual / len(residual))
        return self._over_bounds(products * self.factors)[chosen] + slack

    @property
    def sizes(self) -> Codes:
        """Columns of each block."""
        return np.diff(self.starts, append=len(self.columns))

    def objective(self, level: Level, h: Array, residual: Array) -> float:
        """Of coefficients and their residual."""
        squares = np.add.reduceat(h * h, self.starts) if len(h) else h
        cost = level.strength * float(np.sqrt(squares) @ self.bounds)
        cost += level.ridge / 2 * float(h @ h)
        return float(residual @ residual) / (2 * len(residual)) + cost

    def positions(self, chosen: Flags) -> Codes:
        """Columns of some blocks."""
        return np.flatnonzero(np.repeat(chosen, self.sizes))

    def blocks(self, chosen: Flags) -> Blocks:
        """Some blocks in float64."""
        at = self.positions(chosen)
        values = self.columns.exact(at)
        values *= self.factors[at, None]
        sizes = self.sizes[chosen]
        return Blocks(values, np.cumsum(sizes) - sizes, self.bounds[chosen])
