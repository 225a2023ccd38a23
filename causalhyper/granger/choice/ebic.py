"""The penalty with the smallest extended Bayesian information criterion."""

from __future__ import annotations

from typing import Literal, Unpack

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.assembly import assemble, sum_of_squares, table_of
from causalhyper.granger.choice.information import effective_steps, extended_bic
from causalhyper.granger.choice.penalties import LASSO, PathOptions, Penalty, check_penalty
from causalhyper.granger.choice.prediction import predict_rows, values_of
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.arguments import check_flags, check_real
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns
from causalhyper.granger.lasso.response import checked_response
from causalhyper.granger.lasso.result import LassoPath

Steps = Literal["all", "effective"] | float


def choose_by_ebic(
    columns: ColumnBlocks,
    y: Array,
    *,
    gamma: float = 1.0,
    steps: Steps = "all",
    refit: bool = True,
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
    refit : bool
        Whether the likelihood is that of the columns kept, by least squares, as the criterion is
        defined; or that of the penalised fit, whose shrinkage hides much of what its columns
        explain, so that among very many columns it often keeps none. Either way the number of
        columns counts; for a lasso's own fit that is an unbiased estimate of the degrees of
        freedom (Zou, Hastie and Tibshirani 2007), for an elastic net it is too many.
    penalty : Penalty
        What to fit.
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
    check_penalty(penalty, options, paths="one")
    check_columns(columns)
    check_real(gamma=gamma)
    check_flags(refit=refit)
    if not isinstance(steps, str):
        check_real(steps=steps)
    if isinstance(steps, str) and steps not in ("all", "effective"):
        raise ConfigurationError(f"steps must be 'all', 'effective' or a number; got {steps!r}")
    response = checked_response(y, columns.shape[0])
    path = penalty.path(columns, response, **options)
    kept = np.array([len(chosen) for chosen in path.columns])
    constant = bool(options.get("intercept", True))
    residuals = _residuals(columns, response, path, refit=refit, constant=constant)
    left = (residuals**2).sum(axis=1)
    count = float(path.rows) if isinstance(steps, str) else float(steps)
    criterion = extended_bic(left, kept, *columns.shape, gamma=gamma, steps=count)
    at = smallest(criterion, kept, count)
    if steps == "effective":
        count = effective_steps(residuals[at])
        criterion = extended_bic(left, kept, *columns.shape, gamma=gamma, steps=count)
        at = smallest(criterion, kept, count)
    table = table_of(path, sum_of_squares(response, options)).assign(ebic=criterion)
    source = "least squares on the kept columns" if refit else "the penalised fit"
    return assemble(
        "ebic",
        f"Extended BIC (Chen and Chen 2008), gamma = {gamma:g}, with {count:.4g} of {path.rows} "
        f"steps counted, of {source}: {criterion[at]:.6g} here.",
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

    Returns
    -------
    int

    Examples
    --------
    >>> smallest(np.array([0.0, -5.0, -90.0]), np.array([0, 2, 9]), steps=10.0)
    1
    """
    # where no fit is that small, the smallest of all
    few = kept <= max(steps / 2, float(kept.min()))
    return int(np.argmin(np.where(few, criterion, np.inf)))


def _residuals(
    columns: ColumnBlocks, y: Array, path: LassoPath, *, refit: bool, constant: bool
) -> Array:
    """Residuals of every fit, shape (k, T), from a reading of the design.

    Of refits with more than half as many columns as steps they are left at infinity.
    """
    if not refit:
        return y - predict_rows(columns, [(path, np.arange(len(y)))])[0]
    most = max(path.rows // 2, min(len(chosen) for chosen in path.columns))
    used = [chosen for chosen in path.columns if len(chosen) <= most]
    union = np.unique(np.concatenate(used))
    values = values_of(columns, union)
    response = y - y.mean() if constant else y
    if constant:
        values -= values.mean(axis=0)
    values /= np.sqrt((values**2).sum(axis=0))
    residuals = np.full((len(path), len(y)), np.inf)
    for at, chosen in enumerate(path.columns):
        if len(chosen) <= most:
            model = values[:, np.searchsorted(union, chosen)]
            slopes = np.linalg.lstsq(model, response)[0]
            residuals[at] = response - model @ slopes
    return residuals
