"""Difference in means within blocks: what a randomised design says without any model."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.mechanisms.grams import ClusterGrams, solve
from causalhyper.mechanisms.grouping import Groups, grouped_grams


def block_grams(response: Array, doses: Codes, count: int, groups: Groups) -> ClusterGrams | None:
    """Cluster-summed Gram matrices of the mean difference of each dose from dose 0.

    Least squares of the response on dose indicators with a fixed effect for each block; in a
    complete block design the first ``count - 1`` coefficients are means of paired differences.

    Parameters
    ----------
    response : ndarray, shape (n,)
    doses : ndarray of int, shape (n,)
        Codes in 0..count - 1; 0 is the baseline.
    count : int
        Number of doses, at least 2.
    groups : Groups
        Its contexts are the blocks.

    Returns
    -------
    ClusterGrams or None
        None if some doses are never compared within a block, not even by way of others.
    """
    if groups.absorbed:
        grams = _grams_within_blocks(response, doses, count, groups)
    else:
        grams = grouped_grams(np.eye(count)[doses][:, 1:], response, groups)
    rank = int(solve(grams, np.ones((1, groups.cluster_count)))[1][0])
    return grams if rank == grams.xy.shape[1] else None


def _grams_within_blocks(
    response: Array, doses: Codes, count: int, groups: Groups
) -> ClusterGrams:
    """Gram matrices of indicators centred within blocks, each in one cluster, from counts."""
    blocks = groups.context_count
    cells = groups.contexts * count + doses
    held = np.bincount(cells, minlength=blocks * count).reshape(blocks, count)
    sizes = held.sum(axis=1)
    centred = (-np.bincount(groups.contexts, response) / sizes)[groups.contexts]
    centred += response
    xy = np.bincount(cells, centred, blocks * count).reshape(blocks, count)
    owner = np.zeros(blocks, dtype=np.intp)
    owner[groups.contexts] = groups.clusters
    out = np.zeros((groups.cluster_count, count, count))
    sums = np.zeros((groups.cluster_count, count))
    np.add.at(sums, owner, xy)
    for i in range(count):
        shares = -held[:, [i]] * held / sizes[:, None]
        shares[:, i] += held[:, i]
        np.add.at(out[:, i], owner, shares)
    return ClusterGrams(out[:, 1:, 1:], sums[:, 1:])
