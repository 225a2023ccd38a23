"""Reading the cells of one layer's file, each with its checksum."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Flags
from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import disk, faults
from causalhyper.frames.trajectory.codec import CODECS, Floats, decode
from causalhyper.frames.trajectory.layout import Cells, StoreLayout


@dataclass(frozen=True, slots=True, eq=False)
class LayerFile:
    """The file of one layer, and what the journal says of it.

    Parameters
    ----------
    path : Path
        The file.
    layout : StoreLayout
        The store's.
    size : int
        Columns of the layer.
    checksums : ndarray of uint32, shape (steps, blocks)
        CRC-32 of the bytes of a step and column block.
    exponents : ndarray of int, shape (steps,)
        Powers of two for float16, else zeros.
    checked : ndarray of bool, shape (steps, blocks)
        What was read and had its checksum.
    """

    path: Path
    layout: StoreLayout
    size: int
    checksums: NDArray[np.uint32]
    exponents: NDArray[np.int64]
    checked: Flags

    def fill(self, out: Floats, first: int, start: int, stop: int) -> None:
        """Read columns `start` to `stop` of the rows from `first` on into a C-ordered array."""
        descriptor = self._open()
        try:
            wanted = [
                cells
                for row, rows in self.layout.spans(first, first + len(out))
                for cells in self.layout.cells(self.size, row, rows, start, stop)
            ]
            disk.announce(descriptor, [(cells.offset, cells.length) for cells in wanted])
            for cells in wanted:
                into = out[cells.row - first : cells.row - first + cells.rows]
                self._read(descriptor, cells, into, start, stop)
        finally:
            disk.close(descriptor)

    def damaged_cells(self) -> Iterator[tuple[Cells, int]]:
        """Read everything; yield the cells with damaged rows, and the number of these."""
        descriptor = self._open()
        try:
            for row, rows in self.layout.spans(0, len(self.checksums)):
                for cells in self.layout.cells(self.size, row, rows, 0, self.size):
                    raw = disk.as_rows(self._raw(cells))
                    read = disk.read_at(descriptor, raw, cells.offset)
                    bad = self._differing(cells, raw) if read else range(rows)
                    if len(bad):
                        yield cells, len(bad)
        finally:
            disk.close(descriptor)

    def _open(self) -> int:
        try:
            return disk.open_to_read(self.path)
        except FileNotFoundError:
            raise faults.missing_file(self.path) from None
        except OSError as error:
            raise ConfigurationError(f"cannot open {str(self.path)!r}: {error}") from error

    def _read(self, descriptor: int, cells: Cells, into: Floats, start: int, stop: int) -> None:
        """Read cells, straight into place where the file holds the very values asked for."""
        low, high = max(cells.start, start), min(cells.stop, stop)
        target = into[:, low - start : high - start]
        whole = (low, high) == (cells.start, cells.stop)
        direct = whole and CODECS[self.layout.dtype].exact
        raw = target if direct else self._raw(cells)
        rows = disk.as_rows(raw)
        try:
            complete = disk.read_at(descriptor, rows, cells.offset)
        except OSError as error:
            raise ConfigurationError(f"cannot read {str(self.path)!r}: {error}") from error
        if not complete:
            length, expected = disk.size(descriptor), cells.offset + cells.length
            raise faults.truncated(self.path, self.layout, self.size, length, expected)
        if not self.checked[cells.row : cells.row + cells.rows, cells.block].all():
            bad = self._differing(cells, rows)
            self._mark(cells, bad)
        if not direct:
            exponents = self.exponents[cells.row : cells.row + cells.rows]
            values = decode(self.layout.dtype, raw, exponents)
            target[...] = values[:, low - cells.start : high - cells.start]

    def _raw(self, cells: Cells) -> NDArray[Any]:
        return np.empty((cells.rows, cells.stop - cells.start), CODECS[self.layout.dtype].stored)

    def _differing(self, cells: Cells, raw: Sequence[memoryview]) -> Sequence[int]:
        """Return the rows of the store whose bytes do not have their checksum."""
        wanted = self.checksums[cells.row : cells.row + cells.rows, cells.block].tolist()
        found = map(zlib.crc32, raw)
        return [
            cells.row + i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b
        ]

    def _mark(self, cells: Cells, bad: Sequence[int]) -> None:
        """Note that cells have their checksums, or refuse them."""
        if bad:
            place = faults.describe(cells, self.layout, bad[0])
            raise faults.damaged(self.path, place)
        self.checked[cells.row : cells.row + cells.rows, cells.block] = True
