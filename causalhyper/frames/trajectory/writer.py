"""Writing a trajectory, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import disk, faults
from causalhyper.frames.trajectory.batch import (
    Batch,
    check_changes,
    check_factors,
    layer_edges,
    make_batch,
)
from causalhyper.frames.trajectory.creation import check_agreement, make_store
from causalhyper.frames.trajectory.journal import RESERVED, Journal, empty_journal, plain_scalar
from causalhyper.frames.trajectory.layout import Layer, StoreLayout
from causalhyper.frames.trajectory.lock import Lock
from causalhyper.frames.trajectory.manifest import (
    JOURNAL,
    MANIFEST,
    Manifest,
    check_settings,
    read_manifest,
)
from causalhyper.frames.trajectory.repair import reopen
from causalhyper.frames.trajectory.sink import Sink
from causalhyper.frames.trajectory.thread import WritingThread


class TrajectoryWriter:
    """Records the parameter changes of a run; made by `create` or `resume`.

    As a context manager it closes the store at the end. An error in the body keeps every step
    appended so far, and leaves the store open to be resumed.

    Examples
    --------
    >>> import tempfile
    >>> from causalhyper.frames.trajectory import read_trajectory
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     layers = [Layer("w", (2, 2))]
    ...     with TrajectoryWriter.create(Path(folder, "run"), layers=layers) as writer:
    ...         for step in range(3):
    ...             _ = writer.append({"w": np.full((2, 2), step)}, step=step, loss=1.0)
    ...     read_trajectory(Path(folder, "run")).columns("w", 0, 2).tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    """

    def __init__(
        self, folder: Path, manifest: Manifest, journal: Journal, lock: Lock, queue: int
    ) -> None:
        self.path = folder
        self._manifest = manifest
        self._lock = lock
        self._row = journal.rows
        self._last = journal.last_step
        self._edges = layer_edges(manifest.layout)
        self._batch: Batch | None = None
        self._told = self._closed = False
        self._sink = Sink(folder, manifest.layout, journal)
        batches = [make_batch(manifest.layout) for _ in range(queue)]
        self._thread = WritingThread(self._sink, batches)

    @classmethod
    def create(
        cls,
        path: str | Path,
        layers: Sequence[Layer],
        settings: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        dtype: str = "float32",
        block_steps: int = 32,
        block_columns: int = 4096,
        queue: int = 2,
        every: int = 1,
    ) -> Self:
        """Begin a trajectory.

        Parameters
        ----------
        path : str or Path
            A folder that does not exist yet, or is empty.
        layers : sequence of Layer
            What is recorded, in this order.
        settings : mapping, optional
            JSON values that describe the run: optimiser, learning rate, seed, minibatch rule.
        run_id : str, optional
            Name of the run; the folder's name unless given.
        dtype : str
            "float32", "float64", "float16" (scaled by layer and step) or "bfloat16".
        block_steps, block_columns : int
            Rows and columns that lie together in a file.
        queue : int
            Buffers of at most 32 MiB (or one row): with 2, one fills while the other is written.
        every : int
            Steps are recorded whose number is a multiple of this.

        Returns
        -------
        TrajectoryWriter
            Ready to append.

        Raises
        ------
        ConfigurationError
            If an argument is not allowed, the folder is in use, or cannot be written.
        """
        folder = Path(path)
        layout = StoreLayout(tuple(layers), dtype, block_steps, block_columns)
        for name, value in (("queue", queue), ("every", every)):
            if not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"{name} must be a whole number from 1; got {value!r}")
        name = folder.resolve().name if run_id is None else run_id
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(f"run_id must be a text that is not empty; got {name!r}")
        manifest = Manifest(name, layout, check_settings(settings), every)
        lock = make_store(folder, manifest)
        return cls._open(folder, manifest, empty_journal(layout), lock, queue)

    @classmethod
    def resume(
        cls,
        path: str | Path,
        *,
        layers: Sequence[Layer] | None = None,
        settings: Mapping[str, Any] | None = None,
        keep: int | None = None,
        queue: int = 2,
    ) -> Self:
        """Go on with a trajectory, whether its writer was killed or closed it.

        Parameters
        ----------
        path : str or Path
            The store's folder.
        layers, settings : optional
            Refuse a store with others.
        keep : int, optional
            Drop what follows this many steps: those after the checkpoint that training goes on
            from. All that are durable are kept unless given.
        queue : int
            As in `create`.

        Returns
        -------
        TrajectoryWriter
            Its `steps` says how many steps are stored, `last_step` the number of the last one.

        Raises
        ------
        ConfigurationError
            If there is no store, it has other layers or settings, or another writer has it.
        DataError
            If a file of it is missing, cut off or damaged.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        check_agreement(folder, manifest, layers, settings)
        lock = Lock(folder / JOURNAL)
        try:
            manifest, journal = reopen(folder, read_manifest(folder), keep)
        except BaseException as error:
            lock.release()
            if isinstance(error, OSError):
                raise faults.cannot_write(folder, keep or 0, error) from error
            raise
        return cls._open(folder, manifest, journal, lock, queue)

    @classmethod
    def _open(
        cls, folder: Path, manifest: Manifest, journal: Journal, lock: Lock, queue: int
    ) -> Self:
        try:
            return cls(folder, manifest, journal, lock, queue)
        except BaseException as error:
            lock.release()
            if isinstance(error, OSError):
                raise faults.cannot_write(folder, journal.rows, error) from error
            raise

    @property
    def steps(self) -> int:
        """Number of steps that are durable."""
        return self._sink.durable

    @property
    def last_step(self) -> int | None:
        """Number of the last step that was appended, None before the first."""
        if self._batch is not None and self._batch.frames:
            return int(self._batch.frames[-1]["step"] or 0)
        return self._last

    def wants(self, step: int) -> bool:
        """Whether `append` records a step of this number, or passes it over (see `every`)."""
        return step % self._manifest.every == 0

    def append(
        self,
        changes: Mapping[str, object],
        *,
        step: int,
        factor: float | Mapping[str, float] = 1.0,
        **columns: object,
    ) -> bool:
        """Record a step.

        Parameters
        ----------
        changes : mapping of str to array_like
            The parameter change of the step, by layer; any shape with the layer's number of
            entries. It is copied before this returns. Values that are not finite are kept and
            counted.
        step : int
            Number of the step, above that of the one before.
        factor : float or mapping of str to float
            What the changes are multiplied by as they are copied, one number or one a layer:
            minus the learning rate where gradients are given, which saves a pass over them.
        **columns : number, str, bool or None
            The rest of the row in the steps frame, such as ``loss`` and ``loss_after``.

        Returns
        -------
        bool
            Whether the step was recorded: False where `every` passes it over.

        Raises
        ------
        ConfigurationError
            If the changes do not fit the layers, the step is not above the last one, or an
            earlier step could not be written.
        """
        self._check_open()
        frame = self._frame(step, columns)
        if not self.wants(frame["step"]):
            return False
        arrays = check_changes(changes, self._manifest.layout)
        factors = check_factors(factor, self._manifest.layout)
        if self._batch is None:
            self._batch = self._thread.borrow()
            self._batch.begin(self._row, self._manifest.layout)
            self._raise_failure()
        batch = self._batch
        row = batch.values[len(batch.frames)]
        with np.errstate(over="ignore", invalid="ignore"):
            for place, array in enumerate(arrays):
                into = row[self._edges[place] : self._edges[place + 1]]
                np.multiply(array, factors[place], out=into, casting="unsafe")
        batch.frames.append(frame)
        if batch.is_full:
            self._hand_over()
        return True

    def flush(self) -> None:
        """Wait until every step appended so far is durable.

        Raises
        ------
        ConfigurationError
            If a step cannot be written.
        """
        self._check_open()
        self._hand_over()
        self._thread.flush()
        self._raise_failure()

    def close(self) -> None:
        """Make every step durable and mark the store complete; a second call does nothing.

        Raises
        ------
        ConfigurationError
            If a step cannot be written, unless that was said before.
        """
        if self._closed:
            return
        try:
            self._finish()
            if self._thread.error is None:
                done = replace(self._manifest, steps=self.steps, index=self._sink.seal())
                disk.replace_file(self.path / MANIFEST, done.to_bytes())
            elif not self._told:
                self._raise_failure()
        except OSError as error:
            raise faults.cannot_write(self.path, self.steps, error) from error
        finally:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        elif not self._closed:
            self._finish()
            if (failure := self._thread.error) is not None and not self._told:
                error.add_note(str(faults.cannot_write(self.path, self.steps, failure)))
            self._release()

    def _frame(self, step: int, columns: Mapping[str, object]) -> dict[str, Any]:
        """Return the step's row of the steps frame."""
        number = plain_scalar("step", step)
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ConfigurationError(f"step must be a whole number from 0; got {step!r}")
        last = self.last_step
        if last is not None and number <= last:
            raise ConfigurationError(
                f"step {number} does not follow step {last}, the last one recorded in "
                f"{str(self.path)!r}: go on after it, or resume with keep="
            )
        for name in RESERVED:
            if name in columns:
                raise ConfigurationError(f"the column {name!r} is filled in by the store")
        return {"step": number} | {name: plain_scalar(name, columns[name]) for name in columns}

    def _hand_over(self) -> None:
        if self._batch is not None and self._batch.frames:
            self._last = self.last_step
            batch, self._batch = self._batch, None
            self._row = batch.row + len(batch.frames)
            self._thread.submit(batch)

    def _finish(self) -> None:
        """Write what is left and end the thread."""
        self._hand_over()
        self._thread.flush()
        self._thread.stop()

    def _release(self) -> None:
        if not self._closed:
            self._closed = True
            self._thread.stop()
            self._sink.close()
            self._lock.release()

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError(
                f"the trajectory {str(self.path)!r} is closed: TrajectoryWriter.resume reopens it"
            )
        self._raise_failure()

    def _raise_failure(self) -> None:
        if (error := self._thread.error) is not None:
            self._told = True
            raise faults.cannot_write(self.path, self.steps, error) from error
