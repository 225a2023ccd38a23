"""Regressions made to have errors of one spread that do not remember: many responses at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.polynomial.legendre import legvander

from causalhyper.arrays import Array, Codes

SCORING = 25
"""Steps of Fisher scoring for the spread."""
PIECE = 40
"""Steps that a training has for each degree of the polynomial of its spread."""
ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """Regressions after the spread and the memory of their errors are taken out.

    Attributes
    ----------
    columns : ndarray, shape (B, n, k)
        Those of the T rows, less the first of each training, which have too few before them.
    responses : ndarray, shape (B, n)
    weights : ndarray, shape (B, T)
        One over the spread; the mean of the logarithm is zero.
    memory : ndarray, shape (B, order)
        Coefficients of the autoregression.
    edges : ndarray of int, shape (trainings + 1,)
        Rows of these where trainings begin, and n.
    spent : int
        Numbers that spread and memory were fitted with.
    """

    columns: Array
    responses: Array
    weights: Array
    memory: Array
    edges: Codes
    spent: int

    def inner(self) -> Array:
        """Products of the columns, shape (B, k, k)."""
        return np.asarray(np.swapaxes(self.columns, 1, 2) @ self.columns)

    def slopes(self) -> Array:
        """Coefficients by least squares, shape (B, k)."""
        sides = np.swapaxes(self.columns, 1, 2) @ self.responses[:, :, None]
        return np.asarray(np.linalg.solve(self.inner(), sides)[..., 0])


def whiten(columns: Array, responses: Array, edges: Codes, order: int) -> Whitened:
    """Fit spread and memory of the errors of regressions, and take both out of both sides.

    Errors are a spread that changes smoothly in each training, times an autoregression. It is
    fitted to weighted residuals, then the spread to what it leaves, then the regression, twice:
    feasible generalised least squares.

    Parameters
    ----------
    columns : ndarray, shape (T, k)
        Orthonormal; the same for all responses.
    responses : ndarray, shape (B, T)
    edges : ndarray of int, shape (trainings + 1,)
        Rows where trainings begin, and T. No step is held against one across an edge.
    order : int
        Of the autoregression, which trainings share; each has more rows than that.

    Returns
    -------
    Whitened

    Notes
    -----
    Source: Cochrane and Orcutt 1949 for the memory, Harvey 1976 for the spread.
    """
    basis, later = spread_basis(edges), later_rows(edges, order)
    starts, spent = edges - order * np.arange(len(edges)), basis.shape[1] + order
    left = responses - (responses @ columns) @ columns.T
    weights = inverse_spread(left, basis)
    for number in range(ROUNDS):
        memory = autoregression(left * weights, later, order)
        if number:
            innovations = filtered(left * weights, memory, later) / weights[:, later]
            weights = inverse_spread(innovations, basis, later)
        within = filtered(weights[:, :, None] * columns, memory, later)
        found = Whitened(
            within, filtered(weights * responses, memory, later), weights, memory, starts, spent
        )
        if number < ROUNDS - 1:
            left = responses - found.slopes() @ columns.T
    return found


def later_rows(edges: Codes, order: int) -> Codes:
    """Rows that have so many before them in their training.

    Parameters
    ----------
    edges : ndarray of int, shape (trainings + 1,)
    order : int

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> later_rows(np.array([0, 3, 6]), 1).tolist()
    [1, 2, 4, 5]
    """
    return np.concatenate([np.arange(start + order, stop) for start, stop in pairwise(edges)])


def filtered(series: Array, memory: Array, later: Codes) -> Array:
    """Take from each row what the rows before it predict.

    Parameters
    ----------
    series : ndarray, shape (B, T) or (B, T, k)
    memory : ndarray, shape (B, order)
    later : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (B, n) or (B, n, k)

    Examples
    --------
    >>> series, memory = np.array([[4.0, 3.0, 2.0]]), np.array([[0.5]])
    >>> filtered(series, memory, np.array([1, 2])).tolist()
    [[1.0, 0.5]]
    """
    found = series[:, later]
    shape = (len(series),) + (1,) * (series.ndim - 1)
    for lag in range(1, memory.shape[1] + 1):
        found -= memory[:, lag - 1].reshape(shape) * series[:, later - lag]
    return np.asarray(found)


def autoregression(series: Array, later: Codes, order: int) -> Array:
    """Fit autoregressions by least squares.

    Parameters
    ----------
    series : ndarray, shape (B, T)
    later : ndarray of int, shape (n,)
        Rows that have so many before them.
    order : int

    Returns
    -------
    ndarray, shape (B, order)
    """
    if not order:
        return np.empty((len(series), 0))
    past = np.stack([series[:, later - lag] for lag in range(1, order + 1)], axis=1)
    inner = past @ np.swapaxes(past, 1, 2)
    size = np.einsum("bii->b", inner)
    # a series of zeros, or one that is predicted without error, has a singular inner product
    inner += 1e-12 * np.where(size > 0, size, 1.0)[:, None, None] * np.eye(order)
    return np.asarray(np.linalg.solve(inner, past @ series[:, later, None])[..., 0])


def spread_basis(edges: Codes) -> Array:
    """Polynomials of the steps of each training: cubic, of lower degree in short ones.

    Parameters
    ----------
    edges : ndarray of int, shape (trainings + 1,)

    Returns
    -------
    ndarray, shape (T, q)
    """
    pieces = []
    for start, stop in pairwise(edges):
        rows = int(stop - start)
        part = np.zeros((edges[-1], 1 + min(3, rows // PIECE)))
        part[start:stop] = legvander(np.linspace(-1, 1, rows), part.shape[1] - 1)
        pieces.append(part)
    return np.hstack(pieces)


def inverse_spread(series: Array, basis: Array, rows: Codes | None = None) -> Array:
    """Fit spreads whose logarithms lie in a basis, by maximum likelihood of normal errors.

    Parameters
    ----------
    series : ndarray, shape (B, n)
        Of mean zero.
    basis : ndarray, shape (T, q)
    rows : ndarray of int, shape (n,), optional
        Which rows of the basis they are; all unless given.

    Returns
    -------
    ndarray, shape (B, T)
        One over the spread, of all rows; the mean of its logarithm is zero.
    """
    part = basis if rows is None else basis[rows]
    back = np.linalg.pinv(part).T
    squares = series**2
    mean = squares.mean(axis=1, keepdims=True)
    squares /= np.where(mean > 0, mean, 1.0)
    # the logarithm of a squared standard normal has mean -1.27
    found = (np.log(np.maximum(squares, 1e-8)) + 1.27) @ back
    for _ in range(SCORING):
        step = (squares * np.exp(-found @ part.T) - 1) @ back
        size = np.abs(step @ part.T).max(axis=1, keepdims=True)
        found += step / np.maximum(1.0, size)
        if size.max() < 1e-8:
            break
    level = found @ basis.T
    return np.asarray(np.exp(-(level - level.mean(axis=1, keepdims=True)) / 2))
