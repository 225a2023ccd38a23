"""What one reading of the whole design yields for groups: how far each lies from entering."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, is_numpy_array

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.backend import Block, beside, to_host
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.lasso.groups import ColumnGroups, whole_groups
from causalhyper.granger.lasso.products import product
from causalhyper.granger.lasso.scan import NEAR, LassoProblem, rounding


class GroupShortlist:
    """Keep the groups of largest score, whole, up to a number of columns, where the blocks are.

    Parameters
    ----------
    groups : ColumnGroups
    size : int
        Columns kept at most; the best group is kept however many it has.
    empty : ndarray, shape (0, T)
        Values of no column.
    """

    def __init__(self, groups: ColumnGroups, size: int, empty: Matrix) -> None:
        self._groups, self._size, self._empty = groups, size, empty
        self._numbers: list[Codes] = []
        self._scores: list[Array] = []
        self._values: list[Block] = []
        self._count, self._least = 0, 0.0
        self.overflowed = False

    def offer(self, first: int, block: Block, scores: Array) -> None:
        """Take the groups of a block that score above zero and above what is kept.

        Parameters
        ----------
        first : int
            The block's first group.
        block : array, shape (T, w)
            Columns of whole groups.
        scores : ndarray
            One a group.
        """
        taken = np.flatnonzero(scores > self._least)
        if not len(taken):
            return
        sizes = np.diff(self._groups.edges[first : first + len(scores) + 1])
        mask = np.zeros(len(scores), dtype=bool)
        mask[taken] = True
        self._numbers.append(taken + first)
        self._scores.append(np.asarray(scores[taken], dtype=np.float64))
        self._values.append(block[:, _beside(np.repeat(mask, sizes), block)].T)
        self._count += int(sizes[taken].sum())
        if self._count > 2 * self._size:
            self._shrink()

    def columns(self) -> tuple[Codes, Matrix]:
        """Numbers, increasing, and values, a row each, of the columns of what is kept."""
        if self._count > self._size:
            self._shrink()
        if not self._numbers:
            return np.empty(0, np.intp), self._empty
        edges, numbers = self._groups.edges, np.concatenate(self._numbers)
        which = [np.arange(edges[g], edges[g + 1]) for g in numbers.tolist()]
        return np.concatenate(which), to_host(self._joined())

    def _joined(self) -> Block:
        return array_namespace(self._values[0]).concat(self._values)

    def _shrink(self) -> None:
        numbers, scores = np.concatenate(self._numbers), np.concatenate(self._scores)
        sizes = np.diff(self._groups.edges)[numbers]
        order = np.argsort(-scores, kind="stable")
        fits = np.cumsum(sizes[order]) <= self._size
        fits[0] = True
        keep = np.zeros(len(numbers), dtype=bool)
        keep[order[fits]] = True
        if keep.all():
            return
        values = self._joined()
        values = values[_beside(np.repeat(keep, sizes), values)]
        self._least, self.overflowed = float(scores[~keep].max()), True
        self._numbers, self._scores, self._values = [numbers[keep]], [scores[keep]], [values]
        self._count = int(sizes[keep].sum())


def scan_groups(
    problem: LassoProblem,
    groups: ColumnGroups,
    residuals: Array,
    lambdas: Array,
    known: Codes,
    keep: int,
    near: float = 1 - NEAR,
) -> tuple[Array, GroupShortlist]:
    """Read a design once for many residuals.

    Parameters
    ----------
    problem : LassoProblem
    groups : ColumnGroups
    residuals : ndarray, shape (k, T)
        Of mean zero where there is an intercept.
    lambdas : ndarray, shape (k,)
    known : ndarray of int
        Groups to pass over.
    keep : int
        Columns to keep at most.
    near : float
        Groups whose ratio lies above it for some residual are kept.

    Returns
    -------
    excess : ndarray, shape (k,)
        ``max_g |X_g' r / w_g| / (T lambda sqrt(|g|))`` over all groups but the known and the
        kept; rounding is added, so that it is never below the true value.
    kept : GroupShortlist
    """
    rows, dtype = problem.rows, problem.columns.dtype
    scaled = (residuals / (rows * lambdas[:, None])).astype(dtype)
    scaled = beside(scaled, problem.spreads)
    xp = array_namespace(scaled)
    # as each column of a group errs, so does their root mean square
    slack = rounding(problem, residuals) / lambdas
    near = min(near, 1 - 2 * float(slack.max()))
    factors = 1 / groups.roots
    factors[known] = 0
    kept = GroupShortlist(groups, keep, np.empty((0, rows), dtype))
    excess, peaks = np.zeros(len(lambdas)), np.zeros(len(lambdas))
    for first, start, block in whole_groups(problem.columns, groups):
        last = int(np.searchsorted(groups.edges, start + block.shape[1]))
        ratios = _lengths(scaled, block, problem, groups.edges[first : last + 1])
        ratios *= beside(factors[first:last].astype(dtype), ratios)
        np.maximum(peaks, to_host(xp.max(ratios, axis=1)), out=peaks)
        highest = to_host(xp.max(ratios, axis=0))
        far = highest <= near
        kept.offer(first, block, np.where(far, 0, highest))
        ratios *= beside(far.astype(dtype), ratios)
        np.maximum(excess, to_host(xp.max(ratios, axis=1)), out=excess)
    return (peaks if kept.overflowed else excess) + slack, kept


def _lengths(scaled: Block, block: Block, problem: LassoProblem, edges: Codes) -> Block:
    """Length of each group's correlations, over the weights, with each residual."""
    away = block - block[0, :] if problem.intercept else block
    ratios = product(scaled, away)
    ratios /= problem.weights(slice(int(edges[0]), int(edges[-1])))
    ratios *= ratios
    xp = array_namespace(ratios)
    return xp.sqrt(_sums(ratios, edges - edges[0]))


def _sums(values: Block, edges: Codes) -> Block:
    """Sum over each group; outside numpy, over all groups of one size together."""
    if is_numpy_array(values):
        return np.add.reduceat(values, edges[:-1], axis=1)
    xp, sizes = array_namespace(values), np.diff(edges)
    totals = xp.empty_like(values[:, : len(sizes)])
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        at = edges[which][:, None] + np.arange(size)
        parts = xp.take(values, beside(at.ravel(), values), axis=1)
        parts = xp.reshape(parts, (len(values), len(which), size))
        totals[:, beside(which, values)] = xp.sum(parts, axis=2)
    return totals


def _beside(mask: Flags, block: Block) -> Block:
    """Positions where a mask is set, on the device of a block."""
    return beside(np.flatnonzero(mask), block)
