"""Resampling whole clusters, within strata where there are any."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Array = NDArray[np.float64]


def cluster_weights(strata: Codes, draws: int, rng: np.random.Generator) -> Array:
    """How often each cluster is drawn in each replicate of a cluster bootstrap.

    Parameters
    ----------
    strata : ndarray of int, shape (clusters,)
        The stratum of each cluster; clusters are drawn with replacement within strata, as many
        as there are. All zeros for an unstratified bootstrap.
    draws : int
        Replicates.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (draws, clusters)
        Counts; each row sums to the number of clusters, stratum by stratum.

    Notes
    -----
    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8.
    """
    weights = np.zeros((draws, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        chances = np.full(len(members), 1.0 / len(members))
        weights[:, members] = rng.multinomial(len(members), chances, size=draws)
    return weights
