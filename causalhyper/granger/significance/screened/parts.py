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
    """Number rows so that those of two trainings are no neighbours.

    Parameters
    ----------
    rows : ndarray of int
    edges : ndarray of int

    Returns
    -------
    ndarray of int
        Increasing; by one between neighbouring steps.

    Examples
    --------
    >>> times_of(np.array([1, 2, 3]), np.array([0, 3, 6])).tolist()
    [1, 2, 4]
    """
    return np.asarray(rows + np.searchsorted(edges, rows, side="right") - 1, dtype=np.intp)


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


def unit_columns(x: Array) -> Array:
    """Centre columns and scale them to norm one.

    Parameters
    ----------
    x : ndarray, shape (n, k)

    Returns
    -------
    ndarray, shape (n, k)
        Zeros for a column that does not vary.

    Examples
    --------
    >>> unit_columns(np.array([[1.0, 2.0], [3.0, 2.0]])).round(3).tolist()
    [[-0.707, 0.0], [0.707, 0.0]]
    """
    scaled = x / np.maximum(np.abs(x).max(axis=0), np.finfo(float).tiny)
    away = scaled - scaled.mean(axis=0)
    norms = np.sqrt((away**2).sum(axis=0))
    flat = norms <= 8 * np.finfo(float).eps * np.sqrt(len(x))
    return np.asarray(np.where(flat, 0.0, away / np.where(flat, 1.0, norms)))


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPart:
    """What is tested, in the steps that were not screened on.

    Attributes
    ----------
    x : ndarray, shape (n, k)
        Columns of mean zero and norm one.
    y : ndarray, shape (n,)
        Of mean zero.
    times : ndarray of int, shape (n,)
        Increasing, by one between neighbouring steps.

    Raises
    ------
    DataError
        If a column does not vary in these steps.
    """

    x: Array
    y: Array
    times: Codes

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
