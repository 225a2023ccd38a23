"""A trajectory that is open for reading: columns over all steps, single steps, the steps frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError, Problem
from causalhyper.frames.trajectory import faults
from causalhyper.frames.trajectory.codec import CODECS, Floats
from causalhyper.frames.trajectory.journal import Journal, read_journal
from causalhyper.frames.trajectory.layer_file import LayerFile
from causalhyper.frames.trajectory.layout import Layer
from causalhyper.frames.trajectory.manifest import INDEX, JOURNAL, Manifest
from causalhyper.frames.trajectory.repair import check_steps
from causalhyper.frames.trajectory.steps import frame_of
from causalhyper.notebook import Shown


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory(Shown):
    """The recorded steps of a run, read from disk as they are asked for.

    It keeps no file open and may be used by several threads, and sent to other processes. The
    checksum of a block is checked when the block is first read.

    Parameters
    ----------
    path : Path
        The store's folder.
    manifest : Manifest
        What it holds.
    n_steps : int
        Number of recorded steps: those that were durable when it was opened.
    files : tuple of LayerFile
        One a layer.
    """

    path: Path
    manifest: Manifest
    n_steps: int
    files: tuple[LayerFile, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in the order in which they were given."""
        return self.manifest.layout.layers

    @property
    def settings(self) -> dict[str, Any]:
        """What describes the run: a copy."""
        return dict(self.manifest.settings)

    @property
    def complete(self) -> bool:
        """Whether the writer closed the store; False while it writes, or after it was killed."""
        return self.manifest.steps is not None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values read: float64 for a float64 store, else float32."""
        return CODECS[self.manifest.layout.dtype].values

    @property
    def steps(self) -> pd.DataFrame:
        """The steps frame, one row a recorded step; its last column is ``nonfinite``.

        It is read from the journal whenever it is asked for, and the journal is checked.

        Raises
        ------
        DataError
            If the journal is damaged, or has lost steps.
        """
        return frame_of(self.manifest.run_id, self._journal())

    def to_frame(self) -> pd.DataFrame:
        """One row a layer: layer, shape, parameters. The steps frame is `steps`."""
        return pd.DataFrame(
            {
                "layer": [layer.name for layer in self.layers],
                "shape": [layer.shape for layer in self.layers],
                "parameters": [layer.size for layer in self.layers],
            }
        )

    def summary(self) -> str:
        """Say what is recorded, and whether the store was closed."""
        size = sum(layer.size for layer in self.layers)
        state = "" if self.complete else "; not closed by its writer"
        return (
            f"{self.n_steps} steps of {size} parameters in {len(self.layers)} layers, "
            f"{self.manifest.layout.dtype}{state}"
        )

    def columns(
        self,
        layer: str,
        start: int,
        stop: int,
        steps: slice = slice(None),
        *,
        out: Floats | None = None,
    ) -> Floats:
        """Read the changes of some parameters of a layer.

        Parameters
        ----------
        layer : str
            Its name.
        start, stop : int
            The columns, from 0 to the layer's size.
        steps : slice
            The rows, as of a list of recorded steps.
        out : ndarray of `dtype`, shape (steps, stop - start), optional
            Where to put them: a C-contiguous array, so that none is made.

        Returns
        -------
        ndarray of `dtype`, shape (steps, stop - start)
            The changes, row by row the recorded steps.

        Raises
        ------
        ConfigurationError
            If the layer or a column is not there, or `out` has another shape or type.
        DataError
            If what is read is damaged or cut off; the message names file and block.
        """
        file = self._file(layer)
        if not 0 <= start <= stop <= file.size:
            raise ConfigurationError(
                f"layer {layer!r} has the columns 0 to {file.size}; got {start} to {stop}"
            )
        rows = range(*steps.indices(self.n_steps))
        out = self._target(out, (len(rows), stop - start))
        if len(rows) and rows.step != 1:
            low, high = min(rows), max(rows) + 1
            between = self.columns(layer, start, stop, slice(low, high))
            out[...] = between[np.array(rows) - low]
        elif out.size:
            file.fill(out, rows.start, start, stop)
        return out

    def blocks(self, layer: str, width: int | None = None) -> Iterator[tuple[int, int, Floats]]:
        """Read a layer block by block.

        Parameters
        ----------
        layer : str
            Its name.
        width : int, optional
            Columns of a block, taken down to whole stored blocks (one at least); one stored
            block unless given.

        Yields
        ------
        (int, int, ndarray of shape (steps, stop - start))
            First column, the column after the last, the changes over all recorded steps.

        Raises
        ------
        ConfigurationError
            If the layer is not there, or the width is below 1.
        DataError
            If what is read is damaged or cut off.
        """
        size = self._file(layer).size
        stored = self.manifest.layout.block_columns
        if width is not None and width < 1:
            raise ConfigurationError(f"a block has 1 column at least; got a width of {width}")
        wide = stored if width is None else max(width // stored, 1) * stored
        for start in range(0, size, wide):
            stop = min(start + wide, size)
            yield start, stop, self.columns(layer, start, stop)

    def step(self, row: int) -> dict[str, Floats]:
        """Read one recorded step.

        Parameters
        ----------
        row : int
            Which one, from 0; negative numbers count from the end.

        Returns
        -------
        dict of str to ndarray
            The change of each layer, in the layer's shape.

        Raises
        ------
        ConfigurationError
            If there is no such step.
        DataError
            If what is read is damaged or cut off.
        """
        if not -self.n_steps <= row < self.n_steps:
            raise ConfigurationError(f"the trajectory has {self.n_steps} steps; got row {row}")
        row %= self.n_steps
        return {
            layer.name: self.columns(layer.name, 0, layer.size, slice(row, row + 1)).reshape(
                layer.shape
            )
            for layer in self.layers
        }

    def verify(self) -> None:
        """Read every block and compare its checksums; read the journal, too.

        Raises
        ------
        DataError
            If any differ; its `problems` name the blocks, one each. If the journal is damaged,
            or the index does not say what the journal does.
        """
        journal = self._journal()
        sums = np.hstack([file.checksums for file in self.files])
        exponents = np.stack([file.exponents for file in self.files], axis=1)
        for found, told in ((sums, journal.checksums), (exponents, journal.exponents)):
            if not np.array_equal(found, told):
                raise faults.damaged_index(self.path / INDEX)
        problems = []
        for layer, file in zip(self.layers, self.files, strict=True):
            for cells, rows in file.damaged_cells():
                place = faults.describe(cells, file.layout, cells.row)
                rule = f"{place} does not have its checksum"
                problems.append(Problem(layer.name, rule, rows, file.path.name, faults.RESTORE))
        if problems:
            count = "1 block" if len(problems) == 1 else f"{len(problems)} blocks"
            raise DataError(f"{str(self.path)!r} has damage in {count}", problems)

    def _journal(self) -> Journal:
        """Read the lines of the steps that were there when the store was opened."""
        journal = read_journal(self.path / JOURNAL, self.manifest.layout, self.n_steps)
        check_steps(self.path / JOURNAL, journal, self.n_steps)
        return journal

    def _file(self, layer: str) -> LayerFile:
        for known, file in zip(self.layers, self.files, strict=True):
            if known.name == layer:
                return file
        names = ", ".join(known.name for known in self.layers[:12])
        raise ConfigurationError(f"the trajectory has no layer {layer!r}; there are {names}")

    def _target(self, out: Floats | None, shape: tuple[int, int]) -> Floats:
        if out is None:
            return np.empty(shape, self.dtype)
        if out.shape != shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise ConfigurationError(
                f"out must be a C-contiguous array of {self.dtype} and shape {shape}; got "
                f"{out.dtype} and {out.shape}"
            )
        return out
