"""Clusters and contexts of the rows: what is resampled together, what has its own intercept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.mechanisms.grams import ClusterGrams, cluster_grams


@dataclass(frozen=True, slots=True)
class Groups:
    """How the rows fall into clusters and contexts.

    Attributes
    ----------
    clusters : ndarray of int, shape (n,)
        What is resampled together.
    contexts : ndarray of int, shape (n,)
        What has an intercept of its own.
    absorbed : bool
        Whether every context lies within one cluster. Then intercepts are removed by centring
        within contexts, whose means no resampling of clusters changes; otherwise they are
        columns of the regression.
    cluster_count, context_count : int
        Numbers of clusters and of contexts, counted once.
    """

    clusters: Codes
    contexts: Codes
    absorbed: bool
    cluster_count: int = field(init=False)
    context_count: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cluster_count", int(self.clusters.max()) + 1)
        object.__setattr__(self, "context_count", int(self.contexts.max()) + 1)

    @property
    def strata(self) -> Codes:
        """Stratum of each cluster, shape (clusters,): its context where it has just one.

        All zeros when some cluster spans several contexts, or contexts lie within clusters.
        """
        none = np.zeros(self.cluster_count, dtype=np.intp)
        if self.absorbed or not _nested(self.clusters, self.contexts):
            return none
        none[self.clusters] = self.contexts
        return none


def make_groups(clusters: Codes, contexts: Codes) -> Groups:
    """Find out whether contexts lie within clusters; a single context is never absorbed."""
    absorbed = bool(contexts.max() > 0 and _nested(contexts, clusters))
    return Groups(clusters, contexts, absorbed)


def _nested(inner: Codes, outer: Codes) -> bool:
    """Whether each inner group lies within one outer group."""
    pairs = np.unique(inner * (int(outer.max()) + 1) + outer)
    return len(pairs) == int(inner.max()) + 1


def context_means(values: Array, groups: Groups) -> Array:
    """Mean of each column within each context, shape (contexts, columns)."""
    sums = [np.bincount(groups.contexts, column) for column in values.T]
    means: Array = np.column_stack(sums) / np.bincount(groups.contexts)[:, None]
    return means


def grouped_grams(columns: Array, response: Array, groups: Groups) -> ClusterGrams:
    """Cluster-summed Gram matrices of a regression with an intercept for each context.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
    response : ndarray, shape (n,)
    groups : Groups

    Returns
    -------
    ClusterGrams
        Of k columns centred within contexts where those are absorbed, otherwise of the k columns
        and one indicator a context behind them.
    """
    if groups.absorbed:
        both = np.column_stack([response, columns])
        both = both - context_means(both, groups)[groups.contexts]
        response, columns = both[:, 0], both[:, 1:]
    else:
        indicators = (groups.contexts, groups.context_count)
        return cluster_grams(columns, response, groups.clusters, groups.cluster_count, indicators)
    return cluster_grams(columns, response, groups.clusters, groups.cluster_count)
