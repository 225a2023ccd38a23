"""MLflow's file store, a folder ``mlruns``, read file by file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import DataError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.history import History, Points
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.mlflow_runs import (
    Experiment,
    describe_selection,
    facts_of,
    select_experiments,
    user_tags,
)
from causalhyper.frames.logged.simple_yaml import read_yaml

_STATES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_NEEDED = ("experiment_id", "lifecycle_stage")


def read_file_store(
    path: str | Path, *, experiment: str | Sequence[str] | None = None, deleted: bool = False
) -> Content:
    """Read an MLflow file store without its client.

    Parameters
    ----------
    path : str or Path
        The folder, usually ``mlruns``: a folder for each experiment, in it one for each run.
    experiment : str or sequence of str, optional
        Names of experiments; all by default.
    deleted : bool
        Whether runs and experiments that were deleted are read too.

    Returns
    -------
    Content
        See `read_database`.

    Raises
    ------
    ConfigurationError
        If an experiment is not there.
    DataError
        If a file does not hold what MLflow writes; it is named.
    """
    folders = dict(_experiments(Path(path)))
    chosen = select_experiments(list(folders), experiment, deleted, str(path))
    found = [
        (e, folder, meta)
        for e in chosen
        for folder, meta in _metas(folders[e])
        if "run_name" in meta or "run_id" in meta or "run_uuid" in meta
    ]
    kept = [entry for entry in found if deleted or entry[2]["lifecycle_stage"] == "active"]
    kept.sort(key=lambda entry: (int(str(entry[2].get("start_time") or 0)), entry[1].name))
    history = History.join({folder.name: _metrics(folder) for _, folder, _ in kept})
    last = history.last()
    runs = [
        _run(e.name, folder, meta, last[folder.name], deleted=deleted) for e, folder, meta in kept
    ]
    notes = describe_selection(len(found) - len(kept))
    return Content("mlflow", f"MLflow file store {str(path)!r}", runs, history, notes)


def check_file_store(path: Path) -> bool:
    """Tell whether a folder is an MLflow file store.

    Parameters
    ----------
    path : Path
        A folder.

    Returns
    -------
    bool
        True where a folder in it has the description of an experiment.
    """
    return any(True for _ in _experiments(path))


def _experiments(path: Path) -> Iterator[tuple[Experiment, Path]]:
    """Find the experiments of a store, those in its trash behind the others."""
    for place in (path, path / ".trash"):
        for folder, meta in _metas(place):
            if "name" in meta and "run_id" not in meta:
                gone = meta["lifecycle_stage"] == "deleted" or place.name == ".trash"
                yield Experiment(str(meta["experiment_id"]), str(meta["name"]), gone), folder


def _metas(place: Path) -> Iterator[tuple[Path, dict[str, object]]]:
    """Find the folders that have a description as MLflow writes it."""
    for file in sorted(place.glob("*/meta.yaml")):
        meta = read_yaml(file)
        if all(name in meta for name in _NEEDED):
            yield file.parent, meta


def _run(
    experiment: str,
    folder: Path,
    meta: dict[str, object],
    last: dict[str, float],
    *,
    deleted: bool,
) -> LoggedRun:
    tags = _texts(folder / "tags")
    start, end = (_milliseconds(meta.get(name)) for name in ("start_time", "end_time"))
    label = str(meta["run_name"]) if meta.get("run_name") else None
    state = meta.get("status")
    status = _STATES.get(state, str(state)) if isinstance(state, int) else str(state)
    facts = facts_of(label, experiment, status, start, end, tags)
    if deleted:
        facts["deleted"] = meta["lifecycle_stage"] == "deleted"
    return LoggedRun(folder.name, facts, _texts(folder / "params"), user_tags(tags), last)


def _milliseconds(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name the files under a folder by their keys, which may hold slashes."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file


def _texts(folder: Path) -> dict[str, str]:
    return {key: file.read_text("utf-8") for key, file in _files(folder)}


def _metrics(folder: Path) -> Points:
    return {key: _read_metric(file) for key, file in _files(folder / "metrics")}


def _read_metric(file: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Read lines "timestamp value step", sorted so that the latest counts."""
    lines = [line.split() for line in file.read_bytes().splitlines() if line.strip()]
    try:
        stamp = np.array([int(line[0]) for line in lines], dtype=np.int64)
        value = np.array([float(line[1]) for line in lines], dtype=np.float64)
        step = np.array([int(line[2]) if len(line) > 2 else 0 for line in lines], dtype=np.int64)
    except (ValueError, IndexError, OverflowError) as error:
        raise DataError(
            f"{str(file)!r} does not hold lines of timestamp, value and step, as MLflow's metric "
            f"files do: {error}; if a process was killed while writing it, drop its last line"
        ) from error
    order = np.lexsort((value, stamp))
    return step[order], value[order]
