"""Exact lasso paths over designs that are read in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.lasso.checkpoint import Checkpoint
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.homotopy import null_solution
from causalhyper.granger.lasso.kept_path import lasso_form
from causalhyper.granger.lasso.request import PathRequest, warn_of_gaps
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.granger.lasso.rounds import FIRST, Standing, one_round
from causalhyper.granger.lasso.scan import survey
from causalhyper.granger.lasso.working_set import WorkingSet
from causalhyper.progress import Progress


def lasso_path(
    columns: ColumnBlocks,
    y: Array,
    *,
    lambdas: Sequence[float] | Array | int = 100,
    ratio: float = 1e-2,
    standardise: bool = True,
    intercept: bool = True,
    tolerance: float = 1e-6,
    max_passes: int = 30,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> LassoPath:
    r"""Fit a lasso at many penalties, each certified by its duality gap.

    .. math:: \min_{a, g} \frac{1}{2T} |y - a - X g|^2 + \lambda \sum_j w_j |g_j|

    with :math:`w_j` the standard deviation of column j (or one). The path is followed exactly in
    a working set of columns; one reading of the design in blocks then measures the duality gap
    of all penalties together and finds the columns that the working set lacks; and so on, until
    every gap is small.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p); it is read some times from left to right and never held.
    y : array_like, shape (T,)
    lambdas : sequence of float, or int
        Penalties above zero, or how many: spaced evenly in the logarithm from the smallest that
        leaves all columns out.
    ratio : float
        The last penalty over the first, in (0, 1), where `lambdas` is a number.
    standardise : bool
        Whether to penalise a coefficient by the standard deviation of its column. Without it
        columns of small variance are as good as left out.
    intercept : bool
        Whether to fit a constant, without penalty.
    tolerance : float
        Relative duality gap (see `LassoPath.gaps`) to reach.
    max_passes : int
        Readings of the design at most.
    progress : callable, optional
        Called with the share of the penalties that are certified.
    checkpoint : str or Path, optional
        A file that keeps, after each reading, what is fitted. An interrupted call that is made
        again reads the design once, to see that it is the same, goes on from there, and returns
        what it would have returned. The file is removed when all penalties are certified, and
        stays otherwise: call again with a larger `max_passes`.

    Returns
    -------
    LassoPath

    Raises
    ------
    ConfigurationError
        If a number means nothing, y has another length than X has rows, or the checkpoint is of
        another problem or cannot be written.
    DataError
        If a value is not finite, or the checkpoint is damaged.

    Warns
    -----
    RuntimeWarning
        If a gap is above the tolerance after `max_passes`.

    Notes
    -----
    Memory: the working set (26 T columns at most, but for members of fits), as much again while
    it changes, two numbers a column, and a block. A lasso
    keeps at most min(T, p) columns.

    Source: Tibshirani 1996; Osborne, Presnell and Turlach 2000 for the path; Kim et al. 2007 for
    the gap.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 400))
    >>> path = lasso_path(DenseColumns(x), 2 * x[:, 7] + 0.1 * rng.normal(size=50), lambdas=20)
    >>> path.entries().nlargest(1, "entry")["column"].item(), bool(path.converged.all())
    (7, True)
    """
    request = PathRequest(
        columns, y, lambdas, ratio, standardise, intercept, tolerance, max_passes, progress
    )
    response, rows = request.y, columns.shape[0]
    problem, kept = survey(
        columns, response, standardise=standardise, intercept=intercept, keep=FIRST * rows
    )
    working = WorkingSet.of(problem, *kept)
    start = null_solution(working)
    unit = 1.0 if standardise else columns.unit
    penalties = request.penalties(start.penalty * unit) / unit
    standing = Standing.at_first(working, penalties, start)
    keeper = Checkpoint(checkpoint, working, penalties, lasso_form(problem))
    del working, kept
    standing = keeper.read() or standing
    if progress is not None and start.penalty == 0:
        progress(1.0)
    while standing.passes < max_passes and (standing.gaps > tolerance).any():
        last = standing.passes + 1 == max_passes
        standing = one_round(standing, penalties, tolerance, last=last)
        keeper.write(standing)
        if progress is not None:
            progress(float((standing.gaps <= tolerance).mean()))
    if (standing.gaps <= tolerance).all():
        keeper.remove()
    warn_of_gaps(standing.gaps, tolerance, standing.passes, depth=1)
    mean = float(response.mean()) if intercept else 0.0
    return _result(standing, penalties, mean, tolerance)


def _result(standing: Standing, penalties: Array, mean: float, tolerance: float) -> LassoPath:
    """Coefficients in the unit of the design, columns in order."""
    working, found, gaps = standing.working, standing.found, standing.gaps
    problem = working.problem
    unit = problem.columns.unit
    chosen, coefficients, intercepts = [], [], []
    for solution in found:
        members = solution.members[np.argsort(working.indices[solution.members])]
        by_member = dict(zip(solution.members.tolist(), solution.coefficients, strict=True))
        slopes = np.array([by_member[m] for m in members.tolist()]) / working.spreads[members]
        chosen.append(working.indices[members])
        coefficients.append(slopes / unit)
        intercepts.append(mean - float(slopes @ working.means[members]))
    total = float(problem.y @ problem.y)
    left = np.array([float(s.residual @ s.residual) for s in found])
    return LassoPath(
        lambdas=penalties if problem.standardise else penalties * unit,
        intercepts=np.array(intercepts),
        columns=tuple(chosen),
        coefficients=tuple(coefficients),
        gaps=gaps,
        r_squared=1 - left / total if total > 0 else np.zeros(len(found)),
        converged=gaps <= tolerance,
        tolerance=tolerance,
        passes=standing.passes,
        kinks=sum(s.kinks for s in found),
        held=len(working),
        rows=problem.rows,
        width=problem.columns.shape[1],
        standardised=problem.standardise,
    )
