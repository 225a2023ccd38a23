"""Steps to test on without the dependence of their errors, and a test of what is left of it."""

from __future__ import annotations

import numpy as np

from causalhyper.granger.significance.dependence import Dependence
from causalhyper.granger.significance.screened.parts import HeldOutPart, held_out


def whiten(part: HeldOutPart, dependence: Dependence) -> HeldOutPart:
    """Take the dependence of the errors away: from columns, response and trend.

    Parameters
    ----------
    part : HeldOutPart
    dependence : Dependence

    Returns
    -------
    HeldOutPart

    Notes
    -----
    Source: Aitken 1936, generalised least squares.
    """
    q = part.trend.shape[1]
    both = np.column_stack([part.trend, part.y, part.x])
    white, _ = dependence.whiten(both, part.times)
    return held_out(white[:, q + 1 :], white[:, q], part.times, white[:, :q])


def remaining_dependence(part: HeldOutPart, most: int = 5) -> tuple[float, float]:
    r"""Test whether errors are autocorrelated at the first lags.

    Parameters
    ----------
    part : HeldOutPart
        Of more steps than columns.
    most : int
        Lags.

    Returns
    -------
    autocorrelation : float
        At lag one.
    p : float
        Of the sum of squares at all lags, by the chi-squared distribution.

    Notes
    -----
    Products of least-squares residuals at a lag have the expectation
    :math:`-\sigma^2 \sum_t H_{t, t + h}` where errors are independent, H being the projection on
    the columns; it is taken away.

    Source: Box and Pierce 1970, for the sum.
    """
    from scipy.special import chdtrc

    basis = np.linalg.qr(np.column_stack([part.trend, part.x]))[0]
    free = len(part.y) - basis.shape[1]
    residual = part.y - basis @ (basis.T @ part.y)
    variance = float(residual @ residual) / max(free, 1)
    if free < 2 * most or variance == 0:
        return 0.0, 1.0
    found, squares = [], 0.0
    for lag in range(1, most + 1):
        later = np.flatnonzero(part.times[lag:] - part.times[:-lag] == lag) + lag
        shared = float((basis[later] * basis[later - lag]).sum())
        product = float(residual[later] @ residual[later - lag]) / variance + shared
        pairs = max(len(later) * free / len(part.y), 1.0)
        found.append(product / pairs)
        squares += product**2 / (pairs * free / len(part.y))
    return found[0], float(chdtrc(most, squares))
