"""Additive mechanisms: head = context effect + sum of terms + noise, by least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import ClusterGrams, solve
from causalhyper.mechanisms.grouping import Groups, context_means, grouped_grams
from causalhyper.mechanisms.terms import TermSpace


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """A fitted additive mechanism, with what refitting it needs.

    Attributes
    ----------
    space : TermSpace
    columns : ndarray, shape (n, k)
        Term columns at the data.
    response : ndarray, shape (n,)
    grams : ClusterGrams
        Of the columns with their intercepts: centred within contexts, or beside dummies.
    coefs : ndarray, shape (k,)
        Coefficients of the terms.
    rank, width : int
        Rank found and number of columns in the regression.
    """

    space: TermSpace
    columns: Array
    response: Array
    grams: ClusterGrams
    coefs: Array
    rank: int
    width: int


def fit_additive(
    space: TermSpace, inputs: list[Array], response: Array, groups: Groups
) -> AdditiveFit:
    """Fit one head by least squares with a fixed effect for each context.

    Parameters
    ----------
    space : TermSpace
    inputs : list of ndarray, shape (n,)
        Causes, in the order of the space's inputs.
    response : ndarray, shape (n,)
    groups : Groups

    Returns
    -------
    AdditiveFit
    """
    columns = space.columns(inputs) if space.terms else np.zeros((len(response), 0))
    grams = grouped_grams(columns, response, groups)
    coefs, ranks = solve(grams, np.ones((1, groups.cluster_count)))
    k = space.size
    return AdditiveFit(
        space, columns, response, grams, coefs[0, :k], int(ranks[0]), grams.xy.shape[1]
    )


def refit(fit: AdditiveFit, groups: Groups, weights: Array) -> tuple[Array, Array]:
    """Solve the mechanism again for many sets of cluster weights.

    Parameters
    ----------
    fit : AdditiveFit
    groups : Groups
    weights : ndarray, shape (r, clusters)

    Returns
    -------
    coefs : ndarray, shape (r, k)
        Coefficients of the terms.
    effects : ndarray, shape (r, contexts)
        Intercept of each context.
    """
    solved, _ = solve(fit.grams, weights)
    k = fit.space.size
    if not groups.absorbed:
        return solved[:, :k], solved[:, k:]
    means = context_means(np.column_stack([fit.response, fit.columns]), groups)
    return solved, means[:, 0] - solved @ means[:, 1:].T
