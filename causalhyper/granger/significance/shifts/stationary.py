"""What of a response may be rotated in time: the remainder of a trend, at a constant spread."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.significance.shifts.rotation import rotate

Trend = Literal["none", "linear", "smooth"]
Spread = Literal["constant", "smooth"]
SCORING = 25
"""Steps of Fisher scoring for the spread."""


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """A response taken apart: y = trend + remainder / weights.

    Attributes
    ----------
    basis : ndarray, shape (T, q)
        Orthonormal; spans the trend times the weights. Without columns nothing is partialled out.
    weights : ndarray, shape (T,)
        One over the spread; the mean of their squares is one.
    fitted : ndarray, shape (T,)
        The trend, in the unit of y.
    values : ndarray, shape (T,)
        The weighted remainder, which is rotated.
    edges : ndarray of int, shape (trainings + 1,)
        Rows where trainings begin, and T.
    """

    basis: Array
    weights: Array
    fitted: Array
    values: Array
    edges: Codes

    def response(self, moves: Codes) -> Array:
        """Return the trend with the remainder rotated, in the unit of y."""
        return np.asarray(self.fitted + rotate(self.values, self.edges, moves) / self.weights)

    def targets(self, moves: Codes, whole: Array) -> Array:
        """Return the remainder, and `whole` rotated without the trend that it then has.

        Of shape (T, 1 + rotations).
        """
        rotated = np.stack([rotate(whole, self.edges, each) for each in moves], axis=1)
        rotated -= self.basis @ (self.basis.T @ rotated)
        return np.column_stack([self.values, rotated])

    @property
    def weighted(self) -> bool:
        """Whether the weights differ."""
        return bool((self.weights != 1).any())


def take_apart(
    y: Array, edges: Codes, trend: Trend, spread: Spread, degrees: int = 8, *, centre: bool = True
) -> Remainder:
    """Take a response apart into trend, spread and remainder, within each training.

    Parameters
    ----------
    y : ndarray, shape (T,)
    edges : ndarray of int, shape (trainings + 1,)
    trend : {"none", "linear", "smooth"}
        A mean, a straight line, or a cubic spline in each training.
    spread : {"constant", "smooth"}
        "smooth": the logarithm of the variance is a cubic spline of half the degrees of freedom,
        fitted to squared remainders by maximum likelihood as if they were normal.
    degrees : int
        Degrees of freedom of the spline in each training, 4 or more. Its knots lie denser at the
        beginning, where training is fast.
    centre : bool
        False: not even a mean is taken away, and y is rotated as it is.

    Returns
    -------
    Remainder

    Raises
    ------
    ConfigurationError
        If a choice is unknown, or a training is too short for the degrees of freedom.
    DataError
        If nothing remains to be rotated.
    """
    _check(trend, spread, degrees, edges)
    rows = len(y)
    if not centre:
        return Remainder(np.empty((rows, 0)), np.ones(rows), np.zeros(rows), y.copy(), edges)
    basis = _basis(edges, trend, degrees)
    around = y - _project(_orthonormal(basis), y)
    if np.abs(around).max() <= 64 * np.finfo(float).eps * np.abs(y).max(initial=0.0):
        raise DataError(
            f"y does not differ from its trend ({trend}) by more than rounding: there is nothing "
            "to rotate"
        )
    weights = np.ones(rows)
    if spread == "smooth":
        weights = _weights(around, _basis(edges, "smooth", max(4, degrees // 2)))
    spanned = _orthonormal(basis * weights[:, None])
    values = weights * y - _project(spanned, weights * y)
    return Remainder(spanned, weights, y - values / weights, values, edges)


def trend_share(y: Array, edges: Codes, degrees: int = 8) -> float:
    """Share of the variance of y within trainings that a smooth trend fits.

    Parameters
    ----------
    y : ndarray, shape (T,)
    edges : ndarray of int, shape (trainings + 1,)
    degrees : int
        Degrees of freedom in each training; fewer in trainings shorter than three times that.

    Returns
    -------
    float
        0 where y does not vary.
    """
    least = int(np.diff(edges).min()) // 3
    if least < 4:
        return 0.0
    around = y - _project(_orthonormal(_basis(edges, "none", 4)), y)
    total = float(around @ around)
    fitted = _project(_orthonormal(_basis(edges, "smooth", min(degrees, least))), around)
    return float(fitted @ fitted) / total if total > 0 else 0.0


def spread_ratio(values: Array, edges: Codes) -> float:
    """Standard deviation in the first third of the trainings over that in the last.

    Parameters
    ----------
    values : ndarray, shape (T,)
    edges : ndarray of int, shape (trainings + 1,)

    Returns
    -------
    float
        Infinity where the last third does not vary.
    """
    ends = np.zeros(2)
    for start, stop in pairwise(edges):
        third = max(2, (stop - start) // 3)
        ends += [values[start : start + third].var(), values[stop - third : stop].var()]
    return float(np.sqrt(ends[0] / ends[1])) if ends[1] > 0 else np.inf


def _check(trend: str, spread: str, degrees: int, edges: Codes) -> None:
    if trend not in get_args(Trend) or spread not in get_args(Spread):
        raise ConfigurationError(
            f"trend is one of {', '.join(get_args(Trend))} and spread one of "
            f"{', '.join(get_args(Spread))}; got {trend!r} and {spread!r}"
        )
    shortest = int(np.diff(edges).min())
    smooth = "smooth" in (trend, spread)
    if degrees < 4 or (smooth and shortest < 3 * degrees) or shortest < 3:
        raise ConfigurationError(
            f"a spline has 4 degrees of freedom or more and needs three steps each; got {degrees} "
            f"with a training of {shortest} steps: record more steps, lower degrees (4 need 12 "
            "steps), or, where they are asked for, use trend='linear' and spread='constant'"
        )


def _basis(edges: Codes, trend: Trend, degrees: int) -> Array:
    """Columns of each training, zero elsewhere."""
    pieces = []
    for start, stop in pairwise(edges):
        part = _spline(stop - start, degrees) if trend == "smooth" else _line(stop - start, trend)
        whole = np.zeros((edges[-1], part.shape[1]))
        whole[start:stop] = part
        pieces.append(whole)
    return np.concatenate(pieces, axis=1)


def _line(rows: int, trend: Trend) -> Array:
    constant = np.ones(rows)
    return np.stack([constant, np.linspace(-1, 1, rows)][: 2 if trend == "linear" else 1], axis=1)


def _spline(rows: int, degrees: int) -> Array:
    """Cubic B-splines, which span a constant too; knots at squares of even spacing."""
    from scipy.interpolate import BSpline

    inner = np.linspace(0, 1, degrees - 2) ** 2
    knots = np.concatenate([np.zeros(3), inner, np.ones(3)])
    design = BSpline.design_matrix(np.linspace(0, 1, rows), knots, 3)
    return np.asarray(design.toarray())


def _orthonormal(basis: Array) -> Array:
    return np.asarray(np.linalg.qr(basis)[0])


def _project(basis: Array, values: Array) -> Array:
    return np.asarray(basis @ (basis.T @ values))


def _weights(around: Array, basis: Array) -> Array:
    """One over the spread: a regression of squares with gamma errors and a logarithmic link."""
    spanned = _orthonormal(basis)
    squares = around**2 / np.mean(around**2)
    # the logarithm of a squared standard normal has mean -1.27
    level = _project(spanned, np.log(np.maximum(squares, 1e-8)) + 1.27)
    for _ in range(SCORING):
        step = _project(spanned, squares * np.exp(-level) - 1)
        level = level + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    weights = np.exp(-(level - level.mean()) / 2)
    return np.asarray(weights / np.sqrt(np.mean(weights**2)))
