"""Fit a conditional flow: least squares, then penalties, then mean, spread and shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.additive import AdditiveFit, fit_additive
from causalhyper.mechanisms.bases import Basis
from causalhyper.mechanisms.flows.flow import FlowFit
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties, Sample
from causalhyper.mechanisms.flows.parameters import FlowParameters, Noise, tabulate
from causalhyper.mechanisms.flows.splines import make_monotone_spline
from causalhyper.mechanisms.flows.stages import coordinates
from causalhyper.mechanisms.flows.tuning import Folds, tune
from causalhyper.mechanisms.folds import cluster_folds
from causalhyper.mechanisms.grouping import Groups, context_means
from causalhyper.mechanisms.terms import TermSpace

EXACT = 1e-9
"""Noise below this share of the response's spread is none."""


def fit_flow(
    space: TermSpace,
    spreads: Sequence[Basis],
    bends: Sequence[Basis],
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    *,
    slopes: int,
    folds: int,
    seed: int,
    shrinkage: float | None = None,
) -> FlowFit:
    """Fit one head in two stages, with penalties chosen by clusters left out.

    Parameters
    ----------
    space : TermSpace
        Terms of the mean; each input has a term of it alone.
    spreads, bends : sequence of Basis
        One an input, or none: functions of the log standard deviation, and of the shape.
    inputs : sequence of ndarray, shape (n,)
        Causes, in the order of the space's inputs.
    response : ndarray, shape (n,)
    groups : Groups
    slopes : int
        Coefficients of the shape.
    folds, seed : int
        Folds of clusters, and what deals the clusters out.
    shrinkage : float, optional
        As in `fit_additive`.

    Returns
    -------
    FlowFit

    Raises
    ------
    ConfigurationError
        If the causes leave no noise.

    Notes
    -----
    The mean is not penalised; `estimate` says what is maximised. Sources: Pawlowski, Castro and
    Glocker 2020, "Deep structural causal models for tractable counterfactual inference" (flows
    as mechanisms); Hothorn, Möst and Bühlmann 2018, "Most likely transformations" (monotone bases
    by maximum likelihood); Durkan, Bekasov, Murray and Papamakarios 2019, "Neural spline flows"
    (splines with linear tails). R here goes from noise to head, because its mean and variance are
    then known in closed form.
    """
    line = fit_additive(space, inputs, response, groups, shrinkage)
    unit = _unit(line)
    both = np.column_stack([response, line.columns])
    # pooled intercepts have a mean in common, so they are not centred one by one
    means = context_means(both, groups) if shrinkage is None else both.mean(axis=0)[None]
    means = np.broadcast_to(means, (groups.context_count, both.shape[1]))
    both = both - means[groups.contexts]
    count = 0 if groups.absorbed and shrinkage is None else groups.context_count
    sample = Sample(
        both[:, 0] / unit,
        both[:, 1:],
        tabulate(spreads, inputs),
        tabulate(bends, inputs),
        np.asarray(groups.contexts),
        count,
    )
    noise = Noise(tuple(spreads), tuple(bends), make_monotone_spline(slopes))
    penalties = Penalties(pooling=shrinkage or 0.0)
    likelihood = Likelihood(sample, np.ones(len(response)), noise.spline, penalties)
    own = line.parameters
    effects = (own.effects[0] + means[:, 1:] @ own.coefs[0] - means[:, 0]) / unit
    none = np.empty(0)
    start = Coefficients(
        own.coefs[0] / unit, effects[:count], np.zeros(1), none, none, none[:, None]
    )
    left = cluster_folds(groups, folds, np.random.default_rng(seed))[:, groups.clusters]
    tuned = tune(likelihood, Folds(left, groups), start)
    chosen = Likelihood(sample, likelihood.weights, noise.spline, tuned.penalties)
    blank = np.empty((1, 0))
    unfitted = FlowParameters(own, np.zeros(1), blank, blank, blank[:, :, None], np.ones(1, bool))
    found = FlowFit(
        line,
        noise,
        chosen,
        tuned.at,
        coordinates(chosen, tuned.at.flat()),
        unit,
        means[:, 0],
        means[:, 1:],
        line.inflation(groups),
        float(tuned.scores.sum()) / len(response) - float(np.log(unit)),
        unfitted,
    )
    return replace(found, parameters=found.refit(groups, np.ones((1, groups.cluster_count))))


def _unit(line: AdditiveFit) -> float:
    """Standard deviation of the residuals; refused where there is none."""
    unit = float(np.sqrt(((line.response - line.fitted) ** 2).mean()))
    if not unit > EXACT * float(line.response.std()):
        raise ConfigurationError(
            "a flow needs noise, and the causes leave none of the head's variance over: use an "
            "additive mechanism"
        )
    return unit
