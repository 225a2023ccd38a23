"""Lightning's CSVLogger: a run is a folder with ``metrics.csv`` and ``hparams.yaml``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.history import History, Points
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.simple_yaml import read_yaml
from causalhyper.frames.logged.tables import read_table
from causalhyper.frames.logged.values import flatten

METRICS = "metrics.csv"
HPARAMS = "hparams.yaml"


def read_csv_logger(path: str | Path) -> Content:
    """Read what Lightning's CSVLogger wrote.

    Parameters
    ----------
    path : str or Path
        A folder that has ``metrics.csv`` files somewhere below, or one such file.

    Returns
    -------
    Content
        A run for each file, named by its folder below `path`. Training and validation rows of
        one step become one row.

    Raises
    ------
    ConfigurationError
        If there is no such file.
    DataError
        If one has no column ``step``, or holds text.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.rglob(METRICS), key=_numbered)
    if not files:
        raise ConfigurationError(f"no {METRICS} under {str(path)!r}: name Lightning's log folder")
    base = path.parent if path.is_file() else path
    points: dict[str, Points] = {}
    parameters: dict[str, dict[str, object]] = {}
    for file in files:
        folder = file.parent
        same = folder == base
        name = base.resolve().name if same else folder.relative_to(base).as_posix()
        points[name] = _read_metrics(file)
        beside = folder / HPARAMS
        parameters[name] = flatten(read_yaml(beside)) if beside.exists() else {}
    history = History.join(points)
    last = history.last()
    runs = [LoggedRun(n, parameters=parameters[n], metrics=last[n]) for n in points]
    return Content("lightning", f"Lightning CSV logs {str(path)!r}", runs, history)


def _numbered(file: Path) -> list[tuple[int, str]]:
    """Sort version_10 behind version_9."""
    pieces = re.split(r"(\d+)", file.as_posix())
    return [(int(p), "") if p.isdigit() else (-1, p) for p in pieces]


def _read_metrics(file: Path) -> Points:
    """Read the filled cells of a table of metrics."""
    table = read_table(file)
    if "step" not in table:
        raise DataError(
            f"{str(file)!r} has no column 'step', which Lightning's CSVLogger writes; it has "
            f"{', '.join(map(str, table.columns))}"
        )
    steps = _numbers(table["step"], file)
    if not np.all(np.isfinite(steps) & (steps == np.round(steps))):
        raise DataError(f"{str(file)!r} has steps that are no whole numbers: correct them")
    points = {}
    for name in table.columns.drop("step"):
        filled = table[name].to_numpy() != ""
        values = _numbers(table[name][filled], file)
        points[str(name)] = (steps[filled].astype(np.int64), values)
    return points


def _numbers(column: pd.Series, file: Path) -> np.ndarray:
    """Turn texts into numbers, NaN and infinities among them; "True" counts as 1."""
    texts = column.replace({"True": "1", "False": "0"})
    try:
        return texts.to_numpy(dtype=np.float64)
    except ValueError as error:
        raise DataError(
            f"{str(file)!r} holds text in the column {column.name!r} ({error}); expected numbers"
        ) from error
