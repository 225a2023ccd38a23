"""Penalties of a flow by the density of clusters that were left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties
from causalhyper.mechanisms.flows.maximising import (
    Optimum,
    climb,
    lift,
    rough_whitening,
    whitening,
)
from causalhyper.mechanisms.grouping import Groups

SPREADS = (np.inf, 300.0, 30.0, 3.0, 0.3)
"""Penalties of the log standard deviation that are tried; the first is equal spread."""
SHAPES = (np.inf, 300.0, 100.0, 30.0, 10.0)
"""Penalties of the shape that are tried; the first is normal noise."""
BENDS = (np.inf, 300.0, 100.0, 30.0)
"""Penalties of what causes add to the shape that are tried; the first is one shape."""
SKEWS = (0.0, 1.0, -1.0)
"""Starts of the shape: log slopes that differ so much between the two tails."""
NEEDED = 1.0
"""Standard errors of a gain that it takes to give up equal spread, normal noise or one shape."""
TOLERANCE = 1e-6
"""Of the fit to all runs, in standard errors."""
ROUGHLY = 1e-2
"""Of fits that are only compared."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What cross-validation chose.

    Attributes
    ----------
    penalties : Penalties
    optimum : Optimum
        With these penalties, of all runs.
    scores : ndarray, shape (clusters,)
        Summed log densities of the runs of each cluster when it was left out, up to the unit of
        the response.
    """

    penalties: Penalties
    optimum: Optimum
    scores: Array


@dataclass(frozen=True, slots=True)
class Folds:
    """Clusters that are left out in turn.

    Attributes
    ----------
    left : ndarray of bool, shape (folds, n)
        Rows that each fold leaves out.
    groups : Groups
    """

    left: Flags
    groups: Groups

    def score(self, likelihood: Likelihood, at: Array) -> Array | None:
        """Log densities of each cluster's runs, given the other folds; searches start at `at`.

        None where some search does not converge.
        """
        scores, by = np.zeros(self.left.shape[1]), whitening(likelihood, at)
        for left in self.left:
            kept = np.flatnonzero(~left)
            part = likelihood.on(kept, np.ones(len(kept)))
            found = climb(part, at, by, ROUGHLY)
            if not found.converged:
                return None
            rows = np.flatnonzero(left)
            scores[rows] = held_out(likelihood, part.unpack(found.at), rows, self.groups)
        return np.bincount(self.groups.clusters, scores, self.groups.cluster_count)


def held_out(likelihood: Likelihood, at: Coefficients, rows: Codes, groups: Groups) -> Array:
    """Log densities of rows that a fit has not seen."""
    part = likelihood.on(rows, np.ones(len(rows)))
    mean = part.located(at)
    if groups.absorbed and part.sample.count:
        # the intercept of a context that was left out with its cluster is not predicted
        sizes = np.bincount(part.sample.contexts, minlength=part.sample.count)
        sums = np.bincount(part.sample.contexts, part.sample.y - mean, part.sample.count)
        mean = mean + (sums / np.maximum(sizes, 1))[part.sample.contexts]
    return part.rows(at, mean)[0]


def tune(likelihood: Likelihood, folds: Folds, start: Array) -> Tuned:
    """Choose the penalties one after the other: spread, shape, spread again, what bends shape.

    Parameters
    ----------
    likelihood : Likelihood
        Of all rows, with equal spread and normal noise.
    folds : Folds
    start : ndarray
        Flat coefficients, such as least squares gives.

    Returns
    -------
    Tuned

    Notes
    -----
    What is simplest is given up where the best penalty gains more than a standard error.
    Source: Breiman, Friedman, Olshen and Stone 1984, section 3.4.3 (the one-standard-error rule).
    """
    found = _optimum(likelihood, [start], ROUGHLY)
    scores = folds.score(likelihood, found.at)
    assert scores is not None
    best = Tuned(likelihood.penalties, found, scores)
    spreads = likelihood.sample.spread.shape[1] > 0
    if spreads:
        best = _along(likelihood, folds, best, "spread", SPREADS)
    best = _along(likelihood, folds, best, "shape", SHAPES)
    if np.isfinite(best.penalties.shape):
        if spreads:
            best = _along(likelihood, folds, best, "spread", SPREADS)
        if likelihood.sample.bend.shape[1]:
            best = _along(likelihood, folds, best, "bend", BENDS)
    chosen = replace(likelihood, penalties=best.penalties)
    return replace(best, optimum=polish(chosen, best.optimum.at, TOLERANCE))


def _along(
    likelihood: Likelihood, folds: Folds, best: Tuned, name: str, values: tuple[float, ...]
) -> Tuned:
    """The best of several values of one penalty and what was best so far."""
    sample, at, before = likelihood.sample, best.optimum.at, best.penalties
    tried = best
    for value in values:
        if value == getattr(best.penalties, name):
            continue
        penalties = replace(best.penalties, **{name: value})
        trial = replace(likelihood, penalties=penalties)
        known = replace(likelihood, penalties=before).unpack(at)
        lifted = lift(
            known, penalties, trial.spline.size, sample.bend.shape[1], sample.spread.shape[1]
        )
        first = name == "shape" and not np.isfinite(before.shape)
        starts = [_skewed(lifted, skew).flat() for skew in SKEWS] if first else [lifted.flat()]
        found = _optimum(trial, starts, ROUGHLY)
        scores = folds.score(trial, found.at) if found.converged else None
        if scores is None:
            # weaker penalties are no better: noise of few runs is learnt by heart
            break
        if _better(scores, tried.scores, NEEDED if tried is best else 0.0):
            tried = Tuned(penalties, found, scores)
        at, before = found.at, penalties
    return tried


def _better(scores: Array, than: Array, errors: float) -> bool:
    """Whether scores gain more than so many standard errors of the gain over clusters."""
    gain = scores - than
    se = float(np.sqrt(len(gain)) * gain.std(ddof=1))
    return float(gain.sum()) > errors * se


def _skewed(at: Coefficients, skew: float) -> Coefficients:
    return replace(at, shape=at.shape + np.linspace(-skew / 2, skew / 2, len(at.shape)))


def _optimum(likelihood: Likelihood, starts: list[Array], tolerance: float) -> Optimum:
    by = rough_whitening(likelihood)
    found = [climb(likelihood, start, by, tolerance) for start in starts]
    return min(found, key=lambda o: o.loss)


def polish(likelihood: Likelihood, start: Array, tolerance: float) -> Optimum:
    """Search again from near an optimum, in coordinates that fit there.

    Parameters
    ----------
    likelihood : Likelihood
    start : ndarray
    tolerance : float

    Returns
    -------
    Optimum
    """
    return climb(likelihood, start, whitening(likelihood, start), tolerance)
