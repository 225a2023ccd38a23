"""What selects columns of a half sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.counts import By, choose_by_count
from causalhyper.granger.choice.penalties import LASSO, PathOptions, Penalty
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.screening.blocks import screen_columns

Selector = Callable[[ColumnBlocks, Array], Codes | PenaltyChoice]
"""Given the columns and the response of some steps, the columns kept or a choice of them."""


def select_by_penalty(
    columns: ColumnBlocks,
    y: Array,
    *,
    kept: int,
    by: By = "entry",
    penalty: Penalty = LASSO,
    **options: Unpack[PathOptions],
) -> Codes:
    """Select a number of columns by a lasso or another penalty.

    Parameters
    ----------
    columns : ColumnBlocks
    y : ndarray
    kept : int
        q.
    by : {"entry", "fit"}
        The first q that come in on the path, or those of the largest penalty that keeps q.
    penalty : Penalty
    **options
        Keywords of the path.

    Returns
    -------
    ndarray of int, shape (q,)
        Increasing.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.random.default_rng(0).normal(size=(40, 30))
    >>> select_by_penalty(DenseColumns(x), x[:, 4] - 2 * x[:, 9], kept=2).tolist()
    [4, 9]
    """
    return choose_by_count(columns, y, kept=kept, by=by, penalty=penalty, **options).columns


def select_by_screening(
    columns: ColumnBlocks, y: Array, *, kept: int, statistic: str = "correlation"
) -> Codes:
    """Select the columns with the largest statistic, each alone.

    Parameters
    ----------
    columns : ColumnBlocks
    y : ndarray
    kept : int
        q; among equal values columns with lower numbers go first.
    statistic : str
        Of `Screening`, such as "correlation", "marginal" or "movement".

    Returns
    -------
    ndarray of int, shape (q,)
        Increasing.

    Raises
    ------
    ConfigurationError
        If there are not so many columns, or the statistic is not known.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.random.default_rng(0).normal(size=(40, 30))
    >>> select_by_screening(DenseColumns(x), x[:, 4] - 2 * x[:, 9], kept=1).tolist()
    [9]
    """
    width = columns.shape[1]
    if not 0 < kept <= width:
        raise ConfigurationError(f"expected 1 to {width} columns to keep; got {kept}")
    screening = screen_columns(columns, y)
    screening.keep(statistic, sparsity=0.0)  # refuses a statistic that ranks nothing
    size = np.abs(screening.layers[0].statistics[statistic])
    return np.sort(np.argsort(-size, kind="stable")[:kept]).astype(np.intp)


def selected_columns(select: Selector, columns: ColumnBlocks, y: Array) -> Codes:
    """Call a selector and read its answer.

    Parameters
    ----------
    select : callable
    columns : ColumnBlocks
    y : ndarray

    Returns
    -------
    ndarray of int
        Increasing, none twice.

    Raises
    ------
    ConfigurationError
        If the answer is not columns of the design.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> design = DenseColumns(np.ones((3, 5)))
    >>> selected_columns(lambda columns, y: np.array([4, 1, 4]), design, np.ones(3)).tolist()
    [1, 4]
    """
    answer = select(columns, y)
    found = np.unique(np.asarray(answer.columns if isinstance(answer, PenaltyChoice) else answer))
    if not len(found):
        return np.empty(0, dtype=np.intp)
    whole = np.issubdtype(found.dtype, np.integer)
    if not whole or found[0] < 0 or found[-1] >= columns.shape[1]:
        raise ConfigurationError(
            f"select must return numbers of columns, 0 to {columns.shape[1] - 1}, or a "
            f"PenaltyChoice; got {answer!r}"
        )
    return found.astype(np.intp)
