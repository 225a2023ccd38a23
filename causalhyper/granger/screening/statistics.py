"""Statistics of one parameter at a time, from sums over the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import DataError

DEPENDENT = 1.5e-8
"""A feature of whose variance the others leave no larger share counts as their combination."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means over n pairs of steps, of F features of each of p entries.

    Attributes
    ----------
    n : int
        Pairs.
    mean : ndarray, shape (F, p)
        Of each feature.
    products : ndarray, shape (F, p)
        Of each feature times the response, neither centred; weighted where weights were given.
    covariances : ndarray, shape (F, p)
        Of each feature with the response; zeros where the response is constant.
    spreads : ndarray, shape (G, p), or None
        Covariances of the features of an entry: the upper triangle row by row, G = F (F + 1) / 2.
        None where they are not known.
    variance : float
        Of the response; 0 where it is constant.
    movement : ndarray, shape (p,)
        Sum of squared changes.
    rounding : float
        Relative error of one product in the sums.

    Raises
    ------
    DataError
        If the squares of features are not finite.
    """

    n: int
    mean: Array
    products: Array
    covariances: Array
    spreads: Array | None
    variance: float
    movement: Array
    rounding: float

    def __post_init__(self) -> None:
        if self.spreads is not None and not np.isfinite(self.spreads).all():
            raise DataError(
                "squares of features must be finite, and are not: did training diverge? Leave "
                "those steps out"
            )

    def flat(self) -> Flags:
        """Say which features do not vary by more than rounding, shape (F, p)."""
        if self.spreads is None:
            return np.asarray(self.mean == 0)
        variances = self.spreads[diagonal(len(self.mean))]
        # differences of equal numbers leave rounding behind
        return variances <= 8 * self.n * self.rounding * self.mean**2


def triangle(features: int) -> list[tuple[int, int]]:
    """Return the places of an upper triangle, row by row.

    Parameters
    ----------
    features : int

    Returns
    -------
    list of tuple of int
        Row and column.

    Examples
    --------
    >>> triangle(2)
    [(0, 0), (0, 1), (1, 1)]
    """
    return [(i, j) for i in range(features) for j in range(i, features)]


def diagonal(features: int) -> list[int]:
    """Return where the squares stand among the products of an upper triangle.

    Parameters
    ----------
    features : int

    Returns
    -------
    list of int

    Examples
    --------
    >>> diagonal(3)
    [0, 3, 5]
    """
    return [at for at, (i, j) in enumerate(triangle(features)) if i == j]


def statistics_of(moments: Moments, fisher: Array | None = None) -> dict[str, Array]:
    r"""Return the statistics by name, each of shape (p,).

    Parameters
    ----------
    moments : Moments
    fisher : ndarray, shape (p,), optional
        Final parameters squared times movement.

    Returns
    -------
    dict of str to ndarray
        ``marginal, covariance, slope, correlation, entry_lambda, movement, fisher`` as far as
        the moments tell them; see `Screening`.
    """
    found = {"marginal": np.abs(moments.products).max(axis=0)}
    if len(moments.mean) == 1:
        found["covariance"] = moments.covariances[0].copy()
    if moments.spreads is not None:
        found |= _standardised(moments)
    found["movement"] = moments.movement.astype(np.float64)
    if fisher is not None:
        found["fisher"] = fisher
    return found


def _standardised(moments: Moments) -> dict[str, Array]:
    """Return what needs the variances of the features."""
    assert moments.spreads is not None
    features = len(moments.mean)
    flat = moments.flat()
    deviations = np.sqrt(np.where(flat, 1.0, moments.spreads[diagonal(features)]))
    scaled = np.where(flat, 0.0, moments.covariances / deviations)
    response = np.sqrt(moments.variance)
    if features == 1:
        correlation = scaled[0] / response if response > 0 else np.zeros_like(scaled[0])
        found = {"slope": scaled[0] / deviations[0], "correlation": np.clip(correlation, -1, 1)}
    else:
        found = {"correlation": _multiple(moments.spreads, deviations, scaled, flat, response)}
    return found | {"entry_lambda": np.abs(scaled).max(axis=0)}


def _multiple(
    spreads: Array, deviations: Array, scaled: Array, flat: Flags, response: float
) -> Array:
    """Multiple correlation of the response with the features of each entry, by elimination."""
    features = len(deviations)
    if response == 0:
        return np.zeros(deviations.shape[1])
    left = np.empty((features, features, deviations.shape[1]))
    for at, (i, j) in enumerate(triangle(features)):
        left[i, j] = left[j, i] = spreads[at] / (deviations[i] * deviations[j])
    towards = scaled / response
    share = np.zeros(deviations.shape[1])
    for i in range(features):
        usable = ~flat[i] & (left[i, i] > DEPENDENT)
        pivot = np.where(usable, left[i, i], np.inf)
        share += towards[i] ** 2 / pivot
        factors = left[:, i] / pivot
        towards = towards - factors * towards[i]
        left = left - factors[:, None] * left[None, i]
    return np.sqrt(np.clip(share, 0, 1))
