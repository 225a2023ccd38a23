"""The penalty with the smallest extended Bayesian information criterion."""

from __future__ import annotations

from typing import Literal, Unpack

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.assembly import assemble, sum_of_squares, table_of
from causalhyper.granger.choice.information import effective_steps
from causalhyper.granger.choice.penalties import LASSO, PathOptions, Penalty
from causalhyper.granger.choice.prediction import predict_rows
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.result import LassoPath

Steps = Literal["all", "effective"] | float


def choose_by_ebic(
    columns: ColumnBlocks,
    y: Array,
    *,
    gamma: float = 1.0,
    steps: Steps = "all",
    penalty: Penalty = LASSO,
    **options: Unpack[PathOptions],
) -> PenaltyChoice:
    """Find the penalty with the smallest extended BIC of Chen and Chen (2008).

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : array_like, shape (T,)
    gamma : float
        In [0, 1] (`extended_bic`).
    steps : {"all", "effective"} or float
        The number of independent steps n. The criterion is derived for independent errors, so it
        counts all T; errors that are autocorrelated carry less, and it then keeps too many
        columns. "effective" chooses with all, takes n from the autocorrelation of the residuals
        of that fit (`effective_steps`), and chooses again: for columns that last as long as the
        errors do; for columns without autocorrelation it is too strict.
    penalty : Penalty
        What to fit. The degrees of freedom are the number of nonzero coefficients, which is right
        for a lasso, and too many for an elastic net.
    **options
        Keywords of the path.

    Returns
    -------
    PenaltyChoice

    Raises
    ------
    ConfigurationError
        If gamma or the steps mean nothing.

    Notes
    -----
    Fits that keep more than n / 2 columns are not considered: the criterion holds for few columns
    beside the steps, and the likelihood of a fit that nearly interpolates outgrows any penalty.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(120, 300))
    >>> y = x[:, :3].sum(axis=1) + rng.normal(size=120)
    >>> choose_by_ebic(DenseColumns(x), y).columns.tolist()
    [0, 1, 2]
    """
    if isinstance(steps, str) and steps not in ("all", "effective"):
        raise ConfigurationError(f"steps must be 'all', 'effective' or a number; got {steps!r}")
    response = np.asarray(y, dtype=np.float64)
    path = penalty.path(columns, response, **options)
    total = sum_of_squares(response, options)
    count = float(steps) if not isinstance(steps, str) else float(path.rows)
    table = table_of(path, total, gamma=gamma, steps=count)
    at = smallest(table["ebic"].to_numpy(), table["kept"].to_numpy(), count)
    if steps == "effective":
        count = effective_steps(_residual(columns, response, path, at))
        table = table_of(path, total, gamma=gamma, steps=count)
        at = smallest(table["ebic"].to_numpy(), table["kept"].to_numpy(), count)
    return assemble(
        "ebic",
        f"Extended BIC (Chen and Chen 2008), gamma = {gamma:g}, with {count:.4g} of {path.rows} "
        f"steps counted and a degree of freedom a column: {table['ebic'].iloc[at]:.6g} here.",
        path,
        at,
        table=table,
        penalty=penalty,
        options=options,
    )


def smallest(criterion: Array, kept: Array, steps: float) -> int:
    """Return which fit has the smallest criterion, of those of at most steps / 2 columns.

    Parameters
    ----------
    criterion : ndarray, shape (k,)
    kept : ndarray, shape (k,)
        Columns of each fit.
    steps : float

    Examples
    --------
    >>> smallest(np.array([0.0, -5.0, -90.0]), np.array([0, 2, 9]), steps=10.0)
    1
    """
    # where no fit is that small, the smallest of all
    few = kept <= max(steps / 2, float(kept.min()))
    return int(np.argmin(np.where(few, criterion, np.inf)))


def _residual(columns: ColumnBlocks, y: Array, path: LassoPath, at: int) -> Array:
    """Residual of one fit, from a reading of the design."""
    return y - predict_rows(columns, [(path, np.arange(len(y)))])[0][at]
