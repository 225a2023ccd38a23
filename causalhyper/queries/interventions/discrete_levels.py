"""Levels of a discrete outcome: its distribution under do is known, not simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import special

from causalhyper.arrays import Array
from causalhyper.inference import proportion_interval
from causalhyper.queries.experiments.uncertainty import Uncertainty
from causalhyper.queries.interventions.distributions import Functionals
from causalhyper.results import Estimate

ROUNDING = 1e-12
"""By which sums of probabilities may be wrong."""


def exact_functionals(asked: Functionals, states: Array, chances: Array) -> Array:
    """Standard deviation, quantiles and exceedances of known distributions.

    Parameters
    ----------
    asked : Functionals
        Without points of a density.
    states : ndarray, shape (s,)
        Increasing.
    chances : ndarray, shape (r, d, s)

    Returns
    -------
    ndarray, shape (r, d, 1 + quantiles + above)
        A quantile is the smallest state at which the distribution function reaches its level.
    """
    mean = chances @ states
    variance = (chances * (states - mean[:, :, None]) ** 2).sum(axis=2)
    reached = np.cumsum(chances, axis=2)[:, :, None, :-1]
    steps = (reached < np.array(asked.quantiles)[:, None] - ROUNDING).sum(axis=3)
    exceeded = chances @ (states[:, None] > asked.role.apply(np.array(asked.above)))
    return np.concatenate([np.sqrt(variance)[:, :, None], states[steps], exceeded], axis=2)


def limit_quantiles(
    estimates: Sequence[Estimate],
    levels: Sequence[float],
    states: Array,
    chances: Array,
    spread: Uncertainty,
) -> tuple[Estimate, ...]:
    """Give quantiles of a discrete outcome the intervals that its distribution function has.

    A quantile jumps from state to state, so no standard error describes it: its interval runs
    over the states at which the interval of the distribution function holds the level.

    Parameters
    ----------
    estimates : sequence of Estimate
        Value by value, and within a value level by level.
    levels : sequence of float
        In (0, 1).
    states : ndarray, shape (s,)
        Increasing.
    chances : ndarray, shape (r, d, s)
        Row 0 is the estimate.
    spread : Uncertainty

    Returns
    -------
    tuple of Estimate
        Without simultaneous bands; the standard error is that of a normal variable with such an
        interval.

    Notes
    -----
    Source: Woodruff 1952, "Confidence intervals for medians and other position measures".
    """
    reached = np.cumsum(chances, axis=2)[:, :, :-1]
    flat = reached.reshape(len(reached), -1)
    lower, upper = (
        limit.reshape(reached.shape[1:])
        for limit in proportion_interval(
            np.clip(flat[0], 0.0, 1.0),
            spread.bands(flat, 1.0).se,
            df=spread.df,
            level=spread.level,
            clusters=spread.clusters,
        )
    )
    z = float(special.ndtri((1 + spread.level) / 2))
    limited = []
    for i, e in enumerate(estimates):
        at, q = i // len(levels), levels[i % len(levels)] - ROUNDING
        low, high = (float(states[(limit[at] < q).sum()]) for limit in (upper, lower))
        limited.append(
            replace(
                e,
                se=(high - low) / (2 * z),
                lower=low,
                upper=high,
                method=f"{e.method}; interval by that of the distribution function (Woodruff)",
                joint_lower=None,
                joint_upper=None,
            )
        )
    return tuple(limited)
