"""Statistics of the entries of a tile with a response and all its rotations, in one product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

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
    groups: int
    standardised: bool
    unit: float

    def of(self, tile: Tile) -> tuple[Matrix, Flags]:
        """Return statistics, shape (entries, 1 + rotations), and which entries do not vary.

        The values of the tile are overwritten. Entries that do not vary have statistics of zero.
        """
        values = tile.values
        dtype = values.dtype
        if self.remainder.weighted:
            values *= self.remainder.weights.astype(dtype)[:, None]
        lengths, exponents = _lengths(tile)
        if self.remainder.basis.shape[1]:
            basis = self.remainder.basis.astype(dtype)
            values -= basis @ (basis.T @ values)
        left = np.sqrt(np.einsum("ij,ij->j", values, values))
        # what is left of a column that equals its trend is the rounding of what it was
        flat = np.asarray(left <= 64 * np.finfo(dtype).eps * lengths)
        if self.groups > 1:
            return self._of_groups(values, left, flat)
        products = values.T @ self.targets.astype(dtype)
        factors = 1 / np.where(flat, np.inf, left) if self.standardised else np.ldexp(1, exponents)
        products *= np.where(flat, 0, factors).astype(dtype)[:, None]
        return np.abs(products, out=products), flat

    def _of_groups(self, values: Matrix, lengths: Matrix, flat: Flags) -> tuple[Matrix, Flags]:
        """Multiple correlations of entries of several columns."""
        spanned, still = _orthonormal_groups(values, lengths, flat, self.groups)
        products = spanned.T @ self.targets.astype(values.dtype)
        squares = products.reshape(-1, self.groups, products.shape[1]) ** 2
        return np.sqrt(squares.sum(axis=1)), still


def make_products(
    remainder: Remainder, targets: Array, statistic: Statistic, groups: int, unit: float
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

    Returns
    -------
    Products
    """
    lengths = np.linalg.norm(targets, axis=0)
    if statistic == "correlation":
        return Products(remainder, targets / lengths, groups, True, 1.0)
    # of length one, so that a response of any size is within the range of float32
    unit *= float(lengths[0]) / len(targets)
    return Products(remainder, targets / lengths[0], groups, False, unit)


def _lengths(tile: Tile) -> tuple[Matrix, Codes]:
    """Lengths of columns; those whose squares leave the range are scaled by powers of two first.

    Also returns the exponents of the powers by which the columns are now too small.
    """
    values = tile.values
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
        values[:, odd] = columns = np.ldexp(columns, -exponents[odd])
        lengths[odd] = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    return lengths, exponents


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
