"""Steps to screen on, and other steps to test on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.rows import RowsOf
from causalhyper.granger.lasso.columns import ColumnBlocks, host_blocks
from causalhyper.granger.screening.blocks import screen_columns
from causalhyper.granger.significance.stability.half_samples import cut_blocks


def alternate(edges: Codes, blocks: int, gap: int) -> tuple[Codes, Codes]:
    """Divide steps into two parts by blocks in turn.

    Parameters
    ----------
    edges : ndarray of int
        Rows where trainings begin, and T.
    blocks : int
        Of all trainings together, an even number.
    gap : int
        Rows left out between blocks.

    Returns
    -------
    tuple of ndarray of int
        Rows of the first, third, ... blocks, and of the others.

    Raises
    ------
    ConfigurationError
        If there is an odd number of blocks, or one would be empty.

    Examples
    --------
    >>> [part.tolist() for part in alternate(np.array([0, 8]), 4, 1)]
    [[0, 1, 5], [3, 7]]
    """
    if blocks < 2 or blocks % 2:
        raise ConfigurationError(f"two parts take an even number of blocks; got {blocks}")
    cut = cut_blocks(edges, blocks, gap=gap)
    return np.concatenate(cut[0::2]), np.concatenate(cut[1::2])


def times_of(rows: Codes, edges: Codes) -> Codes:
    """Number rows so that those of two trainings lie far apart.

    Parameters
    ----------
    rows : ndarray of int
    edges : ndarray of int

    Returns
    -------
    ndarray of int
        Increasing; by one between neighbouring steps, by more than 100 T between trainings.

    Examples
    --------
    >>> times_of(np.array([1, 2, 3]), np.array([0, 3, 6])).tolist()
    [1, 2, 603]
    """
    training = np.searchsorted(edges, rows, side="right") - 1
    return np.asarray(rows + 100 * int(edges[-1]) * training, dtype=np.intp)


def pick_columns(
    columns: ColumnBlocks, y: Array, rows: Codes, most: int, statistic: str, apart: float
) -> Codes:
    """Pick columns by some steps: the largest statistic first, none like one picked before.

    Parameters
    ----------
    columns : ColumnBlocks
    y : ndarray, shape (T,)
    rows : ndarray of int
        Steps to look at.
    most : int
    statistic : str
        Of `Screening`.
    apart : float
        Absolute correlation with a picked column, in these steps, above which a column is left
        out; 1 leaves out none.

    Returns
    -------
    ndarray of int
        Increasing.

    Raises
    ------
    DataError
        If no column varies.

    Notes
    -----
    It reads the design twice: the statistics, and the columns that may be picked: twenty times
    as many as asked for at most.
    """
    part = RowsOf(columns, rows)
    screening = screen_columns(part, y[rows])
    screening.keep(statistic, sparsity=0.0)  # refuses a statistic that ranks nothing
    size = np.abs(screening.layers[0].statistics[statistic])
    order = np.argsort(-size, kind="stable")
    order = order[size[order] > 0][: most if apart >= 1 else 20 * most]
    if not len(order):
        raise DataError(f"no column has a {statistic} other than zero in the steps to screen on")
    if apart >= 1:
        return np.sort(order).astype(np.intp)
    matrix = unit_columns(take(part, np.sort(order)))[:, np.argsort(np.argsort(order))]
    picked: list[int] = []
    near = np.zeros(len(order), dtype=bool)
    for place in range(len(order)):
        if near[place] or len(picked) == most:
            continue
        picked.append(place)
        near |= np.abs(matrix[:, place] @ matrix) > apart
    return np.sort(order[picked]).astype(np.intp)


def take(columns: ColumnBlocks, wanted: Codes) -> Array:
    """Read some columns.

    Parameters
    ----------
    columns : ColumnBlocks
    wanted : ndarray of int, shape (k,)
        Increasing.

    Returns
    -------
    ndarray, shape (T, k)

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> take(DenseColumns(np.arange(6.0).reshape(2, 3), width=2), np.array([0, 2])).tolist()
    [[0.0, 2.0], [3.0, 5.0]]
    """
    found = np.empty((columns.shape[0], len(wanted)))
    for start, block in host_blocks(columns):
        first, last = np.searchsorted(wanted, [start, start + block.shape[1]])
        found[:, first:last] = block[:, wanted[first:last] - start]
    return found * columns.unit


def unit_columns(x: Array, trend: Array | None = None) -> Array:
    """Take the mean, or a trend, from columns and scale them to norm one.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    trend : ndarray, shape (n, q), optional
        Orthonormal columns that span a constant.

    Returns
    -------
    ndarray, shape (n, k)
        Zeros for a column of which nothing is left.

    Examples
    --------
    >>> unit_columns(np.array([[1.0, 2.0], [3.0, 2.0]])).round(3).tolist()
    [[-0.707, 0.0], [0.707, 0.0]]
    """
    scaled = x / np.maximum(np.abs(x).max(axis=0), np.finfo(float).tiny)
    before = np.sqrt((scaled**2).sum(axis=0))
    away = scaled - scaled.mean(axis=0)
    if trend is not None:
        away = away - trend @ (trend.T @ away)
    norms = np.sqrt((away**2).sum(axis=0))
    flat = norms <= 16 * np.finfo(float).eps * np.sqrt(len(x)) * before
    return np.asarray(np.where(flat, 0.0, away / np.where(flat, 1.0, norms)))


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPart:
    """What is tested, in the steps that were not screened on.

    Attributes
    ----------
    x : ndarray, shape (n, k)
        Columns of norm one, orthogonal to the trend.
    y : ndarray, shape (n,)
        Orthogonal to the trend.
    times : ndarray of int, shape (n,)
        Increasing, by one between neighbouring steps.
    trend : ndarray, shape (n, q)
        Orthonormal columns that were taken from both; they span a constant.

    Raises
    ------
    DataError
        If a column does not vary in these steps.
    """

    x: Array
    y: Array
    times: Codes
    trend: Array

    def __post_init__(self) -> None:
        flat = np.flatnonzero(~self.x.any(axis=0))
        if len(flat):
            raise DataError(
                f"{len(flat)} picked columns do not vary in the steps to test on: use more "
                "blocks, so that both parts have steps of all times"
            )

    def stretches(self) -> Codes:
        """Return where stretches of neighbouring steps begin, and n."""
        jumps = np.flatnonzero(np.diff(self.times) != 1) + 1
        return np.concatenate([[0], jumps, [len(self.times)]]).astype(np.intp)


def held_out(x: Array, y: Array, times: Codes, trend: Array | None = None) -> HeldOutPart:
    """Take a trend from columns and response, and scale the columns.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n,)
    times : ndarray of int, shape (n,)
    trend : ndarray, shape (n, q), optional
        Of any rank; a constant is added.

    Returns
    -------
    HeldOutPart

    Examples
    --------
    >>> part = held_out(np.array([[0.0], [2.0], [2.0]]), np.arange(3.0), np.arange(3))
    >>> part.y.round(6).tolist(), part.x.ravel().round(3).tolist()
    ([-1.0, 0.0, 1.0], [-0.816, 0.408, 0.408])
    """
    basis = span_trend(len(y), trend)
    return HeldOutPart(unit_columns(x, basis), y - basis @ (basis.T @ y), times, basis)


def span_trend(rows: int, trend: Array | None) -> Array:
    """Return orthonormal columns that span a trend and a constant.

    Parameters
    ----------
    rows : int
        n.
    trend : ndarray, shape (n, q), or None

    Returns
    -------
    ndarray, shape (n, rank)

    Examples
    --------
    >>> span_trend(3, np.array([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0]])).shape
    (3, 2)
    """
    both = np.ones((rows, 1)) if trend is None else np.column_stack([np.ones(rows), trend])
    both = both / np.maximum(np.abs(both).max(axis=0), np.finfo(float).tiny)
    left, singular, _ = np.linalg.svd(both, full_matrices=False)
    return np.asarray(left[:, singular > 1e-9 * singular[0]])
