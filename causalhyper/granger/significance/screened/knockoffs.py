"""Fixed-X knockoffs: columns that look like the design's to each other, and know nothing of y."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import DataError
from causalhyper.granger.lasso import DenseColumns, lasso_path
from causalhyper.granger.significance.screened.parts import span_trend


def fixed_knockoffs(x: Array, rng: np.random.Generator, trend: Array | None = None) -> Array:
    r"""Make knockoffs by linear algebra, without a model of the columns.

    .. math:: \tilde X = X (I - s \Sigma^{-1}) + \tilde U C, \quad
        C^\top C = 2 s I - s^2 \Sigma^{-1}, \quad s = \min(2 \lambda_{\min}(\Sigma), 1)

    with :math:`\Sigma = X^\top X` and :math:`\tilde U` orthonormal, orthogonal to X and to the
    trend.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Columns of norm one, orthogonal to the trend; n >= 2 k + q.
    rng : numpy.random.Generator
        Draws the space of the orthonormal part, so that it lies in no steps in particular.
    trend : ndarray, shape (n, q), optional
        Orthonormal columns, which span a constant; a constant unless given.

    Returns
    -------
    ndarray, shape (n, k)

    Raises
    ------
    DataError
        If there are too few steps, or a column is a combination of others.

    Notes
    -----
    Source: Barber and Candès 2015, section 2.1, equicorrelated.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 4))
    >>> x = (x - x.mean(axis=0)) / (np.sqrt(50) * x.std(axis=0))
    >>> copies = fixed_knockoffs(x, rng)
    >>> bool(np.allclose(copies.T @ copies, x.T @ x)), bool(abs(copies.mean()) < 1e-12)
    (True, True)
    """
    rows, count = x.shape
    taken = span_trend(rows, None) if trend is None else trend
    least = 2 * count + taken.shape[1]
    if rows < least:
        raise DataError(
            f"knockoffs of {count} columns take {least} steps; there are {rows}: pick fewer "
            "columns"
        )
    values, vectors = np.linalg.eigh(x.T @ x)
    if values[0] < 1e-9:
        raise DataError(
            "a picked column is a combination of others, so it has no knockoff: lower `apart` or "
            "pick fewer columns"
        )
    size = min(2 * float(values[0]), 1.0)
    mixing = vectors * np.sqrt(np.maximum(2 * size - size**2 / values, 0.0))
    basis, _ = np.linalg.qr(np.column_stack([taken, x]))
    fresh = rng.normal(size=(rows, count))
    for _ in range(2):  # twice, so that rounding leaves nothing of the basis
        fresh = fresh - basis @ (basis.T @ fresh)
    orthonormal, _ = np.linalg.qr(fresh)
    inverse = (vectors / values) @ vectors.T
    return np.asarray(x - size * x @ inverse + orthonormal @ mixing.T)


def entry_differences(x: Array, knockoffs: Array, y: Array) -> Array:
    r"""Compare the penalties at which columns and their knockoffs enter one lasso.

    .. math:: W_j = \max(Z_j, \tilde Z_j)\, \mathrm{sign}(Z_j - \tilde Z_j)

    Parameters
    ----------
    x, knockoffs : ndarray, shape (n, k)
    y : ndarray, shape (n,)
        Of mean zero.

    Returns
    -------
    ndarray, shape (k,)
        In the unit of y; zero where both enter between the same two penalties of a fine grid.

    Notes
    -----
    Source: Barber and Candès 2015, section 1.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 4))
    >>> x = (x - x.mean(axis=0)) / (np.sqrt(50) * x.std(axis=0))
    >>> entry_differences(x, fixed_knockoffs(x, rng), x[:, 2]).argmax()
    np.int64(2)
    """
    count = x.shape[1]
    both = np.sqrt(len(x)) * np.column_stack([x, knockoffs])
    path = lasso_path(
        DenseColumns(both), y, lambdas=300, ratio=1e-3, standardise=False, tolerance=1e-4
    )
    entries = path.entries()
    entered = np.zeros(2 * count)
    entered[entries["column"].to_numpy()] = entries["entry"].to_numpy()
    own, copy = entered[:count], entered[count:]
    return np.asarray(np.maximum(own, copy) * np.sign(own - copy))
