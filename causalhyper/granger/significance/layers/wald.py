"""Wald tests of some columns of a regression given others, with dependent errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes
from causalhyper.errors import DataError
from causalhyper.granger.ridge.spectrum import orthonormal
from causalhyper.granger.significance.layers.long_run import (
    Kernel,
    Rule,
    choose_bandwidth,
    degrees_of,
    edges_of,
    smoother,
)
from causalhyper.granger.significance.layers.whitening import whiten

WITHIN = 1e-7
"""A column of which a smaller share of its length is left by the others is their combination."""
SHORTEST = 20
"""Steps of a training for each step that its errors remember."""


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
    edges : ndarray of int, shape (trainings + 1,)
        Rows where trainings begin, and T.
    spent : int
        Numbers that were fitted to whiten it; 0 as it is.
    """

    given: Array
    tested: Array
    response: Array
    edges: Codes
    spent: int = 0

    @property
    def free(self) -> int:
        """Degrees of freedom of the residuals."""
        return len(self.response) - self.given.shape[1] - self.tested.shape[1] - self.spent

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


def nested_regression(
    tested: Array, given: Array, y: Array, edges: Codes | None = None
) -> NestedRegression:
    """Set tested columns apart from given ones (Frisch and Waugh 1933, Lovell 1963).

    Parameters
    ----------
    tested : ndarray, shape (T, q)
    given : ndarray, shape (T, r)
        With the intercept, if there is to be one.
    y : ndarray, shape (T,)
    edges : ndarray of int, optional
        Rows where trainings begin, and T; one training unless given.

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
    ends = edges_of(len(y) if edges is None else edges)
    found = NestedRegression(basis, orthonormal(left), y - basis @ (basis.T @ y), ends)
    return _with_freedom(found)


def whitened_regression(regression: NestedRegression, order: int) -> NestedRegression:
    """Take spread and memory of the errors out of a regression (see `whiten`).

    Parameters
    ----------
    regression : NestedRegression
    order : int
        Of the autoregression; it is shortened to a twentieth of the shortest training.

    Returns
    -------
    NestedRegression
        Of fewer rows: the first of each training have none before them.

    Raises
    ------
    DataError
        If no degree of freedom is left.
    """
    columns = np.hstack([regression.given, regression.tested])
    steps = errors_order(regression.edges, order)
    found = whiten(columns, regression.response[None], regression.edges, steps)
    count = regression.given.shape[1]
    tested, given = found.columns[0, :, count:], found.columns[0, :, :count]
    nested = nested_regression(tested, given, found.responses[0], found.edges)
    return _with_freedom(replace(nested, spent=found.spent))


def errors_order(edges: Codes, order: int) -> int:
    """Shorten an autoregression to what the shortest training lets be fitted.

    Parameters
    ----------
    edges : ndarray of int, shape (trainings + 1,)
    order : int

    Returns
    -------
    int
    """
    return min(order, int(np.diff(edges).min()) // SHORTEST)


def _with_freedom(found: NestedRegression) -> NestedRegression:
    if found.free < 1:
        spent = f" and {found.spent} numbers of spread and memory" if found.spent else ""
        raise DataError(
            f"{len(found.response)} rows leave no degree of freedom beside "
            f"{found.given.shape[1]} given and {found.tested.shape[1]} tested columns{spent}: "
            "take more steps or fewer columns"
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
        Of a whitened regression with a correction for degrees of freedom, otherwise without.
    """
    scores = regression.tested * regression.residuals[:, None]
    edges, size = regression.edges, scores.shape[1]
    chosen = choose_bandwidth(scores, kernel, rule, edges) if bandwidth is None else bandwidth
    width = float(chosen)
    h = smoother(kernel, width, edges)
    value = _wald(regression.tested.T @ regression.response, scores, h) * _share(regression)
    degrees = degrees_of(kernel, width, edges)
    return WaldStatistic(value, size, regression.free, kernel, width, degrees)


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
    weights = dependent_weights(regression.edges, block, draws, rng)
    left = weights * regression.response[:, None]
    left = left - regression.given @ (regression.given.T @ left)
    inside = regression.tested.T @ left
    residuals = left - regression.tested @ inside
    h = smoother(statistic.kernel, statistic.bandwidth, regression.edges)
    scores = regression.tested[:, :, None] * residuals[:, None, :]
    flat = scores.reshape(len(left), -1)
    smooth = (h @ flat).reshape(scores.shape)
    covariance = np.einsum("tqb,tsb->bqs", scores, smooth)
    solved = solve_all(covariance, inside.T)
    values = np.einsum("bq,bq->b", inside.T, solved) / statistic.tested * _share(regression)
    return float(1 + (values >= statistic.value).sum()) / (1 + draws)


def dependent_weights(
    edges: Codes | int, block: int, draws: int, rng: np.random.Generator
) -> Array:
    """Draw normal weights whose correlation falls linearly to zero over a block.

    Parameters
    ----------
    edges : int, or ndarray of int, shape (trainings + 1,)
        Rows; or where trainings begin, and T. Weights of two trainings are independent.
    block, draws : int
    rng : Generator

    Returns
    -------
    ndarray, shape (rows, draws)
        Of mean 0 and variance 1.
    """
    parts = []
    for rows in np.diff(edges_of(edges)):
        total = np.cumsum(rng.normal(size=(rows + block, draws)), axis=0)
        parts.append((total[block:] - total[:-block]) / np.sqrt(block))
    return np.concatenate(parts)


def _share(regression: NestedRegression) -> float:
    """Degrees of freedom a row, where the regression was whitened."""
    return regression.free / len(regression.response) if regression.spent else 1.0


def _wald(inside: Array, scores: Array, h: Array) -> float:
    """Wald statistic over q, with the tested columns orthonormal."""
    covariance = (scores.T @ h @ scores)[None]
    return float(inside @ solve_all(covariance, inside[None])[0]) / len(inside)


def solve_all(covariances: Array, sides: Array) -> Array:
    """Solve systems, with a singular covariance answered by infinity.

    Parameters
    ----------
    covariances : ndarray, shape (B, q, q)
    sides : ndarray, shape (B, q)

    Returns
    -------
    ndarray, shape (B, q)
    """
    size = np.trace(covariances, axis1=1, axis2=2) / covariances.shape[1]
    scaled = covariances / np.where(size > 0, size, 1.0)[:, None, None]
    good = (size > 0) & (np.linalg.eigvalsh(scaled)[:, 0] > 1e-12)
    found = np.full(sides.shape, np.inf) * np.where(sides == 0, 1.0, np.sign(sides))
    found[good] = np.linalg.solve(scaled[good], sides[good, :, None])[..., 0]
    found[good] /= size[good, None]
    return np.asarray(found)
