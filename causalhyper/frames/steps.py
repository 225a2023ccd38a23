"""Steps frames: reading one from a file or a trajectory, and validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError, Problem
from causalhyper.frames.foreign import as_pandas
from causalhyper.frames.label_checks import check_labels, check_presence
from causalhyper.frames.measurement_checks import check_finite, check_range
from causalhyper.frames.measurements import Measurement, Show, read_measurement, show_value
from causalhyper.frames.reading import read_frame
from causalhyper.frames.step_columns import STEP_COLUMNS


def read_steps(path: str | Path) -> pd.DataFrame:
    r"""Read a steps frame.

    Nothing in the file is run: it holds values only.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.parquet``, ``.csv`` or ``.csv.gz``, or the folder of a
        trajectory (docs/trajectories.md).

    Returns
    -------
    pandas.DataFrame, shape (steps, columns)
        At least one row; not validated (see `validate_steps`).

    Raises
    ------
    ConfigurationError
        If the file is not there or cannot be opened, or its suffix is another.
    DataError
        If the content cannot be read, holds no rows, or repeats a column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "steps.csv")
    ...     _ = path.write_text("run_id,step,loss\n007,0,2.5\n007,1,2.25\n")
    ...     read_steps(path).to_dict("list")
    {'run_id': ['007', '007'], 'step': [0, 1], 'loss': [2.5, 2.25]}
    """
    path = Path(path)
    if not path.is_dir():
        return read_frame(path, "step")
    from causalhyper.frames.trajectory import read_trajectory

    frame = read_trajectory(path).steps
    if len(frame) == 0:
        raise DataError(f"{str(path)!r} holds no steps: was its writer stopped before the first?")
    return frame


def validate_steps(frame: pd.DataFrame, *, needs: Sequence[str] = ()) -> pd.DataFrame:
    """Check a steps frame and return a clean copy of it.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (steps, columns)
        One row a step, with columns ``run_id`` and ``step``. It is not changed.
    needs : sequence of str
        Columns that must be there with a finite number in every row, such as ``loss``. Other
        known columns may have gaps, as a measurement taken now and then has.

    Returns
    -------
    pandas.DataFrame
        All rows and columns, run after run as they first appear and each in the order of its
        steps, index from 0; ``step`` is int64, the other known columns and those needed are
        float64.

    Raises
    ------
    ConfigurationError
        If the call is wrong: no frame, names in a bare text.
    DataError
        If the frame is wrong; its `problems` are all that were found, in the order missing
        columns, ``run_id``, ``step``, the others.

    Examples
    --------
    >>> frame = pd.DataFrame({"run_id": ["a", "a"], "step": [1, 0], "loss": [0.5, 0.75]})
    >>> validate_steps(frame, needs=["loss"])["loss"].tolist()
    [0.75, 0.5]
    """
    frame = as_pandas(frame)
    _check_call(frame, needs)
    problems = check_presence(frame, ("run_id", "step", *needs))
    names = list(frame.columns)
    present = [name for name in names if isinstance(name, str) and names.count(name) == 1]

    def show(row: int, value: object) -> str:
        if "run_id" not in present:
            return show_value(value)
        return f"{show_value(value)} (run {show_value(frame['run_id'].iloc[row])})"

    if "run_id" in present:
        problems += check_labels(frame["run_id"], "run")
    known = {name for name, column in STEP_COLUMNS.items() if column.is_measured}
    asked = [name for name in ("step", *present) if name in present and name in known | {*needs}]
    measured = {name: read_measurement(frame[name], show) for name in dict.fromkeys(asked)}
    for name, found in measured.items():
        problems += _column_problems(name, found, name == "step" or name in needs, show)
    if not problems:
        problems = _repeats(frame, measured["step"], show)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise DataError(f"the steps frame has {count}", problems)
    clean = frame.assign(**{name: found.values for name, found in measured.items()})
    clean = clean.astype({"step": np.int64})
    order = np.lexsort((clean["step"], pd.factorize(clean["run_id"].astype(object))[0]))
    return clean.iloc[order].reset_index(drop=True)


def _check_call(frame: pd.DataFrame, needs: Sequence[str]) -> None:
    """Refuse a call that no data could satisfy."""
    if not isinstance(frame, pd.DataFrame):
        raise ConfigurationError(f"expected a pandas DataFrame; got {type(frame).__name__}")
    if frame.columns.nlevels > 1:
        raise ConfigurationError("the frame has columns of several levels: flatten them first")
    if isinstance(needs, str):
        raise ConfigurationError(f"expected needs as a list of columns; got the text {needs!r}")


def _column_problems(name: str, found: Measurement, needed: bool, show: Show) -> list[Problem]:
    """Check one column of numbers."""
    if found.problem is not None:
        return [found.problem]
    problems = check_finite(name, found.values, show) if needed else []
    if name in STEP_COLUMNS:
        problems += check_range(STEP_COLUMNS[name], found.values, show)
    return problems


def _repeats(frame: pd.DataFrame, steps: Measurement, show: Show) -> list[Problem]:
    """Find steps of a run that stand twice."""
    pairs = pd.DataFrame({"run": frame["run_id"].astype(object).to_numpy(), "step": steps.values})
    rows = np.flatnonzero(pairs.duplicated(keep=False).to_numpy(dtype=bool))
    if not len(rows):
        return []
    remedy = "one row a step of a run: drop the repeats, or give each run a run_id of its own"
    example = show(int(rows[0]), steps.values[rows[0]])
    return [Problem("step", "must be unique in its run", len(rows), example, remedy)]
