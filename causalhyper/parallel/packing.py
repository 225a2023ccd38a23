"""Calls as bytes, small ones: what is mapped from a file travels as the name of the file."""

from __future__ import annotations

import io
import mmap
from pathlib import Path
from typing import Any

import numpy as np


class TooLargeError(ValueError):
    """What is to be packed has more bytes than may travel."""


class _Packet(io.BytesIO):
    """Bytes up to a number."""

    def __init__(self, at_most: int | None) -> None:
        super().__init__()
        self._at_most = at_most

    def write(self, data: Any) -> int:
        """Take bytes while they fit."""
        if self._at_most is not None and self.tell() + memoryview(data).nbytes > self._at_most:
            raise TooLargeError(f"more than {self._at_most} bytes")
        return super().write(data)


def pack(value: object, at_most: int | None = None) -> bytes:
    """Pickle a value, functions and classes of a script too, and maps of files as their place.

    Parameters
    ----------
    value : object
        A whole array of `numpy.load` with ``mmap_mode="r"``, or a `numpy.memmap`, goes as its
        path, which every worker must be able to open. A part of one goes with its numbers.
    at_most : int, optional
        Bytes that it may have.

    Returns
    -------
    bytes
        For `pickle.loads`.

    Raises
    ------
    TooLargeError
        If it has more.

    Examples
    --------
    >>> import pickle, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "x.npy")
    ...     np.save(path, np.arange(100_000.0))
    ...     packed = pack(np.load(path, mmap_mode="r"))
    ...     len(packed) < 1000, float(pickle.loads(packed)[7])
    (True, 7.0)
    """
    import cloudpickle

    class Packer(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, thing: Any) -> Any:
            if isinstance(thing, np.memmap) and _is_whole(thing):
                return _open, _place(thing)
            return super().reducer_override(thing)

    stream = _Packet(at_most)
    Packer(stream).dump(value)
    return stream.getvalue()


def _is_whole(array: np.memmap[Any, Any]) -> bool:
    """Whether an array is all that was mapped, to be read only, of a file with a name."""
    named: bool = array.filename is not None and array.mode == "r"
    return named and isinstance(array.base, mmap.mmap)


def _place(array: np.memmap[Any, Any]) -> tuple[str, np.dtype[Any], int, tuple[int, ...], str]:
    order = "C" if array.flags.c_contiguous else "F"
    path = str(Path(str(array.filename)).absolute())
    return path, array.dtype, array.offset, array.shape, order


def _open(
    path: str, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], order: Any
) -> np.memmap[Any, Any]:
    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape, order=order)
