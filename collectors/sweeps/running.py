"""Train the runs of a sweep, appending each to a frame as it finishes; resume what stopped."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from causalhyper.errors import CausalHyperError, ConfigurationError, DataError
from causalhyper.frames import append_run
from causalhyper.parallel import Engine, Place, Reply, replies
from collectors.sweeps.design import Design
from collectors.sweeps.durability import (
    Failure,
    Run,
    check_runs,
    failures_path,
    finished_runs,
    known_seconds,
    put_in_order,
    write_failures,
)
from collectors.sweeps.interruption import exit_on_sigterm
from collectors.sweeps.progress import Clock, progress_bar
from collectors.sweeps.rows import finished_row, split_rows

ATTEMPTS = 2
"""Of a run whose process dies; an error is raised again every time, so it has one."""
Group = tuple[Run, ...]
OnError = Literal["stop", "continue"]


class RunFailedError(CausalHyperError):
    """A run raised an error, or its worker process died twice; the message names the run."""


class RunFailedWarning(UserWarning):
    """Runs have no row in the frame that a sweep returns, because they failed."""


def sweep(
    design: Design | Sequence[Run],
    run: Callable[..., object],
    path: str | Path,
    *,
    workers: int | None = None,
    engine: Engine | None = None,
    devices: Sequence[str] = (),
    together: bool = False,
    on_error: OnError = "stop",
    quiet: bool = False,
) -> pd.DataFrame:
    """Train every run that `path` does not hold yet, and return the whole frame.

    Each finished run is appended atomically, so a sweep stopped at any moment loses only the
    runs under way; calling it again goes on from there. A frame is left in the order of the
    design, whatever the engine and the number of workers. An interrupt (control-C, SIGTERM) ends
    the workers at once. A worker process that dies loses only its run, which is tried once more
    when the others are done. A run that diverged is an outcome: let it return a row.

    Parameters
    ----------
    design : Design or sequence
        What `factorial` makes, or any configurations, each with a unique ``run_id``; those of a
        dataclass are compared with the rows already there, field by field.
    run : callable
        Trains one configuration and returns its measurements as a dict. Those of a `Design` need
        hold nothing of the configuration, whose columns are added; any other row holds
        ``run_id``.
    path : str or Path
        The Parquet frame.
    workers : int, optional
        Runs at once, each in a process with one thread; None for one, for one a device, or for
        all that a cluster has. With 1 and no engine, training happens in this process.
    engine : {"processes", "loky", "joblib", "dask", "ray"}, optional
        "processes" beside this one; "loky"; what ``joblib.parallel_config`` says; or the cluster
        of the current ``distributed.Client``, or the one that ``ray.init`` has joined.
    devices : sequence of str
        Such as ``["cuda:0", "cuda:1"]``: one worker a device, which `run` receives as the
        keyword ``device``.
    together : bool
        Call `run` with a tuple of configurations that differ in their seed alone (see
        ``seeds_per_block`` of `factorial`); it returns a sequence of their rows.
    on_error : {"stop", "continue"}
        What to do when a run fails: raise at once, or finish the others, warn, and return the
        frame without it. Either way ``<name>.failures.json`` beside the frame says what happened.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    DataFrame
        One row a run.

    Raises
    ------
    ConfigurationError
        If the call cannot end well (runs that share a name, a frame that holds others or the
        same configured otherwise, an engine that is not there), before anything is trained.
    RunFailedError
        If a run fails and `on_error` is "stop", or all runs failed.
    EngineError
        If the engine itself breaks three times in a row.

    Warns
    -----
    RunFailedWarning
        If runs failed and `on_error` is "continue".

    Examples
    --------
    >>> import tempfile
    >>> from collectors.sweeps import equal_updates, factorial
    >>> design = factorial(
    ...     batch_size=(2, 4), seed=range(2), n_train=8, learning_rate=0.1,
    ...     protocol=equal_updates(10), order_seed=1,
    ... )
    >>> def run(configuration):
    ...     return {"test_accuracy": 1 - 1 / configuration.batch_size}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     frame = sweep(design, run, Path(folder, "runs.parquet"), quiet=True)
    >>> frame[["order", "seed", "batch_size", "updates", "test_accuracy"]]
       order  seed  batch_size  updates  test_accuracy
    0      0     0           2       10           0.50
    1      1     0           4       10           0.75
    2      2     1           2       10           0.50
    3      3     1           4       10           0.75
    """
    path, runs = Path(path), design.runs if isinstance(design, Design) else tuple(design)
    place = Place(engine, workers, tuple(devices))
    _check_call(design, together, on_error)
    place.check(run)
    check_runs(runs, path)
    finished = finished_runs(path, runs)
    done = set(finished["run_id"])
    groups = design.cells() if together and isinstance(design, Design) else [(r,) for r in runs]
    todo = [left for group in groups if (left := tuple(r for r in group if r.run_id not in done))]
    clock = _clock(runs, finished, place)
    state = _State(path, len(runs), clock, together, quiet, on_error == "stop")
    if todo:
        _train(todo, run, place, state)
    return _close(state, runs)


@dataclass(slots=True)
class _State:
    """What a sweep keeps while it runs."""

    path: Path
    total: int
    clock: Clock
    together: bool
    quiet: bool
    stop: bool
    failures: list[Failure] = field(default_factory=list)


def _train(todo: Sequence[Group], run: Callable[..., object], place: Place, state: _State) -> None:
    """Train all groups; those whose process died once more, when the others are done."""
    import torch  # noqa: F401 - what is loaded is kept to one thread

    with progress_bar(state.clock, quiet=state.quiet) as bar, exit_on_sigterm():
        done = state.total - sum(map(len, todo))
        task = bar.add_task("runs", total=state.total, completed=done)
        for attempt in range(1, ATTEMPTS + 1):
            again = []
            tasks = [(group,) if state.together else group for group in todo]
            with closing(replies(run, tasks, place)) as outcomes:
                for number, reply in outcomes:
                    group = todo[number]
                    if reply.died and attempt < ATTEMPTS:
                        again.append(group)
                        continue
                    _settle(group, reply, attempt, state)
                    bar.advance(task, len(group))
            todo = again


def _settle(group: Group, reply: Reply, attempt: int, state: _State) -> None:
    """Append the rows of a group; write down which have failed, and raise if that is to stop."""
    values_of_runs = split_rows(reply.value, len(group), together=state.together)
    cause = reply.cause
    before = len(state.failures)
    for run, values in zip(group, values_of_runs, strict=True):
        error = reply.error
        if error is None:
            try:
                append_run(state.path, finished_row(run, values))
            except (DataError, ValueError) as fault:
                error, cause = f"{type(fault).__name__}: {fault}", fault
        state.clock.finish(run, None if error else reply.seconds / len(group))
        if error is not None:
            failure = Failure(run.run_id, error, reply.died, attempt, reply.trace)
            state.failures.append(failure)
    if failed := state.failures[before:]:
        write_failures(state.path, state.failures)
        if state.stop:
            raise RunFailedError(_sentence(failed[0])) from (cause or _remote(reply.trace))


def _sentence(failure: Failure) -> str:
    advice = ""
    if failure.died:
        advice = f", {failure.attempts} times: was memory short?"
    return f"the run {failure.run_id!r} failed: {failure.error}{advice}"


def _remote(trace: str) -> Exception | None:
    """The traceback of another process, as a cause to be shown."""
    return RunFailedError(f"in the worker process:\n{trace}") if trace else None


def _close(state: _State, runs: Sequence[Run]) -> pd.DataFrame:
    """Order the frame, and say what is missing in it."""
    write_failures(state.path, state.failures)
    if state.failures:
        first = _sentence(state.failures[0])
        text = (
            f"{len(state.failures)} of {len(runs)} runs failed and have no row; {first}; all are "
            f"in {str(failures_path(state.path))!r}; a further sweep tries them again"
        )
        if not state.path.exists():
            raise RunFailedError(text)
        warnings.warn(text, RunFailedWarning, stacklevel=3)
    return put_in_order(state.path, runs)


def _clock(runs: Sequence[Run], finished: pd.DataFrame, place: Place) -> Clock:
    """A clock that knows what the finished runs have cost."""
    done = set(finished["run_id"])
    clock = Clock([run for run in runs if run.run_id not in done], place.width)
    by_id = {run.run_id: run for run in runs}
    for row in finished.to_dict("records"):
        seconds = known_seconds({str(name): value for name, value in row.items()})
        if seconds is not None:
            clock.learn(by_id[row["run_id"]], seconds)
    return clock


def _check_call(design: Design | Sequence[Run], together: bool, on_error: str) -> None:
    if on_error not in ("stop", "continue"):
        raise ConfigurationError(f"on_error must be 'stop' or 'continue'; got {on_error!r}")
    if together and not isinstance(design, Design):
        raise ConfigurationError(
            "runs go together by the blocks of a design: make one with factorial(), with "
            "seeds_per_block"
        )
