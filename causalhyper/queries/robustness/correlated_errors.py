"""Correlated errors: effects if an unmeasured cause moves two mechanisms together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.inference.control_functions import ErrorPair, correct, pair_errors
from causalhyper.mechanisms import LinearParameters
from causalhyper.progress import Progress
from causalhyper.queries.experiments.experiment import Builder, Experiment, Shared, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.robustness.rho_curves import (
    PARTS,
    CorrelatedErrors,
    PairSensitivity,
    collect_pair,
)
from causalhyper.scm.capabilities import require_additive, require_additive_nodes
from causalhyper.scm.draws import Sampler
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.worlds import World

RHOS = tuple(np.round(np.arange(-0.9, 0.91, 0.1), 2).tolist())
"""Correlations at which effects are computed."""


def correlated_errors(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    pairs: Sequence[tuple[str, str]] | None = None,
    rhos: Sequence[float] = RHOS,
    draws: int = 500,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> CorrelatedErrors:
    """Compute effects as if the errors of two mechanisms were correlated by rho, over a grid.

    The later mechanism of the pair is fitted again with the error of the earlier one as a control
    function, whose coefficient rho fixes; simulated runs then take both errors from one observed
    run, so that they are correlated there as well. Every replicate of the cluster bootstrap is
    corrected by itself.

    Parameters
    ----------
    model : FittedModel
        With additive mechanisms at both nodes of each pair.
    treatment, outcome : str
        Nodes.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    pairs : sequence of (earlier, later), optional
        Nodes whose errors may be correlated, one pair at a time. There need be no arc between
        them. By default all pairs of nodes between treatment and outcome and of the outcome.
    rhos : sequence of float
        Correlations tried, in (-1, 1), at least two; 0 is added.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    CorrelatedErrors

    Raises
    ------
    ConfigurationError
        If the question does not fit the model, or a mechanism is not additive.

    Notes
    -----
    Source: Imai, Keele and Yamamoto 2010, "Identification, inference and sensitivity analysis
    for causal mediation effects", section 5, for a mediator and an outcome with the same causes.
    Elsewhere in a hypergraph the later mechanism may lack the causes of the earlier one; the
    total effect then moves with rho as well, and the gap to the design's contrast with it.
    """
    experiment = make_experiment(
        model,
        treatment,
        outcome,
        at=at,
        baseline=baseline,
        draws=draws,
        seed=seed,
        level=level,
        interval=interval,
    )
    chosen = _choose(experiment, pairs)
    require_additive_nodes(model, list({v for pair in chosen for v in pair}), "correlated errors")
    grid = _check_grid(rhos)
    found: list[PairSensitivity] = []
    for number, (first, second) in enumerate(chosen):
        effects = _pair_effects(experiment, first, second)
        curves: list[dict[str, Array]] = []
        for i, rho in enumerate(grid):
            curves.append(effects(rho, experiment.replicates))
            if progress is not None:
                progress((number + (i + 1) / len(grid)) / len(chosen))
        found.append(collect_pair(experiment, (first, second), grid, curves, effects))
    return CorrelatedErrors(model.protocol, tuple(found))


def _choose(
    experiment: Experiment, pairs: Sequence[tuple[str, str]] | None
) -> list[tuple[str, str]]:
    graph = experiment.model.graph
    inside = between(graph, experiment.treatment, experiment.outcome)
    nodes = [v for v in graph.order() if v in {*inside, experiment.outcome}]
    if pairs is None:
        if not inside:
            raise ConfigurationError(
                f"no node lies between {experiment.treatment} and {experiment.outcome}: nothing "
                "can share an unmeasured cause with the outcome's mechanism"
            )
        return list(combinations(nodes, 2))
    for pair in pairs:
        if len(pair) != 2 or not set(pair) <= set(nodes) or pair[0] == pair[1]:
            raise ConfigurationError(
                f"{pair!r} is no pair of different nodes of {', '.join(nodes)}"
            )
    ordered = [sorted(pair, key=nodes.index) for pair in pairs]
    return [(a, b) for a, b in ordered]


def _check_grid(rhos: Sequence[float]) -> tuple[float, ...]:
    grid = tuple(sorted({0.0, *map(float, rhos)}))
    if len(grid) < 3 or not -1 < grid[0] < grid[-1] < 1:
        raise ConfigurationError(
            f"the grid of correlations lies in (-1, 1) and has at least two besides 0, got {rhos}"
        )
    return grid


_NEEDED = "its errors cannot be correlated with another's"


def _pair_effects(
    experiment: Experiment, first: str, second: str
) -> Callable[[float, Replicates], dict[str, Array]]:
    """Effects for any rho and any of the experiment's replicates, by part."""
    model = experiment.model
    pair = pair_errors(
        require_additive(model.mechanisms[first], _NEEDED),
        require_additive(model.mechanisms[second], _NEEDED),
        model.groups,
        experiment.replicates.weights,
    )
    tied = replace(experiment, sampler=_tie(experiment.sampler, first, second))
    mediators = first in between(model.graph, experiment.treatment, experiment.outcome)
    builders: dict[str, Builder] = {"natural": natural_world}
    if mediators:
        builders["nested"] = lambda _, shared: _nested(shared, first)

    def effects(rho: float, replicates: Replicates) -> dict[str, Array]:
        own = _part(pair, len(replicates))
        learnt = replicates.parameters[second]
        corrected = LinearParameters(*correct(learnt.coefs, learnt.effects, own, rho))
        changed = replace(replicates, parameters={**replicates.parameters, second: corrected})
        means = replace(tied, replicates=changed).means(builders, alone=True)
        return _parts(experiment, replicates.weights, means)

    return effects


def _parts(experiment: Experiment, weights: Array, means: dict[str, Array]) -> dict[str, Array]:
    """Total, natural direct and indirect effect, and the gap from the design's contrast."""
    natural = means["natural"]
    out = {"total": natural[:, 1:] - natural[:, :1]}
    if "nested" in means:
        out["natural_direct"] = means["nested"][:, 1:] - natural[:, :1]
        out["natural_indirect"] = natural[:, 1:] - means["nested"][:, 1:]
    if experiment.design is not None:
        out["gap"] = out["total"] - experiment.design.contrasts(weights)
    return {name: out[name] for name in PARTS if name in out}


def _nested(shared: Shared, node: str) -> World:
    """The mediator as it would have been in the same run at the baseline."""
    return World(do={node: shared.natural[node][:, :1]})


def _tie(sampler: Sampler, first: str, second: str) -> Sampler:
    """Let two mechanisms take their errors from the same observed run."""
    return replace(sampler, own={**sampler.own, second: sampler.own[first]})


def _part(pair: ErrorPair, count: int) -> ErrorPair:
    """The first replicates: all of them, or the model as fitted."""
    means = pair.means if len(pair.means) == 1 else pair.means[:count]
    return ErrorPair(
        pair.slopes[:count],
        means,
        pair.earlier[:count],
        pair.spanned[:count],
        pair.later[:count],
    )
