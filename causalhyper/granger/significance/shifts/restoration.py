"""What a trend takes of the errors, drawn again: rotations would lose it twice."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.significance.dependence import estimate_dependence
from causalhyper.granger.significance.shifts.rotation import rotate
from causalhyper.granger.significance.shifts.stationary import Remainder


def restore(remainder: Remainder, rng: np.random.Generator) -> Array:
    r"""Draw what the trend took from the errors, and add it to the remainder.

    Errors e leave the remainder :math:`r = (I - Q Q^\top) e`. Given r, and errors that are normal
    with correlations R and variance :math:`\sigma^2`, what was taken is :math:`Q a` with

    .. math:: a \sim N(-A^{-1} Q^\top R^{-1} r,\ \sigma^2 A^{-1}), \quad A = Q^\top R^{-1} Q

    so that r + Q a has the distribution of e, which every rotation of it has.

    Parameters
    ----------
    remainder : Remainder
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (T,)
        The remainder as it is where rotations keep the span of the trend: a constant.

    Notes
    -----
    R is that of an autoregression of order one plus noise, fitted by restricted likelihood.

    Source: Rasmussen and Williams 2006, section 2.7, for the distribution of a trend.
    """
    basis, edges = remainder.basis, remainder.edges
    turned = rotate(basis, edges, np.ones(len(edges) - 1, dtype=np.intp))
    if np.abs(turned - basis @ (basis.T @ turned)).max(initial=0.0) < 1e-9:
        return remainder.values
    mean, factor = lost_part(remainder)
    return np.asarray(remainder.values + basis @ (mean + factor @ rng.normal(size=len(mean))))


def lost_part(remainder: Remainder) -> tuple[Array, Array]:
    """Return mean and a root of the covariance of what the trend took, given the remainder.

    Parameters
    ----------
    remainder : Remainder
        With a trend of q columns.

    Returns
    -------
    mean : ndarray, shape (q,)
    factor : ndarray, shape (q, q)
        The covariance is factor times its transpose.
    """
    basis, edges = remainder.basis, remainder.edges
    scale = float(np.sqrt(np.mean(remainder.values**2)))
    values = remainder.values / scale
    training = np.searchsorted(edges, np.arange(edges[-1]), side="right") - 1
    times = np.arange(edges[-1]) + 100 * int(edges[-1]) * training
    dependence = estimate_dependence(basis, values, times)
    white, _ = dependence.whiten(np.column_stack([basis, values]), times)
    spanned, triangle = np.linalg.qr(white[:, :-1])
    inside = spanned.T @ white[:, -1]
    left = white[:, -1] - spanned @ inside
    size = float(np.linalg.norm(left)) / np.sqrt(len(values) - len(inside))
    inverse = np.linalg.inv(triangle)
    return -scale * inverse @ inside, scale * size * inverse
