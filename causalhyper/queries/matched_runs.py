"""Columns of the runs frame beside the nodes: a fitted model does not keep them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from causalhyper.errors import DataError, Problem
from causalhyper.frames.label_checks import check_presence
from causalhyper.frames.measurements import read_measurement, show_value
from causalhyper.mechanisms.bases import Array
from causalhyper.scm.model import FittedModel


def match_runs(model: FittedModel, runs: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Put the rows of a runs frame in the order of the model that was fitted to it.

    Rows are matched by what the model knows of them: cluster, context and every node. Rows that
    are equal in all of these are interchangeable for anything averaged within clusters and
    treatment values, so it does not matter which is which.

    Parameters
    ----------
    model : FittedModel
    runs : DataFrame
        The frame that was fitted, with any further columns; rows in any order.
    columns : iterable of str
        Further columns that are needed.

    Returns
    -------
    DataFrame
        Row i is the run behind row i of ``model.values``.

    Raises
    ------
    DataError
        If a column is missing, or the frame is not the one that was fitted.
    """
    nodes = {v: model.roles[v].column for v in model.values}
    _raise(check_presence(runs, (*nodes.values(), *model.cluster, *model.context, *columns)))
    if len(runs) != model.n:
        raise DataError(
            f"the model was fitted to {model.n} runs, this frame has {len(runs)}: give the frame "
            "that was fitted"
        )
    given = [_codes(runs, model.cluster), _codes(runs, model.context)]
    fitted = [model.groups.clusters.astype(float), model.groups.contexts.astype(float)]
    for node, column in nodes.items():
        given.append(model.roles[node].apply(read_numbers(runs, column)))
        fitted.append(model.values[node])
    there, here = np.lexsort(given[::-1]), np.lexsort(fitted[::-1])
    names = (" x ".join(model.cluster), " x ".join(model.context), *nodes.values())
    for name, theirs, ours in zip(names, given, fitted, strict=True):
        if not np.array_equal(theirs[there], ours[here]):
            raise DataError(
                f"{name!r} of this frame is not what the model was fitted to: give the frame that "
                "was fitted, with the same rows selected"
            )
    order = np.empty(model.n, dtype=np.intp)
    order[here] = there
    return runs.iloc[order].reset_index(drop=True)


def read_numbers(runs: pd.DataFrame, column: str) -> Array:
    """Read a column that must hold a finite number in every row.

    Parameters
    ----------
    runs : DataFrame
    column : str

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    DataError
        If it holds anything else.

    Examples
    --------
    >>> read_numbers(pd.DataFrame({"wall_seconds": [3, 4]}), "wall_seconds")
    array([3., 4.])
    """
    found = read_measurement(runs[column], lambda row, value: f"{show_value(value)} (row {row})")
    if found.problem is not None:
        _raise([found.problem])
    wrong = np.flatnonzero(~np.isfinite(found.values))
    if wrong.size:
        example = f"{found.values[wrong[0]]:g} (row {wrong[0]})"
        remedy = "record it for every run, or leave those runs out of the fit"
        _raise([Problem(column, "must be a finite number", wrong.size, example, remedy)])
    return found.values


def _codes(runs: pd.DataFrame, columns: tuple[str, ...]) -> Array:
    """Number the combinations of some columns in sorted order."""
    if not columns:
        return np.zeros(len(runs))
    codes = runs.groupby(list(columns), sort=True, observed=True).ngroup()
    return np.asarray(codes, dtype=np.float64)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError("the runs frame does not fit the model", problems)
