"""Worker processes on a cluster, each beside a process of the cluster that supervises it.

Calls go to the cluster's own scheduler. joblib's backends for Dask and Ray are not used: the one
never learns of a task that the cluster lost, and waits for it for ever; the other hands out
results only when all are there, and tasks to processes at random, whether they are free or not.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from typing import Any, Protocol

from causalhyper.parallel.worker_pool import Reply, WorkerPool

KEEP_SECONDS = 30.0
"""How long a worker process beside a cluster's process waits for another task."""


class TaskPool(Protocol):
    """What answers tasks, however many threads call at once."""

    def call(self, task: bytes) -> Reply:
        """Have a task done."""
        ...

    def close(self) -> None:
        """End everything at once."""
        ...


class DaskPool:
    """Worker processes on the cluster of the current ``distributed.Client``."""

    def __init__(self) -> None:
        import distributed

        self._client = distributed.get_client()
        self._batch = secrets.token_hex(8)

    @property
    def width(self) -> int:
        """The cluster's threads."""
        cores = self._client.ncores()
        return sum(cores.values())

    def call(self, task: bytes) -> Reply:
        """Have a task done.

        Parameters
        ----------
        task : bytes
            A pickle of (function, arguments).

        Returns
        -------
        Reply
            The answer; that it died, where the cluster has lost it.
        """
        try:
            return self._client.submit(ask_far, self._batch, task, pure=False).result()
        except Exception as error:
            return _lost(error)

    def close(self) -> None:
        """End the workers at once, and those that would still be started."""
        with contextlib.suppress(Exception):  # the cluster may be gone
            self._client.run(end_far, self._batch, on_error="ignore")


class RayPool:
    """Worker processes on the cluster that ``ray.init`` has joined; one CPU each."""

    def __init__(self) -> None:
        import ray

        self._ray: Any = ray  # typed in part
        self._ask = ray.remote(num_cpus=1, max_retries=0)(ask_far)
        self._batch = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._open: set[Any] = set()
        self._closed = False

    @property
    def width(self) -> int:
        """The cluster's CPUs."""
        resources = self._ray.cluster_resources()
        return int(resources.get("CPU", 1))

    def call(self, task: bytes) -> Reply:
        """Have a task done.

        Parameters
        ----------
        task : bytes
            A pickle of (function, arguments).

        Returns
        -------
        Reply
            The answer; that it died, where the cluster has lost it.
        """
        with self._lock:
            if self._closed:
                return Reply(error="the work was stopped", died=True)
            reference = self._ask.remote(self._batch, task)
            self._open.add(reference)
        try:
            return self._ray.get(reference)
        except Exception as error:
            return _lost(error)
        finally:
            with self._lock:
                self._open.discard(reference)

    def close(self) -> None:
        """End the workers at once: with its supervisor, a worker ends."""
        with self._lock:
            self._closed = True
            waiting = list(self._open)
        for reference in waiting:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.cancel(reference, force=True)


def _lost(error: Exception) -> Reply:
    return Reply(error=f"the cluster lost it: {type(error).__name__}: {error}", died=True)


_pools: dict[str, WorkerPool] = {}
_pools_lock = threading.Lock()


def ask_far(batch: str, task: bytes) -> Reply:
    """Have a task done by a worker beside this process, which is the cluster's.

    Parameters
    ----------
    batch : str
        Names the batch of tasks.
    task : bytes
        A pickle of (function, arguments).

    Returns
    -------
    Reply
        The answer.
    """
    with _pools_lock:
        pool = _pools.setdefault(batch, WorkerPool(keep=KEEP_SECONDS))
    return pool.call(task)


def end_far(batch: str) -> None:
    """End the workers of a batch beside this process; what comes late is refused.

    Parameters
    ----------
    batch : str
        Names the batch of tasks.
    """
    with _pools_lock:
        pool = _pools.setdefault(batch, WorkerPool())
    pool.close()
