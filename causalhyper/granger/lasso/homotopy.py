"""Follow the piecewise linear path of the lasso through a working set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.active_set import ActiveSet
from causalhyper.granger.lasso.descent import TOLERANCE, Descent
from causalhyper.granger.lasso.walk import Walk
from causalhyper.granger.lasso.working_set import WorkingSet

MARGIN = 0.03
"""Columns predicted to come within this share of the penalty are watched at every kink."""
ORTHOGONAL = 1e-14
"""A correlation coefficient this small is rounding."""


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
    stretch is followed again. Where rounding or columns that depend on each other led astray,
    the fit descends to the minimum from there (`Descent`).

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
    origin = _loaded(active, here)
    for at, penalty in enumerate(penalties):
        if penalty >= here.penalty:
            yield here
            continue
        if at and at % REFRESH == 0:
            origin = _loaded(active, here)
        there, after = _advance(columns, active, origin, float(penalty), ratios, slope)
        slope = (ratios - after) / (here.penalty - there.penalty)
        here, origin, ratios = there, there, after
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
    watched = _watch(here, target, ratios, slope)
    while True:
        kinks = Walk(columns, active, target, watched).run(here.penalty, here.coefficients, ratios)
        coefficients, residual = active.solve(target)
        after = columns.correlations(residual)
        found = np.abs(after) > target * (1 + TOLERANCE)
        found[active.members] = False
        missed = np.setdiff1d(np.flatnonzero(found), watched)
        if not len(missed):
            break
        watched = np.union1d(watched, missed)
        here = _loaded(active, here)
    if found.any() or not (coefficients * active.signs >= 0).all():
        # nothing was missed, and yet a wrong turn was taken: by rounding, or where columns depend
        # on each other
        coefficients = _lower(active, here, target, coefficients)
        descent = Descent(columns, active, target, coefficients)
        kinks += descent.run()
        coefficients, residual = descent.coefficients, descent.residual
        after = columns.correlations(residual)
    members, signs = active.members.copy(), active.signs.copy()
    return Solution(target, members, signs, coefficients, residual, kinks), after


def _loaded(active: ActiveSet, here: Solution) -> Solution:
    """Take in the columns of a solution; without those that depend on the others."""
    taken = active.load(here.members, here.signs)
    if taken.all():
        return here
    return replace(
        here,
        members=here.members[taken],
        signs=here.signs[taken],
        coefficients=here.coefficients[taken],
    )


def _lower(active: ActiveSet, here: Solution, target: float, coefficients: Array) -> Array:
    """Coefficients to descend from: where the walk ended, or where it began if that is lower."""
    members, signs = active.members.copy(), active.signs.copy()
    ends = np.where(coefficients * signs > 0, coefficients, 0.0)
    ended = active.objective(target, ends)
    here = _loaded(active, here)
    begins = np.where(here.coefficients * here.signs > 0, here.coefficients, 0.0)
    if not ended < active.objective(target, begins):
        return begins
    return ends[active.load(members, signs)]


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
