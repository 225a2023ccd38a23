"""The thread that writes while training goes on, and holds training up when the disk is slower."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread

from causalhyper.frames.trajectory.batch import Batch
from causalhyper.frames.trajectory.sink import Sink


class WritingThread:
    """Writes batches in the order they come.

    There are as many batches as it was given, and no more: when all are waiting to be written,
    `borrow` waits. After an error nothing further is written, and `error` says why.

    Parameters
    ----------
    sink : Sink
        Where the batches go.
    batches : list of Batch
        The buffers; with two, one fills while the other is written.
    """

    def __init__(self, sink: Sink, batches: list[Batch]) -> None:
        self.error: BaseException | None = None
        self._sink = sink
        self._free: SimpleQueue[Batch] = SimpleQueue()
        self._tasks: SimpleQueue[Batch | Event | None] = SimpleQueue()
        for batch in batches:
            self._free.put(batch)
        self._thread = Thread(target=self._work, name="trajectory", daemon=True)
        self._thread.start()

    def borrow(self) -> Batch:
        """Return a batch to fill; wait until one is free."""
        return self._free.get()

    def submit(self, batch: Batch) -> None:
        """Hand a filled batch over."""
        self._tasks.put(batch)

    def flush(self) -> None:
        """Wait until all that was handed over is durable, or an error is known."""
        done = Event()
        self._tasks.put(done)
        done.wait()

    def stop(self) -> None:
        """End the thread once all that was handed over is written; a second call does nothing."""
        if self._thread.is_alive():
            self._tasks.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                if self.error is None:
                    self._do(task)
            except BaseException as error:
                self.error = error
            if isinstance(task, Batch):
                self._free.put(task)
            else:
                task.set()

    def _do(self, task: Batch | Event) -> None:
        if isinstance(task, Batch):
            self._sink.write(task)
        else:
            self._sink.commit()
