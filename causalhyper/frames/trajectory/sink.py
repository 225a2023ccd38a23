"""Putting batches into the layers' files, and making them durable by lines of the journal."""

from __future__ import annotations

import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.frames.trajectory import disk
from causalhyper.frames.trajectory.batch import Batch, layer_edges
from causalhyper.frames.trajectory.codec import CODECS, choose_exponent, encode
from causalhyper.frames.trajectory.index import IndexFile
from causalhyper.frames.trajectory.journal import Journal, Record
from causalhyper.frames.trajectory.layout import StoreLayout
from causalhyper.frames.trajectory.manifest import JOURNAL, Seal

BACKLOG = 2**28
"""Bytes after which rows are made durable before their block of steps is full."""


class Sink:
    """The open files of a store that is being written.

    Parameters
    ----------
    folder : Path
        The store, with the files as the journal says.
    layout : StoreLayout
        The store's.
    journal : Journal
        What is durable already.
    """

    def __init__(self, folder: Path, layout: StoreLayout, journal: Journal) -> None:
        self._layout = layout
        self._files: list[int] = []
        self._edges = layer_edges(layout)
        self._lines: list[bytes] = []
        self._entries: list[bytes] = []
        self._end = journal.ends[-1] if journal.ends else 0
        self.durable = journal.rows
        try:
            for file in (*layout.files, JOURNAL):
                self._files.append(disk.open_to_write(folder / file))
            self._index = IndexFile(folder, layout, journal)
        except BaseException:
            self._close_files()
            raise
        *self._layers, self._journal = self._files

    def write(self, batch: Batch) -> None:
        """Write the rows of a batch, and make them durable where a block of steps ends."""
        rows = len(batch.frames)
        pairs = list(pairwise(self._edges))
        written = [
            self._write_layer(place, batch.values[:rows, start:stop], batch.row)
            for place, (start, stop) in enumerate(pairs)
        ]
        for i, frame in enumerate(batch.frames):
            exponents = [int(found[i]) for _, found in written if len(found)]
            sums = [found[i] for found, _ in written]
            nonfinite = count_nonfinite(batch.values[i])
            record = Record(batch.row + i, frame, nonfinite, exponents, sums)
            self._lines.append(record.to_line())
            self._entries.append(record.to_entry())
        row_bytes = self._edges[-1] * self._layout.itemsize
        ends = (batch.row + rows) % self._layout.block_steps == 0
        if ends or len(self._lines) * row_bytes >= BACKLOG:
            self.commit()

    def commit(self) -> None:
        """Make what was written durable: the values first, then the lines that vouch for them."""
        if not self._lines:
            return
        for descriptor in self._layers:
            disk.sync(descriptor)
        self._index.append(b"".join(self._entries))
        data = b"".join(self._lines)
        disk.write_at(self._journal, [memoryview(data)], self._end)
        disk.sync(self._journal)
        self._end += len(data)
        self.durable += len(self._lines)
        self._lines, self._entries = [], []

    def seal(self) -> Seal:
        """Make the index of all durable steps durable; return what the manifest says of it."""
        return self._index.seal(self._end)

    def close(self) -> None:
        """Close the files; rows that were not made durable are lost."""
        self._index.close()
        self._close_files()

    def _close_files(self) -> None:
        for descriptor in self._files:
            disk.close(descriptor)
        self._files = []

    def _write_layer(
        self, place: int, values: NDArray[np.floating[Any]], row: int
    ) -> tuple[NDArray[np.uint32], list[int]]:
        """Write a layer's rows; return checksums (rows, blocks), and exponents for float16."""
        rows, size = values.shape
        dtype = self._layout.dtype
        scaled = CODECS[dtype].scaled
        exponents = [choose_exponent(each) if scaled else 0 for each in values]
        sums = np.zeros((rows, len(self._layout.edges(size)) - 1), np.uint32)
        for cells in self._layout.cells(size, row, rows, 0, size):
            piece = values[:, cells.start : cells.stop]
            stored = [
                disk.as_bytes(encode(dtype, each, exponent))
                for each, exponent in zip(piece, exponents, strict=True)
            ]
            sums[:, cells.block] = [zlib.crc32(each) for each in stored]
            disk.write_at(self._layers[place], stored, cells.offset)
        return sums, exponents if scaled else []


def count_nonfinite(values: NDArray[np.floating[Any]]) -> int:
    """Count values that are NaN or infinite; a finite sum shows that there are none."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return 0
    return int(values.size - np.count_nonzero(np.isfinite(values)))
