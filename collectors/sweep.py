"""Run a list of training runs, appending each to a frame as it finishes; resume what stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from causalhyper.frames import append_run, read_runs, write_frame


class Run(Protocol):
    """A configuration of one run, picklable, with a name that is unique in the sweep."""

    @property
    def run_id(self) -> str:
        """Name of the run."""
        ...


R = TypeVar("R", bound=Run)


def sweep(
    runs: Sequence[R],
    train: Callable[[R], dict[str, object]],
    path: Path,
    *,
    workers: int = 1,
    quiet: bool = False,
) -> pd.DataFrame:
    """Train every run that `path` does not hold yet, and return the whole frame.

    Each finished run is appended atomically, so a sweep killed at any moment loses only the
    runs in flight; calling it again goes on from there. A complete frame is left in the order
    of `runs`, whatever the number of workers.

    Parameters
    ----------
    runs : sequence
        Configurations; each has a unique ``run_id``.
    train : callable
        Trains one configuration and returns its row, which holds ``run_id``. With more than one
        worker it must be importable (a module-level function or a partial of one).
    path : Path
        The Parquet frame.
    workers : int
        Processes, each with one thread.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    DataFrame
        One row a run.

    Raises
    ------
    ValueError
        If two runs share a run_id, or `path` holds runs that are not of this sweep.
    """
    ids = [run.run_id for run in runs]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise ValueError(f"run_id {twice!r} appears twice in the sweep: make run_ids unique")
    done = set(read_runs(path)["run_id"]) if path.exists() else set()
    if foreign := sorted(done - set(ids)):
        raise ValueError(
            f"{path} holds {len(foreign)} runs that are not of this sweep, such as {foreign[0]!r}: "
            "name another file"
        )
    todo = [run for run in runs if run.run_id not in done]
    with _bar(quiet) as progress:
        task = progress.add_task("runs", total=len(runs), completed=len(done))
        for row in _rows(todo, train, workers):
            append_run(path, row)
            progress.advance(task)
    frame = read_runs(path).set_index("run_id").loc[ids].reset_index()
    write_frame(path, frame)
    return frame


def _bar(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


def _rows(todo, train, workers):  # type: ignore[no-untyped-def]
    """Yield rows as runs finish."""
    if workers == 1:
        yield from map(train, todo)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _single_thread) as pool:
        pending: set[Future[dict[str, object]]] = {pool.submit(train, run) for run in todo}
        try:
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _single_thread() -> None:
    """Keep a worker to one thread, so that processes neither contend nor differ in bits."""
    import torch

    torch.set_num_threads(1)
