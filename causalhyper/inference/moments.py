"""Second moments within contexts for many sets of cluster weights, and partialling out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms.grouping import Groups, context_means, grouped_grams


@dataclass(frozen=True, slots=True)
class WithinMoments:
    """Weighted moments of some columns with the intercept of each context taken out.

    Attributes
    ----------
    products : ndarray, shape (r, k, k)
        Sums of products within contexts.
    means : ndarray, shape (r or 1, contexts, k)
        Mean of each column within each context.
    total : ndarray, shape (r,)
        Sum of the weights over rows.
    """

    products: Array
    means: Array
    total: Array


def within_moments(columns: Array, groups: Groups, weights: Array) -> WithinMoments:
    """Moments within contexts, whether contexts lie within clusters or across them.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
    groups : Groups
    weights : ndarray, shape (r, clusters)
        How often each cluster counts in each replicate.

    Returns
    -------
    WithinMoments
    """
    rows, k = columns.shape
    total = weights @ np.bincount(groups.clusters, minlength=weights.shape[1])
    xx = grouped_grams(columns, np.zeros(rows), groups).xx
    size = xx.shape[1]
    summed = (weights @ xx.reshape(len(xx), -1)).reshape(len(weights), size, size)
    if groups.absorbed:
        return WithinMoments(summed, context_means(columns, groups)[None], total)
    counts = np.einsum("rii->ri", summed[:, k:, k:])
    sums = summed[:, k:, :k]
    means = sums / np.where(counts > 0, counts, 1.0)[:, :, None]
    products = summed[:, :k, :k] - np.einsum("rca,rcb->rab", sums, means)
    return WithinMoments(products, means, total)


def slopes_on(products: Array, given: list[int], of: list[int]) -> Array:
    """Least-squares coefficients of some columns on others.

    Parameters
    ----------
    products : ndarray, shape (r, k, k)
    given, of : list of int
        Positions of the regressors and of the responses.

    Returns
    -------
    ndarray, shape (r, len(given), len(of))
        Of least norm where regressors are collinear.
    """
    inner = products[:, given][:, :, given]
    cross = products[:, given][:, :, of]
    scale = np.sqrt(np.maximum(np.einsum("rii->ri", inner), np.finfo(float).tiny))
    unit = inner / (scale[:, :, None] * scale[:, None, :])
    found = np.linalg.pinv(unit, rcond=1e-9, hermitian=True) @ (cross / scale[:, :, None])
    out: Array = found / scale[:, :, None]
    return out


def partial_out(products: Array, given: list[int], of: list[int]) -> Array:
    """Moments of some columns with others partialled out, shape (r, len(of), len(of)).

    Parameters
    ----------
    products : ndarray, shape (r, k, k)
    given, of : list of int

    Returns
    -------
    ndarray, shape (r, len(of), len(of))
    """
    own = products[:, of][:, :, of]
    if not given:
        return own
    cross = products[:, of][:, :, given]
    return np.asarray(own - cross @ slopes_on(products, given, of))


def partial_r2(products: Array, response: int, group: list[int], given: list[int]) -> float:
    """Share of a column's variance, left by `given`, that a group of columns explains (row 0).

    Parameters
    ----------
    products : ndarray, shape (r, k, k)
    response : int
    group, given : list of int

    Returns
    -------
    float
        In [0, 1].
    """
    before = float(partial_out(products[:1], given, [response])[0, 0, 0])
    after = float(partial_out(products[:1], [*given, *group], [response])[0, 0, 0])
    return float(np.clip(1 - after / before, 0.0, 1.0)) if before > 0 else 0.0
