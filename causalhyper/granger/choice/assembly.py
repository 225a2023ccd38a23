"""What every way to choose has in common: the fits, their table, their regime."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.granger.choice.information import extended_bic
from causalhyper.granger.choice.penalties import PathOptions, Penalty
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.result import LassoPath


def limit(rows: int, width: int, options: PathOptions) -> int:
    """Return how many columns an exact lasso can keep: one a degree of freedom that is left.

    Parameters
    ----------
    rows, width : int
        T and p.
    options : PathOptions
        Whether a constant is fitted, which takes one.

    Returns
    -------
    int
    """
    return min(rows - bool(options.get("intercept", True)), width)


def regime(penalty: Penalty, kept: int, most: int) -> str:
    """Say how many columns a fit of this penalty can keep, and how near this one comes.

    Parameters
    ----------
    penalty : Penalty
    kept : int
        Columns of the fit that are not zero.
    most : int
        What an exact lasso can keep.

    Returns
    -------
    str
    """
    if not penalty.bounded:
        return f"Regime: {penalty.name}; it can keep more columns than there are steps."
    near = (
        " It is near that bound, so the number of steps decides what is kept, and no longer the "
        "data: record more steps, or use elastic net, entry order or selection frequency."
        if 2 * kept > most
        else ""
    )
    return (
        f"Regime: exact {penalty.name}; it keeps at most {most} columns, one a step, and of "
        f"correlated columns an unstable choice; this fit keeps {kept}.{near}"
    )


def sum_of_squares(y: Array, options: PathOptions) -> float:
    """Sum of squares of y that a fit without columns leaves.

    Parameters
    ----------
    y : ndarray, shape (T,)
    options : PathOptions
        Whether a constant is fitted.

    Returns
    -------
    float
    """
    away = y - y.mean() if options.get("intercept", True) else y
    return float(away @ away)


def table_of(path: LassoPath, total: float) -> pd.DataFrame:
    """Tabulate a path, without anything out of the sample; its extended BIC is that of the fits.

    Parameters
    ----------
    path : LassoPath
    total : float
        Sum of squares of y around its constant.

    Returns
    -------
    DataFrame
        As `PenaltyChoice.table`.
    """
    kept = np.array([len(columns) for columns in path.columns])
    left = (1 - path.r_squared) * total
    nothing = np.full(len(path), np.nan)
    criterion = extended_bic(left, kept, path.rows, path.width)
    return pd.DataFrame(
        {
            "lambda": path.lambdas,
            "kept": kept,
            "gap": path.gaps,
            "r2_in": path.r_squared,
            "r2_out": nothing,
            "se": nothing,
            "ebic": criterion,
        }
    )


def assemble(
    how: str,
    reason: str,
    path: LassoPath,
    at: int,
    *,
    table: pd.DataFrame,
    penalty: Penalty,
    options: PathOptions,
    columns: Codes | None = None,
) -> PenaltyChoice:
    """Make a choice of its parts; it keeps what the fit keeps, or the columns given.

    Parameters
    ----------
    how, reason : str
    path : LassoPath
    at : int
    table : DataFrame
    penalty : Penalty
    options : PathOptions
    columns : ndarray of int, optional
        What is kept, where that is not what the fit keeps.

    Returns
    -------
    PenaltyChoice
    """
    most = limit(path.rows, path.width, options)
    return PenaltyChoice(
        how=how,
        reason=reason,
        table=table,
        path=path,
        at=at,
        columns=path.columns[at] if columns is None else columns,
        regime=regime(penalty, len(path.columns[at]), most),
    )
