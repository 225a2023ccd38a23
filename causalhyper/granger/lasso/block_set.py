"""The columns that may take part, in blocks that enter together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.backend import beside, to_host
from causalhyper.granger.lasso.block_dual import Blocks, Level
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.lasso.groups import ColumnGroups
from causalhyper.granger.lasso.working_set import WorkingSet


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
        factors = np.where(varies, 1 / np.where(varies, columns.weights, 1), 0.0)
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
        """``|C_b' r| / (T v_b)`` in the precision of the values, shape (b,)."""
        problem, values = self.columns.problem, self.columns.values
        products = values @ (residual / problem.rows).astype(values.dtype)
        scaled = products.astype(np.float64) * self.factors
        if self.groups is None:
            return np.abs(scaled)
        if not len(scaled):
            return scaled
        return np.sqrt(np.add.reduceat(scaled * scaled, self.starts)) / self.bounds

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
