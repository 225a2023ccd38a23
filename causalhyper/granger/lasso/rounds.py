"""Rounds of a path: fit in the working set, read the design, learn what the fit lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.lasso.certificate import relative_gap
from causalhyper.granger.lasso.homotopy import Solution, follow, null_solution
from causalhyper.granger.lasso.scan import LassoProblem, scan
from causalhyper.granger.lasso.working_set import WorkingSet

FIRST, MORE, HELD = 8, 10, 16
"""Columns taken into the working set at first, taken in a round, and held on from one round to
the next, in multiples of T."""
REACH, FURTHER, NEVER_MORE = 8, 2.5, 0.95
"""How far down the path the first round goes, and how much further each later one.

Where a reading must leave out columns that it should keep, it chooses worst by the residuals at
small penalties, whose fits lack most. With s the least correlation with y that the survey kept
over the largest of all, the first round goes down to ``s ** REACH`` of the largest penalty: on
squared changes of 10^5 to 6e5 parameters that finds most of the columns that the path needs. Of
columns that are all alike, s is one, and counts as the third number.
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A path as far as it is fitted.

    Attributes
    ----------
    working : WorkingSet
    found : tuple of Solution
        One a penalty; the fit without columns where none was found yet.
    gaps : ndarray, shape (k,)
        Relative duality gaps; infinite where not measured.
    reach : float
        Penalties below this share of the largest wait for a later round.
    passes : int
        Readings of the design.
    """

    working: WorkingSet
    found: tuple[Solution, ...]
    gaps: Array
    reach: float
    passes: int

    @classmethod
    def at_first(cls, working: WorkingSet, penalties: Array, start: Solution) -> Standing:
        """Stand after the survey."""
        reach = 0.0
        if len(working) < working.problem.columns.shape[1] and start.penalty > 0:
            kept = np.abs(working.correlations(working.problem.y))
            reach = min(NEVER_MORE, float(kept.min() / start.penalty)) ** REACH
        # where no column correlates with y, the fit without columns is the minimum at any penalty
        gaps = np.full(len(penalties), np.inf if start.penalty > 0 else 0.0)
        return cls(working, (start,) * len(penalties), gaps, reach, 1)


def one_round(standing: Standing, penalties: Array, tolerance: float, *, last: bool) -> Standing:
    """Fit what is not certified in the working set, and read the design once.

    Parameters
    ----------
    standing : Standing
    penalties : ndarray, shape (k,)
        Decreasing.
    tolerance : float
        Relative duality gap to reach.
    last : bool
        Whether to go down to the last penalty whatever the reach.

    Returns
    -------
    Standing
        After one more reading.
    """
    open_ = np.flatnonzero(standing.gaps > tolerance)
    start = null_solution(standing.working)
    if not last:
        near = penalties[open_] >= standing.reach * start.penalty
        open_ = open_[: max(1, int(near.sum()))]
    first, end = int(open_[0]), int(open_[-1]) + 1
    found = list(standing.found)
    before = found[first - 1] if first else start
    fits = list(follow(standing.working, penalties[first:end], before))
    for at in open_:  # the others keep the fits that their gaps were measured of
        found[at] = fits[at - first]
    reading = _read(standing.working, [found[i] for i in open_])
    working, found = _changed(standing.working, found, reading)
    gaps = standing.gaps.copy()
    gaps[open_] = reading.gaps
    reach = standing.reach**FURTHER if reading.overflowed else 0.0
    return Standing(working, tuple(found), gaps, reach, standing.passes + 1)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a reading found: columns lacking, gaps, whether more was lacking; and the scores.

    `scores` has the largest ratio of correlation and penalty of each column of the working set.
    """

    lacking: WorkingSet
    gaps: Array
    overflowed: bool
    scores: Array


def _read(working: WorkingSet, solutions: Sequence[Solution]) -> _Reading:
    """Read the design once for the fits at some penalties."""
    problem = working.problem
    residuals = np.array([s.residual for s in solutions])
    lambdas = np.array([max(s.penalty, np.finfo(float).tiny) for s in solutions])
    keep = min(MORE * problem.rows, problem.columns.shape[1])
    outside, kept = scan(problem, residuals, lambdas, working.indices, keep)
    lacking, overflowed = WorkingSet.of(problem, *kept.columns()), kept.overflowed
    del kept
    inside, scores = working.extremes(residuals, lambdas)
    largest, _ = lacking.extremes(residuals, lambdas)
    largest = np.maximum(np.maximum(inside, largest), np.where(outside > 1, outside, 0))
    return _Reading(lacking, _gaps(problem, working, solutions, largest), overflowed, scores)


def _changed(
    working: WorkingSet, found: Sequence[Solution], reading: _Reading
) -> tuple[WorkingSet, list[Solution]]:
    """Take in what was lacking, and let go of the columns that are furthest from any fit.

    Members of any fit stay, so that no objective rises.
    """
    scores = reading.scores
    for solution in found:
        scores[solution.members] = np.inf
    most = max(HELD * working.problem.rows, int(np.isinf(scores).sum()))
    kept = np.sort(np.argsort(-scores, kind="stable")[:most])
    moved = [replace(s, members=np.searchsorted(kept, s.members)) for s in found]
    return working.joined(kept, reading.lacking), moved


def _gaps(
    problem: LassoProblem, working: WorkingSet, solutions: Sequence[Solution], largest: Array
) -> Array:
    bounds = working.weights / working.spreads
    pairs = zip(solutions, largest, strict=True)
    return np.array([relative_gap(problem, s, bounds[s.members], float(e)) for s, e in pairs])
