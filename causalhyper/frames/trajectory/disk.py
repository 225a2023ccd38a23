"""The calls to the disk: whole writes at a place, whole reads, and what makes them durable.

Everything that a store does to its files goes through here, so that a test can end it anywhere.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECES = 512
"""Buffers handed over in one call; POSIX allows 16, Linux and macOS 1,024."""
AHEAD = 2**26
"""Bytes that are announced at most before they are read."""


def as_bytes(row: NDArray[Any]) -> memoryview:
    """View a contiguous row as its bytes."""
    return row.view(np.uint8).data


def as_rows(values: NDArray[Any]) -> list[memoryview]:
    """View the rows of an array, each contiguous, as their bytes."""
    if not values.flags.c_contiguous:
        return [as_bytes(row) for row in values]
    whole, length = as_bytes(values.reshape(-1)), values.itemsize * values.shape[1]
    return [whole[at : at + length] for at in range(0, length * len(values), length)]


def open_to_write(path: Path) -> int:
    """Open a file for writing and reading, made when missing; return the descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def open_to_read(path: Path) -> int:
    """Open a file for reading; return the descriptor."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def close(descriptor: int) -> None:
    """Close a descriptor."""
    os.close(descriptor)


def size(descriptor: int) -> int:
    """Return the length of an open file in bytes."""
    return os.fstat(descriptor).st_size


def write_at(descriptor: int, pieces: Sequence[memoryview], offset: int) -> None:
    """Write buffers one after the other, all of them, from an offset on."""
    for first in range(0, len(pieces), PIECES):
        rest = list(pieces[first : first + PIECES])
        while rest:
            done = os.pwritev(descriptor, rest, offset)
            if done == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            offset += done
            rest = _after(rest, done)


def read_at(descriptor: int, pieces: Sequence[memoryview], offset: int) -> bool:
    """Fill buffers one after the other from an offset on; False where the file ends before."""
    for first in range(0, len(pieces), PIECES):
        rest = list(pieces[first : first + PIECES])
        while rest:
            done = os.preadv(descriptor, rest, offset)
            if done == 0:
                return False
            offset += done
            rest = _after(rest, done)
    return True


def sync(descriptor: int) -> None:
    """Wait until what was written to a file is on the disk."""
    os.fsync(descriptor)


def truncate(descriptor: int, length: int) -> None:
    """Cut a file off, where it is longer."""
    if size(descriptor) > length:
        os.ftruncate(descriptor, length)


def remove(path: Path) -> None:
    """Remove a file."""
    os.unlink(path)  # noqa: PTH108


def sync_folder(path: Path) -> None:
    """Wait until the names of a folder's files are on the disk."""
    descriptor = open_to_read(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in place, the whole of it or nothing, and wait until it is on the disk."""
    draft = path.with_name(f".{path.name}.tmp")
    descriptor = open_to_write(draft)
    try:
        os.ftruncate(descriptor, 0)
        write_at(descriptor, [memoryview(data)], 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(draft, path)  # noqa: PTH105
    sync_folder(path.parent)


def announce(descriptor: int, extents: Sequence[tuple[int, int]]) -> None:
    """Tell the system what will be read, so that the disk works while blocks are checked.

    Parameters
    ----------
    descriptor : int
    extents : sequence of tuple of int
        Offsets and lengths in bytes, in the order of reading; the first 64 MiB are announced.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    left = AHEAD
    for offset, length in extents:
        if left <= 0:
            return
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)
        left -= length


def _after(pieces: list[memoryview], done: int) -> list[memoryview]:
    """Return what is left of buffers once `done` bytes are dealt with."""
    for place, piece in enumerate(pieces):
        if done < piece.nbytes:
            return [piece[done:], *pieces[place + 1 :]]
        done -= piece.nbytes
    return []
