"""False discovery control by the signs of statistics that are symmetric where nothing acts."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError


def signed_q_values(statistics: Array, *, offset: int) -> Array:
    r"""Return for each statistic the smallest level at which it is selected.

    At a level a statistic is selected from the smallest :math:`t > 0` on for which

    .. math:: (c + |\{j : W_j \le -t\}|) / \max(|\{j : W_j \ge t\}|, 1)

    is at most that level.

    Parameters
    ----------
    statistics : ndarray, shape (k,)
        W; large and positive speaks for an influence.
    offset : {0, 1}
        c: 1 controls the false discovery rate in finite samples, as knockoff+ does; 0 as the
        number selected grows.

    Returns
    -------
    ndarray, shape (k,)
        In [0, 1]; 1 where W is not above zero.

    Raises
    ------
    ConfigurationError
        If a statistic is not finite, or the offset is another.

    Notes
    -----
    Source: Barber and Candès 2015, equation 1.9; Dai, Lin, Xing and Liu 2023, equation 2.

    Examples
    --------
    >>> signed_q_values(np.array([4.0, 3.0, -2.0, 1.0]), offset=0).round(2).tolist()
    [0.0, 0.0, 1.0, 0.33]
    """
    if offset not in (0, 1) or not np.isfinite(statistics).all():
        raise ConfigurationError(
            f"expected finite statistics and an offset of 0 or 1; got {statistics} and {offset}"
        )
    levels = np.unique(np.abs(statistics[statistics != 0]))
    ordered = np.sort(statistics)
    above = len(ordered) - np.searchsorted(ordered, levels, side="left")
    below = np.searchsorted(ordered, -levels, side="right")
    share = np.minimum((offset + below) / np.maximum(above, 1), 1.0)
    smallest = np.minimum.accumulate(share)
    found = np.ones(len(statistics))
    positive = statistics > 0
    found[positive] = smallest[np.searchsorted(levels, statistics[positive])]
    return found


def select_by_inclusion(inclusion: Array, level: float, ties: Array | None = None) -> Flags:
    r"""Select by how often, and among how few, splits of the steps select.

    The columns are left out from the smallest inclusion rate on, for as long as these add up to
    at most the level.

    Parameters
    ----------
    inclusion : ndarray, shape (k,)
        Mean over splits of one over the number selected, where the column is; adds up to 1 at
        most.
    level : float
        False discovery rate, in (0, 1).
    ties : ndarray, shape (k,), optional
        Of columns with the same rate, those with the smaller number are left out first; those
        with the larger column unless given.

    Returns
    -------
    ndarray of bool, shape (k,)

    Notes
    -----
    Source: Dai, Lin, Xing and Liu 2023, algorithm 2, which leaves out all columns that tie with
    the last one left out: where every split selects the same columns, it would select none.

    Examples
    --------
    >>> select_by_inclusion(np.array([0.45, 0.06, 0.45, 0.04, 0.0]), 0.1).tolist()
    [True, False, True, False, False]
    >>> select_by_inclusion(np.full(4, 0.25), 0.3, np.array([3.0, 1.0, 2.0, 4.0])).tolist()
    [True, False, True, True]
    """
    second = -np.arange(len(inclusion), dtype=float) if ties is None else ties
    order = np.lexsort((second, np.round(inclusion, 12)))
    kept = np.cumsum(inclusion[order]) > level * (1 + 1e-12)
    found = np.zeros(len(inclusion), dtype=bool)
    found[order[kept]] = True
    return found & (inclusion > 0)
