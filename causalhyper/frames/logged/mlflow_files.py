"""MLflow's file store, a folder ``mlruns``, read file by file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.history import History, Points
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.mlflow_runs import (
    MlflowExperiment,
    describe_selection,
    facts_of,
    select_experiments,
    user_tags,
)
from causalhyper.frames.logged.simple_yaml import read_yaml

_STATES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_NEEDED = ("experiment_id", "lifecycle_stage", "status")


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
    found = [(e, folder, meta) for e in chosen for folder, meta in _runs(folders[e])]
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
    for file in path.glob("*/meta.yaml"):
        try:
            if _describes_experiment(read_yaml(file)):
                return True
        except (ConfigurationError, DataError):
            continue
    return False


def _experiments(path: Path) -> Iterator[tuple[MlflowExperiment, Path]]:
    """Find the experiments of a store, those in its trash behind the others."""
    for place in (path, path / ".trash"):
        for file in sorted(place.glob("*/meta.yaml")):
            meta = read_yaml(file)
            if _describes_experiment(meta):
                gone = meta["lifecycle_stage"] == "deleted" or place.name == ".trash"
                yield (
                    MlflowExperiment(str(meta["experiment_id"]), str(meta["name"]), gone),
                    file.parent,
                )


def _describes_experiment(meta: dict[str, object]) -> bool:
    needed = {"experiment_id", "lifecycle_stage", "name"}
    return needed <= meta.keys() and not {"run_id", "run_uuid"} & meta.keys()


def _runs(place: Path) -> Iterator[tuple[Path, dict[str, object]]]:
    """Find the runs of an experiment; one whose description is broken is not passed over."""
    for file in sorted(place.glob("*/meta.yaml")):
        meta = read_yaml(file)
        lacking = [name for name in _NEEDED if name not in meta]
        if lacking:
            raise DataError(
                f"{str(file)!r} lacks {', '.join(lacking)}, which MLflow writes for every run; "
                "if a process was killed while writing it, restore or remove its folder"
            )
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


def _read_metric(file: Path) -> tuple[NDArray[np.int64], Array]:
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
