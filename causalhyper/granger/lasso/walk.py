"""One stretch of the piecewise linear path of the lasso, kink by kink."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.active_set import ActiveSet
from causalhyper.granger.lasso.working_set import WorkingSet, products_over

DRIFT = 1e-3
"""A direction whose length is off by a larger share shows that the inverse has drifted."""
STILL = 1e-12
"""A fall of the penalty by a smaller share is none."""


class Walk:
    """From one penalty to the next among the watched columns.

    Parameters
    ----------
    columns : WorkingSet
    active : ActiveSet
        The columns in the fit; those of the fit at the target in the end.
    target : float
        Penalty to go to.
    watched : ndarray of int, shape (w,)
        Positions in the working set, in order, of what may take part; all in the fit are.
    """

    def __init__(
        self, columns: WorkingSet, active: ActiveSet, target: float, watched: Codes
    ) -> None:
        self.active, self.watched, self.target = active, watched, target
        exact = bool(columns.steep[watched].any())
        self.values = columns.exact(watched) if exact else columns.values[watched]
        self.weights, self.rows = columns.weights[watched], columns.problem.rows
        self.moved, self.astray = True, False
        self.barred = np.zeros(len(watched), dtype=bool)
        self.barred[self._places()] = True

    def run(self, penalty: float, coefficients: Array, ratios: Array) -> int:
        """Walk to the target and return the kinks.

        It ends before where rounding has led it astray, or where columns that tie come and go
        for ever, as they may where they depend on each other.

        Parameters
        ----------
        penalty : float
            Where the walk begins.
        coefficients : ndarray, shape (k,)
            Of the columns in the fit.
        ratios : ndarray, shape (q,)
            Correlations of all columns of the working set.
        """
        self.penalty, self.coefficients = penalty, coefficients.copy()
        self.ratios = ratios[self.watched].astype(np.float64)
        mark, since = penalty, 0
        for kinks in range(20 * self.rows + 100):
            entering, leaving = self._step()
            if self.penalty < mark * (1 - STILL):
                mark, since = self.penalty, kinks
            lost = self.astray or kinks - since > 2 * self.rows
            if lost or (entering < 0 and leaving < 0):
                return kinks
            if leaving >= 0:
                self._leave(leaving)
            else:
                self._enter(entering)
        return kinks

    def _correlations(self, residual: Array) -> Array:
        return products_over(self.values, residual, self.weights)

    def _step(self) -> tuple[int, int]:
        """Go to the next kink or the target: the column that enters or the place that leaves."""
        left = self.penalty - self.target
        move, rates = self._rates()
        enters, entering = self._first_entry(rates)
        leaves, leaving = self._first_exit(move)
        step = min(enters, leaves, left)
        self.coefficients += step * move
        self.ratios -= step * rates
        self.penalty -= step
        self.moved = step > 0
        if step >= left:
            return -1, -1
        return (-1, leaving) if leaves < enters else (entering, -1)

    def _rates(self) -> tuple[Array, Array]:
        """How fast coefficients and correlations change as the penalty falls at rate one."""
        active, bounds = self.active, self.active.bounds
        for turn in range(2):
            move = active.inverse @ bounds
            direction = move @ active.values
            apart, size = float(direction @ direction) / self.rows, float(move @ bounds)
            self.astray = not abs(apart - size) <= DRIFT * size
            if not self.astray or turn or not active.invert():
                break
        return move, self._correlations(direction)

    def _first_entry(self, rates: Array) -> tuple[float, int]:
        """How far until a column outside reaches the penalty, which falls at rate one."""
        with np.errstate(divide="ignore", invalid="ignore"):
            above = np.maximum(self.penalty - self.ratios, 0) / (1 - rates)
            below = np.maximum(self.penalty + self.ratios, 0) / (1 + rates)
        above[rates >= 1] = np.inf
        below[rates <= -1] = np.inf
        first = np.minimum(above, below)
        first[self.barred] = np.inf
        at = int(first.argmin()) if len(first) else -1
        return (float(first[at]), at) if at >= 0 else (np.inf, -1)

    def _first_exit(self, move: Array) -> tuple[float, int]:
        """How far until a coefficient becomes zero."""
        heading = self.active.signs * move
        # one that has just come in, at a tie, may want to have the other sign
        towards = (heading < 0) & (self.active.signs * self.coefficients >= 0)
        if not towards.any():
            return np.inf, -1
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(towards, -self.coefficients / move, np.inf)
        at = int(far.argmin())
        return float(far[at]), at

    def _enter(self, at: int) -> None:
        self.barred[at] = True
        if self.active.add(int(self.watched[at]), 1.0 if self.ratios[at] > 0 else -1.0):
            self.coefficients = np.append(self.coefficients, 0.0)

    def _leave(self, at: int) -> None:
        left = int(np.searchsorted(self.watched, self.active.members[at]))
        self.active.drop(at)
        self.coefficients[at] = self.coefficients[-1]
        self.coefficients = self.coefficients[:-1].copy()
        # a column that depended on the one that left may take part again
        self.barred[:] = False
        self.barred[self._places()] = True
        self.barred[left] = not self.moved
        self.ratios[left] = np.clip(self.ratios[left], -self.penalty, self.penalty)

    def _places(self) -> Codes:
        """Positions of the members among the watched, which are in order."""
        return np.searchsorted(self.watched, self.active.members)
