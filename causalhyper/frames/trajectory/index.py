"""The index of a closed store: what its journal says of the values, as one short array."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import disk, faults
from causalhyper.frames.trajectory.codec import CODECS
from causalhyper.frames.trajectory.journal import Journal
from causalhyper.frames.trajectory.layout import StoreLayout
from causalhyper.frames.trajectory.manifest import INDEX, JOURNAL, Manifest, Seal


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What must be known of stored values to read them.

    Parameters
    ----------
    exponents : ndarray of int, shape (steps, layers)
        Powers of two for float16, else zeros.
    checksums : ndarray of uint32, shape (steps, blocks of all layers)
        CRC-32 of the bytes of a step and column block.
    """

    exponents: NDArray[np.int64]
    checksums: NDArray[np.uint32]

    @property
    def rows(self) -> int:
        """Number of steps."""
        return len(self.checksums)


def sums_of(journal: Journal) -> Sums:
    """Take from a journal what reading values needs."""
    return Sums(journal.exponents, journal.checksums)


def read_index(folder: Path, manifest: Manifest) -> Sums | None:
    """Read the index of a store.

    Parameters
    ----------
    folder : Path
        The store.
    manifest : Manifest
        What it holds.

    Returns
    -------
    Sums or None
        None where there is no index (the store is not closed, or is of a release that made none),
        or the journal is not as long as it was when the index was made: it has to be read.

    Raises
    ------
    ConfigurationError
        If a file cannot be opened.
    DataError
        If the index or the journal is missing, or the index is damaged.
    """
    seal, steps = manifest.index, manifest.steps
    if seal is None or steps is None:
        return None
    path, journal = folder / INDEX, folder / JOURNAL
    try:
        if journal.stat().st_size != seal.journal:
            return None
        data = path.read_bytes()
    except FileNotFoundError as error:
        gone = Path(error.filename)
        raise (faults.damaged_index(path) if gone == path else faults.missing_file(gone)) from None
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    layout = manifest.layout
    layers = len(layout.layers) if CODECS[layout.dtype].scaled else 0
    width = layers + layout.blocks
    if zlib.crc32(data) != seal.checksum or len(data) != 4 * steps * width:
        raise faults.damaged_index(path)
    rows = np.frombuffer(data, "<u4").reshape(steps, width)
    exponents = np.zeros((steps, len(layout.layers)), np.int64)
    exponents[:, :layers] = rows[:, :layers].view("<i4")
    return Sums(exponents, rows[:, layers:].astype(np.uint32))


class IndexFile:
    """The index of a store that is being written.

    It grows with the journal and is made durable when the store is closed; until then nobody
    reads it.

    Parameters
    ----------
    folder : Path
        The store.
    layout : StoreLayout
        The store's.
    journal : Journal
        What is durable already: the index begins with it.
    """

    def __init__(self, folder: Path, layout: StoreLayout, journal: Journal) -> None:
        self._folder, self._layout = folder, layout
        self._length = self._checksum = 0
        self._descriptor = disk.open_to_write(folder / INDEX)
        try:
            disk.truncate(self._descriptor, 0)
            self.append(_entries(journal, layout))
        except BaseException:
            self.close()
            raise

    def append(self, entries: bytes) -> None:
        """Add rows, those of steps that are about to become durable."""
        if entries:
            disk.write_at(self._descriptor, [memoryview(entries)], self._length)
        self._length += len(entries)
        self._checksum = zlib.crc32(entries, self._checksum)

    def seal(self, journal: int) -> Seal:
        """Make it durable; return what the manifest says of it, with the journal's length."""
        disk.sync(self._descriptor)
        disk.sync_folder(self._folder)
        return Seal(self._checksum, journal)

    def close(self) -> None:
        """Close the file."""
        disk.close(self._descriptor)


def _entries(journal: Journal, layout: StoreLayout) -> bytes:
    """Return the rows of the index of steps that are stored."""
    parts: list[NDArray[np.uint32]] = [journal.checksums.astype("<u4")]
    if CODECS[layout.dtype].scaled:
        parts.insert(0, journal.exponents.astype("<i4").view("<u4"))
    return np.hstack(parts).tobytes()
