"""Group lasso paths over designs that are read in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.block_dual import Level
from causalhyper.granger.lasso.block_path import Followed, follow, largest_strength
from causalhyper.granger.lasso.block_result import FitUnits, Form, finish
from causalhyper.granger.lasso.block_set import BlockSet
from causalhyper.granger.lasso.checkpoint import Checkpoint
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.group_newton import minimise
from causalhyper.granger.lasso.group_scan import GroupShortlist, scan_groups
from causalhyper.granger.lasso.groups import ColumnGroups
from causalhyper.granger.lasso.kept_path import block_form
from causalhyper.granger.lasso.request import PathRequest
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.granger.lasso.scan import survey
from causalhyper.granger.lasso.working_set import WorkingSet
from causalhyper.progress import Progress

FIRST, MORE, LARGEST = 8, 24, 4
"""Columns held at first and taken in after each pass, in T; at least so many largest groups."""


def group_lasso_path(
    columns: ColumnBlocks,
    y: Array,
    *,
    groups: int | Sequence[int] | Codes,
    lambdas: Sequence[float] | int = 100,
    ratio: float = 1e-2,
    standardise: bool = True,
    intercept: bool = True,
    tolerance: float = 1e-6,
    max_passes: int = 30,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> LassoPath:
    r"""Fit a group lasso at many penalties, each certified by its duality gap.

    .. math:: \min_{a, g} \frac{1}{2T} |y - a - X g|^2
              + \lambda \sum_G \sqrt{|G|} \, \Big( \sum_{j \in G} w_j^2 g_j^2 \Big)^{1/2}

    with :math:`w_j` the standard deviation of column j (or one) and :math:`|G|` the number of
    columns of a group, those that do not vary counted. A group is in with all its columns or out.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p), the columns of a group side by side; it is read some times from left
        to right and never held.
    y : array_like, shape (T,)
    groups : int or sequence of int
        Columns a group, or edges that increase from 0 to p: group k has the columns ``edges[k]``
        to ``edges[k + 1] - 1``.
    lambdas : sequence of float, or int
        Penalties above zero, or how many: spaced evenly in the logarithm from the smallest that
        leaves all groups out.
    ratio : float
        The last penalty over the first, in (0, 1), where `lambdas` is a number.
    standardise, intercept : bool
        As in `lasso_path`.
    tolerance : float
        Relative duality gap (see `LassoPath.gaps`) to reach.
    max_passes : int
        Readings of the design at most, 3 or more.
    progress : callable, optional
        Called with the share of the penalties that are certified.
    checkpoint : str or Path, optional
        A file that keeps, after each reading, what is fitted, as in `lasso_path`; but a call
        that is made again reads the design twice before it goes on.

    Returns
    -------
    LassoPath

    Raises
    ------
    ConfigurationError
        If a number means nothing, y has another length than X has rows, the groups do not cut
        the columns, or the checkpoint is of another problem or cannot be written.
    DataError
        If a value is not finite, or the checkpoint is damaged.

    Warns
    -----
    RuntimeWarning
        If a gap is above the tolerance after `max_passes`.

    Notes
    -----
    The columns of a group are put on one scale by their standard deviations, no more. Yuan and
    Lin (2006) suppose columns that are orthonormal within a group; making them so penalises the
    fitted values of a group in place of its coefficients, which is another estimator (Simon and
    Tibshirani 2012) in which correlated columns enter more easily. Here the coefficients are
    penalised, as in adelie, and directions in which the columns of a group vary together enter
    first.

    Memory: the columns kept and those near to them (8 T at first, and up to 24 T more after each
    reading; four of the largest groups where that is more), a number a column, a block.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 300))
    >>> y = x[:, 6] - 2 * x[:, 8] + 0.1 * rng.normal(size=50)
    >>> path = group_lasso_path(DenseColumns(x), y, groups=3, lambdas=20)
    >>> path.entries("group").nlargest(1, "entry")["group"].item(), bool(path.converged.all())
    (2, True)
    """
    request = PathRequest(
        columns, y, lambdas, ratio, standardise, intercept, tolerance, max_passes, progress, 3
    )
    return _path(request, ColumnGroups.of(groups, columns.shape[1]), checkpoint)


def _path(request: PathRequest, groups: ColumnGroups, checkpoint: str | Path | None) -> LassoPath:
    units, form = FitUnits.of(request), Form("group lasso", edges=groups.edges)
    rows, width = request.columns.shape
    largest = int(np.diff(groups.edges).max())
    problem, best = survey(
        request.columns,
        request.y / units.y,
        standardise=request.standardise,
        intercept=request.intercept,
        keep=1,
    )

    def read(residuals: Array, strengths: Array, held: BlockSet) -> tuple[Array, GroupShortlist]:
        most = min(max(MORE * rows, LARGEST * largest), width)
        return scan_groups(problem, groups, residuals, strengths, held.numbers, most)

    first = min(max(FIRST * rows, LARGEST * largest), width)
    held = BlockSet.of(_best(WorkingSet.of(problem, *best), groups, first), groups)
    penalties = request.penalties(units.strength * largest_strength(held))
    levels = [Level(p / units.strength, 0.0) for p in penalties]
    kind = f"group lasso {groups.edges.tobytes().hex()} {units}"
    keeper = Checkpoint(checkpoint, held.columns, penalties, block_form(kind, held, levels))
    start = Followed.at_first(held, levels, passes=2)
    return finish(request, units, penalties, follow(request, start, minimise, read, keeper), form)


def _best(column: WorkingSet, groups: ColumnGroups, count: int) -> WorkingSet:
    """Columns of the groups that correlate with y most, from the column that does."""
    problem, none = column.problem, np.empty(0, np.intp)
    peak = np.abs(column.correlations(problem.y)).max(initial=0.0)
    # in units of it no square is lost to underflow
    unit = np.array([peak if peak > 0 else 1.0])
    _, best = scan_groups(problem, groups, problem.y[None], unit, none, count, near=0.0)
    return WorkingSet.of(problem, *best.columns())
