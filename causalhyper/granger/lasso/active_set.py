"""The columns in a fit, with the inverse of their Gram matrix kept up to date."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.lasso.working_set import WorkingSet

DEPENDENT = 1e-10
"""A column whose variance given the others falls below this share of its own adds nothing."""
FEW_DIGITS = 1e-4
"""A share so small, as a difference of two numbers, is not to be trusted."""
DOUBTFUL = 100
"""A variance inflated so many times more than what `add` allows is none: columns depend."""
DRIFT = 1e-8
"""A correlation of a column in the fit that is off by a larger share shows a drifted inverse."""
CERTAIN = 1e-2
"""Share of what is left of a column that may be rounding."""
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

    def load(self, members: Codes, signs: Array) -> Flags:
        """Replace all columns, and invert afresh.

        Returns
        -------
        ndarray of bool, shape (k,)
            Which were taken: of columns that depend on each other not all.
        """
        self.count = len(members)
        self._members[: self.count], self._signs[: self.count] = members, signs
        spreads = self._columns.spreads[members]
        self._weights[: self.count] = self._columns.weights[members] / spreads
        self._values[: self.count] = self._columns.exact(members) / spreads[:, None]
        if self.invert():
            return np.ones(len(members), dtype=bool)
        self.count = 0
        pairs = zip(members.tolist(), signs.tolist(), strict=True)
        return np.array([self.add(*pair, exact=True) for pair in pairs], dtype=bool)

    def invert(self) -> bool:
        """Invert afresh, against the drift of many updates.

        False, and nothing done, where rounding would be most of it.
        """
        gram = self.values @ self.values.T / self._rows
        try:
            inverse = np.linalg.inv(gram)
        except np.linalg.LinAlgError:
            return False
        inflated = np.einsum("ii->i", inverse) * DEPENDENT
        if not ((inflated > 0) & (inflated < DOUBTFUL)).all():
            return False
        self._inverse[: self.count, : self.count] = inverse
        return True

    def given_others(self, member: int) -> tuple[Array, float]:
        """Regress a column, divided by its spread, on those in the fit.

        Returns
        -------
        shares : ndarray, shape (k,)
            Coefficients of the columns in the fit.
        left : float
            The share of its variance that they leave.
        """
        return self._regressed(self._scaled(member), exact=True)

    def add(self, member: int, sign: float, *, exact: bool = False) -> bool:
        """Add a column; False, and nothing done, if it depends linearly on the others.

        Exactly, or unless that is evident, as the inverse has it.
        """
        k, column = self.count, self._scaled(member)
        solved, left = self._regressed(column, exact=exact)
        if k + 1 == len(self._members) or not left > DEPENDENT:
            return False
        inverse = self.inverse
        # a variance inflated so much is that of a column which depends on the rest and the new one
        if ((np.einsum("ii->i", inverse) + solved * solved / left) * DEPENDENT > 1).any():
            return False
        own = float(column @ column) / self._rows
        left *= own
        inverse += np.multiply.outer(solved / left, solved)
        self._inverse[:k, k] = self._inverse[k, :k] = -solved / left
        self._inverse[k, k] = 1 / left
        self._members[k], self._signs[k], self._values[k] = member, sign, column
        self._weights[k] = self._columns.weights[member] / self._columns.spreads[member]
        self.count = k + 1
        return True

    def _scaled(self, member: int) -> Array:
        return self._columns.exact(np.array([member]))[0] / self._columns.spreads[member]

    def _regressed(self, column: Array, *, exact: bool) -> tuple[Array, float]:
        """Coefficients of the columns in the fit, and the share of the variance left."""
        own = float(column @ column) / self._rows
        with_others = self.values @ column / self._rows
        solved = self.inverse @ with_others
        left = own - float(with_others @ solved)
        if left > FEW_DIGITS * own and not exact:
            return solved, left / own
        away = column - solved @ self.values
        for turn in range(2 * REFINEMENTS):
            slope = self.values @ away / self._rows
            change = self.inverse @ slope
            solved = solved + change
            away = column - solved @ self.values
            left = float(away @ away) / self._rows
            if abs(slope @ change) <= CERTAIN * max(left, DEPENDENT * own):
                break
            if turn == REFINEMENTS:
                self.invert()
        return solved, left / own

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

        Steps of iterative refinement take away what the updates of the inverse have lost; where
        they do not, it is computed afresh.
        """
        coefficients, residual, sound = self._solved(penalty)
        if not sound and self.invert():
            coefficients, residual, _ = self._solved(penalty)
        return coefficients, residual

    def _solved(self, penalty: float) -> tuple[Array, Array, bool]:
        """Coefficients, residual, and whether the last step began where it was to end."""
        y, bounds = self._columns.problem.y, penalty * self.bounds
        coefficients, residual = np.zeros(self.count), y
        for _ in range(REFINEMENTS):
            slope = self.values @ residual / self._rows - bounds
            coefficients = coefficients + self.inverse @ slope
            residual = y - coefficients @ self.values
        return coefficients, residual, bool((np.abs(slope) <= DRIFT * np.abs(bounds)).all())

    def objective(
        self, penalty: float, coefficients: Array, residual: Array | None = None
    ) -> float:
        """Half the mean square of the residual, and the penalty."""
        if residual is None:
            residual = self._columns.problem.y - coefficients @ self.values
        cost = penalty * float(coefficients @ self.bounds)
        return float(residual @ residual) / (2 * self._rows) + cost
