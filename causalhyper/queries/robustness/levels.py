"""What can be left out: the level of each of a model's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.scm.model import FittedModel


def find_levels(
    model: FittedModel, by: str | None, runs: pd.DataFrame | None
) -> tuple[str, NDArray[np.str_]]:
    """What is left out in words, and the level of each of the model's rows.

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
    levels : ndarray of str, shape (n,)
        Such as "seed=3".

    Raises
    ------
    ConfigurationError
        If `by` needs runs, or these are not the model's.
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
        raise ConfigurationError(f"to leave out levels of {column!r} give runs=, which hold it")
    frame = _aligned(model, runs)
    if column not in frame.columns:
        raise ConfigurationError(
            f"the runs have no column {column}; they have {', '.join(map(str, frame.columns))}"
        )
    found: NDArray[np.object_] = frame[column].to_numpy(dtype=object)
    return found


def _aligned(model: FittedModel, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs in the order of the model's rows."""
    order = [*dict.fromkeys((*model.cluster, *model.context, "run_id"))]
    if missing := [c for c in (*order, *model.roles.columns) if c not in runs.columns]:
        raise ConfigurationError(
            f"these are not the runs of the model: they lack {', '.join(missing)}"
        )
    frame = runs.sort_values(order, kind="stable", ignore_index=True)
    same = len(frame) == model.n and all(
        np.allclose(role.apply(frame[role.column].to_numpy(dtype=float)), model.values[v])
        for v, role in model.roles.items()
    )
    if not same:
        raise ConfigurationError(
            f"these are not the runs that the model was fitted to ({len(frame)} rows against "
            f"{model.n}, or other values): give the same frame"
        )
    return frame
