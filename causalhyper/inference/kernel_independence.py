"""A kernel test of conditional independence that also sees curved dependence, by clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.inference.flips import sign_flips
from causalhyper.inference.independence import check_options, scaled_residuals
from causalhyper.inference.smoothing import (
    add_intercepts,
    centre,
    cluster_products,
    left_out_errors,
    regression_root,
    residuals,
    split_rows,
)
from causalhyper.mechanisms.grouping import Groups

_LANDMARKS, _FOLDS = 60, 10
_LEVELS = 12
_PENALTIES = tuple(10.0**-k for k in range(7))
_EIGENVALUES = 1e-5


@dataclass(frozen=True, slots=True)
class KernelIndependence:
    """A kernel test of conditional independence.

    Attributes
    ----------
    statistic : float
        n times the squared Hilbert-Schmidt norm of the cross-covariance of what is left of the
        two variables' kernel features.
    p_value : float
        From sign flips of whole clusters; at least ``1 / (1 + flips)``.
    flips : int
        Sign flips that it was held against.
    """

    statistic: float
    p_value: float
    flips: int


def kernel_independence(
    x: Array,
    y: Array,
    given: Sequence[Array],
    groups: Groups,
    *,
    rng: np.random.Generator,
    df: int = 3,
    flips: int = 1999,
) -> KernelIndependence:
    """Test whether two variables are independent given others, whatever the dependence's form.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    given : sequence of ndarray, shape (n,)
        May be empty.
    groups : Groups
        Clusters are independent of one another; contexts have intercepts of their own.
    rng : numpy.random.Generator
        For landmarks, folds and signs.
    df : int
        Natural-spline functions of each of `given` that are not penalised.
    flips : int
        Sign flips at most, at least 19.

    Returns
    -------
    KernelIndependence

    Raises
    ------
    ConfigurationError
        If nothing is left of `x` or of `y`, or an option is wrong.

    Notes
    -----
    Both variables are regressed on `given`: an intercept a context, unpenalised curves and
    products, and kernel ridge regression for the rest (Gaussian kernel through at most 60
    landmarks, Williams and Seeger 2001; the penalty by cross-validation over whole clusters).
    Gaussian features of each residual are regressed in the same way. Were x and y independent
    given the rest, what is left of the two sets of features would be uncorrelated, also where
    `given` moves their spread. The statistic sums all squared cross-covariances, as the
    Hilbert-Schmidt criterion does; its reference flips the signs of whole clusters' sums, so rows
    of a cluster may depend on one another in any way. Sources: Strobl, Zhang and Visweswaran
    2019, "Approximate kernel-based conditional independence tests" (features of residuals); Shah
    and Peters 2020, "The hardness of conditional independence testing", section 3 (sums of
    products of residuals, several at a time); Cameron, Gelbach and Miller 2008 (signs of whole
    clusters). The cost grows linearly with the rows.

    Examples
    --------
    >>> from causalhyper.mechanisms import make_groups
    >>> rng = np.random.default_rng(0)
    >>> groups = make_groups(np.arange(200) // 5, np.zeros(200, dtype=np.intp))
    >>> x, noise = rng.normal(size=(2, 200))
    >>> kernel_independence(x, x**2 + noise, [], groups, rng=rng).p_value
    0.0005
    """
    check_options(df, flips)
    folds = _cluster_folds(groups, rng)
    parts = _smoother_parts(given, df, groups, rng)
    both = centre(np.column_stack([x, y]), groups)
    left = scaled_residuals(x, y, _choose(parts, both, (1, 1), folds), groups)
    features = [centre(_features(column), groups) for column in left.T]
    sizes = (features[0].shape[1], features[1].shape[1])
    joined = np.concatenate(features, axis=1)
    root = _choose(parts, joined, sizes, folds)
    joined = residuals(joined, root)
    u, v = joined[:, : sizes[0]], joined[:, sizes[0] :]
    terms = cluster_products(u, v, add_intercepts(root, groups), groups.clusters)
    terms = terms.reshape(len(terms), -1)
    statistic = float(((u.T @ v) ** 2).sum())
    signs = sign_flips(len(terms), flips, rng)
    reached = int((((signs @ terms) ** 2).sum(axis=1) >= statistic * (1 - 1e-12)).sum())
    return KernelIndependence(statistic / len(x), (1 + reached) / (1 + len(signs)), len(signs))


def _cluster_folds(groups: Groups, rng: np.random.Generator) -> list[Codes]:
    """Rows of each fold; clusters stay whole."""
    count = min(_FOLDS, groups.cluster_count)
    return split_rows((rng.permutation(groups.cluster_count) % count)[groups.clusters])


def _smoother_parts(
    given: Sequence[Array], df: int, groups: Groups, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Unpenalised directions, orthonormal penalised ones, and the latter's squared lengths."""
    free = regression_root(given, df, groups)
    if free.shape[1] == 0:
        return free, free, np.zeros(0)
    inputs = np.column_stack([z for z in given if np.ptp(z) > 0])
    inputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    chosen = rng.choice(len(inputs), size=min(len(inputs), _LANDMARKS), replace=False)
    landmarks = np.unique(inputs[chosen], axis=0)
    curved = residuals(centre(_nystrom(inputs, landmarks), groups), free)
    U, s, _ = np.linalg.svd(curved, full_matrices=False)
    kept = s > 1e-6 * max(float(s[0]), 1.0)
    return free, U[:, kept], s[kept] ** 2


def _choose(
    parts: tuple[Array, Array, Array],
    columns: Array,
    sizes: tuple[int, int],
    folds: Sequence[Codes],
) -> Array:
    """Root of the smoother that predicts both sets of columns well.

    The smaller of the two penalties: one that is too small costs little power, one too large
    leaves a common cause in both.
    """
    free, axes, lengths = parts
    if not len(lengths):
        return free
    roots, errors = [], []
    for penalty in _PENALTIES:
        kept = np.sqrt(lengths / (lengths + penalty * len(columns)))
        roots.append(np.concatenate([free, axes * kept], axis=1))
        found = left_out_errors(columns, roots[-1], folds)
        errors.append([found[: sizes[0]].sum(), found[sizes[0] :].sum()])
    return roots[int(np.argmin(np.array(errors), axis=0).max())]


def _features(values: Array) -> Array:
    """Gaussian kernel features of one variable, with landmarks at its quantiles."""
    landmarks = np.unique(np.quantile(values, np.linspace(0.0, 1.0, _LEVELS)))
    return _nystrom(values[:, None], landmarks[:, None])


def _nystrom(values: Array, landmarks: Array) -> Array:
    """Features whose inner products are the Gaussian kernel's, through landmarks."""
    apart = np.sqrt(_squared_distances(landmarks, landmarks))
    pairs = apart[np.triu_indices(len(landmarks), 1)]
    width = float(np.median(pairs)) if pairs.size else 1.0
    own, vectors = np.linalg.eigh(np.exp(-((apart / width) ** 2) / 2))
    kept = own > _EIGENVALUES * own[-1]
    kernel = np.exp(-_squared_distances(values, landmarks) / (2 * width**2))
    features: Array = kernel @ (vectors[:, kept] / np.sqrt(own[kept]))
    return features


def _squared_distances(a: Array, b: Array) -> Array:
    """Between the rows of two matrices."""
    crossed = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    distances: Array = np.maximum(crossed, 0.0)
    return distances
