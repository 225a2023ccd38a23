"""The columns in a fit, with the inverse of their Gram matrix kept up to date."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.working_set import WorkingSet

DEPENDENT = 1e-10
"""A column whose variance given the others falls below this share of its own adds nothing."""
REFINEMENTS = 3


class ActiveSet:
    """Columns in a fit, each divided by its spread, which keeps their Gram matrix well scaled.

    Parameters
    ----------
    columns : WorkingSet
        Where the columns are from.
    """

    def __init__(self, columns: WorkingSet) -> None:
        rows = columns.problem.rows
        most = min(rows, len(columns)) + 1
        self._columns, self._rows, self.count = columns, rows, 0
        self._members = np.empty(most, np.intp)
        self._signs, self._weights = np.empty(most), np.empty(most)
        self._values = np.empty((most, rows))
        self._inverse = np.empty((most, most))

    @property
    def members(self) -> Codes:
        """Positions in the working set, in no order."""
        return self._members[: self.count]

    @property
    def signs(self) -> Array:
        """Signs of their coefficients."""
        return self._signs[: self.count]

    @property
    def values(self) -> Array:
        """The scaled columns, a row each."""
        return self._values[: self.count]

    @property
    def inverse(self) -> Array:
        """Of their Gram matrix over T."""
        return self._inverse[: self.count, : self.count]

    @property
    def bounds(self) -> Array:
        """Penalty weights of the scaled columns, times their signs."""
        return self._weights[: self.count] * self.signs

    def load(self, members: Codes, signs: Array) -> None:
        """Replace all columns, and invert afresh."""
        self.count = len(members)
        self._members[: self.count], self._signs[: self.count] = members, signs
        spreads = self._columns.spreads[members]
        self._weights[: self.count] = self._columns.weights[members] / spreads
        self._values[: self.count] = self._columns.exact(members) / spreads[:, None]
        self.refresh()

    def refresh(self) -> None:
        """Invert afresh, against the drift of many updates."""
        if self.count:
            gram = self.values @ self.values.T / self._rows
            self._inverse[: self.count, : self.count] = np.linalg.inv(gram)

    def add(self, member: int, sign: float) -> bool:
        """Add a column; False, and nothing done, if it depends linearly on the others."""
        k, spread = self.count, self._columns.spreads[member]
        column = self._columns.exact(np.array([member]))[0] / spread
        own = float(column @ column) / self._rows
        with_others = self.values @ column / self._rows
        solved = self.inverse @ with_others
        left = own - float(with_others @ solved)
        if k + 1 == len(self._members) or left <= DEPENDENT * own:
            return False
        inverse = self.inverse
        inverse += np.multiply.outer(solved / left, solved)
        self._inverse[:k, k] = self._inverse[k, :k] = -solved / left
        self._inverse[k, k] = 1 / left
        self._members[k], self._signs[k], self._values[k] = member, sign, column
        self._weights[k] = self._columns.weights[member] / spread
        self.count = k + 1
        return True

    def drop(self, at: int) -> None:
        """Remove the column at a position; the last one takes its place."""
        last, k = self.count - 1, self.count
        if at != last:
            for array in (self._members, self._signs, self._weights, self._values):
                array[at] = array[last]
            self._inverse[[at, last], :k] = self._inverse[[last, at], :k]
            self._inverse[:k, [at, last]] = self._inverse[:k, [last, at]]
        share = self._inverse[last, :last] / self._inverse[last, last]
        self.count = last
        inverse = self.inverse
        inverse -= np.multiply.outer(share, self._inverse[last, :last])

    def solve(self, penalty: float) -> tuple[Array, Array]:
        """Coefficients of the scaled columns and the residual, with these signs at this penalty.

        Steps of iterative refinement take away what the updates of the inverse have lost.
        """
        y = self._columns.problem.y
        coefficients, residual = np.zeros(self.count), y
        for _ in range(REFINEMENTS):
            slope = self.values @ residual / self._rows - penalty * self.bounds
            coefficients = coefficients + self.inverse @ slope
            residual = y - coefficients @ self.values
        return coefficients, residual
