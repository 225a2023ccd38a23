"""The delete-one-cluster jackknife, of a sample and of each of its resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.inference.intervals import ROUNDING


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Which cluster was left out of which replicate; one entry for each set of weights.

    Attributes
    ----------
    parents : ndarray of int, shape (j,)
        The replicate: 0 is the sample itself.
    clusters, strata : ndarray of int, shape (j,)
        The cluster of which one copy was left out, and its stratum.
    copies : ndarray, shape (j,)
        How many copies of it the replicate holds.
    units : ndarray, shape (j,)
        Copies of any cluster that the replicate holds in that stratum.
    """

    parents: Codes
    clusters: Codes
    strata: Codes
    copies: Array
    units: Array

    def __len__(self) -> int:
        return len(self.parents)

    def part(self, chosen: Codes) -> LeftOut:
        """Some of the entries."""
        return LeftOut(
            self.parents[chosen],
            self.clusters[chosen],
            self.strata[chosen],
            self.copies[chosen],
            self.units[chosen],
        )


def leave_one_out(strata: Codes, weights: Array) -> tuple[LeftOut, Array]:
    """Leave each cluster out of the sample, and one copy of each out of every resample.

    Parameters
    ----------
    strata : ndarray of int, shape (clusters,)
    weights : ndarray, shape (r, clusters)
        Ones in row 0, then resamples by `cluster_weights`.

    Returns
    -------
    left : LeftOut
    weights : ndarray, shape (j, clusters)
        What is left of the replicate, weighed so that each stratum keeps its total. A stratum
        of which a replicate holds a single copy is not touched.
    """
    sizes = np.bincount(strata)[strata].astype(np.float64)
    units = np.broadcast_to(np.maximum(sizes - 1, 1), weights.shape).copy()
    units[0] = sizes
    worth = sizes / units
    copies = np.rint(weights / worth)
    parents, clusters = np.nonzero((copies > 0) & (units > 1))
    held = units[parents, clusters]
    left = LeftOut(parents, clusters, strata[clusters], copies[parents, clusters], held)
    out = weights[parents]
    at = np.arange(len(parents))
    out[at, clusters] = np.maximum(out[at, clusters] - worth[parents, clusters], 0.0)
    same = strata[None, :] == left.strata[:, None]
    return left, np.where(same, out * (held / (held - 1))[:, None], out)


def jackknife_variances(left: LeftOut, values: Array, strata: int, parents: int) -> Array:
    """Variance of each quantity in each replicate, stratum by stratum.

    ``(m - 1) / m * sum (theta_(i) - mean)^2`` over the m copies in the stratum; where some were
    not evaluated, m times the mean over the others stands for the sum.

    Parameters
    ----------
    left : LeftOut
    values : ndarray, shape (j, q)
        The quantities with that copy left out.
    strata, parents : int
        Numbers of strata and of replicates.

    Returns
    -------
    ndarray, shape (parents, strata, q)

    Notes
    -----
    Source: Efron and Stein 1981, "The jackknife estimate of variance"; for strata Wolter 2007,
    "Introduction to Variance Estimation", section 4.5.
    """
    code = left.parents * strata + left.strata
    count = parents * strata
    held = np.bincount(code, left.copies, count)
    units = np.zeros(count)
    units[code] = left.units
    out = np.empty((count, values.shape[1]))
    for i, column in enumerate(values.T):
        means = np.bincount(code, left.copies * column, count) / np.maximum(held, 1)
        squares = np.bincount(code, left.copies * (column - means[code]) ** 2, count)
        out[:, i] = np.maximum(units - 1, 0) * squares / np.maximum(held, 1)
    return out.reshape(parents, strata, -1)


def satterthwaite_df(variances: Array, units: Array) -> Array:
    """Degrees of freedom of a sum of independent variance estimates, one a stratum.

    Parameters
    ----------
    variances : ndarray, shape (strata, q)
    units : ndarray, shape (strata,)
        Clusters of each stratum.

    Returns
    -------
    ndarray, shape (q,)
        ``(sum v)^2 / sum v^2 / (n - 1)``, between the smallest n - 1 and sum (n - 1); that sum
        where a quantity does not vary.

    Notes
    -----
    Source: Satterthwaite 1946; Welch 1947.
    """
    free = np.maximum(units - 1, 0).astype(np.float64)[:, None]
    spread = np.where(free > 0, variances**2 / np.maximum(free, 1), 0.0).sum(axis=0)
    total = variances.sum(axis=0)
    safe = np.where(spread > 0, spread, 1.0)
    df: Array = np.where(spread > 0, total**2 / safe, free.sum())
    return np.clip(df, 1.0, max(1.0, float(free.sum())))


def acceleration(left: LeftOut, values: Array, *, size: float = 0.0) -> Array:
    """Acceleration of BCa intervals: a sixth of the skewness of the clusters' influence.

    Parameters
    ----------
    left : LeftOut
        Of the sample alone.
    values : ndarray, shape (j, q)
    size : float
        Size of the numbers that the quantities are made of: influence below 1e-12 of it, or of
        the values, is rounding.

    Returns
    -------
    ndarray, shape (q,)
        0 for a quantity that does not vary.

    Notes
    -----
    Source: Efron 1987, "Better bootstrap confidence intervals", equation 7.3; several strata as
    in Davison and Hinkley 1997, equation 5.42.
    """
    count = int(left.strata.max()) + 1 if len(left) else 0
    held = np.maximum(np.bincount(left.strata, minlength=count), 1)[:, None]
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, left.strata, values)
    n = left.units[:, None]
    influence = (n - 1) * ((sums / held)[left.strata] - values)
    second = (influence**2 / n**2).sum(axis=0)
    third = (influence**3 / n**3).sum(axis=0)
    # differences at the level of rounding have a skewness, but it means nothing
    live = second > (ROUNDING * np.maximum(size, np.abs(values).max(axis=0, initial=0.0))) ** 2
    return np.where(live, third / (6 * np.where(live, second, 1.0) ** 1.5), 0.0)
