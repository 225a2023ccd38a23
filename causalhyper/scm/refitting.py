"""Fit a model again: another hypergraph, other values, fewer runs, the same resamples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles
from causalhyper.frames.role import Role
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from causalhyper.mechanisms import (
    AdditiveFit,
    Groups,
    MechanismFit,
    cluster_folds,
    fit_additive,
    make_groups,
    make_term_space,
)
from causalhyper.scm.losses import squared_errors
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.rungs import fit_node

FOLDS = 10
"""Folds of clusters that are left out in turn, at most."""


def refit_model(
    model: FittedModel,
    *,
    graph: DirectedHypergraph | None = None,
    values: Mapping[str, Array] | None = None,
    rows: Flags | None = None,
    causes: Mapping[str, Array] | None = None,
) -> FittedModel:
    """Fit a model again, each mechanism with its own options, after some change.

    Parameters
    ----------
    model : FittedModel
    graph : DirectedHypergraph, optional
        On some or all of the model's nodes. A node with causes in it has causes in the model
        too; one without keeps its observed distribution.
    values : mapping of str to ndarray, shape (n,), optional
        Nodes whose values are replaced, on their model scale.
    rows : ndarray of bool, shape (n,), optional
        Runs to keep.
    causes : mapping of str to ndarray, shape (n,), optional
        New nodes without causes, each a cause of every node that has some.

    Returns
    -------
    FittedModel
        Mechanisms that see nothing new are the same.

    Raises
    ------
    ConfigurationError
        If the runs cannot tell the causes of a node apart, too few clusters are kept, or a new
        node has the name of an old one.
    """
    graph, added = model.graph if graph is None else graph, dict(causes or {})
    if taken := [v for v in added if v in model.values]:
        raise ConfigurationError(f"{', '.join(taken)} is in the model already: use another name")
    graph = _with_causes(graph, tuple(added))
    replaced = replace(
        model,
        graph=graph,
        roles=Roles((*model.roles.values(), *(Role(v, v) for v in added))),
        values={**model.values, **(values or {}), **added},
    )
    kept = None if rows is None or rows.all() else rows
    changed = replaced if kept is None else select_rows(replaced, kept)
    if kept is not None:
        _check_clusters(changed.groups)
    fitted = {}
    for node in graph.order():
        if graph.parents(node):
            old, parents = model.mechanisms[node], _ordered(graph, node)
            same = graph.into(node) == old.edges and parents == old.parents
            if same and kept is None and not {node, *parents} & {*(values or ())}:
                fitted[node] = old
                continue
            trials = getattr(old.fit, "trials", None)
            if trials is not None and kept is not None:
                trials = trials[kept]
            fitted[node] = fit_node(
                graph, node, changed.values, changed.groups, old.options, trials
            )
    return replace(changed, mechanisms=fitted)


def select_rows(model: FittedModel, rows: Flags) -> FittedModel:
    """Keep some runs of a model, with their names, clusters and contexts.

    Parameters
    ----------
    model : FittedModel
    rows : ndarray of bool, shape (n,)
        Runs to keep, at least one.

    Returns
    -------
    FittedModel
        Clusters and contexts are numbered without gaps; mechanisms stay as fitted to all runs.

    Raises
    ------
    ConfigurationError
        If no run is kept.
    """
    if not rows.any():
        raise ConfigurationError("no run is left: keep some")
    codes = [
        np.unique(c[rows], return_inverse=True)[1]
        for c in (model.groups.clusters, model.groups.contexts)
    ]
    return replace(
        model,
        values={v: x[rows] for v, x in model.values.items()},
        groups=make_groups(codes[0], codes[1]),
        run_ids=model.run_ids[rows],
        labels={c: x[rows] for c, x in model.labels.items()},
    )


def _check_clusters(groups: Groups) -> None:
    if groups.cluster_count < 2 or np.bincount(groups.strata).min() < 2:
        raise ConfigurationError(
            "fewer than two clusters are left in some context: keep more runs"
        )


def _with_causes(graph: DirectedHypergraph, added: tuple[str, ...]) -> DirectedHypergraph:
    if not added:
        return graph
    heads = [v for v in graph.order() if graph.parents(v)]
    arcs = tuple(Hyperedge((z,), v) for z in added for v in heads)
    return DirectedHypergraph((*graph.edges, *arcs), (*graph.nodes, *added), graph.latent)


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
        losses = squared_errors(fit, inputs, groups, left)
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


def _mean_errors(fit: AdditiveFit, groups: Groups, left: Flags) -> Array:
    """Sum of squared errors of each cluster, predicted by context means of the other folds."""
    kept = (~left).astype(float)
    if not fit.enough(kept).all():
        return np.full(groups.cluster_count, np.inf)
    fold = left[:, groups.clusters].argmax(axis=0)
    errors = fit.response - fit.refit(groups, kept).effects[fold, groups.contexts]
    losses = np.zeros(groups.cluster_count)
    np.add.at(losses, groups.clusters, errors**2)
    return losses
