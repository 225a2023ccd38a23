"""Joint regression on many movements whose coefficients are drawn around a common value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError

FLAT = 1e-12
"""Share of the largest eigenvalue below which another counts as zero."""
GRID = np.geomspace(1e-6, 1e6, 97)
"""Ratios of error to slope variance that are tried, in units of the mean eigenvalue."""


@dataclass(frozen=True, slots=True, eq=False)
class RandomSlopes:
    r"""The fit of :math:`y = C b + X \gamma + e`, :math:`\gamma_k \sim N(0, \tau^2)`.

    Attributes
    ----------
    slopes : ndarray, shape (G,)
        :math:`\hat\gamma`, the best linear predictor.
    fixed : ndarray, shape (q,)
        :math:`\hat b`.
    ratio : float
        :math:`\sigma^2 / \tau^2`; infinite where the movements say nothing, and all slopes are 0.
    evidence : float
        Twice the gain of the restricted log-likelihood over :math:`\tau = 0`; at least 0.
    """

    slopes: Array
    fixed: Array
    ratio: float
    evidence: float


def random_slopes(rows: Array, y: Array, fixed: Array) -> RandomSlopes:
    r"""Predict coefficients of more movements than steps, as far as the series can tell them.

    One number a step cannot tell p coefficients with T < p steps: the mean squared correlation of
    estimate and truth is at most T / p, whatever is done. So each is shrunk to what is common (the
    coefficient of a column of `fixed`, such as the movement of the layer) by the share of its
    variance that the series explains, and :math:`\sigma^2 / \tau^2` is where the restricted
    likelihood is largest. It is ridge regression with a penalty that needs no choice.

    Parameters
    ----------
    rows : ndarray, shape (T, G)
        Movements of parameters, of units or of a sketch, all in one unit.
    y : ndarray, shape (T,)
        The series that is explained.
    fixed : ndarray, shape (T, q)
        Controls, with a constant if one is wanted; of full rank.

    Returns
    -------
    RandomSlopes

    Raises
    ------
    DataError
        If a value is not finite.
    ConfigurationError
        If shapes do not fit, or steps are not more than controls.

    Notes
    -----
    Source: Henderson 1975 (best linear unbiased prediction); Patterson and Thompson 1971
    (restricted likelihood). One eigendecomposition, of the smaller of T and G.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, slopes = rng.normal(size=(60, 200)), rng.normal(size=200)
    >>> found = random_slopes(x, x @ slopes, np.ones((60, 1)))
    >>> bool(np.corrcoef(found.slopes, slopes)[0, 1] > 0.4)
    True
    """
    steps = len(y)
    if rows.shape[:-1] != (steps,) or fixed.shape[:-1] != (steps,):
        raise ConfigurationError(
            f"{steps} responses need movements of shape ({steps}, G) and controls of shape "
            f"({steps}, q); got {rows.shape} and {fixed.shape}"
        )
    freedom = steps - fixed.shape[1]
    if freedom < 2:
        raise ConfigurationError(f"{fixed.shape[1]} controls need more than {steps} steps")
    if not all(np.isfinite(array).all() for array in (rows, y, fixed)):
        raise DataError("movements and series must be finite: did training diverge?")
    basis = np.linalg.qr(fixed)[0]
    x, left = rows - basis @ (basis.T @ rows), y - basis @ (basis.T @ y)
    fit = _eigen_fit(x, left, freedom)
    ratio, evidence = _best_ratio(fit)
    slopes = fit.slopes(ratio) if np.isfinite(ratio) else np.zeros(rows.shape[1])
    found = np.linalg.lstsq(fixed, y - rows @ slopes, rcond=None)[0]
    return RandomSlopes(slopes, np.asarray(found, np.float64), ratio, evidence)


@dataclass(frozen=True, slots=True, eq=False)
class _EigenFit:
    """Eigenvalues of X X', the power of y along each, and what turns y into slopes."""

    values: Array
    power: Array
    rest: float
    freedom: int
    turn: Array

    def slopes(self, ratio: float) -> Array:
        """Slopes at a ratio; each column of `turn` is of one eigenvalue."""
        return np.asarray(self.turn @ (1 / (self.values + ratio)), np.float64)

    def gain(self, ratio: float) -> float:
        """Twice the restricted log-likelihood at a ratio, less that without slopes."""
        shrunk = ratio / (self.values + ratio)
        whole = float(self.power.sum()) + self.rest
        errors = float((self.power * shrunk).sum()) + self.rest
        return float(np.log(shrunk).sum() - self.freedom * np.log(errors / whole))


def _eigen_fit(x: Array, y: Array, freedom: int) -> _EigenFit:
    """Decompose the smaller of X X' and X' X, of what the controls leave."""
    if x.shape[0] <= x.shape[1]:
        values, vectors = np.linalg.eigh(x @ x.T)
        turned = vectors.T @ y
        power, turn = turned**2, x.T @ (vectors * turned)
    else:
        values, vectors = np.linalg.eigh(x.T @ x)
        turned = vectors.T @ (x.T @ y)
        there = values > FLAT * values[-1]
        power = np.divide(turned**2, values, out=np.zeros_like(values), where=there)
        turn = vectors * turned
    # what controls took out is zero but for rounding
    kept = values > FLAT * max(values[-1], 0.0)
    rest = max(float(y @ y) - float(power[kept].sum()), 0.0)
    return _EigenFit(values[kept], power[kept], rest, freedom, turn[:, kept])


def _best_ratio(fit: _EigenFit) -> tuple[float, float]:
    """Return the ratio of largest restricted likelihood, and twice what it gains over none."""
    if not len(fit.values) or not fit.power.any():
        return float("inf"), 0.0
    tried = GRID * fit.values.sum() / fit.freedom
    gains = np.array([fit.gain(ratio) for ratio in tried])
    best = int(gains.argmax())
    low, high = np.log(tried[max(best - 1, 0)]), np.log(tried[min(best + 1, len(tried) - 1)])
    golden = (5**0.5 - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if fit.gain(np.exp(left)) > fit.gain(np.exp(right)):
            high = right
        else:
            low = left
    ratio = float(np.exp((low + high) / 2))
    gain = fit.gain(ratio)
    # the last ratio tried stands for none
    return (ratio, gain) if gain > max(gains[-1], 0) else (float("inf"), 0.0)
