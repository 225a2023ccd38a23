"""One question asked of a model again and again, with and without intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.queries.effects.query import EffectCurve, effect_curve
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.scm.model import FittedModel

FEWEST = 100
"""Bootstrap replicates that an experiment must have; a refit uses none of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """One question asked of a model again and again.

    Attributes
    ----------
    model : FittedModel
    treatment, outcome : str
    at : tuple of float
    baseline : float
    draws, seed : int
        Of the cluster bootstrap.
    level : float
    interval : str
        Kind of interval of the curve.
    """

    model: FittedModel
    treatment: str
    outcome: str
    at: tuple[float, ...]
    baseline: float
    draws: int
    seed: int
    level: float
    interval: str

    @property
    def ends(self) -> tuple[FittedModel, str, str]:
        """Model, treatment and outcome."""
        return self.model, self.treatment, self.outcome

    @property
    def asked(self) -> dict[str, Any]:
        """The options that every part of `robustness` shares, by name."""
        names = ("at", "baseline", "draws", "seed", "level", "interval")
        return {name: getattr(self, name) for name in names}

    def curve(self, model: FittedModel | None = None) -> EffectCurve:
        """The effect curve of this model, or of a changed one, with its intervals."""
        return effect_curve(model or self.model, self.treatment, self.outcome, **self.asked)

    def experiment(self, model: FittedModel | None = None, draws: int | None = None) -> Experiment:
        """The experiment behind the curve, for what needs no interval."""
        asked = self.asked | {"draws": draws or self.draws, "interval": "bootstrap"}
        return make_experiment(model or self.model, self.treatment, self.outcome, **asked)


def make_target(
    model: FittedModel,
    treatment: str,
    outcome: str,
    at: Sequence[float],
    baseline: float,
    draws: int,
    seed: int,
    level: float,
    interval: str,
) -> Target:
    """Check a question once, before much work is done on it."""
    make_experiment(
        model,
        treatment,
        outcome,
        at=at,
        baseline=baseline,
        draws=FEWEST,
        seed=seed,
        level=level,
        interval="bootstrap",
    )
    values = tuple(dict.fromkeys(float(a) for a in at if float(a) != float(baseline)))
    return Target(model, treatment, outcome, values, float(baseline), draws, seed, level, interval)


def point_effects(
    target: Target, model: FittedModel, like: Experiment | None = None
) -> dict[str, Array]:
    """Effects of a model by design and by hypergraph, without intervals.

    Parameters
    ----------
    target : Target
    model : FittedModel
    like : Experiment, optional
        Use the simulated draws of this one for the nodes that both have, so that differences
        are not those of the draws.

    Returns
    -------
    dict of str to ndarray, shape (values,)
        "graph", and "design" where the runs hold a contrast of their own.
    """
    experiment = target.experiment(model, FEWEST)
    own = experiment.sampler
    if like is not None:
        own = replace(
            own,
            own={**own.own, **like.sampler.own},
            partners={**own.partners, **like.sampler.partners},
        )
    single = replace(experiment, replicates=experiment.replicates.part(slice(1)), sampler=own)
    means = single.means({"natural": natural_world}, alone=True)["natural"][0]
    out = {"graph": means[1:] - means[0]}
    if experiment.design is not None:
        out["design"] = experiment.design.contrasts(np.ones((1, model.clusters)))[0]
    return out
