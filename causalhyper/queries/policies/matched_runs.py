"""Columns of the runs frame beside the nodes: a fitted model does not keep them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.errors import DataError, Problem
from causalhyper.frames.label_checks import check_presence
from causalhyper.frames.measurements import read_measurement, show_value
from causalhyper.scm.model import FittedModel


def match_runs(model: FittedModel, runs: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Put the rows of a runs frame in the order of the model that was fitted to it.

    Runs are matched by name. What the model knows of each, its cluster, context and every node,
    must be what the frame says.

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
    known = ("run_id", *nodes.values(), *model.cluster, *model.context)
    _raise(check_presence(runs, (*known, *columns)))
    if len(runs) != model.n:
        raise DataError(
            f"the model was fitted to {model.n} runs, this frame has {len(runs)}: give the frame "
            "that was fitted"
        )
    frame = runs.iloc[_order(model, runs)].reset_index(drop=True)
    _check_same(" x ".join(model.cluster), _codes(frame, model.cluster), model.groups.clusters)
    _check_same(" x ".join(model.context), _codes(frame, model.context), model.groups.contexts)
    for node, column in nodes.items():
        found = model.roles[node].apply(read_column(frame, column))
        _check_same(column, found, model.values[node])
    return frame


def _order(model: FittedModel, runs: pd.DataFrame) -> Codes:
    """Row of the frame for each run of the model."""
    place = {name: i for i, name in enumerate(runs["run_id"].tolist())}
    names = model.run_ids.tolist()
    if missing := [name for name in names if name not in place]:
        raise DataError(
            f"run {missing[0]!r} of the model is not in this frame, whose run_id are such as "
            f"{next(iter(place))!r}: give the frame that was fitted"
        )
    return np.array([place[name] for name in names], dtype=np.intp)


def _check_same(name: str, given: Array | Codes, fitted: Array | Codes) -> None:
    if not np.array_equal(given, fitted):
        raise DataError(
            f"{name!r} of this frame is not what the model was fitted to: give the frame that "
            "was fitted, with the same rows selected"
        )


def read_column(runs: pd.DataFrame, column: str) -> Array:
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
    >>> read_column(pd.DataFrame({"wall_seconds": [3, 4]}), "wall_seconds")
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


def _codes(runs: pd.DataFrame, columns: tuple[str, ...]) -> Codes:
    """Number the combinations of some columns in sorted order."""
    if not columns:
        return np.zeros(len(runs), dtype=np.intp)
    codes = runs.groupby(list(columns), sort=True, observed=True).ngroup()
    return np.asarray(codes, dtype=np.intp)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DataError("the runs frame does not fit the model", problems)
