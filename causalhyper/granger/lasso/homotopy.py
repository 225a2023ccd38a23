"""Follow the piecewise linear path of the lasso through a working set, kink by kink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.active_set import ActiveSet
from causalhyper.granger.lasso.working_set import WorkingSet, products_over

MARGIN = 0.03
"""Columns predicted to come within this share of the penalty are watched at every kink."""
ORTHOGONAL = 1e-14
"""A correlation coefficient this small is rounding."""
TOLERANCE = 1e-6
"""A correlation above the penalty by this share is a violation."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The lasso at one penalty, over a working set.

    Attributes
    ----------
    penalty : float
        lambda.
    members : ndarray of int, shape (k,)
        Positions in the working set of the columns in the fit.
    signs, coefficients : ndarray, shape (k,)
        Of the columns divided by their spreads.
    residual : ndarray, shape (T,)
    kinks : int
        Columns that came or went since the solution before.
    """

    penalty: float
    members: Codes
    signs: Array
    coefficients: Array
    residual: Array
    kinks: int = 0


def null_solution(columns: WorkingSet) -> Solution:
    """Return the fit without any column, at the smallest penalty that allows it.

    That is zero where no column correlates with y beyond rounding.
    """
    problem, nothing = columns.problem, np.empty(0)
    ratios = np.abs(columns.correlations(problem.y))
    best = np.argsort(ratios)[-8:]
    products = np.abs(columns.exact(best) @ problem.y) / problem.rows
    products[products <= ORTHOGONAL * columns.spreads[best] * np.sqrt(2 * problem.null)] = 0
    largest = float((products / columns.weights[best]).max(initial=0.0))
    return Solution(largest, np.empty(0, np.intp), nothing, nothing, problem.y)


def follow(columns: WorkingSet, penalties: Array, start: Solution) -> Iterator[Solution]:
    """Yield the solutions at decreasing penalties.

    The path is followed exactly (Osborne, Presnell and Turlach 2000; Efron et al. 2004, section
    3.1) through the columns that come near the penalty, as the slope of the last stretch
    predicts; then every column of the working set is looked at, and where one was missed that
    stretch is followed again.

    Parameters
    ----------
    columns : WorkingSet
    penalties : ndarray, shape (k,)
        Decreasing.
    start : Solution
        At a penalty above; `null_solution` is one.
    """
    active, here = ActiveSet(columns), start
    ratios = columns.correlations(here.residual)
    slope = None
    active.load(here.members, here.signs)
    for at, penalty in enumerate(penalties):
        if penalty >= here.penalty:
            yield here
            continue
        if at and at % REFRESH == 0:
            active.load(here.members, here.signs)
        there, after = _advance(columns, active, here, float(penalty), ratios, slope)
        slope = (ratios - after) / (here.penalty - there.penalty)
        here, ratios = there, after
        yield here


REFRESH = 10
"""Penalties after which the inverse is computed afresh."""


def _advance(
    columns: WorkingSet,
    active: ActiveSet,
    here: Solution,
    target: float,
    ratios: Array,
    slope: Array | None,
) -> tuple[Solution, Array]:
    """Go from one penalty to the next: the solution there, and the correlations of all columns."""
    watched, careful = _watch(here, target, ratios, slope), False
    while True:
        kinks = _Walk(columns, active, here, target, watched, careful=careful).run(ratios)
        coefficients, residual = active.solve(target)
        after = columns.correlations(residual)
        found = np.abs(after) > target * (1 + TOLERANCE)
        found[active.members] = False
        missed = np.setdiff1d(np.flatnonzero(found), watched)
        astray = bool(found.any() or (coefficients * active.signs < 0).any())
        if not astray or (careful and not len(missed)):
            members, signs = active.members.copy(), active.signs.copy()
            return Solution(target, members, signs, coefficients, residual, kinks), after
        # nothing was missed, and yet a wrong turn was taken: by rounding
        careful = careful or not len(missed)
        watched = np.union1d(watched, missed)
        active.load(here.members, here.signs)


def _watch(here: Solution, target: float, ratios: Array, slope: Array | None) -> Codes:
    """Columns that may take part between a penalty and the next."""
    size = np.abs(ratios)
    if slope is None:
        near = size >= min(2 * target - here.penalty, target)
    else:
        ahead = np.abs(ratios - (here.penalty - target) * slope)
        near = (ahead >= (1 - MARGIN) * target) | (size >= (1 - MARGIN / 3) * here.penalty)
    near[here.members] = True
    return np.flatnonzero(near)


class _Walk:
    """One stretch of the path among the watched columns.

    A careful one computes everything afresh at every kink, in float64.
    """

    def __init__(
        self,
        columns: WorkingSet,
        active: ActiveSet,
        here: Solution,
        target: float,
        watched: Codes,
        *,
        careful: bool,
    ) -> None:
        self.active, self.watched, self.target = active, watched, target
        exact = careful or bool(columns.steep[watched].any())
        self.values = columns.exact(watched) if exact else columns.values[watched]
        self.weights, self.rows, self.careful = (
            columns.weights[watched],
            here.residual.size,
            careful,
        )
        self.ratios = self._correlations(here.residual) if careful else np.empty(0)
        self.penalty, self.moved = here.penalty, True
        self.coefficients = here.coefficients.copy()
        self.barred = np.zeros(len(watched), dtype=bool)
        self.barred[self._places()] = True

    def run(self, ratios: Array) -> int:
        """Walk to the target, given the correlations of all columns; return the kinks."""
        if not self.careful:
            self.ratios = ratios[self.watched].astype(np.float64)
        for kinks in range(20 * self.rows + 100):
            entering, leaving = self._step()
            if entering < 0 and leaving < 0:
                return kinks
            if leaving >= 0:
                self._leave(leaving)
            else:
                self._enter(entering)
            if self.careful:
                self.active.refresh()
                self.coefficients, residual = self.active.solve(self.penalty)
                self.ratios = self._correlations(residual)
        return kinks

    def _correlations(self, residual: Array) -> Array:
        return products_over(self.values, residual, self.weights)

    def _step(self) -> tuple[int, int]:
        """Go to the next kink or the target: the column that enters or the place that leaves."""
        active, left = self.active, self.penalty - self.target
        move = active.inverse @ active.bounds
        direction = move @ active.values
        rates = self._correlations(direction)
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
