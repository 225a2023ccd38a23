"""Penalties of a flow by the density of clusters that were left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties
from causalhyper.mechanisms.flows.stages import coordinates, estimate, rough_coordinates
from causalhyper.mechanisms.grouping import Groups

SPREADS = (np.inf, 300.0, 30.0, 3.0, 0.3)
"""Penalties of the log standard deviation that are tried; the first is equal spread."""
SHAPES = (np.inf, 300.0, 100.0, 30.0, 10.0)
"""Penalties of the shape that are tried; the first is normal noise."""
BENDS = (np.inf, 300.0, 100.0, 30.0)
"""Penalties of what causes add to the shape that are tried; the first is one shape."""
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
    at : Coefficients
        With these penalties, of all runs.
    converged : bool
    scores : ndarray, shape (clusters,)
        Summed log densities of the runs of each cluster when it was left out, up to the unit of
        the response.
    """

    penalties: Penalties
    at: Coefficients
    converged: bool
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

    def score(self, likelihood: Likelihood, at: Coefficients) -> Array | None:
        """Log densities of each cluster's runs, given the other folds; searches start at `at`.

        None where some search does not converge.
        """
        scores, by = np.zeros(self.left.shape[1]), coordinates(likelihood, at.flat())
        for left in self.left:
            kept = np.flatnonzero(~left)
            part = likelihood.on(kept, np.ones(len(kept)))
            found, converged = estimate(part, at, by, ROUGHLY)
            if not converged:
                return None
            rows = np.flatnonzero(left)
            scores[rows] = held_out(likelihood, found, rows, self.groups)
        found = np.bincount(self.groups.clusters, scores, self.groups.cluster_count)
        return found.astype(np.float64)


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


def tune(likelihood: Likelihood, folds: Folds, start: Coefficients) -> Tuned:
    """Choose the penalties one after the other: spread, shape, spread again, what bends shape.

    Parameters
    ----------
    likelihood : Likelihood
        Of all rows, with equal spread and normal noise.
    folds : Folds
    start : Coefficients
        Such as least squares gives.

    Returns
    -------
    Tuned

    Notes
    -----
    What is simplest is given up where the best penalty gains more than a standard error.
    Source: Breiman, Friedman, Olshen and Stone 1984, section 3.4.3 (the one-standard-error rule).
    """
    found, converged = estimate(likelihood, start, rough_coordinates(likelihood), ROUGHLY)
    scores = folds.score(likelihood, found)
    assert scores is not None
    best = Tuned(likelihood.penalties, found, converged, scores)
    spreads = likelihood.sample.spread.shape[1] > 0
    if spreads:
        best = _along(likelihood, folds, best, "spread", SPREADS)
    best = _along(likelihood, folds, best, "shape", SHAPES)
    if np.isfinite(best.penalties.shape):
        if spreads:
            # densities of the right shape tell spreads apart that normal ones do not
            best = _along(likelihood, folds, best, "spread", SPREADS)
        if likelihood.sample.bend.shape[1]:
            best = _along(likelihood, folds, best, "bend", BENDS)
    chosen = replace(likelihood, penalties=best.penalties)
    by = coordinates(chosen, best.at.flat())
    at, converged = estimate(chosen, best.at, by, TOLERANCE)
    return replace(best, at=at, converged=converged)


def _along(
    likelihood: Likelihood, folds: Folds, best: Tuned, name: str, values: tuple[float, ...]
) -> Tuned:
    """The best of several values of one penalty and what was best so far."""
    at, tried = best.at, best
    for value in values:
        if value == getattr(best.penalties, name):
            continue
        penalties = replace(best.penalties, **{name: value})
        trial = replace(likelihood, penalties=penalties)
        at, converged = estimate(trial, at, rough_coordinates(trial), ROUGHLY)
        scores = folds.score(trial, at) if converged else None
        if scores is None:
            # weaker penalties are no better: noise of few runs is learnt by heart
            break
        if _better(scores, tried.scores, NEEDED if tried is best else 0.0):
            tried = Tuned(penalties, at, converged, scores)
    return tried


def _better(scores: Array, than: Array, errors: float) -> bool:
    """Whether scores gain more than so many standard errors of the gain over clusters."""
    gain = scores - than
    se = float(np.sqrt(len(gain)) * gain.std(ddof=1))
    return float(gain.sum()) > errors * se
