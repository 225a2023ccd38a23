"""Fit a model again: another hypergraph on the same runs, the same resamples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.mechanisms import (
    AdditiveFit,
    Groups,
    MechanismFit,
    cluster_folds,
    fit_additive,
    make_term_space,
)
from causalhyper.mechanisms.bases import Array
from causalhyper.scm.choice import _squared_errors
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.rungs import fit_node

FOLDS = 10
"""Folds of clusters that are left out in turn, at most."""


def refit_graph(model: FittedModel, graph: DirectedHypergraph) -> FittedModel:
    """Fit another hypergraph to the runs of a model.

    Parameters
    ----------
    model : FittedModel
    graph : DirectedHypergraph
        On some or all of the model's nodes. A node with causes in it has causes in the model
        too, and keeps its options; one without keeps its observed distribution.

    Returns
    -------
    FittedModel
        Mechanisms whose hyperedges are the same are the same.

    Raises
    ------
    ConfigurationError
        If the runs cannot tell the causes of a node apart.
    """
    fitted = {}
    for node in graph.order():
        if graph.parents(node):
            old = model.mechanisms[node]
            same = graph.into(node) == old.edges and _ordered(graph, node) == old.parents
            fitted[node] = old
            if not same:
                trials = getattr(old.fit, "trials", None)
                fitted[node] = fit_node(
                    graph, node, model.values, model.groups, old.options, trials
                )
    return replace(model, graph=graph, mechanisms=fitted)


def _ordered(graph: DirectedHypergraph, node: str) -> tuple[str, ...]:
    return tuple(v for v in graph.order() if v in graph.parents(node))


def replicate(model: FittedModel, like: Replicates) -> Replicates:
    """Refit every mechanism on the resamples that another model was refitted on.

    Parameters
    ----------
    model : FittedModel
    like : Replicates
        Of a model of the same runs.

    Returns
    -------
    Replicates
        With the same weights, row for row.
    """
    learnt = {v: m.fit.refit(model.groups, like.weights) for v, m in model.mechanisms.items()}
    return replace(like, parameters=learnt)


@dataclass(frozen=True, slots=True)
class NodeFit:
    """How well one node is fitted.

    Attributes
    ----------
    log_likelihood, aic : float or None
        Of least squares with normal noise of the variance that fits best, runs counted as
        independent; AIC is 2 (coefficients + 1) less twice the log-likelihood. None for other
        mechanisms.
    losses : ndarray, shape (clusters,), or None
        Sum of squared errors of each cluster's runs, predicted from folds that lack it; where
        contexts lie within clusters, of the deviations from their context's means. None where
        some fold cannot be left out.
    """

    log_likelihood: float | None
    aic: float | None
    losses: Array | None


def judge_fit(model: FittedModel, node: str) -> NodeFit:
    """Likelihood, AIC and cluster-cross-validated error of one node, with or without causes.

    Parameters
    ----------
    model : FittedModel
    node : str

    Returns
    -------
    NodeFit
    """
    groups, left = model.groups, cluster_folds(model.groups, FOLDS)
    fit: MechanismFit[Any]
    if node in model.mechanisms:
        mechanism = model.mechanisms[node]
        fit, inputs = mechanism.fit, [model.values[v] for v in mechanism.parents]
        losses = _squared_errors(fit, inputs, groups, left)
    else:
        fit = alone = _mean_alone(model, node)
        losses = _mean_errors(alone, groups, left)
    likelihood, aic = None, None
    if isinstance(fit, AdditiveFit) and not fit.penalty.any():
        residuals = fit.response - fit.fitted
        variance = max(float((residuals**2).mean()), float(np.finfo(float).tiny))
        likelihood = -len(residuals) / 2 * float(np.log(2 * np.pi * variance) + 1)
        coefficients = fit.rank + (groups.context_count if groups.absorbed else 0)
        aic = 2 * (coefficients + 1) - 2 * likelihood
    return NodeFit(likelihood, aic, losses if np.isfinite(losses).all() else None)


def _mean_alone(model: FittedModel, node: str) -> AdditiveFit:
    """The mean of each context: what is left of a mechanism without causes."""
    return fit_additive(make_term_space((), (), 1, 1, ()), [], model.values[node], model.groups)


def _mean_errors(fit: AdditiveFit, groups: Groups, left: NDArray[np.bool_]) -> Array:
    """Sum of squared errors of each cluster, predicted by context means of the other folds."""
    kept = (~left).astype(float)
    if not fit.enough(kept).all():
        return np.full(groups.cluster_count, np.inf)
    fold = left[:, groups.clusters].argmax(axis=0)
    errors = fit.response - fit.refit(groups, kept).effects[fold, groups.contexts]
    losses = np.zeros(groups.cluster_count)
    np.add.at(losses, groups.clusters, errors**2)
    return losses
