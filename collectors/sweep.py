"""Run a list of training runs, appending each to a frame as it finishes; resume what stopped."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from causalhyper.errors import ConfigurationError
from causalhyper.frames import append_run, read_runs, write_frame
from collectors.workers import Row, Run, RunFailedError, train_here, train_side_by_side

__all__ = ["Run", "RunFailedError", "sweep"]

R = TypeVar("R", bound=Run)


def sweep(
    runs: Sequence[R],
    train: Callable[[R], Row],
    path: Path,
    *,
    workers: int = 1,
    quiet: bool = False,
) -> pd.DataFrame:
    """Train every run that `path` does not hold yet, and return the whole frame.

    Each finished run is appended atomically, so a sweep stopped at any moment loses only the
    runs in flight; calling it again goes on from there. A complete frame is left in the order
    of `runs`, whatever the number of workers. An interrupt (control-C, SIGTERM) ends the workers
    at once.

    Parameters
    ----------
    runs : sequence
        Configurations; each has a unique ``run_id``. Those of a dataclass are compared with the
        rows already there, field by field where the frame has a column of that name.
    train : callable
        Trains one configuration and returns its row, which holds ``run_id``. With more than one
        worker it must be importable (a module-level function or a partial of one).
    path : Path
        The Parquet frame.
    workers : int
        Processes, each with one torch thread; with 1, training happens in this process.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    DataFrame
        One row a run.

    Raises
    ------
    ConfigurationError
        If there are no runs, two share a run_id, `workers` is below 1, `path` is not a Parquet
        file's name, or holds runs that are not of this sweep or were configured otherwise.
    RunFailedError
        If a run raises an error or its process dies; finished runs are in the file.
    """
    _check_call(runs, path, workers)
    ids = [run.run_id for run in runs]
    done = _finished(path, runs)
    todo = [run for run in runs if run.run_id not in done]
    rows = train_here(todo, train) if workers == 1 else train_side_by_side(todo, train, workers)
    with _bar(quiet) as progress, _exit_on_sigterm(), closing(rows):
        task = progress.add_task("runs", total=len(runs), completed=len(done))
        for row in rows:
            append_run(path, row)
            progress.advance(task)
    frame = read_runs(path)
    frame = frame.set_index(frame["run_id"].rename(None)).loc[ids].reset_index(drop=True)
    write_frame(path, frame)
    return frame


def _check_call(runs: Sequence[Run], path: Path, workers: int) -> None:
    """Refuse, before anything is trained, a call that cannot end well."""
    if not runs:
        raise ConfigurationError("there are no runs to train: give one at least")
    run_id, count = Counter(run.run_id for run in runs).most_common(1)[0]
    if count > 1:
        raise ConfigurationError(
            f"run_id {run_id!r} appears {count} times in the sweep: make run_ids unique"
        )
    if workers < 1:
        raise ConfigurationError(f"workers must be at least 1; got {workers}")
    if path.suffix.lower() != ".parquet":
        raise ConfigurationError(f"cannot append to {str(path)!r}; expected a .parquet file")


def _finished(path: Path, runs: Sequence[Run]) -> set[str]:
    """Return the run_ids in the file, after checking that it is of this sweep."""
    if not path.exists():
        return set()
    frame = read_runs(path)
    by_id = {run.run_id: run for run in runs}
    done = set(frame["run_id"])
    if foreign := sorted(done - set(by_id)):
        raise ConfigurationError(
            f"{str(path)!r} holds {len(foreign)} runs that are not of this sweep, such as "
            f"{foreign[0]!r}: name another file"
        )
    for row in frame.to_dict("records"):
        run = by_id[row["run_id"]]
        for name, wanted in _settings(run).items():
            if name in row and row[name] != wanted:
                raise ConfigurationError(
                    f"{str(path)!r} holds the run {run.run_id!r} with {name} {row[name]!r}, this "
                    f"sweep has {wanted!r}: name another file"
                )
    return done


def _settings(run: object) -> dict[str, object]:
    """Return the plain fields of a configuration, none if it is no dataclass."""
    if not dataclasses.is_dataclass(run) or isinstance(run, type):
        return {}
    fields = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    return {name: value for name, value in fields.items() if isinstance(value, int | float | str)}


def _bar(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that workers are ended, unless someone else handles it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
