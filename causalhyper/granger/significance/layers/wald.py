"""Wald tests of some columns of a regression given others, with dependent errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.granger.ridge.spectrum import orthonormal
from causalhyper.granger.significance.layers.long_run import (
    Kernel,
    Rule,
    choose_bandwidth,
    degrees_of,
    smoother,
)

WITHIN = 1e-7
"""A column of which a smaller share of its length is left by the others is their combination."""


@dataclass(frozen=True, slots=True, eq=False)
class NestedRegression:
    """A regression with tested columns and given ones, in coordinates where these are apart.

    Attributes
    ----------
    given : ndarray, shape (T, r)
        Orthonormal basis of the given columns.
    tested : ndarray, shape (T, q)
        Orthonormal basis of what the tested columns add.
    response : ndarray, shape (T,)
        Without its part along `given`: the residuals under the hypothesis.
    """

    given: Array
    tested: Array
    response: Array

    @property
    def free(self) -> int:
        """Degrees of freedom of the residuals."""
        return len(self.response) - self.given.shape[1] - self.tested.shape[1]

    @property
    def residuals(self) -> Array:
        """Those of the regression with the tested columns."""
        return self.response - self.tested @ (self.tested.T @ self.response)

    @property
    def explained(self) -> float:
        """Share of the squares under the hypothesis that the tested columns explain."""
        whole = float(self.response @ self.response)
        inside = self.tested.T @ self.response
        return float(inside @ inside) / whole if whole > 0 else 0.0

    @property
    def f(self) -> float:
        """The F statistic of equal and independent errors."""
        left = float(self.residuals @ self.residuals)
        inside = self.tested.T @ self.response
        size = self.tested.shape[1]
        return float(inside @ inside) / size / (left / self.free) if left > 0 else np.inf


def nested_regression(tested: Array, given: Array, y: Array) -> NestedRegression:
    """Set tested columns apart from given ones (Frisch and Waugh 1933, Lovell 1963).

    Parameters
    ----------
    tested : ndarray, shape (T, q)
    given : ndarray, shape (T, r)
        With the intercept, if there is to be one.
    y : ndarray, shape (T,)

    Returns
    -------
    NestedRegression
        Tested columns that the given ones explain to rounding add nothing.

    Raises
    ------
    DataError
        If the tested columns add nothing, or no degree of freedom is left.
    """
    basis = orthonormal(given)
    lengths = np.linalg.norm(tested, axis=0)
    scaled = tested / np.where(lengths > 0, lengths, 1.0)
    left = scaled - basis @ (basis.T @ scaled)
    left = left[:, np.linalg.norm(left, axis=0) > WITHIN]
    if not left.shape[1]:
        raise DataError("the tested columns are combinations of the given ones: nothing to test")
    found = NestedRegression(basis, orthonormal(left), y - basis @ (basis.T @ y))
    if found.free < 1:
        raise DataError(
            f"{len(y)} rows leave no degree of freedom beside {given.shape[1]} given and "
            f"{tested.shape[1]} tested columns: take more steps or fewer columns"
        )
    return found


@dataclass(frozen=True, slots=True)
class WaldStatistic:
    """A Wald statistic with a long-run covariance.

    Attributes
    ----------
    value : float
        Divided by the number of tested columns: asymptotically F.
    tested : int
        q.
    free : int
        Degrees of freedom of the residuals.
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
    bandwidth : float
    degrees : float
        Of the long-run variance.
    """

    value: float
    tested: int
    free: int
    kernel: Kernel
    bandwidth: float
    degrees: float

    @property
    def p_asymptotic(self) -> float:
        """Against F(q, T - k), which takes the long-run covariance for known."""
        return float(special.fdtrc(self.tested, self.free, self.value))

    @property
    def p_fixed(self) -> float:
        """Against the limit for a bandwidth that is a fixed share of T (Sun 2014)."""
        left = self.degrees - self.tested + 1
        if left <= 0:
            return float("nan")
        return float(special.fdtrc(self.tested, left, self.value * left / self.degrees))


def wald_statistic(
    regression: NestedRegression,
    *,
    kernel: Kernel = "cosine",
    bandwidth: float | None = None,
    rule: Rule = "andrews",
) -> WaldStatistic:
    """Test the tested columns of a regression with a covariance for dependent errors.

    Parameters
    ----------
    regression : NestedRegression
    kernel : {"cosine", "bartlett", "quadratic_spectral"}
    bandwidth : float, optional
        Chosen by `rule` unless given.
    rule : {"andrews", "newey_west"}

    Returns
    -------
    WaldStatistic
        Without a correction for degrees of freedom.
    """
    scores = regression.tested * regression.residuals[:, None]
    width = choose_bandwidth(scores, kernel, rule) if bandwidth is None else float(bandwidth)
    rows, size = scores.shape
    value = _wald(regression.tested.T @ regression.response, scores, smoother(kernel, width, rows))
    return WaldStatistic(
        value, size, regression.free, kernel, width, degrees_of(kernel, width, rows)
    )


def bootstrap_p(
    regression: NestedRegression,
    statistic: WaldStatistic,
    *,
    draws: int,
    block: int,
    rng: np.random.Generator,
) -> float:
    """Hold a Wald statistic against responses with no part of the tested columns.

    Residuals under the hypothesis are multiplied by normal weights that are dependent up to
    `block` steps, so that they keep their variance at each time and their dependence nearby
    (Shao 2010, "The dependent wild bootstrap"); all else is computed again.

    Parameters
    ----------
    regression : NestedRegression
    statistic : WaldStatistic
        Its kernel and bandwidth are used.
    draws : int
    block : int
        Steps.
    rng : Generator

    Returns
    -------
    float
        (1 + number as large) / (1 + draws).
    """
    weights = dependent_weights(len(regression.response), block, draws, rng)
    left = weights * regression.response[:, None]
    left = left - regression.given @ (regression.given.T @ left)
    inside = regression.tested.T @ left
    residuals = left - regression.tested @ inside
    h = smoother(statistic.kernel, statistic.bandwidth, len(left))
    scores = regression.tested[:, :, None] * residuals[:, None, :]
    flat = scores.reshape(len(left), -1)
    smooth = (h @ flat).reshape(scores.shape)
    covariance = np.einsum("tqb,tsb->bqs", scores, smooth)
    solved = _solved(covariance, inside.T)
    values = np.einsum("bq,bq->b", inside.T, solved) / statistic.tested
    return float(1 + (values >= statistic.value).sum()) / (1 + draws)


def dependent_weights(rows: int, block: int, draws: int, rng: np.random.Generator) -> Array:
    """Draw normal weights whose correlation falls linearly to zero over a block.

    Parameters
    ----------
    rows, block, draws : int
    rng : Generator

    Returns
    -------
    ndarray, shape (rows, draws)
        Of mean 0 and variance 1.
    """
    total = np.cumsum(rng.normal(size=(rows + block, draws)), axis=0)
    return np.asarray((total[block:] - total[:-block]) / np.sqrt(block))


def _wald(inside: Array, scores: Array, h: Array) -> float:
    """Wald statistic over q, with the tested columns orthonormal."""
    covariance = (scores.T @ h @ scores)[None]
    return float(inside @ _solved(covariance, inside[None])[0]) / len(inside)


def _solved(covariances: Array, sides: Array) -> Array:
    """Solve, with a singular covariance answered by infinity."""
    size = np.trace(covariances, axis1=1, axis2=2) / covariances.shape[1]
    scaled = covariances / np.where(size > 0, size, 1.0)[:, None, None]
    good = (size > 0) & (np.linalg.eigvalsh(scaled)[:, 0] > 1e-12)
    found = np.full(sides.shape, np.inf) * np.where(sides == 0, 1.0, np.sign(sides))
    found[good] = np.linalg.solve(scaled[good], sides[good, :, None])[..., 0]
    found[good] /= size[good, None]
    return np.asarray(found)
