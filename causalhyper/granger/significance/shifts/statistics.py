"""Statistics of the entries of a tile with a response and all its rotations, in one product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.columns import Matrix
from causalhyper.granger.screening.statistics import DEPENDENT
from causalhyper.granger.significance.shifts.sources import Tile
from causalhyper.granger.significance.shifts.stationary import Remainder

Statistic = Literal["correlation", "covariance", "marginal"]
SMALL = 1e-12
"""Columns shorter than it, or longer than one over it, are scaled before they are squared."""


def check_statistic(statistic: str, groups: int, trend: str, spread: str) -> None:
    """Refuse a statistic that is unknown, or that the other choices leave without meaning.

    Parameters
    ----------
    statistic : str
    groups : int
    trend, spread : str
        As `shift_test` takes them.

    Raises
    ------
    ConfigurationError
        If it is so.
    """
    if statistic not in get_args(Statistic):
        raise ConfigurationError(
            f"statistic is one of {', '.join(get_args(Statistic))}; got {statistic!r}"
        )
    if groups > 1 and statistic != "correlation":
        raise ConfigurationError(
            f"an entry of {groups} columns has a multiple correlation and no {statistic}: use "
            "statistic='correlation'"
        )
    if statistic == "marginal" and (trend != "none" or spread != "constant"):
        raise ConfigurationError(
            "the marginal mean of x times y is not centred: use it with trend='none' and "
            "spread='constant', or use statistic='covariance'"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """What turns tiles into statistics.

    Attributes
    ----------
    remainder : Remainder
        Of the response.
    targets : ndarray, shape (T, 1 + rotations)
        The response itself, then rotated. The first has length one, and for correlations all.
    groups : int
        Columns of an entry.
    standardised : bool
        Whether statistics are correlations.
    unit : float
        What statistics are multiplied by to be in the unit of the design times that of y.
    """

    remainder: Remainder
    targets: Array
    sides: Matrix
    groups: int
    standardised: bool
    unit: float

    def of(self, tile: Tile) -> tuple[Matrix, Array, Flags]:
        """Return statistics, shape (1 + rotations, entries), and what each could be at most.

        The last returned are the entries that do not vary; they have statistics of zero.
        """
        values = tile.values
        if self.remainder.weighted:
            values = values * self.remainder.weights.astype(values.dtype)[:, None]
        values, lengths, exponents = _lengths(values, tile)
        if self.groups > 1:
            return self._of_groups(values, lengths)
        count = self.targets.shape[1]
        both = self.sides.astype(values.dtype, copy=False) @ values
        products, inside = both[:count], both[count:]
        left = np.sqrt(np.maximum(lengths**2 - np.einsum("ij,ij->j", inside, inside), 0))
        # where most of a column is its trend, the difference of squares is mostly rounding
        near = np.flatnonzero(left < lengths / 4)
        if len(near):
            columns, left[near] = self._without_trend(values[:, near])
            products[:, near] = self.targets.T.astype(values.dtype) @ columns
        flat = np.asarray(left <= 64 * np.finfo(values.dtype).eps * lengths)
        factors = 1 / np.where(flat, np.inf, left) if self.standardised else np.ldexp(1, exponents)
        factors = np.where(flat, 0, factors).astype(values.dtype)
        products *= factors
        return np.abs(products, out=products), np.asarray(left * factors, dtype=float), flat

    def _without_trend(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Columns without the trend, and their lengths."""
        basis = self.remainder.basis.astype(values.dtype)
        values = values - basis @ (basis.T @ values)
        return values, np.sqrt(np.einsum("ij,ij->j", values, values))

    def _of_groups(self, values: Matrix, lengths: Matrix) -> tuple[Matrix, Array, Flags]:
        """Multiple correlations of entries of several columns."""
        values, left = self._without_trend(values)
        flat = np.asarray(left <= 64 * np.finfo(values.dtype).eps * lengths)
        spanned, still = _orthonormal_groups(values, left, flat, self.groups)
        products = self.targets.T.astype(values.dtype) @ spanned
        squares = products.reshape(products.shape[0], -1, self.groups) ** 2
        return np.sqrt(squares.sum(axis=2)), np.where(still, 0.0, 1.0), still


def make_products(
    remainder: Remainder,
    targets: Array,
    statistic: Statistic,
    groups: int,
    unit: float,
    dtype: np.dtype[Any],
) -> Products:
    """Return what turns tiles into a statistic.

    Parameters
    ----------
    remainder : Remainder
    targets : ndarray, shape (T, 1 + rotations)
        The remainder and its rotations, with the trend partialled out.
    statistic : {"correlation", "covariance", "marginal"}
    groups : int
    unit : float
        Of the values of the tiles that `Products.of` is given.
    dtype : numpy.dtype
        The finest of these values.

    Returns
    -------
    Products
    """
    lengths = np.linalg.norm(targets, axis=0)
    standardised = statistic == "correlation"
    # of length one, so that a response of any size is within the range of float32
    targets = targets / (lengths if standardised else lengths[0])
    sides = np.concatenate([targets, remainder.basis], axis=1).T
    unit = 1.0 if standardised else unit * float(lengths[0]) / len(targets)
    kept = np.ascontiguousarray(sides, dtype=dtype)
    return Products(remainder, targets, kept, groups, standardised, unit)


def _lengths(values: Matrix, tile: Tile) -> tuple[Matrix, Matrix, Codes]:
    """Lengths of columns; those whose squares leave the range are scaled by powers of two first.

    Returns the columns too, and the exponents of the powers by which they are now too small.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->j", values, values))
    exponents = np.zeros(len(lengths), dtype=np.intp)
    odd = np.flatnonzero(~((lengths > SMALL) & (lengths < 1 / SMALL)))
    if len(odd):
        columns = values[:, odd]
        peaks = np.abs(columns).max(axis=0)
        bad = np.flatnonzero(~np.isfinite(peaks))
        if len(bad):
            raise DataError(
                f"the design must be finite; column {odd[bad[0]]} of those from entry "
                f"{tile.offset} of layer {tile.layer} on is not: did training diverge? Leave "
                "those steps out"
            )
        exponents[odd] = np.frexp(peaks)[1]
        values = values.copy()
        values[:, odd] = columns = np.ldexp(columns, -exponents[odd])
        lengths[odd] = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    return values, lengths, exponents


def _orthonormal_groups(
    values: Matrix, lengths: Matrix, flat: Flags, groups: int
) -> tuple[Matrix, Flags]:
    """Make the columns of each entry orthonormal, by Gram and Schmidt twice, in float64.

    A column of whose variance the others before it leave less than `DEPENDENT` becomes zero.
    """
    wide = values / np.where(flat, np.inf, lengths).astype(np.float64)
    parts = wide.reshape(len(wide), -1, groups)
    usable = ~flat.reshape(-1, groups)
    for k in range(groups):
        column = parts[:, :, k]
        for _ in range(2):
            for before in range(k):
                column -= parts[:, :, before] * (parts[:, :, before] * column).sum(axis=0)
        left = (column * column).sum(axis=0)
        usable[:, k] &= left > DEPENDENT
        column /= np.where(usable[:, k], np.sqrt(left), np.inf)
    return wide.astype(values.dtype), np.asarray(~usable.any(axis=1))
