"""The steps frame of a store, from its journal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalhyper.frames.step_columns import STEP_COLUMNS
from causalhyper.frames.trajectory.journal import Journal


def frame_of(run_id: str, journal: Journal) -> pd.DataFrame:
    """Make the steps frame of a store.

    Parameters
    ----------
    run_id : str
        Name of the run.
    journal : Journal
        The steps that are stored.

    Returns
    -------
    pandas.DataFrame, shape (steps, columns)
        ``run_id``, ``step``, then the known columns in their order, then others by name, then
        ``nonfinite``; missing where a step had no value.
    """
    given = {name for frame in journal.frames for name in frame}
    known = [name for name in STEP_COLUMNS if name in given]
    columns: dict[str, object] = {"run_id": [run_id] * journal.rows}
    for name in dict.fromkeys(["step", *known, *sorted(given)]):
        values = [frame.get(name) for frame in journal.frames]
        measured = name in STEP_COLUMNS and STEP_COLUMNS[name].is_measured
        if None in values and measured:
            columns[name] = np.array([np.nan if v is None else v for v in values], dtype=float)
        else:
            columns[name] = values
    columns["nonfinite"] = list(journal.nonfinite)
    frame = pd.DataFrame(columns)
    return frame.astype({"step": np.int64, "nonfinite": np.int64, "run_id": "str"})
