"""Mirror statistics: two estimates from different steps, which agree in sign where one acts."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import DataError
from causalhyper.granger.lasso import DenseColumns, lasso_path
from causalhyper.granger.significance.screened.parts import (
    HeldOutPart,
    span_trend,
    unit_columns,
)
from causalhyper.granger.significance.screened.signed import signed_q_values
from causalhyper.granger.significance.stability.half_samples import cut_blocks, draw_pairs

BLOCKS = 10
"""Of the steps to test on, that halves are made of; more where there are more stretches."""


def mirror_statistics(
    x: Array, y: Array, first: Codes, second: Codes, trend: Array | None = None
) -> Array:
    r"""Return the products of a lasso estimate in one half and a least-squares one in the other.

    The lasso keeps at most a fifth of the steps of the smaller half; least squares on the other
    half then fit these columns. Where a column has no influence, and all that have one are among
    those kept, its second estimate is symmetric about zero, and so is the product, *whatever the
    dependence of the errors in time*, if these are symmetric and the halves independent.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n,)
    first, second : ndarray of int
        Rows of the halves.
    trend : ndarray, shape (n, q), optional
        Taken from both sides, in each half by itself; a constant unless given.

    Returns
    -------
    ndarray, shape (k,)
        Of columns of norm one; zero for a column that the lasso leaves out.

    Raises
    ------
    DataError
        If a half has fewer than 10 steps.

    Notes
    -----
    Halves of dependent steps are independent as far as rows between them are left out, or the
    dependence was taken away before. The second estimate is in units of its standard deviation
    for independent errors.

    Source: Dai, Lin, Xing and Liu 2023, section 2 and algorithm 4, with f(u, v) = u v.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(100, 20))
    >>> halves = np.arange(50), np.arange(50, 100)
    >>> int(mirror_statistics(x, 2 * x[:, 3] + rng.normal(size=100), *halves).argmax())
    3
    """
    kept = min(len(first), len(second)) // 5
    if kept < 2:
        raise DataError(
            f"mirror statistics need 10 steps a half; got {len(first)} and {len(second)}"
        )
    (ours, response), (theirs, other) = (
        _without_trend(x[rows], y[rows], None if trend is None else trend[rows])
        for rows in (first, second)
    )
    found = np.zeros(x.shape[1])
    path = lasso_path(DenseColumns(ours), response, lambdas=40, ratio=0.02, tolerance=1e-4)
    sizes = np.array([len(members) for members in path.columns])
    at = int(np.flatnonzero(sizes <= kept)[-1])
    members = path.columns[at][theirs[:, path.columns[at]].any(axis=0)]
    if not len(members):
        return found
    left, singular, right = np.linalg.svd(theirs[:, members], full_matrices=False)
    good = singular > 1e-10 * singular[0]
    inverse = right[good].T / singular[good]
    estimate = inverse @ (left[:, good].T @ other)
    spread = np.sqrt((inverse**2).sum(axis=1))
    found[members] = path.dense(at)[members] * estimate / np.where(spread > 0, spread, 1.0)
    return found


def mirror_splits(
    part: HeldOutPart, splits: int, level: float, gap: int, rng: np.random.Generator
) -> tuple[Array, Flags]:
    """Select by mirror statistics of many random halves of blocks.

    Parameters
    ----------
    part : HeldOutPart
    splits : int
    level : float
        False discovery rate of each.
    gap : int
        Steps left out between blocks.
    rng : numpy.random.Generator

    Returns
    -------
    statistics : ndarray, shape (splits, k)
    selected : ndarray of bool, shape (splits, k)

    Notes
    -----
    The published threshold adds nothing to the count of negative statistics. Where nothing has an
    influence it selects in every second split, whenever the largest statistic is positive: one
    is added here, as for knockoffs.
    """
    stretches = part.stretches()
    count = max(BLOCKS, 2 * len(stretches) - 2)
    pairs = draw_pairs(cut_blocks(stretches, count, gap=gap), splits, rng)
    statistics = np.array([mirror_statistics(part.x, part.y, a, b, part.trend) for a, b in pairs])
    levels = [signed_q_values(row, offset=1) <= level for row in statistics]
    return statistics, np.array(levels) & (statistics > 0)


def _without_trend(x: Array, y: Array, trend: Array | None) -> tuple[Array, Array]:
    basis = span_trend(len(y), trend)
    return unit_columns(x, basis), y - basis @ (basis.T @ y)
