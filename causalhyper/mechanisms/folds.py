"""Folds of whole clusters, for errors at clusters that a fit has not seen."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Flags
from causalhyper.mechanisms.grouping import Groups


def cluster_folds(groups: Groups, folds: int, rng: np.random.Generator | None = None) -> Flags:
    """Which clusters each fold leaves out.

    Parameters
    ----------
    groups : Groups
    folds : int
        At least 2; lowered to the number of clusters of the smallest stratum.
    rng : numpy.random.Generator, optional
        Deals the clusters out at random; by default in order.

    Returns
    -------
    ndarray of bool, shape (folds, clusters)
        Each cluster is left out once; each stratum is dealt out evenly.
    """
    strata = groups.strata
    folds = max(2, min(folds, int(np.bincount(strata).min())))
    fold = np.empty(groups.cluster_count, dtype=np.intp)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        order = members if rng is None else rng.permutation(members)
        fold[order] = np.arange(len(members)) % folds
    return fold == np.arange(folds)[:, None]
