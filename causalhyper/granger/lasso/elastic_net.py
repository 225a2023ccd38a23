"""Elastic net paths over designs that are read in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_real
from causalhyper.granger.lasso.block_dual import Level
from causalhyper.granger.lasso.block_path import Followed, follow, largest_strength
from causalhyper.granger.lasso.block_result import FitUnits, Form, finish
from causalhyper.granger.lasso.block_set import BlockSet
from causalhyper.granger.lasso.checkpoint import Checkpoint
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.kept_path import block_form
from causalhyper.granger.lasso.newton import minimise
from causalhyper.granger.lasso.path import lasso_path
from causalhyper.granger.lasso.request import PathRequest
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.granger.lasso.scan import scan, survey
from causalhyper.granger.lasso.shortlist import Shortlist
from causalhyper.granger.lasso.working_set import WorkingSet
from causalhyper.progress import Progress

FIRST, MORE = 16, 12
"""Columns held at first and taken in after each pass, in multiples of T."""


def elastic_net_path(
    columns: ColumnBlocks,
    y: Array,
    *,
    l1_ratio: float = 0.5,
    lambdas: Sequence[float] | int = 100,
    ratio: float = 1e-2,
    standardise: bool = True,
    intercept: bool = True,
    tolerance: float = 1e-6,
    max_passes: int = 30,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> LassoPath:
    r"""Fit an elastic net at many penalties, each certified by its duality gap.

    .. math:: \min_{a, g} \frac{1}{2T} |y - a - X g|^2
              + \lambda \sum_j \left( \alpha w_j |g_j|
              + \frac{1 - \alpha}{2 s} w_j^2 g_j^2 \right)

    where :math:`\alpha` is `l1_ratio`. Standardised, :math:`w_j` is the standard deviation of
    column j and s that of y: the fit is scikit-learn's ``ElasticNet`` to standardised columns and
    standardised y, with ``alpha`` :math:`\lambda / s` (glmnet's convention), and l1_ratio means
    the same whatever the units of X and y. Otherwise :math:`w_j = s = 1`, which is scikit-learn's
    fit to X and y as they are and depends on their units.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p); it is read some times from left to right and never held.
    y : array_like, shape (T,)
    l1_ratio : float
        In (0, 1]; one is the lasso.
    lambdas : sequence of float, or int
        Penalties above zero, or how many: spaced evenly in the logarithm from the smallest that
        leaves all columns out.
    ratio : float
        The last penalty over the first, in (0, 1), where `lambdas` is a number.
    standardise, intercept : bool
        As in `lasso_path`.
    tolerance : float
        Relative duality gap (see `LassoPath.gaps`) to reach.
    max_passes : int
        Readings of the design at most, 2 or more.
    progress : callable, optional
        Called with the share of the penalties that are certified.
    checkpoint : str or Path, optional
        A file that keeps, after each reading, what is fitted, as in `lasso_path`.

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
    It can keep more than T columns, and columns that are equal share their coefficient.

    Memory: the columns kept and those near to them (16 T at first, and up to 12 T more after each
    reading), a number a column, a block.

    Source: Zou and Hastie 2005; Friedman, Hastie and Tibshirani 2010 for the convention.

    Examples
    --------
    >>> import numpy as np
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.random.default_rng(0).normal(size=(20, 1))
    >>> twice = DenseColumns(np.hstack([x, x]))
    >>> path = elastic_net_path(twice, 4 * x[:, 0], l1_ratio=0.5, lambdas=[0.4])
    >>> path.dense(0).round(2).tolist()
    [1.83, 1.83]
    """
    check_real(l1_ratio=l1_ratio)
    if not 0 < l1_ratio <= 1:
        raise ConfigurationError(
            f"l1_ratio lies in (0, 1]; got {l1_ratio:g}: without an l1 penalty no column is out"
        )
    request = PathRequest(
        columns, y, lambdas, ratio, standardise, intercept, tolerance, max_passes, progress
    )
    if l1_ratio == 1:
        return lasso_path(
            columns,
            request.y,
            lambdas=lambdas,
            ratio=ratio,
            standardise=standardise,
            intercept=intercept,
            tolerance=tolerance,
            max_passes=max_passes,
            progress=progress,
            checkpoint=checkpoint,
        )
    return _path(request, l1_ratio, checkpoint)


def _path(request: PathRequest, l1_ratio: float, checkpoint: str | Path | None) -> LassoPath:
    units, form = FitUnits.of(request), Form("elastic net", l1_ratio=l1_ratio)
    rows, width = request.columns.shape
    problem, kept = survey(
        request.columns,
        request.y / units.y,
        standardise=request.standardise,
        intercept=request.intercept,
        keep=FIRST * rows,
    )

    def read(residuals: Array, strengths: Array, held: BlockSet) -> tuple[Array, Shortlist]:
        most = min(MORE * rows, width)
        return scan(problem, residuals, strengths, held.columns.indices, most)

    held = BlockSet.of(WorkingSet.of(problem, *kept), None)
    largest = largest_strength(held)
    penalties = request.penalties(units.strength * largest / l1_ratio)
    levels = [
        Level(l1_ratio * p / units.strength, (1 - l1_ratio) * p / units.ridge) for p in penalties
    ]
    kind = f"elastic net {float(l1_ratio)!r} {units}"
    keeper = Checkpoint(checkpoint, held.columns, penalties, block_form(kind, held, levels))
    start = Followed.at_first(held, levels, passes=1)
    return finish(request, units, penalties, follow(request, start, minimise, read, keeper), form)
