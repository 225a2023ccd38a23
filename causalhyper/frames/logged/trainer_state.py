"""Hugging Face's ``trainer_state.json``: a training folder with checkpoints is a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.documents import read_json_object
from causalhyper.frames.logged.history import History, points_of
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.values import flatten, numbers_among

STATE = "trainer_state.json"
ARGUMENTS = "training_args.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_PARAMETERS = ("train_batch_size", "num_train_epochs", "max_steps")
_NOTE = (
    "no batch_size: trainer_state.json has only the size a process and a backward pass "
    "(train_batch_size), not accumulation and processes; where that is all, pass "
    "columns={'train_batch_size': 'batch_size'}"
)


def read_trainer_states(path: str | Path) -> Content:
    """Read what Hugging Face's Trainer logged.

    Parameters
    ----------
    path : str or Path
        A ``trainer_state.json``, a training folder (its own state, or that of the newest
        checkpoint), or a folder that has training folders somewhere below.

    Returns
    -------
    Content
        A run for each training folder, named by its path below `path`. ``status`` is FINISHED
        where training came to its end, otherwise UNFINISHED; ``updates`` and ``epochs`` are those
        done, not those planned, which max_steps or an early stop cut short. The mean training
        loss that the Trainer reports at its end as ``train_loss`` is ``mean_train_loss``.
        Arguments written by ``TrainingArguments.to_json_string`` to ``training_args.json`` are
        parameters; ``training_args.bin`` is a pickle and is not opened.

    Raises
    ------
    ConfigurationError
        If there is no such file.
    DataError
        If one is not what the Trainer writes.
    """
    path = Path(path)
    states = _newest_states(path)
    if not states:
        raise ConfigurationError(f"no {STATE} under {str(path)!r}: name the Trainer's output_dir")
    base = path.parent if path.is_file() else path
    points, details = {}, []
    for folder, file in states.items():
        same = folder == base or path.is_file()
        name = folder.resolve().name if same else folder.relative_to(base).as_posix()
        state = read_json_object(file)
        rows, steps = _history(state, file)
        points[name] = points_of(rows, steps)
        details.append((name, state, _arguments(folder, file)))
    history = History.join(points)
    last = history.last()
    runs = [_run(name, state, given, last[name]) for name, state, given in details]
    source = f"Hugging Face trainer states {str(path)!r}"
    return Content("huggingface", source, runs, history, (_NOTE,))


def _newest_states(path: Path) -> dict[Path, Path]:
    """Return each training folder's most advanced state."""
    if path.is_file():
        return {path.parent: path}
    found: dict[Path, list[tuple[int, Path]]] = {}
    for file in sorted(path.rglob(STATE)):
        match = _CHECKPOINT.fullmatch(file.parent.name)
        inside = match is not None and file.parent != path
        folder = file.parent.parent if inside else file.parent
        found.setdefault(folder, []).append((int(match[1]) if match and inside else -1, file))
    return {folder: _most_advanced(files) for folder, files in found.items()}


def _most_advanced(files: list[tuple[int, Path]]) -> Path:
    """Return the state with the most steps; a folder's own one goes before checkpoints."""
    own = [file for step, file in files if step < 0]
    newest = max(files)[1]
    if not own:
        return newest
    return max((own[0], newest), key=lambda file: _steps(read_json_object(file)))


def _steps(state: Mapping[str, object]) -> float:
    found = state.get("global_step")
    return found if isinstance(found, int | float) else -1


def _history(state: Mapping[str, object], file: Path) -> tuple[list[dict[str, float]], list[int]]:
    """Return the logged records and their steps."""
    records = state.get("log_history")
    if not isinstance(records, list) or not all(
        isinstance(r, dict) and isinstance(r.get("step"), int) for r in records
    ):
        raise DataError(
            f"{str(file)!r} has no 'log_history' of records with a 'step'; expected the file "
            "that Hugging Face's Trainer writes"
        )
    rows = []
    for record in records:
        row = numbers_among({k: v for k, v in record.items() if k != "step"})
        if "train_runtime" in row and "train_loss" in row:
            row["mean_train_loss"] = row.pop("train_loss")
        rows.append(row)
    return rows, [record["step"] for record in records]


def _arguments(folder: Path, state: Path) -> dict[str, object]:
    """Return the training arguments that someone wrote as JSON beside the state."""
    for place in (state.parent, folder):
        if (place / ARGUMENTS).is_file():
            return flatten(read_json_object(place / ARGUMENTS))
    return {}


def _run(
    name: str,
    state: Mapping[str, object],
    arguments: Mapping[str, object],
    last: dict[str, float],
) -> LoggedRun:
    planned, done = state.get("max_steps"), state.get("global_step")
    complete = isinstance(planned, int) and isinstance(done, int) and done >= planned > 0
    ended = complete or "train_runtime" in last
    facts: dict[str, object] = {
        "status": "FINISHED" if ended else "UNFINISHED",
        "updates": done,
        "epochs": state.get("epoch"),
        "wall_seconds": last.get("train_runtime"),
    }
    for key in ("best_metric", "best_global_step"):
        if state.get(key) is not None:
            facts[key] = state[key]
    given = {key: state[key] for key in _PARAMETERS if key in state and key not in arguments}
    trial = state.get("trial_params")
    searched = flatten(trial) if isinstance(trial, dict) else {}
    return LoggedRun(name, facts, given | dict(arguments) | searched, {}, last)
