"""Train runs in this process or side by side in several, one thread each, and stop at once."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, connection, get_context, parent_process
from typing import Protocol, TypeVar

from causalhyper.errors import CausalHyperError, ConfigurationError

Row = dict[str, object]


class Run(Protocol):
    """A configuration of one run, picklable, with a name that is unique in the sweep."""

    @property
    def run_id(self) -> str:
        """Name of the run."""
        ...


R = TypeVar("R", bound=Run)


class RunFailedError(CausalHyperError):
    """A run raised an error, or a worker process died; the message names the run."""


def train_here(runs: Sequence[R], train: Callable[[R], Row]) -> Generator[Row, None, None]:
    """Train runs one after the other in this process.

    Parameters
    ----------
    runs : sequence
        Configurations.
    train : callable
        Trains one configuration and returns its row.

    Yields
    ------
    dict
        The rows in the order of `runs`.

    Raises
    ------
    RunFailedError
        If `train` raises, or its row has another ``run_id``.
    """
    with _single_thread():
        for run in runs:
            try:
                row = _row(run, train)
            except Exception as error:
                raise _failure(run, error) from error
            yield row


def train_side_by_side(
    runs: Sequence[R], train: Callable[[R], Row], workers: int
) -> Generator[Row, None, None]:
    """Train runs in several processes.

    Closing the iterator, or any error in it, ends the processes at once. Should this process be
    killed, they end by themselves.

    Parameters
    ----------
    runs : sequence
        Configurations; they travel to the workers by pickle.
    train : callable
        Trains one configuration and returns its row; importable, as a module-level function is.
    workers : int
        Processes, started afresh ("spawn").

    Yields
    ------
    dict
        The rows as they finish.

    Raises
    ------
    ConfigurationError
        If `train` or a run cannot be sent to another process.
    RunFailedError
        If a run raises, or a process dies.
    """
    _check_picklable(runs, train)
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin)
    try:
        futures = {pool.submit(_row, run, train): run for run in runs}
        for future in as_completed(futures):
            yield _outcome(future, futures, workers)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - others:
            child.terminate()
            child.join()
        raise
    pool.shutdown()


def _outcome(future: Future[Row], futures: dict[Future[Row], R], workers: int) -> Row:
    """Return the row of a finished run, or raise what names the run that failed."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        open_runs = [r.run_id for f, r in futures.items() if not f.done() or f.exception()]
        raise RunFailedError(
            f"a worker process died while training one of {', '.join(open_runs[:workers])}: was "
            "memory short? train must be importable, and a script that sweeps needs the guard "
            'if __name__ == "__main__"'
        ) from error
    except Exception as error:
        raise _failure(futures[future], error) from error


def _begin() -> None:
    """Prepare a worker process.

    An interrupt from the keyboard reaches the whole group of processes: the parent answers it.
    """
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)


def _leave_with_parent() -> None:
    """End this process when its parent ends, however that ended."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _single_thread() -> Iterator[None]:
    """Keep torch to one thread, so that processes neither contend nor differ in bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_picklable(runs: Sequence[R], train: Callable[[R], Row]) -> None:
    try:
        pickle.dumps((list(runs), train))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"cannot send the runs or {train!r} to another process: {error}: make them "
            "module-level classes and functions, or use one worker"
        ) from error


def _row(run: R, train: Callable[[R], Row]) -> Row:
    """Train a run, and return its row if it bears the run's name."""
    row = train(run)
    if row.get("run_id") != run.run_id:
        raise ValueError(
            f"the row has run_id {row.get('run_id')!r}: let train return the run's own"
        )
    return row


def _failure(run: Run, error: Exception) -> RunFailedError:
    return RunFailedError(f"the run {run.run_id!r} failed: {type(error).__name__}: {error}")
