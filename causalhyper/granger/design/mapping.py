"""Reading narrow blocks of columns: of a store through a memory map, of arrays as they lie."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Trajectory, faults
from causalhyper.frames.trajectory.codec import CODECS, decode
from causalhyper.frames.trajectory.layer_file import LayerFile
from causalhyper.granger.design.records import StepRecord
from causalhyper.granger.design.rotated import RotatedTrajectory
from causalhyper.granger.lasso.columns import Matrix

Fill = Callable[[Matrix, range, int, int], None]
"""Put rows and the columns from one number to another of a layer into a matrix."""


def open_layer(record: StepRecord, name: str) -> Fill:
    """Return what reads columns of a layer.

    A store's file is mapped: the system's cache is copied from, in pieces as narrow as they are
    used, where reading would copy whole stored blocks through memory. What is mapped was compared
    with its checksums once, as a `Trajectory` does.

    Parameters
    ----------
    record : StepRecord
        The training.
    name : str
        The layer.

    Returns
    -------
    callable
        Takes a matrix, rows, first column and the column after the last.

    Raises
    ------
    DataError
        If the file is missing or cut off; later, if a block does not have its checksum.
    """
    if isinstance(record, RotatedTrajectory):
        return open_layer(record.record, name)
    if isinstance(record, Trajectory):
        place = [layer.name for layer in record.layers].index(name)
        return MappedLayer(record, name, record.files[place], _mapped(record, place)).fill

    def fill(out: Matrix, rows: range, start: int, stop: int) -> None:
        record.columns(name, start, stop, slice(rows.start, rows.stop, rows.step), out=out)

    return fill


@dataclass(frozen=True, slots=True, eq=False)
class MappedLayer:
    """The file of a layer, mapped.

    Parameters
    ----------
    trajectory : Trajectory
    name : str
        Of the layer.
    file : LayerFile
    mapped : mmap
        All that is stored in it.
    """

    trajectory: Trajectory
    name: str
    file: LayerFile
    mapped: mmap.mmap

    def fill(self, out: Matrix, rows: range, start: int, stop: int) -> None:
        """Copy rows and columns.

        Parameters
        ----------
        out : ndarray, shape (len(rows), stop - start)
        rows : range
            Recorded steps, increasing.
        start, stop : int
            Columns.
        """
        width, size = self.file.layout.block_columns, self.file.size
        values = np.frombuffer(self.mapped, CODECS[self.file.layout.dtype].stored)
        for block in range(start // width, -(-stop // width)):
            low, high = block * width, min((block + 1) * width, size)
            if max(start, low) == low:
                self._announce(rows, high)
            self._check(rows, block, low, high)
            first, last = max(start, low), min(stop, high)
            part = out[:, first - start : last - start]
            for row, count, place in self._cells(rows, low, high):
                cell = values[place : place + count * (high - low)].reshape(count, high - low)
                at = max(-(-(row - rows.start) // rows.step), 0)
                chosen = slice(rows.start + at * rows.step - row, None, rows.step)
                found = self._decoded(cell[chosen, first - low : last - low], row, chosen)
                part[at : at + len(found)] = found

    def _cells(self, rows: range, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield the cells of a block of columns: first row, number of rows, place of a value."""
        layout, size = self.file.layout, self.file.size
        for row, count in layout.spans(rows.start, rows[-1] + 1):
            whole, rest = divmod(row, layout.block_steps)
            yield row, count, layout.block_steps * (whole * size + low) + rest * (high - low)

    def _decoded(self, stored: NDArray[Any], row: int, chosen: slice) -> Matrix:
        dtype = self.file.layout.dtype
        if CODECS[dtype].exact:
            return stored
        return decode(dtype, stored, self.file.exponents[row:][chosen][: len(stored)])

    def _check(self, rows: range, block: int, low: int, high: int) -> None:
        """Read what was not yet compared with its checksums."""
        span = rows.start, rows[-1] + 1
        if self.file.checked[slice(*span), block].all():
            return
        for row, count in self.file.layout.spans(*span):
            self.trajectory.columns(self.name, low, high, slice(row, row + count))

    def _announce(self, rows: range, low: int) -> None:
        """Tell the system that the block of columns from `low` on is read next."""
        layout = self.file.layout
        high = min(low + layout.block_columns, self.file.size)
        if low >= high or not hasattr(mmap, "MADV_WILLNEED"):
            return
        for _, count, place in self._cells(rows, low, high):
            first = place * layout.itemsize
            begin = first // mmap.PAGESIZE * mmap.PAGESIZE
            length = count * (high - low) * layout.itemsize
            self.mapped.madvise(mmap.MADV_WILLNEED, begin, first + length - begin)


def _mapped(trajectory: Trajectory, place: int) -> mmap.mmap:
    """Map the file of a layer, as far as the steps go that were recorded when it was opened."""
    file = trajectory.files[place]
    length = file.layout.length(file.size, trajectory.n_steps)
    try:
        with file.path.open("rb") as opened:
            found = os.fstat(opened.fileno()).st_size
            if found < length:
                raise faults.truncated(file.path, file.layout, file.size, found, length)
            return mmap.mmap(opened.fileno(), length, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise faults.missing_file(file.path) from None
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(file.path)!r}: {error}") from error
