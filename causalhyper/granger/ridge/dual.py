"""Fitting a path of ridge penalties."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.folds import Folds, Scheme, blocked_folds
from causalhyper.granger.lasso.arguments import check_flags, check_real, check_whole, real_numbers
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns
from causalhyper.granger.lasso.response import checked_response
from causalhyper.granger.ridge.gram import gram_of
from causalhyper.granger.ridge.result import RidgePath
from causalhyper.granger.ridge.spectrum import Spectrum, predicted, spectrum_of


def dual_ridge(
    columns: ColumnBlocks,
    y: ArrayLike,
    *,
    lambdas: ArrayLike | None = None,
    count: int = 50,
    ratio: float = 1e-8,
    given: ArrayLike | None = None,
    standardise: bool = True,
    intercept: bool = True,
    choice: Literal["cv", "gcv"] = "cv",
    folds: int = 5,
    scheme: Scheme = "forward",
    gap: int = 0,
) -> RidgePath:
    r"""Fit ridge regressions to a design of any width, in one reading of it.

    With T rows and p columns, only the T x T matrix X X' is needed: T\ :sup:`2` products a
    column, T\ :sup:`2` numbers of memory, and one decomposition for all penalties.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : array_like, shape (T,)
    lambdas : array_like, shape (L,), optional
        Penalties, above zero. Unless given, `count` of them from the largest eigenvalue of
        X X' / T down to `ratio` times it.
    count : int
        Penalties of the grid.
    ratio : float
        Smallest over largest.
    given : array_like, shape (T, r), optional
        Columns that are not penalised, beside the intercept.
    standardise, intercept : bool
        As `lasso_path` takes them. Scales are those of all rows, also in cross-validation.
    choice : {"cv", "gcv"}
        Smallest error of blocks of steps predicted from other steps, or generalised
        cross-validation, which takes errors for independent: with autocorrelated ones it chooses
        too small a penalty.
    folds, scheme, gap
        Of the blocks, see `blocked_folds`.

    Returns
    -------
    RidgePath

    Raises
    ------
    ConfigurationError
        If shapes differ, or a number means nothing.
    DataError
        If a value is not finite, or no column varies.

    Notes
    -----
    Source: Saunders, Gammerman and Vovk 1998, "Ridge regression learning algorithm in dual
    variables"; Golub, Heath and Wahba 1979.

    Examples
    --------
    >>> from causalhyper.granger.lasso.columns import DenseColumns
    >>> x = np.random.default_rng(0).normal(size=(60, 500))
    >>> fit = dual_ridge(DenseColumns(x), x @ np.full(500, 0.1), choice="gcv")
    >>> fit.coefficients(DenseColumns(x)).shape
    (500,)
    """
    check_columns(columns)
    check_flags(standardise=standardise, intercept=intercept)
    response = checked_response(y, columns.shape[0])
    free = _given(given, len(response), intercept)
    gram, scales = gram_of(columns, standardise=standardise, intercept=intercept)
    problem = spectrum_of(gram, response, free)
    if not problem.values[-1] > 0:
        raise DataError("no column varies beside those given: there is nothing to be fitted")
    grid = _grid(lambdas, problem, count, ratio)
    blocks = blocked_folds(len(response), folds, scheme=scheme, gap=gap)
    cv, gcv = blocked_error(gram, response, free, blocks, grid), problem.generalised_error(grid)
    at = int(np.argmin({"cv": cv, "gcv": gcv}[_named(choice)]))
    fitted = problem.fitted(grid) + (response - problem.response)[:, None]
    about = float(((response - response.mean() * intercept) ** 2).sum())
    left = ((response[:, None] - fitted) ** 2).sum(axis=0)
    return RidgePath(
        lambdas=grid,
        degrees=problem.degrees(grid),
        fitted=fitted,
        dual=problem.dual(grid),
        r2_in=1 - left / about if about > 0 else np.full(len(grid), np.nan),
        gcv=gcv,
        cv=cv,
        at=at,
        choice=choice,
        scales=scales,
    )


def blocked_error(gram: Array, y: Array, given: Array, folds: Folds, lambdas: Array) -> Array:
    """Mean squared error of blocks of rows, each predicted from other rows.

    Parameters
    ----------
    gram : ndarray, shape (T, T)
    y : ndarray, shape (T,) or (T, B)
    given : ndarray, shape (T, r)
        Columns that are not penalised.
    folds : sequence of pairs of ndarray of int
        Rows to learn from and rows to predict.
    lambdas : ndarray, shape (L,)

    Returns
    -------
    ndarray, shape (L,) or (L, B)
    """
    errors = []
    for learn, ahead in folds:
        found: Array = predicted(gram, y, given, learn, ahead, lambdas)
        errors.append((y[ahead] - found) ** 2)
    return np.asarray(np.concatenate(errors, axis=1).mean(axis=1))


def _named(choice: str) -> str:
    if choice not in ("cv", "gcv"):
        raise ConfigurationError(f"choice must be 'cv' or 'gcv'; got {choice!r}")
    return choice


def _given(given: ArrayLike | None, rows: int, intercept: bool) -> Array:
    columns = [np.ones((rows, 1))] if intercept else []
    if given is not None:
        more = real_numbers("given", given)
        if more.ndim != 2 or len(more) != rows or not np.isfinite(more).all():
            raise ConfigurationError(
                f"given must be finite columns of {rows} rows; got shape {more.shape}"
            )
        columns.append(more)
    return np.hstack(columns) if columns else np.empty((rows, 0))


def _grid(lambdas: ArrayLike | None, problem: Spectrum, count: int, ratio: float) -> Array:
    if lambdas is not None:
        grid = np.sort(np.atleast_1d(real_numbers("lambdas", lambdas)))[::-1]
        if grid.ndim != 1 or not len(grid) or not (np.isfinite(grid) & (grid > 0)).all():
            raise ConfigurationError("lambdas must be finite numbers above zero")
        return grid
    check_whole(count=count)
    check_real(ratio=ratio)
    if count < 1 or not 0 < ratio < 1:
        raise ConfigurationError(
            f"expected one penalty at least and a ratio in (0, 1); got {count} and {ratio}"
        )
    return np.asarray(problem.values[-1] / problem.rows * np.geomspace(1, ratio, count))
