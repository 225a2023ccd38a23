"""Which observed runs a question is about."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.queries.policies.matched_runs import read_column
from causalhyper.scm.model import FittedModel

Runs = str | int | Iterable[object] | pd.DataFrame | None
"""A run's name, several names or positions, rows of the runs frame, or None for all runs."""


def pick_runs(model: FittedModel, runs: Runs) -> Codes:
    """Rows of the model for what names runs.

    Parameters
    ----------
    model : FittedModel
    runs : str, int, iterable, DataFrame or None
        Whole numbers are positions in ``model.run_ids`` where no run is named by a number. The
        columns of a frame that play nodes must hold what was fitted.

    Returns
    -------
    ndarray of int, shape (m,)
        In the order given, each once.

    Raises
    ------
    ConfigurationError
        If there is none, or one is unknown.
    DataError
        If a frame holds other values than those that were fitted.
    """
    if runs is None:
        return np.arange(model.n)
    names = _names(runs)
    if not names:
        raise ConfigurationError("no run to ask about: name some, or leave runs out for all")
    if all(isinstance(name, bool | np.bool_) for name in names):
        raise ConfigurationError(
            "runs are given as true and false; expected names, or rows of the runs frame: pass "
            "frame[mask] in place of mask"
        )
    place = {name: i for i, name in enumerate(model.run_ids.tolist())}
    if not isinstance(runs, pd.DataFrame) and not any(isinstance(name, int) for name in place):
        positions = [int(x) for x in names if isinstance(x, int | np.integer)]
        inside = all(0 <= x < model.n for x in positions)
        if len(positions) == len(names) and inside and not any(x is True for x in names):
            return np.array(list(dict.fromkeys(positions)))
    if unknown := [name for name in names if name not in place]:
        raise ConfigurationError(
            f"no run of the model is named {', '.join(map(repr, unknown[:5]))}"
            f"{', ...' if len(unknown) > 5 else ''}; it has {model.n} runs such as "
            f"{next(iter(place))!r}"
        )
    if isinstance(runs, pd.DataFrame):
        _check_values(model, runs, np.array([place[name] for name in names]))
    return np.array([place[name] for name in dict.fromkeys(names)])


def _check_values(model: FittedModel, frame: pd.DataFrame, rows: Codes) -> None:
    """Refuse a frame whose columns hold other values than the fitted ones of its runs."""
    for node, fitted in model.values.items():
        role = model.roles[node]
        if role.column not in frame:
            continue
        given = role.apply(read_column(frame, role.column))
        # a logarithm of few values may differ from that of many in its last bit
        wrong = np.flatnonzero(~np.isclose(given, fitted[rows], rtol=1e-9, atol=1e-12))
        if wrong.size:
            raise DataError(
                f"{role.column!r} of this frame is not what the model was fitted to in "
                f"{wrong.size} of {len(rows)} runs, such as run "
                f"{frame['run_id'].iloc[wrong[0]]!r}: a counterfactual is about runs that were "
                "fitted; give rows of that frame as they were"
            )


def _names(runs: str | int | Iterable[object] | pd.DataFrame) -> list[object]:
    if isinstance(runs, pd.DataFrame):
        if "run_id" not in runs:
            raise ConfigurationError("rows of the runs frame need their column run_id")
        return list(runs["run_id"])
    if isinstance(runs, str) or not isinstance(runs, Iterable):
        return [runs]
    return list(runs)
