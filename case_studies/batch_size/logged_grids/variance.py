"""Where a balanced factorial's variance lies: its terms, and single indices of its factors."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

DEGREE = 5
"""Of the polynomial by which a surface may depend on an index."""


def split_variance(
    values: Array, names: tuple[str, ...], order: int
) -> dict[tuple[str, ...], float]:
    """Split the variance of a full factorial into main effects and interactions.

    The functional analysis of variance: each term is the mean over the factors outside it less
    the terms inside it. On a balanced factorial terms are orthogonal, so variances add up.

    Parameters
    ----------
    values : ndarray, one axis a factor
    names : tuple of str
        One an axis.
    order : int
        Terms of at most so many factors are split off, at least 1.

    Returns
    -------
    dict of tuple of str to float
        Mean square of each term, in units of the values squared; the rest, of higher order,
        under the empty tuple. They sum to the variance.

    Raises
    ------
    ConfigurationError
        If names and axes do not match, or the order is none.

    Notes
    -----
    Source: Hoeffding 1948; Owen 2023, "Practical quasi-Monte Carlo integration", appendix A.

    Examples
    --------
    >>> parts = split_variance(np.array([[0.0, 1.0], [1.0, 4.0]]), ("a", "b"), 2)
    >>> parts[("a",)], parts[("b",)], parts[("a", "b")]
    (1.0, 1.0, 0.25)
    """
    if values.ndim != len(names) or order < 1:
        raise ConfigurationError(
            f"expected a name for each of {values.ndim} axes and an order of at least 1; got "
            f"{names} and {order}"
        )
    effects: dict[tuple[int, ...], Array] = {(): values.mean(keepdims=True)}
    for size in range(1, min(order, values.ndim) + 1):
        for term in combinations(range(values.ndim), size):
            others = tuple(i for i in range(values.ndim) if i not in term)
            effect = values.mean(axis=others, keepdims=True)
            for inner in (t for k in range(size) for t in combinations(term, k)):
                effect = effect - effects[inner]
            effects[term] = effect
    parts = {
        tuple(names[i] for i in term): float((effect**2).mean())
        for term, effect in effects.items()
        if term
    }
    rest = float(values.var()) - sum(parts.values())
    return parts | {(): max(rest, 0.0)}


def index_share(surface: Array, batch: Array, rate: Array, exponent: float) -> float:
    """Share of a surface's variance that a smooth function of rate / batch ** exponent explains.

    Parameters
    ----------
    surface : ndarray, shape (b, l)
        Mean outcome at each batch size and learning rate, not all equal.
    batch, rate : ndarray, shape (b,) and (l,)
        Positive.
    exponent : float
        0: the rate alone; 1: the rate per example (linear scaling); 1/2: square-root scaling.

    Returns
    -------
    float
        R squared of a polynomial of degree `DEGREE` in the logarithm of the index, in [0, 1].

    Examples
    --------
    >>> batch, rate = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0])
    >>> surface = np.log(rate[None, :] / batch[:, None]) ** 2
    >>> round(index_share(surface, batch, rate, 1.0), 9)
    1.0
    """
    return float(_index_shares(surface[None], batch, rate, np.array([exponent]))[0, 0])


def best_exponents(surfaces: Array, batch: Array, rate: Array) -> Array:
    """Exponent in [-1, 2], to 0.01, whose index explains most of each surface.

    Parameters
    ----------
    surfaces : ndarray, shape (m, b, l)
    batch, rate : ndarray, shape (b,) and (l,)

    Returns
    -------
    ndarray, shape (m,)

    Examples
    --------
    >>> batch, rate = 2.0 ** np.arange(6), 3.0 ** np.arange(6)
    >>> surface = np.log(rate[None, :] / batch[:, None] ** 0.5) ** 2
    >>> best_exponents(surface[None], batch, rate).round(2).tolist()
    [0.5]
    """
    tried = np.linspace(-1, 2, 301)
    found: Array = tried[_index_shares(surfaces, batch, rate, tried).argmax(axis=1)]
    return found


def _index_shares(surfaces: Array, batch: Array, rate: Array, exponents: Array) -> Array:
    """Share of each surface explained by each index, shape (m, exponents)."""
    index = np.log(rate) - exponents[:, None, None] * np.log(batch)[:, None]
    index = index.reshape(len(exponents), -1)
    index -= index.mean(axis=1, keepdims=True)
    index /= np.abs(index).max(axis=1, keepdims=True)
    basis = np.polynomial.legendre.legvander(index, DEGREE)
    # directions that the grid does not tell apart add nothing
    directions, sizes, _ = np.linalg.svd(basis, full_matrices=False)
    directions = directions * (sizes > 1e-10 * sizes[:, :1])[:, None, :]
    response = surfaces.reshape(len(surfaces), -1)
    response = response - response.mean(axis=1, keepdims=True)
    fitted = np.einsum("enk,mn->mek", directions, response)
    shares: Array = (fitted**2).sum(axis=-1) / (response**2).sum(axis=1)[:, None]
    return shares
