"""What of a sweep is on disk: the finished runs, and beside them the failures."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames import read_runs, write_atomic, write_frame
from collectors.sweeps.configuration import Configuration

PLACES = ("block", "order")
"""Columns that may differ: a run keeps the place that it was made in when a design grows."""


class Run(Protocol):
    """A configuration of one run, picklable, with a name that is unique in the sweep."""

    @property
    def run_id(self) -> str:
        """Name of the run."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that has no outcome.

    Attributes
    ----------
    run_id : str
        Name of the run.
    error : str
        What was raised, or how its process died.
    died : bool
        Whether its process died.
    attempts : int
        How often it was tried.
    trace : str
        The traceback in the worker, "" where there is none.
    """

    run_id: str
    error: str
    died: bool
    attempts: int
    trace: str


def check_runs(runs: Sequence[Run], path: Path) -> None:
    """Refuse, before anything is trained, runs that cannot fill a frame.

    Parameters
    ----------
    runs : sequence
        Configurations.
    path : Path
        The frame.

    Raises
    ------
    ConfigurationError
        If there are no runs, two share a run_id, or `path` is not a Parquet file's name.
    """
    if not runs:
        raise ConfigurationError("there are no runs to train: give one at least")
    run_id, count = Counter(run.run_id for run in runs).most_common(1)[0]
    if count > 1:
        raise ConfigurationError(
            f"run_id {run_id!r} appears {count} times in the sweep: make run_ids unique"
        )
    if path.suffix.lower() != ".parquet":
        raise ConfigurationError(f"cannot append to {str(path)!r}; expected a .parquet file")


def finished_runs(path: Path, runs: Sequence[Run]) -> pd.DataFrame:
    """Read the finished runs, after checking that they are of this sweep.

    Parameters
    ----------
    path : Path
        The frame; it need not be there.
    runs : sequence
        All runs of the sweep. Those of a dataclass are compared with the rows, field by field
        where the frame has a column of that name.

    Returns
    -------
    DataFrame
        One row a finished run; no rows and no column but ``run_id`` where there is no file.

    Raises
    ------
    ConfigurationError
        If the frame holds runs of another sweep, or configured otherwise.
    """
    if not path.exists():
        return pd.DataFrame({"run_id": pd.Series(dtype=object)})
    frame = read_runs(path)
    by_id = {run.run_id: run for run in runs}
    if foreign := sorted(set(frame["run_id"]) - set(by_id)):
        raise ConfigurationError(
            f"{str(path)!r} holds {len(foreign)} runs that are not of this sweep, such as "
            f"{foreign[0]!r}: name another file"
        )
    for row in frame.to_dict("records"):
        run = by_id[row["run_id"]]
        for name, wanted in settings(run).items():
            if name in row and name not in PLACES and row[name] != wanted:
                raise ConfigurationError(
                    f"{str(path)!r} holds the run {run.run_id!r} with {name} {row[name]!r}, this "
                    f"sweep has {wanted!r}: name another file"
                )
    return frame


def settings(run: object) -> dict[str, object]:
    """Return the plain fields of a configuration.

    Parameters
    ----------
    run : object
        A `Configuration`, any other dataclass, or something else.

    Returns
    -------
    dict
        Numbers and texts by name; empty if `run` is no dataclass.
    """
    if isinstance(run, Configuration):
        return run.columns()
    if not dataclasses.is_dataclass(run) or isinstance(run, type):
        return {}
    values = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    return {name: value for name, value in values.items() if isinstance(value, int | float | str)}


def put_in_order(path: Path, runs: Sequence[Run]) -> pd.DataFrame:
    """Leave the frame in the order of the runs, whatever the order in which they finished.

    Parameters
    ----------
    path : Path
        The frame.
    runs : sequence
        All runs of the sweep.

    Returns
    -------
    DataFrame
        The frame.
    """
    frame = read_runs(path)
    place = {run.run_id: number for number, run in enumerate(runs)}
    order = frame["run_id"].map(place).argsort(kind="stable")
    frame = frame.iloc[order].reset_index(drop=True)
    write_frame(path, frame)
    return frame


def failures_path(path: Path) -> Path:
    """Name the file of failures: ``runs.failures.json`` beside ``runs.parquet``.

    Parameters
    ----------
    path : Path
        The frame.

    Returns
    -------
    Path
        The file, which is there only while runs have failed.

    Examples
    --------
    >>> failures_path(Path("sweeps/runs.parquet")).name
    'runs.failures.json'
    """
    return path.with_name(f"{path.stem}.failures.json")


def write_failures(path: Path, failures: Sequence[Failure]) -> None:
    """Write the failures beside the frame, or remove the file where there are none.

    Parameters
    ----------
    path : Path
        The frame.
    failures : sequence of Failure
        All that there are.
    """
    file = failures_path(path)
    if not failures:
        file.unlink(missing_ok=True)
        return
    records = [dataclasses.asdict(failure) for failure in failures]
    write_atomic(file, (json.dumps({"failures": records}, indent=2) + "\n").encode())


def known_seconds(row: dict[str, object]) -> float | None:
    """Read from a finished row how long the run took.

    Parameters
    ----------
    row : dict
        A row of the frame.

    Returns
    -------
    float or None
        The column ``wall_seconds``, where there is one.
    """
    value = row.get("wall_seconds")
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
