"""What is kept of statistics while tiles pass by: counts and maxima, never all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.columns import Matrix


def reached(nulls: Matrix, observed: Matrix) -> Flags:
    """Whether statistics of rotations are as large as those observed, up to rounding.

    Parameters
    ----------
    nulls : ndarray
    observed : ndarray
        Of a shape that broadcasts.

    Returns
    -------
    ndarray of bool

    Examples
    --------
    >>> reached(np.array([0.1 + 0.2, 0.2]), np.array([0.3, 0.3])).tolist()
    [True, False]
    """
    # equal statistics may differ in the last bits; taking them as equal errs to the larger p
    room = 64 * np.finfo(nulls.dtype).eps
    return np.asarray(nulls >= observed - room * np.abs(observed))


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

    def take(self, first: int, statistics: Matrix) -> None:
        """Take in the statistics of a tile; `statistics` is overwritten."""
        full = len(self.entries) == self.most
        bound = self.statistics[:, 0].min() if full else -1.0
        better = np.flatnonzero(statistics[:, 0] > bound)
        rows = statistics[better].astype(self.statistics.dtype)
        statistics[better] = 0
        np.maximum(self.rest, statistics.max(axis=0), out=self.rest, casting="same_kind")
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

    def stepdown(self) -> Array:
        """Stepdown p-values of the leaders (Westfall and Young 1993, algorithm 2.8)."""
        nulls = self.statistics[::-1, 1:]
        below = np.maximum.accumulate(np.concatenate([self.rest[None, 1:], nulls]))[1:][::-1]
        counts = np.count_nonzero(reached(below, self.statistics[:, :1]), axis=1)
        return np.asarray(np.maximum.accumulate((1 + counts) / (1 + below.shape[1])))


@dataclass(slots=True, eq=False)
class Tally:
    """Everything that a test keeps.

    Attributes
    ----------
    observed, expected : ndarray, shape (entries,)
        Statistics, and their means over the rotations.
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

    observed: Array
    expected: Array
    counts: Codes
    flat: Flags
    maxima: Matrix
    squares: Array
    leaders: Leaders = field(repr=False)

    @classmethod
    def empty(
        cls, entries: int, units: int, columns: int, most: int, dtype: np.dtype[Any]
    ) -> Tally:
        """Make a tally of nothing yet; `columns` is 1 + rotations."""
        none = np.empty((0, columns), dtype)
        return cls(
            observed=np.zeros(entries),
            expected=np.zeros(entries),
            counts=np.zeros(entries, dtype=np.intp),
            flat=np.zeros(entries, dtype=bool),
            maxima=np.zeros((units, columns), dtype),
            squares=np.zeros((units, columns)),
            leaders=Leaders(most, np.empty(0, dtype=np.intp), none, np.zeros(columns, dtype)),
        )

    def take(self, first: int, statistics: Matrix, flat: Flags, units: Codes) -> None:
        """Take in the statistics of a tile; `statistics` is overwritten.

        Parameters
        ----------
        first : int
            Number of the first entry.
        statistics : ndarray, shape (w, 1 + rotations)
        flat : ndarray of bool, shape (w,)
        units : ndarray of int, shape (w,)
            Unit of each entry.
        """
        where = slice(first, first + len(statistics))
        self.observed[where] = statistics[:, 0]
        nulls = statistics[:, 1:]
        self.expected[where] = nulls @ np.full(nulls.shape[1], 1 / nulls.shape[1], nulls.dtype)
        # numpy adds narrow integers faster than it counts
        narrow = np.uint16 if nulls.shape[1] < 2**16 else np.intp
        hits = reached(nulls, statistics[:, :1]).view(np.uint8)
        self.counts[where] = hits.sum(axis=1, dtype=narrow)
        self.flat[where] = flat
        for unit, rows in _by_unit(statistics, units):
            most = self.maxima[unit]
            np.maximum(most, rows.max(axis=0), out=most, casting="same_kind")
            self.squares[unit] += np.einsum("ij,ij->j", rows, rows)
        self.leaders.take(first, statistics)


def _by_unit(statistics: Matrix, units: Codes) -> list[tuple[int, Matrix]]:
    """Rows of each unit; no copy where there is one."""
    if (units == units[0]).all():
        return [(int(units[0]), statistics)]
    order = np.argsort(units, kind="stable")
    names, starts = np.unique(units[order], return_index=True)
    return [
        (int(name), statistics[rows])
        for name, rows in zip(names, np.split(order, starts[1:]), strict=True)
    ]
