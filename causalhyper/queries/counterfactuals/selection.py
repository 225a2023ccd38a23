"""Which observed runs a question is about."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError
from causalhyper.scm.model import FittedModel

Runs = str | int | Iterable[object] | pd.DataFrame | None
"""A run's name, several names or positions, rows of the runs frame, or None for all runs."""


def pick_runs(model: FittedModel, runs: Runs) -> Codes:
    """Rows of the model for what names runs.

    Parameters
    ----------
    model : FittedModel
    runs : str, int, iterable, DataFrame or None
        Whole numbers are positions in ``model.run_ids`` where no run is named by a number.

    Returns
    -------
    ndarray of int, shape (m,)
        In the order given, each once.

    Raises
    ------
    ConfigurationError
        If there is none, or one is unknown.
    """
    if runs is None:
        return np.arange(model.n)
    names = _names(runs)
    if not names:
        raise ConfigurationError("no run to ask about: name some, or leave runs out for all")
    place = {name: i for i, name in enumerate(model.run_ids.tolist())}
    if not any(isinstance(name, int) for name in place):
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
    return np.array([place[name] for name in dict.fromkeys(names)])


def _names(runs: str | int | Iterable[object] | pd.DataFrame) -> list[object]:
    if isinstance(runs, pd.DataFrame):
        if "run_id" not in runs:
            raise ConfigurationError("rows of the runs frame need their column run_id")
        return list(runs["run_id"])
    if isinstance(runs, str) or not isinstance(runs, Iterable):
        return [runs]
    return list(runs)
