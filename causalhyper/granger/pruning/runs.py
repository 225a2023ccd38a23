"""Runs of prunings, read from a frame."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError, Problem
from causalhyper.frames.foreign import as_pandas

DIVERGED = (
    "a run that diverged has the accuracy of guessing; of a log of all epochs take one row a run, "
    'frame[frame["stage"] == "final"]'
)
RESERVED = {"method", "seed", "sparsity", "outcome", "collapsed", "at"}
PERCENT = "shares are fractions: divide percentages by 100"
NEAR, PART = 1e-3, 0.1
"""See `sparsity_gaps`."""


def read_runs(
    frame: pd.DataFrame,
    *,
    outcome: str,
    sparsity: str,
    method: str,
    seed: str,
    collapsed: str | None = None,
    by: Iterable[str] = (),
) -> pd.DataFrame:
    """Return the runs under fixed names, or say everything that is wrong with them.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a pruned network that was evaluated.
    outcome, sparsity, method, seed : str
        Names of its columns.
    collapsed : str, optional
        Whether, or how many, layers collapsed; False where the frame has no such column.
    by : iterable of str
        Further columns to keep.

    Returns
    -------
    DataFrame
        Columns method, seed (texts), sparsity, outcome (numbers), collapsed (truth values), and
        those of `by`; rows in order.

    Raises
    ------
    DataError
        For absent columns or values, shares outside [0, 1), or no row.
    ConfigurationError
        If a column of `by` has a name that is needed here.
    """
    frame = as_pandas(frame)
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"runs of prunings are a pandas DataFrame, a row a network; got {type(frame).__name__}"
        )
    if taken := sorted(RESERVED & set(by)):
        raise ConfigurationError(
            f"{', '.join(taken)} cannot be compared within: rename the column, or give the one "
            "that holds the sparsity by its keyword"
        )
    needed = list(dict.fromkeys((method, seed, sparsity, outcome, *by)))
    absent = [name for name in needed if name not in frame.columns]
    if absent or not len(frame):
        came = ", ".join(map(str, frame.columns)) or "none"
        raise DataError(
            f"runs of prunings have the columns {', '.join(needed)}, and a row at least; got "
            f"{len(frame)} rows and the columns {came}"
        )
    if problems := _find_problems(frame, outcome, sparsity, [method, seed, *by]):
        raise DataError("the runs of prunings cannot be compared", problems)
    there = collapsed is not None and collapsed in frame.columns
    runs = pd.DataFrame(
        {
            "method": frame[method].astype(str).to_numpy(),
            "seed": frame[seed].astype(str).to_numpy(),
            "sparsity": frame[sparsity].to_numpy(dtype=np.float64),
            "outcome": frame[outcome].to_numpy(dtype=np.float64),
            "collapsed": frame[collapsed].to_numpy(dtype=np.float64) > 0 if there else False,
        }
    )
    return runs.assign(**{name: frame[name].to_numpy() for name in by})


def _find_problems(
    frame: pd.DataFrame, outcome: str, sparsity: str, names: Sequence[str]
) -> list[Problem]:
    problems = []
    for name in dict.fromkeys(names):
        if unordered := [v for v in frame[name] if not isinstance(v, Hashable)]:
            rule, remedy = "must hold texts or numbers", "write it as a text"
            problems.append(Problem(name, rule, len(unordered), str(unordered[0]), remedy))
        if rows := int(frame[name].isna().sum()):
            problems.append(Problem(name, "must be given", rows, "", "name it, or drop the row"))
    for name, rule, remedy in (
        (outcome, "must be a finite number", DIVERGED),
        (sparsity, "must be in [0, 1)", PERCENT),
    ):
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
        holds = np.isfinite(values)
        if name == sparsity:
            holds &= (values >= 0) & (values < 1)
        wrong = np.flatnonzero(~holds)
        if wrong.size:
            example = str(frame[name].iloc[wrong[0]])
            problems.append(Problem(name, rule, int(wrong.size), example, remedy))
    return problems


def refuse_repeats(runs: pd.DataFrame, keys: Sequence[str]) -> None:
    """Refuse several rows where one is meant.

    Parameters
    ----------
    runs : pandas.DataFrame
    keys : sequence of str
        Columns that tell one row from another.

    Raises
    ------
    DataError
        With the first that is there twice.
    """
    twice = runs[runs.duplicated(list(keys), keep=False)]
    if len(twice):
        row = twice.iloc[0]
        raise DataError(
            f"{len(twice)} rows share {', '.join(keys)}, such as "
            f"{', '.join(f'{key} {row[key]}' for key in keys)}: keep one evaluation of each run, "
            'such as those of frame[frame["stage"] == "final"]'
        )


def split_dense(runs: pd.DataFrame, dense: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the runs of networks that were not pruned from the others.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `read_runs`.
    dense : str
        Method of networks that were not pruned; runs of it at other sparsities are runs like any.

    Returns
    -------
    dense, others : DataFrame
    """
    own = (runs["method"] == dense) & (runs["sparsity"] == 0)
    return runs[own], runs[~own]


def sparsity_gaps(sparsity: Array, tolerance: float | None = None) -> Array:
    """By how much another share pruned may differ and still count as equal to each.

    Parameters
    ----------
    sparsity : ndarray, shape (n,)
    tolerance : float, optional
        The same for all; by default `NEAR`, and no more than `PART` of the share kept: 99.8 and
        99.9% are as far apart as 80 and 90%.

    Returns
    -------
    ndarray, shape (n,)
    """
    if tolerance is not None:
        return np.full(len(sparsity), tolerance)
    return np.minimum(NEAR, PART * (1 - sparsity))


def sparsity_levels(sparsity: Array, tolerance: float | None = None) -> Array:
    """Shares pruned, with those that count as equal made so.

    Parameters
    ----------
    sparsity : ndarray, shape (n,)
    tolerance : float, optional
        See `sparsity_gaps`.

    Returns
    -------
    ndarray, shape (n,)
        From `merge_near`.

    Examples
    --------
    >>> sparsity_levels(np.array([0.95, 0.9501, 0.999, 0.9995])).tolist()
    [0.95005, 0.95005, 0.999, 0.9995]
    """
    return merge_near(sparsity, sparsity_gaps(sparsity, tolerance))


def merge_near(values: Array, gaps: Array) -> Array:
    """Replace numbers that are near each other by the median of their group.

    Parameters
    ----------
    values : ndarray, shape (n,)
    gaps : ndarray, shape (n,)
        A group ends where the next value is further from its smallest than that one's gap.

    Returns
    -------
    ndarray, shape (n,)
    """
    order = np.argsort(values, kind="stable")
    groups, start = np.zeros(len(values), dtype=np.intp), 0
    for place in range(1, len(order)):
        first = order[start]
        if values[order[place]] - values[first] > gaps[first]:
            start = place
        groups[order[place]] = start
    levels = np.empty(len(values))
    for group in np.unique(groups):
        levels[groups == group] = np.median(values[groups == group])
    return levels
