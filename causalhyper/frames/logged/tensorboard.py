"""TensorBoard log folders: every folder with event files is a run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.event_files import Events, read_events
from causalhyper.frames.logged.history import History, Points
from causalhyper.frames.logged.logged import LoggedRun

_EVENTS = "*tfevents*"
_TIMESTAMP = re.compile(r"\d{9,11}(\.\d+)?")
"""How ``SummaryWriter.add_hparams`` names the folder that it makes beside the event files."""


def read_event_folder(path: str | Path) -> Content:
    """Read the scalars and hyperparameters under a log folder.

    Parameters
    ----------
    path : str or Path
        A folder that has event files somewhere below, or one event file.

    Returns
    -------
    Content
        A run for each folder with event files, named by its path below `path`. Where files
        overlap (a run that was killed and went on from a checkpoint), a later file's values of
        a tag replace earlier ones from its first step on. The folder that ``add_hparams``
        makes belongs to the run above it.

    Raises
    ------
    ConfigurationError
        If there is no event file.
    DataError
        If a file is damaged.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(p for p in path.rglob(_EVENTS) if p.is_file())
    if not files:
        raise ConfigurationError(
            f"no event file under {str(path)!r}; expected names that hold 'tfevents'"
        )
    base = path.parent if path.is_file() else path
    runs: dict[str, list[Events]] = {}
    cut = []
    for file in files:
        events = read_events(file)
        cut += [file.name] if events.cut else []
        runs.setdefault(_run_name(file.parent, base, files), []).append(events)
    notes = [f"the last record of {name} is incomplete and was left out" for name in cut]
    for note in notes:
        warnings.warn(f"{note}: is the run still going on?", UserWarning, stacklevel=2)
    points = {}
    for name, parts in runs.items():
        points[name], lost = _overlay(parts)
        notes += [f"run {name!r}: a restart replaced {lost} earlier values"] if lost else []
    history = History.join(points)
    return Content(
        "tensorboard",
        f"TensorBoard event files {str(path)!r}",
        _runs(runs, history),
        history,
        tuple(notes),
    )


def _run_name(folder: Path, base: Path, files: Sequence[Path]) -> str:
    """Name the run of a folder."""
    owners = {file.parent for file in files}
    if _TIMESTAMP.fullmatch(folder.name) and folder.parent in owners:
        folder = folder.parent
    name = folder.relative_to(base).as_posix()
    return base.resolve().name if name == "." else name


def _runs(runs: dict[str, list[Events]], history: History) -> list[LoggedRun]:
    last = history.last()
    return [
        LoggedRun(
            name,
            parameters={
                key: value
                for events in sorted(parts, key=lambda e: e.began)
                for key, value in events.parameters.items()
            },
            metrics=last[name],
        )
        for name, parts in runs.items()
    ]


def _overlay(parts: Sequence[Events]) -> tuple[Points, int]:
    """Join the files of a run in the order of their beginning.

    Returns the points, and how many were replaced.
    """
    kept: dict[str, tuple[list[int], list[float]]] = {}
    lost = 0
    for events in sorted(parts, key=lambda e: e.began):
        for step, before in events.restarts:
            lost += sum(_cut(kept[tag], step) for tag in kept)
            for tag, count in before.items():
                lost += _cut(events.points[tag], step, count)
        for tag, (steps, values) in events.points.items():
            earlier = kept.setdefault(tag, ([], []))
            if steps:
                lost += _cut(earlier, min(steps))
            earlier[0].extend(steps)
            earlier[1].extend(values)
    return {
        tag: (np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64))
        for tag, (steps, values) in kept.items()
    }, lost


def _cut(points: tuple[list[int], list[float]], step: int, count: int | None = None) -> int:
    """Drop what was logged from a step on, among the first `count` entries."""
    steps, values = points
    count = len(steps) if count is None else count
    keep = [i for i, at in enumerate(steps) if at < step or i >= count]
    lost = len(steps) - len(keep)
    if lost:
        steps[:], values[:] = [steps[i] for i in keep], [values[i] for i in keep]
    return lost
