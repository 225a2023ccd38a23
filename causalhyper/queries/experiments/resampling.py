"""What the queries of one seed share: replicates, their intervals, and random streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.queries.experiments.questions import check_resampling
from causalhyper.queries.experiments.uncertainty import Uncertainty, make_uncertainty, needed
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates, resample


@dataclass(frozen=True, slots=True)
class Resampling:
    """Replicates of a model, and what is random beside them.

    Attributes
    ----------
    replicates : Replicates
        Row 0 is the model as fitted.
    uncertainty : Uncertainty
        How the other rows become intervals.
    first, second, third : numpy.random.Generator
        Streams of their own for samplers; the first makes the draws of the natural world.
    """

    replicates: Replicates
    uncertainty: Uncertainty
    first: np.random.Generator
    second: np.random.Generator
    third: np.random.Generator


def resample_model(
    model: FittedModel,
    *,
    draws: int,
    seed: int,
    level: float,
    interval: str = "t",
    enough: Callable[[Array], Flags] | None = None,
) -> Resampling:
    """Draw the replicates of a model; the same seed gives the same ones in every query.

    Parameters
    ----------
    model : FittedModel
    draws : int
        Bootstrap replicates.
    seed : int
        Not negative.
    level : float
        Of the intervals, in (0, 1).
    interval : str
        One of `causalhyper.queries.experiments.uncertainty.INTERVALS`.
    enough : callable, optional
        As `causalhyper.scm.replicates.resample` takes it.

    Returns
    -------
    Resampling

    Raises
    ------
    ConfigurationError
        If a number means nothing, most replicates cannot be fitted, or intervals of that kind
        cannot be made.
    """
    check_resampling(draws, seed, level)
    weights, *streams = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(4))
    replicates = resample(model, draws, weights, enough, needed(model, interval))
    uncertainty = make_uncertainty(model, replicates, draws, level, seed, interval)
    return Resampling(replicates, uncertainty, *streams)
