"""The lasso at one penalty over a working set, from any start: signs that descend."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.lasso.active_set import ActiveSet
from causalhyper.granger.lasso.working_set import WorkingSet, products_over

TOLERANCE = 1e-6
"""A correlation above the penalty by this share is a violation."""
LOOKED_AT = 64
"""Columns furthest above the penalty, whose correlations are computed in float64."""
ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""A fall of the objective by a smaller share of it is none."""


class Descent:
    """Active signs that change one at a time, each time to a lower objective.

    After Lee, Battle, Raina and Ng (2007, "Efficient sparse coding algorithms"), algorithm 1: go
    towards the minimum with these signs, drop the first column whose coefficient becomes zero,
    and so on; then take in the column that is furthest above the penalty. A column that depends
    on those in the fit comes in for one of them: along the direction that leaves the fit as it
    is, the sum of absolute values falls until a coefficient is zero. So the columns of the fit
    are always independent, and as no objective comes twice the end is reached, at a minimum.

    Parameters
    ----------
    columns : WorkingSet
    active : ActiveSet
        The columns to begin with; those of the minimum in the end.
    penalty : float
        lambda.
    coefficients : ndarray, shape (k,)
        Of the columns to begin with, with their signs, or zero.

    Attributes
    ----------
    coefficients, residual : ndarray
        Where the descent is.
    """

    def __init__(
        self, columns: WorkingSet, active: ActiveSet, penalty: float, coefficients: Array
    ) -> None:
        self.coefficients, self.residual = coefficients, columns.problem.y
        self._columns, self._active, self._penalty = columns, active, penalty
        self._barred = np.zeros(len(columns), dtype=bool)

    def run(self) -> int:
        """Descend to the minimum; return how many columns came in."""
        self._settle()
        for steps in range(20 * len(self.residual) + 100):
            member, sign, excess = self._furthest()
            if member < 0:
                return steps
            before = self._objective()
            if self._active.add(member, sign, exact=True):
                self.coefficients = np.append(self.coefficients, 0.0)
            else:
                self._exchange(member, sign, excess)
            self._settle()
            # what does not lower the objective is not tried again before something does
            fell = before - self._objective() > ROUNDING * before
            self._barred &= not fell
            self._barred[member] |= not fell
        return steps

    def _objective(self) -> float:
        return self._active.objective(self._penalty, self.coefficients, self.residual)

    def _settle(self) -> None:
        """Go to the minimum with these signs; columns whose coefficients turn around leave."""
        active = self._active
        while True:
            goal, self.residual = active.solve(self._penalty)
            turned = np.flatnonzero(~(goal * active.signs > 0))
            if not len(turned):
                self.coefficients = goal
                return
            here, there = self.coefficients[turned], goal[turned]
            apart = here != there
            shares = np.zeros(len(turned))
            shares[apart] = here[apart] / (here - there)[apart]
            first = int(shares.argmin())
            self.coefficients = self.coefficients + shares[first] * (goal - self.coefficients)
            self._drop(int(turned[first]))

    def _furthest(self) -> tuple[int, float, float]:
        """Column furthest above the penalty, its sign, and by how much it is; -1 if there is none.

        Of the columns divided by their spreads.
        """
        columns, limit = self._columns, self._penalty * (1 + TOLERANCE)
        sizes = np.abs(columns.correlations(self.residual))
        sizes[self._active.members] = 0
        sizes[self._barred] = 0
        over = np.flatnonzero(sizes > limit)
        over = over[np.argsort(-sizes[over], kind="stable")[:LOOKED_AT]]
        ratios = products_over(columns.exact(over), self.residual, columns.weights[over])
        if not (np.abs(ratios) > limit).any():
            return -1, 0.0, 0.0
        at = int(np.abs(ratios).argmax())
        member, ratio = int(over[at]), float(ratios[at])
        weight = float(columns.weights[member] / columns.spreads[member])
        return member, float(np.sign(ratio)), (abs(ratio) - self._penalty) * weight

    def _exchange(self, member: int, sign: float, excess: float) -> None:
        """Take in a column for one that it depends on; nothing if that lowers no objective."""
        active, given, own = self._active, self.coefficients, 0.0
        members, signs = active.members.copy(), active.signs.copy()
        while not (own > 0 and active.add(member, sign, exact=True)):
            shares, left = active.given_others(member)
            change = -sign * shares
            towards = np.flatnonzero(change * active.signs < 0)
            far = np.inf
            if len(towards):
                reach = -self.coefficients[towards] / change[towards]
                far, place = float(reach.min()), int(towards[reach.argmin()])
            # a column nearly dependent is at its best before: the fall is below rounding
            if not (own + far) * left < excess:
                taken = active.load(members, signs)
                self.coefficients = given[taken]
                return
            self.coefficients = self.coefficients + far * change
            own += far
            self._drop(place)
        self.coefficients = np.append(self.coefficients, sign * own)

    def _drop(self, at: int) -> None:
        self._active.drop(at)
        self.coefficients[at] = self.coefficients[-1]
        self.coefficients = self.coefficients[:-1].copy()
