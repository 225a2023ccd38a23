"""The dependence of errors in time, and rows that are free of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.screened.parts import HeldOutPart, held_out

STARTS = ((0.85, 0.9), (0.3, 0.5))
"""Decays and shares that a search begins with."""


@dataclass(frozen=True, slots=True)
class Dependence:
    r"""An autoregression of order one plus noise: autocorrelations are :math:`s \rho^h` at lag h.

    Attributes
    ----------
    decay : float
        :math:`\rho`, in [0, 1).
    share : float
        s, the share of the variance that depends on the past, in [0, 1].

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    decay: float
    share: float

    def __post_init__(self) -> None:
        if not (0 <= self.decay < 1 and 0 <= self.share <= 1):
            raise ConfigurationError(
                f"decay lies in [0, 1) and share in [0, 1]; got {self.decay} and {self.share}"
            )

    def whiten(self, values: Array, times: Codes) -> tuple[Array, float]:
        """Subtract from each row what the rows before predict, over the error of prediction.

        Parameters
        ----------
        values : ndarray, shape (n, m)
        times : ndarray of int, shape (n,)
            Increasing.

        Returns
        -------
        ndarray, shape (n, m)
            Errors of this dependence and variance one become independent, of variance one.
        float
            Logarithm of the determinant of their correlation matrix.

        Notes
        -----
        It is the Kalman filter of the sum of an autoregression and noise, so steps that are left
        out are no trouble.

        Examples
        --------
        >>> rows, _ = Dependence(0.5, 1.0).whiten(np.array([[1.0], [1.0]]), np.arange(2))
        >>> (rows * np.sqrt([[1.0], [0.75]])).ravel().tolist()
        [1.0, 0.5]
        """
        spreads, gains, decays = self._gains(times)
        white, mean = np.empty_like(values, dtype=float), np.zeros(values.shape[1])
        for row, (gain, decay) in enumerate(zip(gains, decays, strict=True)):
            mean *= decay
            new = white[row]
            np.subtract(values[row], mean, out=new)
            mean += gain * new
        return white / spreads[:, None], 2 * float(np.log(spreads).sum())

    def _gains(self, times: Codes) -> tuple[Array, list[float], list[float]]:
        """Errors of prediction, weights of new rows, and decays since the row before."""
        decays = np.concatenate([[0.0], self.decay ** np.diff(times).astype(float)]).tolist()
        spreads, gains, left = np.empty(len(times)), [], self.share
        for row, decay in enumerate(decays):
            variance = decay**2 * left + self.share * (1 - decay**2)
            total = variance + 1 - self.share
            spreads[row] = np.sqrt(total)
            gains.append(variance / total)
            left = variance * (1 - self.share) / total
        return spreads, gains, decays


def estimate_dependence(fixed: Array, y: Array, times: Codes) -> Dependence:
    r"""Estimate the dependence of the errors of a regression by restricted likelihood.

    Least-squares residuals of k columns in n steps are less dependent than the errors, the more so
    the larger k / n. Restricted likelihood, that of what the columns cannot explain, is free of
    this.

    Parameters
    ----------
    fixed : ndarray, shape (n, k)
        Columns of full rank, k < n.
    y : ndarray, shape (n,)
    times : ndarray of int, shape (n,)
        Increasing.

    Returns
    -------
    Dependence

    Notes
    -----
    Maximised are :math:`-\frac12 (\log|R| + \log|X^\top R^{-1} X| + (n - k) \log \hat\sigma^2)`
    over :math:`\rho` and s, by a simplex search from two starts.

    Source: Patterson and Thompson 1971; Harville 1974.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=400)
    >>> errors = np.array([sum(0.8**k * noise[t - k] for k in range(t + 1)) for t in range(400)])
    >>> found = estimate_dependence(np.ones((400, 1)), errors, np.arange(400))
    >>> round(found.decay, 1), round(found.share, 1)
    (0.8, 1.0)
    """
    from scipy.optimize import minimize

    both = np.column_stack([fixed, y / max(float(np.abs(y).max()), np.finfo(float).tiny)])
    rows, count = fixed.shape

    def loss(place: Array) -> float:
        white, determinant = _at(place).whiten(both, times)
        sizes = np.abs(np.diag(np.linalg.qr(white, mode="r")))
        sizes = np.log(np.maximum(sizes, np.finfo(float).tiny))
        return float(0.5 * determinant + sizes[:-1].sum() + (rows - count) * sizes[-1])

    options = {"xatol": 0.03, "fatol": 0.01, "maxiter": 60}
    found = [
        minimize(loss, np.log(start / (1 - start)), method="Nelder-Mead", options=options)
        for start in np.array(STARTS)
    ]
    return _at(min(found, key=lambda each: float(each.fun)).x)


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


def _at(place: Array) -> Dependence:
    decay, share = 1 / (1 + np.exp(-np.clip(place, -30.0, 30.0)))
    return Dependence(min(float(decay), 0.995), float(share))
