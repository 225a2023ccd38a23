"""Difference in means within blocks: what a randomised design says without any model."""

from __future__ import annotations

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import Codes, solve
from causalhyper.mechanisms.grouping import Groups, grouped_grams


def within_block_contrasts(
    response: Array, doses: Codes, count: int, groups: Groups, weights: Array
) -> Array:
    """Mean difference of each dose from dose 0, adjusted for block effects.

    Least squares of the response on dose indicators with a fixed effect for each block; in a
    complete block design this is the mean of the paired differences.

    Parameters
    ----------
    response : ndarray, shape (n,)
    doses : ndarray of int, shape (n,)
        Codes in 0..count - 1; 0 is the baseline.
    count : int
        Number of doses, at least 2.
    groups : Groups
        Its contexts are the blocks.
    weights : ndarray, shape (r, clusters)
        Cluster weights of each replicate.

    Returns
    -------
    ndarray, shape (r, count - 1)

    Raises
    ------
    ConfigurationError
        If the doses cannot be compared within blocks.
    """
    indicators = np.eye(count)[doses][:, 1:]
    grams = grouped_grams(indicators, response, groups)
    if int(solve(grams, np.ones((1, groups.cluster_count)))[1][0]) < grams.xy.shape[1]:
        raise ConfigurationError(
            "some doses never meet within a block, so the design gives no contrast between "
            "them: use coarser blocks"
        )
    return solve(grams, weights)[0][:, : count - 1]
