"""Fit a model again: another hypergraph on the same runs, the same resamples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.mechanisms import AdditiveFit, fit_additive, make_term_space, refit
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import solve
from causalhyper.scm.fitting import _fit_node
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates


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
            same = graph.into(node) == old.edges
            fitted[node] = (
                old
                if same and _ordered(graph, node) == old.parents
                else _fit_node(graph, node, model.values, model.groups, old.options)
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
    solved = {v: refit(m.fit, model.groups, like.weights) for v, m in model.mechanisms.items()}
    coefs = {v: s[0] for v, s in solved.items()}
    return Replicates(like.weights, coefs, {v: s[1] for v, s in solved.items()}, like.redrawn)


@dataclass(frozen=True, slots=True)
class NodeFit:
    """How well one node is fitted.

    Attributes
    ----------
    log_likelihood : float
        Of normal noise with the variance that fits best; counts runs as independent.
    aic : float
        2 (coefficients + 1) - 2 log-likelihood.
    losses : ndarray, shape (clusters,), or None
        Sum of squared errors of each cluster's runs, predicted from all other clusters; where
        contexts lie within clusters, of the deviations from their context's means. None where
        some cluster cannot be left out.
    """

    log_likelihood: float
    aic: float
    losses: Array | None


def judge_fit(model: FittedModel, node: str) -> NodeFit:
    """Likelihood, AIC and leave-one-cluster-out error of one node, with or without causes.

    Parameters
    ----------
    model : FittedModel
    node : str

    Returns
    -------
    NodeFit
    """
    groups, found = model.groups, _node_fit(model, node)
    residuals = _errors(model, found, np.ones((1, groups.cluster_count)))
    n = len(residuals)
    variance = max(float((residuals**2).mean()), float(np.finfo(float).tiny))
    likelihood = -n / 2 * float(np.log(2 * np.pi * variance) + 1)
    coefficients = found.rank + (groups.context_count if groups.absorbed else 0)
    left_out = 1 - np.eye(groups.cluster_count)
    losses = None
    if (solve(found.grams, left_out)[1] == found.width).all():
        errors = _errors(model, found, left_out)
        losses = np.zeros(groups.cluster_count)
        np.add.at(losses, groups.clusters, errors**2)
    return NodeFit(likelihood, 2 * (coefficients + 1) - 2 * likelihood, losses)


def _node_fit(model: FittedModel, node: str) -> AdditiveFit:
    """The node's own fit, or that of its context means where it has no causes."""
    if node in model.mechanisms:
        return model.mechanisms[node].fit
    space = make_term_space((), (), 1, 1, ())
    return fit_additive(space, [], model.values[node], model.groups)


def _errors(model: FittedModel, fit: AdditiveFit, weights: Array) -> Array:
    """Error of each run, predicted with the weights of its cluster's row (or the only row)."""
    groups = model.groups
    coefs, effects = refit(fit, groups, weights)
    row = groups.clusters if len(weights) > 1 else np.zeros_like(groups.clusters)
    fitted = (fit.columns * coefs[row]).sum(axis=1) + effects[row, groups.contexts]
    errors: Array = fit.response - fitted
    return errors
