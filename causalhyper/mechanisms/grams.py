"""Least squares from cluster-summed Gram matrices: the cost of a replicate is free of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes

SMALL = 2000
"""Below this many products a cluster on average, they are summed a pair of columns at a time."""
RANK_TOLERANCE = 1e-9
"""Eigenvalues of a Gram matrix below this share of the largest count as zero."""


@dataclass(frozen=True, slots=True)
class ClusterGrams:
    """Sums of squares and products, cluster by cluster.

    Attributes
    ----------
    xx : ndarray, shape (clusters, k, k)
    xy : ndarray, shape (clusters, k)
    """

    xx: Array
    xy: Array


def cluster_grams(
    columns: Array,
    response: Array,
    clusters: Codes,
    count: int,
    indicators: tuple[Codes, int] | None = None,
) -> ClusterGrams:
    """Sum the Gram matrix and the cross-products within each cluster.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
    response : ndarray, shape (n,)
    clusters : ndarray of int, shape (n,)
        Codes in 0..count - 1.
    count : int
    indicators : (ndarray of int, int), optional
        Codes of shape (n,) and their number: as many columns more, each marking one code.

    Returns
    -------
    ClusterGrams
    """
    n, k = columns.shape
    k += indicators[1] if indicators else 0
    if n * k * k < SMALL * count:
        return _small_cluster_grams(_beside(columns, indicators), response, clusters, count)
    in_order = bool((clusters[1:] >= clusters[:-1]).all())
    order = None if in_order else np.argsort(clusters, kind="stable")
    ends = np.searchsorted(clusters, np.arange(count + 1), sorter=order)
    xx, xy = np.zeros((count, k, k)), np.zeros((count, k))
    for c in range(count):
        within = slice(ends[c], ends[c + 1])
        rows = within if order is None else order[within]
        part = indicators and (indicators[0][rows], indicators[1])
        table = _beside(columns[rows], part)
        xx[c], xy[c] = table.T @ table, table.T @ response[rows]
    return ClusterGrams(xx, xy)


def _beside(columns: Array, indicators: tuple[Codes, int] | None) -> Array:
    """Columns with those behind them that mark the codes."""
    if indicators is None:
        return columns
    codes, count = indicators
    n, k = columns.shape
    table = np.zeros((n, k + count))
    table[:, :k] = columns
    table[np.arange(n), k + codes] = 1.0
    return table


def _small_cluster_grams(
    columns: Array, response: Array, clusters: Codes, count: int
) -> ClusterGrams:
    """The same, one pair of columns at a time."""
    k = columns.shape[1]
    xx, xy = np.empty((count, k, k)), np.empty((count, k))
    for i in range(k):
        xy[:, i] = np.bincount(clusters, columns[:, i] * response, count)
        for j in range(i + 1):
            xx[:, i, j] = np.bincount(clusters, columns[:, i] * columns[:, j], count)
            xx[:, j, i] = xx[:, i, j]
    return ClusterGrams(xx, xy)


def solve(
    grams: ClusterGrams, weights: Array, penalty: Array | None = None
) -> tuple[Array, Codes]:
    """Weighted least squares for many sets of cluster weights at once.

    Parameters
    ----------
    grams : ClusterGrams
    weights : ndarray, shape (r, clusters)
        How often each cluster counts in each replicate.
    penalty : ndarray, shape (k,), optional
        Added to the diagonal of each weighted Gram matrix (ridge).

    Returns
    -------
    coefs : ndarray, shape (r, k)
        The solution of least norm where the columns are collinear.
    ranks : ndarray of int, shape (r,)
    """
    k = grams.xy.shape[1]
    if k == 0:
        return np.zeros((len(weights), 0)), np.zeros(len(weights), dtype=np.intp)
    xx, xy = _weigh(grams, weights)
    if penalty is not None:
        xx += np.diag(penalty)
    scale = np.sqrt(np.maximum(np.einsum("rii->ri", xx), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(xx / (scale[:, :, None] * scale[:, None, :]))
    kept = values > RANK_TOLERANCE * values[:, -1:]
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    rotated = vectors.swapaxes(1, 2) @ (xy / scale)[:, :, None]
    rotated *= inverse[:, :, None]
    coefs = (vectors @ rotated)[:, :, 0] / scale
    return coefs, kept.sum(axis=1)


def _weigh(grams: ClusterGrams, weights: Array) -> tuple[Array, Array]:
    """Weighted sums of both parts, shapes (r, k, k) and (r, k), in one pass over the weights."""
    k = grams.xy.shape[1]
    upper, lower = np.triu_indices(k)
    sums = weights @ np.concatenate([grams.xx[:, upper, lower], grams.xy], axis=1)
    xx = np.empty((len(weights), k, k))
    xx[:, upper, lower] = xx[:, lower, upper] = sums[:, :-k]
    return xx, sums[:, -k:]
