"""What can be left out: the group of each of a model's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.queries.policies.matched_runs import match_runs
from causalhyper.scm.model import FittedModel


def find_groups(
    model: FittedModel, by: str | None, runs: pd.DataFrame | None
) -> tuple[str, NDArray[np.str_]]:
    """What is left out in words, and the group of each of the model's rows.

    Parameters
    ----------
    model : FittedModel
    by : str or None
        "context", "cluster", or a column; by default contexts, unless there is just one or each
        lies within a cluster.
    runs : DataFrame or None
        The runs that the model was fitted to; needed for a column behind neither clusters nor
        contexts.

    Returns
    -------
    name : str
    groups : ndarray of str, shape (n,)
        Such as "seed=3".

    Raises
    ------
    ConfigurationError
        If `by` needs runs, or the model has no contexts.
    DataError
        If `runs` is not the frame that was fitted, or lacks the column.
    """
    groups = model.groups
    crossing = groups.context_count > 1 and not groups.absorbed
    by = by or ("context" if crossing else "cluster")
    if by == "context" and not model.context:
        raise ConfigurationError("the model has no contexts: leave out clusters instead")
    columns = {"context": model.context, "cluster": model.cluster}.get(by, (by,))
    known = model.labels
    if by not in ("context", "cluster", *known):
        known = {by: _read_column(model, by, runs)}
    pairs = zip(*(known[c].tolist() for c in columns), strict=True)
    named = [", ".join(f"{c}={x}" for c, x in zip(columns, row, strict=True)) for row in pairs]
    return " x ".join(columns), np.array(named)


def _read_column(
    model: FittedModel, column: str, runs: pd.DataFrame | None
) -> NDArray[np.object_]:
    """A column of the runs, in the order of the model's rows."""
    if runs is None:
        raise ConfigurationError(f"to leave out values of {column!r} give runs=, which hold it")
    found: NDArray[np.object_] = match_runs(model, runs, [column])[column].to_numpy(dtype=object)
    return found
