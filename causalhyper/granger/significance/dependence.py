"""The dependence of errors in time, and rows that are free of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError

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
        out are no trouble; where its gain has settled it is a recursive filter of order one.

        Examples
        --------
        >>> rows, _ = Dependence(0.5, 1.0).whiten(np.array([[1.0], [1.0]]), np.arange(2))
        >>> (rows * np.sqrt([[1.0], [0.75]])).ravel().tolist()
        [1.0, 0.5]
        """
        white, spreads = np.empty(values.shape), np.empty(len(times))
        mean, left = np.zeros(values.shape[1]), self.share
        steps = np.concatenate([[0], np.diff(times), [0]])
        row = 0
        while row < len(times):
            decay = 0.0 if row == 0 else self.decay ** int(steps[row])
            variance = decay**2 * left + self.share * (1 - decay**2)
            gain = variance / (variance + 1 - self.share)
            mean = decay * mean
            last = row + 1
            settled = abs((1 - self.share) * gain - left) <= 1e-13 * self.share
            if settled and steps[row] == 1:
                last = row + int(np.argmax(steps[row + 1 :] != 1)) + 1
            white[row:last], mean = self._filter(values[row:last], mean, gain)
            left = (1 - self.share) * gain
            spreads[row:last] = np.sqrt(variance + 1 - self.share)
            row = last
        return white / spreads[:, None], 2 * float(np.log(spreads).sum())

    def _filter(self, values: Array, mean: Array, gain: float) -> tuple[Array, Array]:
        """Errors of prediction of neighbouring rows at one gain, and the mean after the last."""
        if len(values) == 1:
            new = values - mean
            return new, mean + gain * new[0]
        from scipy.signal import lfilter

        numbers = [1.0, -self.decay], [1.0, -self.decay * (1 - gain)]
        new, state = lfilter(*numbers, values, axis=0, zi=-mean[None])
        # the state is the prediction of the next row, with the other sign
        return new, -state[0] / self.decay


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

    found = [
        minimize(
            loss,
            np.log(start / (1 - start)),
            method="Nelder-Mead",
            options={"xatol": 0.03, "fatol": 0.01, "maxiter": 60},
        )
        for start in np.array(STARTS)
    ]
    return _at(min(found, key=lambda each: float(each.fun)).x)


def _at(place: Array) -> Dependence:
    decay, share = 1 / (1 + np.exp(-np.clip(place, -30.0, 30.0)))
    return Dependence(min(float(decay), 0.995), float(share))
