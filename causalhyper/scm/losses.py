"""How badly a mechanism foresees clusters that were left out: in squares, or in densities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import AdditiveFit, FlowFit, Groups, MechanismFit, RegressorFit

HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))


def squared_errors(
    fit: MechanismFit[Any], inputs: Sequence[Array], groups: Groups, left: Flags
) -> Array:
    """Sum of squared errors of each cluster when it was left out.

    Parameters
    ----------
    fit : MechanismFit
    inputs : sequence of ndarray, shape (n,)
    groups : Groups
    left : ndarray of bool, shape (folds, clusters)
        What each fold leaves out.

    Returns
    -------
    ndarray, shape (clusters,)
        Of deviations from their context's means where contexts lie within clusters; infinite
        where some fold cannot be left out.
    """
    found = _foresee(fit, inputs, groups, left)
    if found is None:
        return np.full(groups.cluster_count, np.inf)
    return _by_cluster(found[1] ** 2, groups)


def log_losses(
    fit: MechanismFit[Any], inputs: Sequence[Array], groups: Groups, left: Flags
) -> Array:
    """Minus the summed log density of each cluster's runs when it was left out.

    Additive mechanisms and regressors get normal noise of their residuals' size, with the
    residuals' degrees of freedom; a flow has a density of its own.

    Parameters
    ----------
    fit : AdditiveFit, RegressorFit or FlowFit
    inputs : sequence of ndarray, shape (n,)
    groups : Groups
    left : ndarray of bool, shape (folds, clusters)

    Returns
    -------
    ndarray, shape (clusters,)
        Of deviations from their context's means, at the size that single runs have, where
        contexts lie within clusters (a context of one run has none); infinite where some fold
        cannot be left out.

    Raises
    ------
    ConfigurationError
        If the mechanism is of another kind.
    """
    found = _foresee(fit, inputs, groups, left)
    if found is None:
        return np.full(groups.cluster_count, np.inf)
    predicted, error, parameters = found
    counted = np.ones(len(error), dtype=bool)
    if groups.absorbed:
        sizes = np.bincount(groups.contexts)[groups.contexts]
        error, counted = error * np.sqrt(sizes / np.maximum(sizes - 1, 1)), sizes > 1
    fold = left[:, groups.clusters].argmax(axis=0)
    losses = np.zeros(len(error))
    for f in range(len(left)):
        rows = np.flatnonzero((fold == f) & counted)
        one = parameters.part(slice(f, f + 1))
        at = predicted[rows]
        if isinstance(fit, FlowFit):
            received = [[inputs[i][rows][None, None, :] for i in term] for term in fit.terms]
            codes = groups.contexts[rows][None]
            # the density at the same distance from the mean that the fold gives the run
            value = fit.mean(one, received, codes, {}) + error[rows]
            losses[rows] = -fit.log_density(one, received, codes, value)[0, 0]
        else:
            sd = _normal_deviation(fit, one, groups, (~left[f]).astype(float), at)
            losses[rows] = 0.5 * (error[rows] / sd) ** 2 + np.log(sd) + HALF_LOG_2PI
    return _by_cluster(losses, groups)


def _normal_deviation(
    fit: MechanismFit[Any], one: Any, groups: Groups, weights: Array, at: Array
) -> Array:
    """Standard deviation of normal noise at predicted values, as one fold estimates it."""
    if isinstance(fit, RegressorFit):
        found: Array = one.spreads[0][np.searchsorted(fit.edges, at)] * fit.inflation
        return found
    if not isinstance(fit, AdditiveFit):
        raise ConfigurationError(
            "candidates are compared by density, and a binomial mechanism or a table has none: "
            "use CrossValidated(..., score='squared'), or leave it out"
        )
    w = weights[groups.clusters]
    away = fit.response - fit.columns @ one.coefs[0] - one.effects[0][groups.contexts]
    variance = float(w @ away**2) / float(w.sum()) * fit.inflation(groups) ** 2
    return np.full(len(at), np.sqrt(max(variance, float(np.finfo(float).tiny))))


def _foresee(
    fit: MechanismFit[Any], inputs: Sequence[Array], groups: Groups, left: Flags
) -> tuple[Array, Array, Any] | None:
    """Predictions of runs left out, errors, each fold's parameters; None if one fails."""
    out = left[:, groups.clusters]
    if not fit.enough((~left).astype(float)).all():
        return None
    parameters = fit.refit(groups, (~left).astype(float))
    received = [[inputs[i][None, None, :] for i in term] for term in fit.terms]
    contexts = np.broadcast_to(groups.contexts, out.shape)
    means = np.broadcast_to(fit.mean(parameters, received, contexts, {})[:, 0], out.shape)
    predicted = np.where(out, means, 0.0).sum(axis=0)
    error = fit.response - predicted
    if groups.absorbed:
        # the intercept of a context that was left out with its cluster is not predicted
        shift = np.bincount(groups.contexts, error) / np.bincount(groups.contexts)
        error = error - shift[groups.contexts]
    return predicted, error, parameters


def _by_cluster(losses: Array, groups: Groups) -> Array:
    return np.bincount(groups.clusters, losses, groups.cluster_count).astype(np.float64)
