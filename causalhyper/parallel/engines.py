"""Where tasks are done: in this process, in processes beside it, or on a cluster, by joblib.

Whatever the engine, a task is done by a worker process of its own (`worker_pool`), which the
engine's thread or process supervises. So a worker that dies takes nothing with it but its task,
and the number of threads, which the bytes depend on, is one everywhere.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.parallel.clusters import DaskPool, RayPool, TaskPool, ask_far
from causalhyper.parallel.packing import pack
from causalhyper.parallel.places import Place
from causalhyper.parallel.worker_pool import Reply, WorkerPool

if TYPE_CHECKING:
    from joblib import Parallel

BREAKS = 3
"""How often in a row an engine may break before any task is done."""
Placed = tuple[int, Reply]
Arguments = tuple[object, ...]


class EngineError(CausalHyperError):
    """The engine itself broke, again and again, and not the tasks that it was given."""


class _Stop(BaseException):
    """Thrown into joblib's generator: it ends at once, and without a warning."""


def replies(
    function: Callable[..., object], tasks: Sequence[Arguments], place: Place
) -> Generator[Placed, None, None]:
    """Call a function once a task, at the place given.

    Closing the generator, or an interrupt in it, ends what is under way at once.

    Parameters
    ----------
    function : callable
        What to call; it travels to other processes as bytes (`packing.pack`).
    tasks : sequence of tuple
        The arguments of each call.
    place : Place
        Where.

    Yields
    ------
    tuple of int and Reply
        The task's number and what became of it, as they finish.

    Raises
    ------
    ConfigurationError
        If the function or a task cannot be sent to another process.
    EngineError
        If the engine breaks three times in a row.
    """
    if place.is_here:
        yield from _replies_here(function, tasks)
        return
    left = dict(enumerate(_pickled(function, tasks)))
    breaks = 0
    while left:
        try:
            with contextlib.closing(_replies_of_joblib(left, place)) as found:
                for number, reply in found:
                    breaks = 0
                    del left[number]
                    yield number, reply
        except ConfigurationError:
            raise
        except Exception as error:
            breaks += 1
            if breaks == BREAKS:
                raise EngineError(
                    f"the engine {place.engine or 'processes'!r} broke {BREAKS} times in a row: "
                    f"{type(error).__name__}: {error}: when it is sound, call again"
                ) from error


def _replies_here(function: Callable[..., object], tasks: Sequence[Arguments]) -> Iterator[Placed]:
    for number, arguments in enumerate(tasks):
        with _single_thread():
            reply = _reply_here(function, arguments)
        yield number, reply


def _reply_here(function: Callable[..., object], arguments: Arguments) -> Reply:
    began = perf_counter()
    try:
        value = function(*arguments)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Reply(error=text, trace=traceback.format_exc(), cause=error)
    return Reply(value, perf_counter() - began)


def _pickled(function: Callable[..., object], tasks: Sequence[Arguments]) -> list[bytes]:
    try:
        return [pack((function, arguments)) for arguments in tasks]
    except Exception as error:
        raise ConfigurationError(
            f"cannot send the tasks or {function!r} to another process: {error}: let them hold "
            "names and numbers and open files inside, or use one worker"
        ) from error


def _replies_of_joblib(left: dict[int, bytes], place: Place) -> Generator[Placed, None, None]:
    """Have joblib dispatch the tasks to threads or processes that supervise the workers."""
    from joblib import delayed

    pool = _pool(place)
    batch = secrets.token_hex(8)
    waiting = list(left.items())
    if pool is None:
        calls = (delayed(_ask_from_afar)(batch, number, task) for number, task in waiting)
    else:
        calls = (delayed(_ask)(pool, number, task) for number, task in waiting)
    outputs = _parallel(place, pool)(calls)
    ended = False
    try:
        for output in outputs:  # noqa: UP028 - "yield from" would pass a close on to joblib
            yield output
        ended = True
    finally:
        if pool is not None:
            pool.close()
        if not ended:
            with contextlib.suppress(_Stop):
                outputs.throw(_Stop())


def _pool(place: Place) -> TaskPool | None:
    """What this process asks; None where joblib's own processes ask their workers."""
    if place.engine == "dask":
        return DaskPool()
    if place.engine == "ray":
        return RayPool()
    return WorkerPool(place.devices) if place.engine in (None, "processes") else None


def _parallel(place: Place, pool: TaskPool | None) -> Parallel:
    from joblib import Parallel

    options = {
        "batch_size": 1,
        "pre_dispatch": "n_jobs",
        "return_as": "generator_unordered",
    }
    if pool is not None:
        return Parallel(n_jobs=place.width, backend="threading", **options)
    if place.engine == "joblib":
        try:
            return Parallel(n_jobs=place.workers, **options)
        except ValueError as error:
            raise ConfigurationError(
                f"the backend of joblib.parallel_config cannot serve here: {error}: choose "
                "'loky', 'threading' or 'dask' there, or name an engine"
            ) from error
    return Parallel(n_jobs=place.width, backend=place.engine, **options)


def _ask(pool: TaskPool, number: int, task: bytes) -> Placed:
    return number, pool.call(task)


def _ask_from_afar(batch: str, number: int, task: bytes) -> Placed:
    return number, ask_far(batch, task)


@contextlib.contextmanager
def _single_thread() -> Iterator[None]:
    """Keep BLAS, and torch where loaded, to one thread: bytes do not depend on the engine."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        with _single_thread_of_blas():
            yield
    finally:
        if torch:
            torch.set_num_threads(before)


def _single_thread_of_blas() -> contextlib.AbstractContextManager[object]:
    """Without threadpoolctl, which every engine comes with, there is nothing to be equal to."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    return threadpool_limits(1)
