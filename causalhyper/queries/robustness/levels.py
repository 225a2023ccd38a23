"""What can be left out: the level of each of a model's rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.grams import Codes
from causalhyper.scm.model import FittedModel


def find_levels(
    model: FittedModel, by: str | None, runs: pd.DataFrame | None
) -> tuple[str, NDArray[np.str_]]:
    """What is left out in words, and the level of each of the model's rows.

    Parameters
    ----------
    model : FittedModel
    by : str or None
        "context", "cluster", or a column of `runs`; by default contexts, unless there is just
        one or each lies within a cluster.
    runs : DataFrame or None
        The runs that the model was fitted to.

    Returns
    -------
    name : str
    levels : ndarray of str, shape (n,)

    Raises
    ------
    ConfigurationError
        If `by` needs runs, or these are not the model's.
    """
    groups = model.groups
    crossing = groups.context_count > 1 and not groups.absorbed
    by = by or ("context" if crossing else "cluster")
    if runs is None and by not in ("context", "cluster"):
        raise ConfigurationError(f"to leave out levels of {by!r} give runs=, which hold it")
    if by == "context" and not model.context:
        raise ConfigurationError("the model has no contexts: leave out clusters instead")
    columns = {"context": model.context, "cluster": model.cluster}.get(by, (by,))
    codes = {"context": groups.contexts, "cluster": groups.clusters}.get(by)
    name = " x ".join(columns)
    if runs is not None:
        return name, _read_levels(_aligned(model, runs), columns)
    assert codes is not None
    return name, _numbered(name, codes)


def _numbered(name: str, codes: Codes) -> NDArray[np.str_]:
    """Levels by their place in sorted order, where nothing names them."""
    return np.array([f"{name} #{c + 1}" for c in codes])


def _read_levels(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.str_]:
    if missing := [c for c in columns if c not in frame.columns]:
        raise ConfigurationError(
            f"the runs have no column {', '.join(missing)}; they have "
            f"{', '.join(map(str, frame.columns))}"
        )
    rows = frame[list(columns)].astype(str).to_numpy()
    return np.array(
        [", ".join(f"{c}={x}" for c, x in zip(columns, row, strict=True)) for row in rows]
    )


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
