"""Linear smoothers by clusters: what is left of a variable, and how much each cluster fits itself.

A smoother is carried as its root: an (n, k) matrix L with hat matrix L L'.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.mechanisms.grouping import Groups, context_means
from causalhyper.mechanisms.terms import make_term_space

_TOLERANCE = 1e-9


def split_rows(codes: Codes) -> list[Codes]:
    """Rows of each group, in the order of the codes.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)

    Returns
    -------
    list of ndarray of int

    Examples
    --------
    >>> [rows.tolist() for rows in split_rows(np.array([1, 0, 1]))]
    [[1], [0, 2]]
    """
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def centre(columns: Array, groups: Groups) -> Array:
    """Take the context's mean from each column.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
    groups : Groups

    Returns
    -------
    ndarray, shape (n, k)
    """
    return columns - context_means(columns, groups)[groups.contexts]


def orthonormalise(columns: Array) -> Array:
    """An orthonormal basis of what some columns span.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
        Of mean square near one, or what centring left of such columns: what rounding leaves of a
        column, or the others explain, is left out.

    Returns
    -------
    ndarray, shape (n, rank)
    """
    if columns.shape[1] == 0:
        return columns
    U, s, _ = np.linalg.svd(columns, full_matrices=False)
    basis: Array = U[:, s > _TOLERANCE * np.sqrt(len(columns))]
    return basis


def regression_root(given: Sequence[Array], df: int, groups: Groups) -> Array:
    """Root of least squares on curves and pairwise products of variables, beside contexts.

    Parameters
    ----------
    given : sequence of ndarray, shape (n,)
        Variables; one that never varies adds nothing.
    df : int
        Natural-spline functions of each; 1 is a straight line. Products are of straight lines.
    groups : Groups

    Returns
    -------
    ndarray, shape (n, k)
        Orthonormal, centred within contexts; k = 0 without variables.
    """
    varied = [z for z in given if np.ptp(z) > 0]
    if not varied:
        return np.zeros((len(groups.contexts), 0))
    count = len(varied)
    terms = [*((i,) for i in range(count)), *combinations(range(count), 2)]
    names = [f"conditioned variable {i}" for i in range(count)]
    space = make_term_space(terms, varied, df, 1, names)
    return orthonormalise(centre(space.columns(varied), groups))


def add_intercepts(root: Array, groups: Groups) -> Array:
    """Add the intercepts to a root; none where contexts lie within clusters.

    Centring within contexts then involves no other cluster, so the intercepts fit no cluster's
    noise at another's expense.

    Parameters
    ----------
    root : ndarray, shape (n, k)
    groups : Groups

    Returns
    -------
    ndarray, shape (n, k) or (n, k + contexts)
    """
    if groups.absorbed:
        return root
    sizes = np.bincount(groups.contexts)
    indicators = np.eye(groups.context_count)[groups.contexts] / np.sqrt(sizes)
    return np.concatenate([root, indicators], axis=1)


def residuals(columns: Array, root: Array) -> Array:
    """What a smoother leaves of some columns.

    Parameters
    ----------
    columns : ndarray, shape (n, q)
    root : ndarray, shape (n, k)

    Returns
    -------
    ndarray, shape (n, q)
    """
    left: Array = columns - root @ (root.T @ columns)
    return left


def cluster_products(x: Array, y: Array, root: Array, clusters: Codes) -> Array:
    """Each cluster's sum of products of residuals, corrected for what it fits of itself.

    Cluster g gives ``x_g' (I - H_g)^(-1/2) y_g`` with its own block H_g of the hat matrix. Where
    the noise of x and y is independent between rows, its square then has the expectation that it
    would have with the regressions known.

    Parameters
    ----------
    x, y : ndarray, shape (n, p) and (n, q)
        Residuals.
    root : ndarray, shape (n, k)
        Root of the smoother that left them.
    clusters : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (clusters, p, q)

    Notes
    -----
    Source: the leverage correction CR2 of Bell and McCaffrey 2002, "Bias reduction in standard
    errors for linear regression with multi-stage samples", eq. 5, applied to one side.
    """
    sums = []
    for rows in split_rows(clusters):
        axes, fitted = _own_fit(root[rows])
        # a direction that the cluster alone decides is fitted exactly: nothing is left to correct
        free = 1.0 - fitted > _TOLERANCE
        lift = np.where(free, 1.0 / np.sqrt(np.where(free, 1.0 - fitted, 1.0)), 1.0) - 1.0
        sums.append(x[rows].T @ y[rows] + ((axes.T @ x[rows]).T * lift) @ (axes.T @ y[rows]))
    return np.stack(sums)


def left_out_errors(columns: Array, root: Array, folds: Sequence[Codes]) -> Array:
    """Sums of squares of predicting folds of rows by a smoother fitted to the others.

    Parameters
    ----------
    columns : ndarray, shape (n, q)
    root : ndarray, shape (n, k)
    folds : sequence of ndarray of int
        Rows.

    Returns
    -------
    ndarray, shape (q,)
        By the identity ``(I - H_g)^(-1) residual_g``, without refitting.
    """
    left, total = residuals(columns, root), np.zeros(columns.shape[1])
    for rows in folds:
        axes, fitted = _own_fit(root[rows])
        lift = 1.0 / np.maximum(1.0 - fitted, 1e-6) - 1.0
        total += ((left[rows] + axes @ (lift[:, None] * (axes.T @ left[rows]))) ** 2).sum(axis=0)
    return total


def _own_fit(block: Array) -> tuple[Array, Array]:
    """Eigenvectors and eigenvalues of one block of the hat matrix."""
    axes, s, _ = np.linalg.svd(block, full_matrices=False)
    return axes, s * s
