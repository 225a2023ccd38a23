"""What one reading of the whole design yields for groups: how far each lies from entering."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.lasso.groups import ColumnGroups, whole_groups
from causalhyper.granger.lasso.scan import NEAR, LassoProblem


class GroupShortlist:
    """Keep the groups of largest score, whole, up to a number of columns.

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
        self._values: list[Matrix] = []
        self._count, self._least = 0, 0.0
        self.overflowed = False

    def offer(self, first: int, block: Matrix, scores: Array) -> None:
        """Take the groups of a block that score above zero and above what is kept.

        Parameters
        ----------
        first : int
            The block's first group.
        block : ndarray, shape (T, w)
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
        self._values.append(block[:, np.repeat(mask, sizes)].T)
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
        return np.concatenate(which), np.concatenate(self._values)

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
        values = np.concatenate(self._values)[np.repeat(keep, sizes)]
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
    slack = _rounding(problem, residuals) / lambdas
    near = min(near, 1 - 2 * float(slack.max()))
    skip = np.zeros(len(groups), dtype=bool)
    skip[known] = True
    kept = GroupShortlist(groups, keep, np.empty((0, rows), dtype))
    excess, peaks = np.zeros(len(lambdas)), np.zeros(len(lambdas))
    for first, start, block in whole_groups(problem.columns, groups):
        last = int(np.searchsorted(groups.edges, start + block.shape[1]))
        ratios = _squares(scaled, block, problem, start)
        starts = groups.edges[first:last] - start
        ratios = np.sqrt(np.add.reduceat(ratios, starts, axis=1)) / groups.roots[first:last]
        ratios[:, skip[first:last]] = 0
        np.maximum(peaks, ratios.max(axis=1), out=peaks)
        highest = ratios.max(axis=0)
        kept.offer(first, block, np.where(highest > near, highest, 0))
        ratios[:, highest > near] = 0
        np.maximum(excess, ratios.max(axis=1), out=excess)
    return (peaks if kept.overflowed else excess) + slack, kept


def _squares(scaled: Matrix, block: Matrix, problem: LassoProblem, start: int) -> Matrix:
    """Squared correlations of each column with each residual, over the weights."""
    away = block - block[0] if problem.intercept else block
    ratios: Matrix = scaled @ away
    ratios /= problem.weights(slice(start, start + block.shape[1]))
    ratios *= ratios
    return ratios


def _rounding(problem: LassoProblem, residuals: Array) -> Array:
    """Error by rounding of the length of a group's correlations over the root of its size.

    Each of its columns errs as in the lasso's reading, so their root mean square does too.
    """
    rows, eps = problem.rows, float(np.finfo(problem.columns.dtype).eps)
    finite = problem.spreads[np.isfinite(problem.spreads)]
    widest = 1.0 if problem.standardise or not len(finite) else float(finite.max())
    length = np.sqrt(1 + rows if problem.intercept else 1.0)
    return np.asarray(6 * eps * length * widest * np.linalg.norm(residuals, axis=1))
