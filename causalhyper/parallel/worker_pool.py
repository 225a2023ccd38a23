"""Worker processes, one thread and at most one device each, whose death is an answer."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from causalhyper.parallel.child import receive, send

CHILD = Path(__file__).with_name("child.py")
SINGLE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
"""Set before a worker imports anything, so that sums are taken in one order on every engine."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a task in a worker process.

    Attributes
    ----------
    value : object
        What the function returned; None where it failed.
    seconds : float
        Duration of the call, without the start of the process.
    error : str or None
        The error's type and message, or how the process died; None where all went well.
    trace : str
        The traceback in the worker, "" where there is none.
    died : bool
        Whether the process ended instead of answering.
    cause : Exception or None
        What was raised, where the function was called in this process.
    """

    value: object = None
    seconds: float = 0.0
    error: str | None = None
    trace: str = ""
    died: bool = False
    cause: Exception | None = None


class Worker:
    """One worker process; it ends when this process ends.

    Parameters
    ----------
    device : str or None
        Passed to every function that it calls, as the keyword ``device``; None to pass nothing.
    """

    def __init__(self, device: str | None = None) -> None:
        self.device = device
        self.idle_since = math.inf
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | SINGLE_THREAD,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._tasks, self._answers = self._process.stdin, self._process.stdout
        keywords = {} if device is None else {"device": device}
        self._greeting: bytes | None = pickle.dumps((sys.path, keywords))

    def ask(self, task: bytes) -> Reply:
        """Have a task done, and wait for the answer.

        Parameters
        ----------
        task : bytes
            A pickle of (function, arguments).

        Returns
        -------
        Reply
            The answer, or how the process died.
        """
        try:
            if self._greeting is not None:
                send(self._tasks, self._greeting)
                self._greeting = None
            send(self._tasks, task)
            answer = receive(self._answers)
        except (EOFError, OSError, ValueError):
            return Reply(error=self._death(), died=True)
        try:
            return Reply(**pickle.loads(answer))
        except Exception as error:
            return Reply(error=f"its answer cannot be read: {type(error).__name__}: {error}")

    def kill(self) -> None:
        """End the process at once; one that has ended stays ended."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process at once and close its pipes; no other thread may be asking it."""
        self.kill()
        for stream in (self._tasks, self._answers):
            with contextlib.suppress(OSError):
                stream.close()

    def _death(self) -> str:
        """Say how the process ended; one that hangs with its pipes closed is ended."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
            return "its worker process closed its pipes"
        if code >= 0:
            return f"its worker process ended with exit code {code}"
        names = {number.value: number.name for number in signal.Signals}
        return f"its worker process was ended by {names.get(-code, f'signal {-code}')}"


class WorkerPool:
    """Worker processes that wait for tasks; as many as there are threads that call.

    Parameters
    ----------
    devices : sequence of str
        One a worker, and so at least as many as threads will call at once; empty for none.
    keep : float or None
        Seconds after which a process without a task is ended; None to keep it until `close`.
    """

    def __init__(self, devices: Sequence[str] = (), keep: float | None = None) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._devices = list(devices)[::-1]
        self._assigns = bool(devices)
        self._keep = keep
        self._closed = False

    def call(self, task: bytes) -> Reply:
        """Have a task done by a worker; one that dies is replaced when next needed.

        Parameters
        ----------
        task : bytes
            A pickle of (function, arguments).

        Returns
        -------
        Reply
            The answer; that of a closed pool is that the process died.
        """
        worker = self._take()
        if worker is None:
            return Reply(error="the work was stopped", died=True)
        reply = worker.ask(task)
        self._give_back(worker, usable=not reply.died)
        return reply

    def close(self) -> None:
        """End all workers at once; those that are asked answer that they died."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for worker in busy:
            worker.kill()
        for worker in idle:
            worker.close()

    def _take(self) -> Worker | None:
        with self._lock:
            if self._closed:
                return None
            if self._idle:
                worker = self._idle.pop()
            else:
                worker = Worker(self._devices.pop() if self._assigns else None)
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: Worker, *, usable: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
            if usable and not self._closed:
                worker.idle_since = time.monotonic()
                self._idle.append(worker)
                if self._keep is not None:
                    self._end_later(worker, self._keep)
                return
            if worker.device is not None:
                self._devices.append(worker.device)
        worker.close()

    def _end_later(self, worker: Worker, seconds: float) -> None:
        timer = threading.Timer(seconds, self._end_idle, [worker])
        timer.daemon = True
        timer.start()

    def _end_idle(self, worker: Worker) -> None:
        """End a worker that has had no task since the timer was set."""
        with self._lock:
            waited = time.monotonic() - worker.idle_since
            if worker not in self._idle or waited < 0.9 * (self._keep or 0.0):
                return
            self._idle.remove(worker)
        worker.close()
