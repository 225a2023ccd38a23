"""Bases of one variable: a straight line or a natural cubic spline, centred in the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Basis:
    """Functions of one variable, each of mean zero and mean square one in the data, orthogonal.

    Attributes
    ----------
    knots : ndarray, shape (m,)
        Increasing, m >= 2. Between the outer knots the functions are natural cubic splines,
        beyond them straight lines; with m = 2 there is the straight line alone.
    centre : ndarray, shape (m - 1,)
        Means of the raw functions in the data.
    rotation : ndarray, shape (m - 1, m - 1)
        Upper triangular; makes the centred raw functions orthonormal in the data.
    """

    knots: Array
    centre: Array
    rotation: Array

    @property
    def size(self) -> int:
        """Number of functions."""
        return len(self.centre)

    def __call__(self, x: Array) -> Array:
        """Values at `x`: shape ``x.shape + (size,)``."""
        return np.stack(self.centred(x), axis=-1) @ self.rotation

    def centred(self, x: Array) -> list[Array]:
        """Centred raw functions at `x`, each of x's shape; times `rotation` they are the basis."""
        raw = natural_spline(x, self.knots)
        return [f - c for f, c in zip(raw, self.centre, strict=True)]

    def line(self) -> tuple[float, float]:
        """Centre and slope of a basis of one function, ``slope * (x - centre)``."""
        width = float(self.knots[-1] - self.knots[0])
        centre = float(self.knots[0]) + float(self.centre[0]) * width
        return centre, float(self.rotation[0, 0]) / width

    def combine(self, coefs: Array, x: Array) -> Array:
        """Sum of coefficients times functions, for a batch of coefficient sets.

        Parameters
        ----------
        coefs : ndarray, shape (r, size)
        x : ndarray, broadcastable to shape (r, d, m)

        Returns
        -------
        ndarray, broadcastable to shape (r, d, m)
            A new array. Truncated cubes are summed with one coefficient each, which takes fewer
            passes over `x` than the functions themselves.
        """
        raw = coefs @ self.rotation.T
        start, width = self.knots[0], self.knots[-1] - self.knots[0]
        t = (self.knots - start) / width
        constant = -(raw @ self.centre)[:, None, None]
        if self.size == 1:
            slope = raw[:, :1, None] / width
            return x * slope + (constant - slope * start)
        cubes = np.zeros((len(raw), len(t)))
        cubes[:, :-2] = raw[:, 1:] / (1.0 - t[:-2])
        cubes[:, -2] = -raw[:, 1:].sum(axis=1) / (1.0 - t[-2])
        cubes[:, -1] = -cubes[:, :-1].sum(axis=1)
        z = (x - start) / width
        total = z * raw[:, :1, None]
        total += constant
        for knot, coef in zip(t, cubes.T, strict=True):
            cube = _cube(z - knot)
            if cube.shape == total.shape:
                cube *= coef[:, None, None]
                total += cube
            else:
                total += cube * coef[:, None, None]
        return total


def natural_spline(x: Array, knots: Array) -> list[Array]:
    """Raw natural cubic spline functions without the constant.

    Parameters
    ----------
    x : ndarray
    knots : ndarray, shape (m,)
        Increasing, m >= 2.

    Returns
    -------
    list of m - 1 ndarray, each of x's shape
        ``z`` first, then ``d_k(z) - d_{m-1}(z)`` for k = 1..m-2, where z is the variable mapped
        to [0, 1] between the outer knots and
        ``d_k(z) = ((z - t_k)_+^3 - (z - t_m)_+^3) / (t_m - t_k)``.

    Notes
    -----
    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, eq. 5.4-5.5.

    Examples
    --------
    >>> natural_spline(np.array([0.0, 4.0]), np.array([0.0, 8.0]))
    [array([0. , 0.5])]
    """
    z = (np.asarray(x, dtype=np.float64) - knots[0]) / (knots[-1] - knots[0])
    t = (knots - knots[0]) / (knots[-1] - knots[0])
    if len(t) == 2:
        return [z]
    top = _cube(z - 1.0)
    ratios = [(_cube(z - knot) - top) / (1.0 - knot) for knot in t[:-1]]
    return [z, *(ratio - ratios[-1] for ratio in ratios[:-1])]


def _cube(u: Array) -> Array:
    """``max(u, 0)^3`` by products, which are far cheaper than a power."""
    u = np.maximum(u, 0.0)
    cubed: Array = u * u
    cubed *= u
    return cubed


def make_basis(values: Array, df: int, *, name: str = "variable") -> Basis:
    """Place knots at quantiles of the data and orthonormalise.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The data; at least two different values.
    df : int
        Number of functions, at least 1 (a straight line). It is lowered where the data have too
        few different values to tell so many functions apart.
    name : str
        For the error message.

    Returns
    -------
    Basis

    Raises
    ------
    ConfigurationError
        If `df` is below 1 or the data do not vary.
    """
    if df < 1:
        raise ConfigurationError(f"a basis needs df >= 1, got {df}: use 1 for a straight line")
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise ConfigurationError(
            f"{name} has the single value {values.flat[0]:g}: a cause that never varies has no "
            "slope; leave it out of the hypergraph"
        )
    if df == 1:
        return _make_line(values, low, high)
    distinct, counts = np.unique(values, return_counts=True)
    for size in range(min(df, len(distinct) - 1), 0, -1):
        knots = np.unique(np.quantile(values, np.linspace(0, 1, size + 1)))
        centre, R = _moments(distinct, counts, knots)
        scale = np.abs(np.diag(R))
        if len(knots) == size + 1 and scale.min() > 1e-8 * scale.max():
            break
    rotation = np.linalg.inv(R).astype(np.float64)
    return Basis(knots, centre, rotation)


def _make_line(values: Array, low: float, high: float) -> Basis:
    """The straight line alone, which takes no order of the values."""
    z = (values - low) / (high - low)
    centre = z.mean()
    z -= centre
    scale = np.sqrt(np.mean(np.square(z, out=z)))
    return Basis(np.array([low, high]), np.array([centre]), np.array([[1.0 / scale]]))


def saturated_basis(values: Array) -> Basis:
    """A basis that can take any value at each of the data's different values.

    Parameters
    ----------
    values : ndarray, shape (n,)
        At least two different values.

    Returns
    -------
    Basis
        With a knot at every value: a natural spline interpolates whatever stands there.
    """
    knots, counts = np.unique(values, return_counts=True)
    centre, R = _moments(knots, counts, knots)
    rotation = np.linalg.inv(R).astype(np.float64)
    return Basis(knots, centre, rotation)


def _moments(distinct: Array, counts: Codes, knots: Array) -> tuple[Array, Array]:
    """Means of the raw functions, and the triangle that makes them orthonormal in the data."""
    shares = counts / counts.sum()
    raw = np.stack(natural_spline(distinct, knots), axis=-1)
    centre = shares @ raw
    raw -= centre
    raw *= np.sqrt(shares)[:, None]
    R = np.asarray(np.linalg.qr(raw, mode="r"))
    return centre, R
