"""Errors of two additive mechanisms that are correlated: what that does to the later one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.inference.moments import partial_out, slopes_on, within_moments
from causalhyper.mechanisms import AdditiveFit
from causalhyper.mechanisms.grouping import Groups


@dataclass(frozen=True, slots=True)
class ErrorPair:
    """What correcting a later mechanism for the error of an earlier one needs, by replicate.

    Attributes
    ----------
    slopes : ndarray, shape (r, k)
        Coefficients of the earlier error on the later mechanism's columns.
    means : ndarray, shape (r or 1, contexts, k)
        Means of those columns within contexts.
    earlier, spanned, later : ndarray, shape (r,)
        Variances within contexts: of the earlier residual, of the part of it that the later
        mechanism's columns span, of the later residual as fitted.
    """

    slopes: Array
    means: Array
    earlier: Array
    spanned: Array
    later: Array


def pair_errors(
    earlier: AdditiveFit, later: AdditiveFit, groups: Groups, weights: Array
) -> ErrorPair:
    """Prepare a pair of mechanisms in many replicates.

    Parameters
    ----------
    earlier, later : AdditiveFit
    groups : Groups
    weights : ndarray, shape (r, clusters)
        How often each cluster counts.

    Returns
    -------
    ErrorPair
    """
    k, j = later.columns.shape[1], earlier.columns.shape[1]
    columns = np.column_stack([later.columns, earlier.columns, earlier.response, later.response])
    moments = within_moments(columns, groups, weights)
    xs, zs, y = list(range(k)), list(range(k, k + j)), k + j
    own = slopes_on(moments.products, zs, [y])[:, :, 0]
    # the earlier residual is its response less its fitted values: one more column
    turn = np.zeros((len(weights), y + 2, k + 2))
    turn[:, xs, xs] = 1.0
    turn[:, zs, k] = -own
    turn[:, y, k] = 1.0
    turn[:, y + 1, k + 1] = 1.0
    products = turn.transpose(0, 2, 1) @ moments.products @ turn
    left = partial_out(products, xs, [k, k + 1])
    total = products[:, k, k]
    return ErrorPair(
        slopes=slopes_on(products, xs, [k])[:, :, 0],
        means=moments.means[:, :, :k],
        earlier=total / moments.total,
        spanned=np.maximum(total - left[:, 0, 0], 0.0) / moments.total,
        later=left[:, 1, 1] / moments.total,
    )


def control_slopes(pair: ErrorPair, rho: float) -> Array:
    """How much of the earlier error the later one holds, if they are correlated by rho.

    With e the earlier error, the later one is ``l e + u``, u independent of everything before,
    ``l = rho sd(later error) / sd(e)``. Least squares of the response less ``l e`` leaves the
    residual r + l P e, where r is the residual as fitted and P projects on the columns, so that
    l solves ``l^2 var(e) = rho^2 (var(r) + l^2 var(P e))``.

    Parameters
    ----------
    pair : ErrorPair
    rho : float
        In (-1, 1).

    Returns
    -------
    ndarray, shape (r,)

    Raises
    ------
    ConfigurationError
        If rho is not between -1 and 1.

    Notes
    -----
    Where the columns span e, as in the linear model of Imai, Keele and Yamamoto 2010
    ("Identification, inference and sensitivity analysis for causal mediation effects",
    Statistical Science 25, theorem 4), it is ``rho / sqrt(1 - rho^2) sd(r) / sd(e)``.
    """
    if not -1 < rho < 1:
        raise ConfigurationError(f"a correlation of errors lies between -1 and 1, got {rho:g}")
    squared = pair.later / (pair.earlier - rho**2 * pair.spanned)
    out: Array = rho * np.sqrt(squared)
    return out


def correct(coefs: Array, effects: Array, pair: ErrorPair, rho: float) -> tuple[Array, Array]:
    """Coefficients of the later mechanism if the errors are correlated by rho.

    Parameters
    ----------
    coefs : ndarray, shape (r, k)
    effects : ndarray, shape (r, contexts)
        As fitted.
    pair : ErrorPair
    rho : float

    Returns
    -------
    coefs : ndarray, shape (r, k)
    effects : ndarray, shape (r, contexts)
    """
    change = control_slopes(pair, rho)[:, None] * pair.slopes
    means = np.broadcast_to(pair.means, (len(coefs), *pair.means.shape[1:]))
    return coefs - change, effects + np.einsum("rk,rck->rc", change, means)
