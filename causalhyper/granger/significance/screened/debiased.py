"""The debiased lasso, with standard errors for dependent, heteroscedastic steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso import DenseColumns, lasso_path
from causalhyper.granger.significance.screened.long_run import long_run_variance
from causalhyper.granger.significance.screened.parts import HeldOutPart


@dataclass(frozen=True, slots=True, eq=False)
class DebiasedLasso:
    """Estimates that are asymptotically normal.

    Attributes
    ----------
    estimates, errors : ndarray, shape (k,)
        Of columns of mean square one, in the unit of y.
    p_values : ndarray, shape (k,)
        Two-sided, by Student's distribution with the degrees of freedom of the residuals.
    lags : ndarray, shape (k,)
        Bandwidths of the standard errors.
    """

    estimates: Array
    errors: Array
    p_values: Array
    lags: Array


def debiased_lasso(part: HeldOutPart, lags: float | None = None) -> DebiasedLasso:
    r"""Correct a lasso by one lasso a column.

    .. math:: \hat b_j = \hat\beta_j + z_j^\top (y - X \hat\beta) / z_j^\top x_j

    with :math:`z_j` what a lasso of column j on the others leaves. The variance is the long-run
    one of :math:`z_{jt} e_t`, with e the residuals, over :math:`(z_j^\top x_j)^2`.

    Parameters
    ----------
    part : HeldOutPart
    lags : float, optional
        Bandwidth of all; by Andrews' rule for each unless given.

    Returns
    -------
    DebiasedLasso

    Notes
    -----
    Penalties are :math:`\hat\sigma \sqrt{2 \log k / n}` with the residuals' own
    :math:`\hat\sigma` (the scaled lasso), for errors without dependence: the bias is bounded by
    them, and is not in the standard error. Squared residuals are divided by the degrees of
    freedom.

    Source: van de Geer, Bühlmann, Ritov and Dezeure 2014, section 2; Sun and Zhang 2012.
    """
    x = np.sqrt(len(part.y)) * part.x
    rows, count = x.shape
    coefficients, residual, kept = scaled_lasso(x, part.y)
    free = max(rows - kept - part.trend.shape[1], 1)
    residual = residual * math.sqrt(rows / free)
    found = np.empty((4, count))
    for column in range(count):
        others = np.delete(x, column, axis=1)
        own = scaled_lasso(others, x[:, column])[1] if count > 1 else x[:, column]
        scale = float(own @ x[:, column])
        step = float(own @ (part.y - x @ coefficients)) / scale
        variance, used = long_run_variance(own * residual, part.times, lags)
        estimate, error = coefficients[column] + step, math.sqrt(max(variance, 0.0)) / scale
        found[:, column] = estimate, error, _two_sided(estimate, error, free), used
    return DebiasedLasso(*found)


def scaled_lasso(x: Array, y: Array) -> tuple[Array, Array, int]:
    r"""Fit a lasso whose penalty is its own residual spread times :math:`\sqrt{2 \log k / n}`.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Columns of mean zero and mean square one.
    y : ndarray, shape (n,)
        Of mean zero.

    Returns
    -------
    coefficients : ndarray, shape (k,)
    residual : ndarray, shape (n,)
    kept : int

    Examples
    --------
    >>> x = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    >>> coefficients, _, kept = scaled_lasso(x, np.array([3.0, -3.0, 3.1, -3.1]))
    >>> coefficients.round(1).tolist(), kept
    ([3.0], 1)
    """
    rows, count = x.shape
    share = math.sqrt(2 * math.log(max(count, 2)) / rows)
    away = y - y.mean()
    if np.abs(x.T @ away).max() / rows <= share * float(away.std()):
        return np.zeros(count), away, 0
    path = lasso_path(
        DenseColumns(x), y, lambdas=40, ratio=1e-2, standardise=False, tolerance=1e-4
    )
    total = float((away**2).mean())
    spreads = np.sqrt(np.maximum(1 - path.r_squared, 0.0) * total)
    at = int(np.argmax(path.lambdas / np.maximum(spreads, np.finfo(float).tiny) <= share))
    if path.lambdas[-1] > share * spreads[-1]:
        at = len(path) - 1
    members: Codes = path.columns[at]
    residual = away - x[:, members] @ path.coefficients[at]
    return path.dense(at), residual, len(members)


def _two_sided(estimate: float, error: float, free: int) -> float:
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if estimate == 0 else 0.0
    return 2 * float(stdtr(free, -abs(estimate) / error))
