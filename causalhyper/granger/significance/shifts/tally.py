"""What is kept of statistics while tiles pass by: counts and maxima, never all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.columns import Matrix


def rounding(dtype: np.dtype[Any], rows: int) -> float:
    """Error of a correlation of this many rows, at most; larger p-values are the safe side.

    Parameters
    ----------
    dtype : numpy.dtype
    rows : int

    Returns
    -------
    float

    Examples
    --------
    >>> rounding(np.dtype(np.float32), 500) < 2e-5
    True
    """
    return max(64.0, 4.0 * float(np.sqrt(rows))) * float(np.finfo(dtype).eps)


def family_p(bounds: Array, maxima: Matrix) -> Array:
    """Share of the rotations, with the response itself, whose maximum reaches each bound.

    Parameters
    ----------
    bounds : ndarray, shape (p,)
        Statistics less their rounding.
    maxima : ndarray, shape (rotations,)

    Returns
    -------
    ndarray, shape (p,)

    Examples
    --------
    >>> family_p(np.array([3.0, 1.0]), np.array([2.0, 1.0, 0.5])).tolist()
    [0.25, 0.75]
    """
    ordered = np.sort(maxima)
    below = np.searchsorted(ordered, bounds, side="left")
    return np.asarray((1 + len(ordered) - below) / (1 + len(ordered)))


@dataclass(slots=True, eq=False)
class Leaders:
    """The entries with the largest observed statistics, with their rotations, and the rest.

    Attributes
    ----------
    most : int
        How many are held.
    entries : ndarray of int, shape (k,)
        Their numbers.
    statistics : ndarray, shape (k, 1 + rotations)
    rest : ndarray, shape (1 + rotations,)
        Largest statistics of all other entries.
    """

    most: int
    entries: Codes
    statistics: Matrix
    rest: Matrix

    def take(self, first: int, statistics: Matrix, largest: Matrix | None) -> None:
        """Take in the statistics of a tile, and their maxima if known; both are overwritten."""
        full = len(self.entries) == self.most
        bound = self.statistics[:, 0].min() if full else -1.0
        better = np.flatnonzero(statistics[0] > bound)
        rows = statistics[:, better].T.astype(self.statistics.dtype)
        if len(better) or largest is None:
            statistics[:, better] = 0
            largest = statistics.max(axis=1)
        np.maximum(self.rest, largest, out=self.rest, casting="same_kind")
        if not len(better):
            return
        entries = np.concatenate([self.entries, first + better])
        rows = np.concatenate([self.statistics, rows])
        # stable: among equal statistics earlier entries stay
        order = np.argsort(-rows[:, 0], kind="stable")
        kept, left = order[: self.most], order[self.most :]
        if len(left):
            np.maximum(self.rest, rows[left].max(axis=0), out=self.rest)
        self.entries, self.statistics = entries[kept], rows[kept]

    def maxima(self) -> Matrix:
        """Largest statistics of all entries, shape (1 + rotations,)."""
        return np.maximum(self.rest, self.statistics.max(axis=0))

    def stepdown(self, bounds: Array) -> Array:
        """Stepdown p-values of the leaders (Westfall and Young 1993, algorithm 2.8).

        `bounds` has for each leader what counts as reaching it.
        """
        nulls = self.statistics[::-1, 1:]
        below = np.maximum.accumulate(np.concatenate([self.rest[None, 1:], nulls]))[1:][::-1]
        counts = np.count_nonzero(below >= bounds[:, None], axis=1)
        return np.asarray(np.maximum.accumulate((1 + counts) / (1 + below.shape[1])))


@dataclass(slots=True, eq=False)
class Tally:
    """Everything that a test keeps.

    Attributes
    ----------
    room : float
        Rounding of a statistic relative to what it could be at most.
    observed, expected : ndarray, shape (entries,)
        Statistics, and their means over the rotations.
    bounds : ndarray, shape (entries,)
        What counts as reaching a statistic: that less its rounding.
    counts : ndarray of int, shape (entries,)
        Rotations that reach the statistic.
    flat : ndarray of bool, shape (entries,)
        Entries that do not vary.
    maxima : ndarray, shape (units, 1 + rotations)
        Largest statistics of each unit.
    squares : ndarray, shape (units, 1 + rotations)
        Sums of their squares.
    leaders : Leaders
    """

    room: float
    observed: Array
    expected: Array
    bounds: Array
    counts: Codes
    flat: Flags
    maxima: Matrix
    squares: Array
    leaders: Leaders = field(repr=False)

    @classmethod
    def empty(
        cls,
        entries: int,
        units: int,
        columns: int,
        most: int,
        dtype: np.dtype[Any],
        rows: int,
    ) -> Tally:
        """Make a tally of nothing yet; `columns` is 1 + rotations, `rows` T."""
        none = np.empty((0, columns), dtype)
        return cls(
            room=rounding(dtype, rows),
            observed=np.zeros(entries),
            bounds=np.zeros(entries),
            expected=np.zeros(entries),
            counts=np.zeros(entries, dtype=np.intp),
            flat=np.zeros(entries, dtype=bool),
            maxima=np.zeros((units, columns), dtype),
            squares=np.zeros((units, columns)),
            leaders=Leaders(most, np.empty(0, dtype=np.intp), none, np.zeros(columns, dtype)),
        )

    def take(
        self, first: int, statistics: Matrix, sizes: Array, flat: Flags, units: Codes
    ) -> None:
        """Take in the statistics of a tile; `statistics` is overwritten.

        Parameters
        ----------
        first : int
            Number of the first entry.
        statistics : ndarray, shape (1 + rotations, w)
        sizes : ndarray, shape (w,)
            What each could be at most.
        flat : ndarray of bool, shape (w,)
        units : ndarray of int, shape (w,)
            Unit of each entry.
        """
        where = slice(first, first + statistics.shape[1])
        nulls = statistics[1:]
        self.observed[where] = statistics[0]
        self.bounds[where] = statistics[0] - self.room * np.maximum(sizes, statistics[0])
        self.expected[where] = np.full(len(nulls), 1 / len(nulls), nulls.dtype) @ nulls
        self.counts[where] = _hits(nulls, self.bounds[where].astype(nulls.dtype))
        self.flat[where] = flat
        parts = _by_unit(statistics, units)
        largest: Matrix | None = None
        for unit, own in parts:
            most, largest = self.maxima[unit], own.max(axis=1)
            np.maximum(most, largest, out=most, casting="same_kind")
            self.squares[unit] += np.einsum("ij,ij->i", own, own)
        self.leaders.take(first, statistics, largest if len(parts) == 1 else None)


def _hits(nulls: Matrix, bounds: Matrix) -> Codes:
    """Count in each column what reaches its bound."""
    found = np.zeros(nulls.shape[1], dtype=np.intp)
    # numpy adds bytes fastest, and 255 of them at most
    for start in range(0, len(nulls), 255):
        hits = nulls[start : start + 255] >= bounds
        found += np.add.reduce(hits.view(np.uint8), axis=0, dtype=np.uint8)
    return found


def _by_unit(statistics: Matrix, units: Codes) -> list[tuple[int, Matrix]]:
    """Columns of each unit; no copy where there is one."""
    if (units == units[0]).all():
        return [(int(units[0]), statistics)]
    order = np.argsort(units, kind="stable")
    names, starts = np.unique(units[order], return_index=True)
    return [
        (int(name), statistics[:, columns])
        for name, columns in zip(names, np.split(order, starts[1:]), strict=True)
    ]
