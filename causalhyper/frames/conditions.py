"""Choosing rows of a runs frame by what a column says."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from causalhyper.errors import ConfigurationError, DataError


def select_runs(frame: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame:
    """Keep the runs that meet every condition.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a run.
    conditions : sequence of str
        Each ``column=value``; values are compared as text, so ``seed=3`` keeps the number 3.

    Returns
    -------
    pandas.DataFrame
        The rows kept, in order, with a fresh index.

    Raises
    ------
    ConfigurationError
        If a condition is not of that form or names no column.
    DataError
        If no row is left.

    Examples
    --------
    >>> runs = pd.DataFrame({"run_id": ["a", "b"], "design": ["epochs", "updates"]})
    >>> select_runs(runs, ["design=updates"])["run_id"].tolist()
    ['b']
    """
    kept = frame
    for condition in conditions:
        column, equals, value = (part.strip() for part in condition.partition("="))
        if not equals or not column:
            raise ConfigurationError(
                f"cannot read the condition {condition!r}; expected such as 'design=equal_epochs'"
            )
        if column not in frame.columns:
            names = ", ".join(map(str, frame.columns))
            raise ConfigurationError(f"no column {column!r} to choose runs by; there are {names}")
        kept = kept[kept[column].astype(str) == value]
        if kept.empty:
            seen = ", ".join(sorted(frame[column].astype(str).unique())[:12])
            raise DataError(f"no run is left with {condition}; {column!r} has {seen}")
    return kept.reset_index(drop=True)
