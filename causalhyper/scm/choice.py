"""Choosing a mechanism by its error at clusters that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import Groups, MechanismFit, cluster_folds
from causalhyper.scm.losses import log_losses, squared_errors

TIE = 1e-9
"""Share of the smallest error that counts as rounding: equal candidates are tied."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one candidate did.

    Attributes
    ----------
    candidate : str
        Its options in words.
    error : float
        Mean squared error, or minus the mean log density, at clusters left out, within contexts
        where those lie in clusters; infinite if it could not be fitted.
    excess, se : float
        Error above the smallest one, and the standard error of that difference over clusters.
    chosen : bool
    reason : str
        Why it could not be fitted; "" if it was.
    """

    candidate: str
    error: float
    excess: float
    se: float
    chosen: bool
    reason: str = ""


def choose(
    names: Sequence[str],
    fits: Sequence[MechanismFit[Any] | ConfigurationError],
    inputs: Sequence[Array],
    groups: Groups,
    folds: int,
    seed: int,
    score: Literal["squared", "log"] = "squared",
) -> tuple[int, tuple[Score, ...]]:
    """Take the first candidate that is as good as the best, by one standard error.

    Parameters
    ----------
    names : sequence of str
    fits : sequence of MechanismFit or ConfigurationError
        Each candidate fitted to all rows, or why it could not be.
    inputs : sequence of ndarray, shape (n,)
        The causes.
    groups : Groups
    folds : int
    seed : int
    score : {"squared", "log"}
        Squared errors, or minus log densities.

    Returns
    -------
    position : int
        Of the chosen candidate.
    scores : tuple of Score

    Raises
    ------
    ConfigurationError
        If no candidate could be fitted.

    Notes
    -----
    Source: Breiman, Friedman, Olshen and Stone 1984, section 3.4.3 (the one-standard-error
    rule), with standard errors of paired differences between clusters.
    """
    losses = squared_errors if score == "squared" else log_losses
    left = cluster_folds(groups, folds, np.random.default_rng(seed))
    sums = np.full((len(fits), groups.cluster_count), np.inf)
    for i, fitted in enumerate(fits):
        if not isinstance(fitted, ConfigurationError):
            sums[i] = losses(fitted, inputs, groups, left)
    errors = sums.sum(axis=1) / len(groups.clusters)
    if not np.isfinite(errors).any():
        first = next(f for f in fits if isinstance(f, ConfigurationError))
        raise ConfigurationError(f"no candidate could be fitted; the first: {first}")
    best = int(np.argmin(errors))
    excess, se = errors - errors[best], np.full(len(fits), np.inf)
    for i in np.flatnonzero(np.isfinite(errors)).tolist():
        apart = sums[i] - sums[best]
        se[i] = np.sqrt(len(apart)) * apart.std(ddof=1) / len(groups.clusters)
    room = np.where(np.isfinite(se), se, 0.0) + TIE * abs(float(errors[best]))
    chosen = int(np.flatnonzero(excess <= room)[0])
    return chosen, tuple(
        Score(
            name,
            float(errors[i]),
            float(excess[i]),
            float(se[i]),
            i == chosen,
            str(fits[i]) if isinstance(fits[i], ConfigurationError) else "",
        )
        for i, name in enumerate(names)
    )
