"""Weights & Biases run folders: the ``.wandb`` transaction log, or the summary beside it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

from causalhyper.errors import ConfigurationError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.documents import read_json_object
from causalhyper.frames.logged.history import History, Points, points_of
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.simple_yaml import read_yaml
from causalhyper.frames.logged.values import flatten, numbers_among
from causalhyper.frames.logged.wandb_records import RunLog, read_run_log

_FOLDER = re.compile(r"(offline-)?run-\d{8}_\d{6}-(.+)")
SUMMARY, CONFIG = "wandb-summary.json", "config.yaml"


def read_wandb_folder(path: str | Path) -> Content:
    """Read Weights & Biases runs from the folders that its client writes.

    Parameters
    ----------
    path : str or Path
        A run's folder (``offline-run-...`` or ``run-...``), its ``.wandb`` file, or a folder
        that has such folders somewhere below.

    Returns
    -------
    Content
        With a ``.wandb`` file, parameters, summary and the full history, unsampled; otherwise
        what ``config.yaml`` and ``wandb-summary.json`` say, without a history. ``status`` is
        FINISHED, FAILED (an exit code other than 0) or UNFINISHED.

    Raises
    ------
    ConfigurationError
        If there is no run.
    DataError
        If a file is damaged.
    """
    path = Path(path)
    logs = [path] if path.is_file() else sorted(path.rglob("*.wandb"), key=_by_date)
    covered = {log.parent for log in logs}
    bare = [] if path.is_file() else _bare_folders(path, covered)
    if not logs and not bare:
        raise ConfigurationError(
            f"no Weights & Biases run under {str(path)!r}; expected folders run-... or "
            "offline-run-..., as they lie in the folder wandb"
        )
    merged: dict[str, RunLog] = {}
    notes = []
    for file in logs:
        log = read_run_log(file)
        if log.cut:
            notes.append(f"the log {file.name} ends in an incomplete record, which was left out")
            warnings.warn(f"{notes[-1]}: is the run still going on?", UserWarning, stacklevel=2)
        run_id = log.run_id or file.stem.removeprefix("run-")
        merged[run_id] = _resumed(merged[run_id], log) if run_id in merged else log
    runs = [_logged(run_id, log) for run_id, log in merged.items()]
    runs += [_summarised(folder) for folder in bare]
    if bare:
        notes.append(f"without history, as the .wandb file is missing: {len(bare)} of the runs")
    points = {run_id: _points(log) for run_id, log in merged.items()}
    history = History.join(points) if points else None
    source = f"Weights & Biases folders {str(path)!r}"
    return Content("wandb", source, runs, history, tuple(notes))


def _by_date(file: Path) -> str:
    """Sort by the date in the folder's name."""
    return file.parent.name.removeprefix("offline-") + file.name


def _resumed(log: RunLog, later: RunLog) -> RunLog:
    """Join the log of a run with that of its resumption; of what both say, the later counts."""
    return RunLog(
        run_id=later.run_id,
        name=later.name or log.name,
        group=later.group or log.group,
        config=log.config | later.config,
        summary=log.summary | later.summary,
        rows=log.rows + later.rows,
        steps=log.steps + later.steps,
        exit_code=later.exit_code,
    )


def _bare_folders(path: Path, covered: set[Path]) -> list[Path]:
    """Find run folders that have a summary or a configuration, and no transaction log."""
    files = [*path.rglob(SUMMARY), *path.rglob(CONFIG)]
    folders = {f.parent.parent if f.parent.name == "files" else f.parent for f in files}
    return sorted(f for f in folders if f not in covered and (f == path or _is_run(f)))


def _is_run(folder: Path) -> bool:
    return bool(_FOLDER.fullmatch(folder.name)) or (folder / SUMMARY).is_file()


def _points(log: RunLog) -> Points:
    rows = [numbers_among(_public(flatten(row))) for row in log.rows]
    return points_of(rows, log.steps)


def _public(values: Mapping[str, object]) -> dict[str, object]:
    """Drop what the client logs for itself, such as ``_timestamp``."""
    return {name: value for name, value in values.items() if not name.startswith("_")}


def _logged(run_id: str, log: RunLog) -> LoggedRun:
    state = "UNFINISHED" if log.exit_code is None else "FAILED" if log.exit_code else "FINISHED"
    seconds = log.summary.get("_runtime")
    facts = {"run_name": log.name, "status": state, "wall_seconds": seconds}
    if log.group:
        facts["group"] = log.group
    config = _public(flatten(log.config))
    return LoggedRun(run_id, facts, config, {}, numbers_among(_public(flatten(log.summary))))


def _summarised(folder: Path) -> LoggedRun:
    """Read the files of a run that has no transaction log."""
    place = folder / "files" if (folder / "files").is_dir() else folder
    match = _FOLDER.fullmatch(folder.name)
    summary: dict[str, object] = {}
    if (place / SUMMARY).is_file():
        summary = read_json_object(place / SUMMARY)
    config: dict[str, object] = {}
    if (place / CONFIG).is_file():
        for name, entry in read_yaml(place / CONFIG).items():
            wrapped = isinstance(entry, dict) and "value" in entry
            config[name] = entry["value"] if wrapped and isinstance(entry, dict) else entry
        config.pop("wandb_version", None)
    facts = {"wall_seconds": summary.get("_runtime")}
    return LoggedRun(
        match[2] if match else folder.resolve().name,
        facts,
        _public(flatten({k: v for k, v in config.items() if not k.startswith("_")})),
        {},
        numbers_among(_public(flatten(summary))),
    )
