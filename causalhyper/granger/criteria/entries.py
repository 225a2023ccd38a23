"""Where columns enter a path of penalties, and what ranks those that never do."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.choice.prediction import values_of
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.granger.screening import screen_columns

BELOW = 1 - 1e-9
"""What columns that never enter are held to, in units of the last penalty."""


def entry_scores(columns: ColumnBlocks, y: Array, path: LassoPath) -> Array:
    r"""Score columns by the penalty at which they enter, all in the unit of the penalty.

    A column that enters between two penalties of the grid stands between them, in the order of
    the sizes that the standardised coefficients then have. A column that has not entered by the
    last penalty has the penalty at which it would be the next to enter if the fit stayed as it
    is: the size of its standardised covariance with the residuals of the last fit, over the share
    of the l1 penalty. It is below the last penalty.

    Parameters
    ----------
    columns : ColumnBlocks
        The design that was fitted, with standardised columns; it is read twice.
    y : ndarray, shape (T,)
    path : LassoPath
        Of a lasso or elastic net, with intercept.

    Returns
    -------
    ndarray, shape (p,)
        Not negative; zero for a column that does not vary.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns, lasso_path
    >>> x = np.random.default_rng(0).normal(size=(40, 6))
    >>> design, y = DenseColumns(x), 2 * x[:, 3] - x[:, 1] + 0.1 * x[:, 0]
    >>> np.argsort(-entry_scores(design, y, lasso_path(design, y)))[:2].tolist()
    [3, 1]
    """
    chosen = np.unique(np.concatenate([np.empty(0, np.intp), *path.columns]))
    values = values_of(columns, chosen) * columns.unit
    last = np.searchsorted(chosen, path.columns[-1])
    residual = y - path.intercepts[-1] - values[:, last] @ path.coefficients[-1]
    strength = screen_columns({"design": columns}, residual)["design"].statistics["entry_lambda"]
    scores = np.minimum(strength / path.l1_ratio, BELOW * path.lambdas[-1])
    scores[chosen] = entered_scores(path, chosen, values.std(axis=0))
    return scores


def standardised_coefficients(columns: ColumnBlocks, path: LassoPath, at: int) -> Array:
    """Return sizes of coefficients times standard deviations at one penalty, shape (p,)."""
    found, chosen = np.zeros(path.width), path.columns[at]
    deviations = (values_of(columns, chosen) * columns.unit).std(axis=0)
    found[chosen] = np.abs(path.coefficients[at]) * deviations
    return found


def entered_scores(path: LassoPath, chosen: Codes, deviations: Array) -> Array:
    """Score the columns that are in at some penalty.

    Parameters
    ----------
    path : LassoPath
    chosen : ndarray of int, shape (q,)
        Those columns, increasing.
    deviations : ndarray, shape (q,)
        Their standard deviations.

    Returns
    -------
    ndarray, shape (q,)
        See `entry_scores`.
    """
    scores = np.zeros(len(chosen))
    for at, (members, slopes) in enumerate(zip(path.columns, path.coefficients, strict=True)):
        place = np.searchsorted(chosen, members)
        new = scores[place] == 0
        entering = place[new]
        sizes = np.abs(slopes[new]) * deviations[entering]
        rank = np.argsort(np.argsort(sizes, kind="stable"), kind="stable")
        low = path.lambdas[at]
        width = (path.lambdas[at - 1] if at else low) - low
        scores[entering] = low + width * rank / max(len(rank), 1)
    return scores
