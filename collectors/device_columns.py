"""Columns in a processor's memory or on disk, brought to a device block by block."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from causalhyper.errors import ConfigurationError

WIDE = 2**26
"""Numbers in a block at most: a quarter of a gigabyte in float32."""
Sent = tuple[int, torch.Tensor, torch.cuda.Event | None]
"""First column, block on the device, and what tells on a GPU that it has arrived."""
TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class HostBlocks(Protocol):
    """A design whose blocks are arrays of numpy."""

    shape: tuple[int, int]
    dtype: Any
    unit: float

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number of the first column and the columns, left to right."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceColumns:
    """Columns that are copied to a device while the block before is worked on.

    A thread gathers the next block in page-locked memory and sends it on a stream of its own,
    in the type in which it is stored; it is widened on the device. Two blocks are on their way
    at a time, so a design of any size passes through.

    Parameters
    ----------
    source : ndarray, torch.Tensor, or design
        Shape (T, p): a matrix in memory or memory-mapped, of float16, bfloat16 (a tensor),
        float32 or float64; or what yields blocks of one in numpy, such as a design over a stored
        trajectory. Narrow blocks are gathered into wide ones.
    device : torch.device or str
        Where the blocks go.
    width : int, optional
        Columns a block; 2**26 / T. A block of the source that is wider is passed on as it is.
    readers : int
        Threads that copy rows.

    Raises
    ------
    ConfigurationError
        If the source is no such matrix or design, or torch knows no such device here.

    Examples
    --------
    >>> columns = DeviceColumns(np.ones((3, 5), np.float16), "cpu", width=2)
    >>> [(start, tuple(block.shape), str(block.dtype)) for start, block in columns.blocks()]
    [(0, (3, 2), 'torch.float32'), (2, (3, 2), 'torch.float32'), (4, (3, 1), 'torch.float32')]
    """

    source: np.ndarray | torch.Tensor | HostBlocks
    device: torch.device | str
    width: int | None = None
    readers: int = 4

    def __post_init__(self) -> None:
        if not (hasattr(self.source, "dtype") and hasattr(self.source, "shape")):
            raise ConfigurationError(
                "expected an array of numpy, a tensor or a design; got "
                f"{type(self.source).__name__}"
            )
        _check_device(self.device)
        stored = _stored_type(self.source)
        shape = tuple(self.source.shape)
        if len(shape) != 2 or not all(shape) or stored not in TYPES:
            raise ConfigurationError(
                "expected columns of float16, bfloat16, float32 or float64, with a row and a "
                f"column at least; got shape {shape} of "
                f"{str(self.source.dtype).removeprefix('torch.')}"
            )
        if isinstance(self.source, torch.Tensor) and self.source.requires_grad:
            raise ConfigurationError(
                "a lasso path has no gradient, and this tensor requires one: pass tensor.detach()"
            )
        if isinstance(self.source, torch.Tensor) and self.source.device.type != "cpu":
            raise ConfigurationError(
                "expected a tensor in a processor's memory, with values; one on "
                f"{self.source.device} goes into the design as it is"
            )
        if (self.width is not None and self.width < 1) or self.readers < 1:
            raise ConfigurationError(
                f"expected a column a block and a reader at least; got width {self.width} and "
                f"{self.readers} readers"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = (int(n) for n in self.source.shape)
        return rows, columns

    @property
    def dtype(self) -> np.dtype:
        """Of the blocks."""
        wide = _stored_type(self.source) is torch.float64
        return np.dtype(np.float64 if wide else np.float32)

    @property
    def unit(self) -> float:
        """That of the source."""
        return float(getattr(self.source, "unit", 1.0))

    def blocks(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield the columns block by block, on the device."""
        with ThreadPoolExecutor(self.readers) as readers, ThreadPoolExecutor(1) as ahead:
            sent = self._sent(readers)
            coming = ahead.submit(next, sent, None)
            while (arrived := coming.result()) is not None:
                coming = ahead.submit(next, sent, None)
                start, block, done = arrived
                if done is not None:
                    here = torch.cuda.current_stream(block.device)
                    here.wait_event(done)
                    block.record_stream(here)
                del arrived
                yield start, block.to(getattr(torch, self.dtype.name))

    def _sent(self, readers: Executor) -> Iterator[Sent]:
        stream = torch.cuda.Stream(self.device) if self._on_gpu else None
        for start, used, block in self._gathered(readers):
            with torch.cuda.stream(stream):
                there = block.to(self.device, non_blocking=stream is not None)
                done = None if stream is None else stream.record_event()
            yield start, there[:, :used], done

    def _gathered(self, readers: Executor) -> Iterator[tuple[int, int, torch.Tensor]]:
        """Yield first column, how many there are, and a new tensor that has them."""
        rows, count = self.shape
        first, used, block = 0, 0, None
        for start, piece in self._pieces():
            width = piece.shape[1]
            if block is not None and used + width > block.shape[1]:
                yield first, used, block
                block = None
            if block is None:
                first, used = start, 0
                wide = max(width, min(self._width, count - start))
                # torch uses page-locked memory again once the copy out of it is done
                block = torch.empty(
                    (rows, wide), dtype=_stored_type(self.source), pin_memory=self._on_gpu
                )
            _copy(piece, _bits(block)[:, used : used + width], readers, self.readers)
            used += width
            if used == block.shape[1]:
                yield first, used, block
                block = None
        if block is not None:
            yield first, used, block

    def _pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        if hasattr(self.source, "blocks"):
            yield from self.source.blocks()
            return
        matrix = _bits(self.source) if isinstance(self.source, torch.Tensor) else self.source
        for start in range(0, self.shape[1], self._width):
            yield start, matrix[:, start : start + self._width]

    @property
    def _on_gpu(self) -> bool:
        return torch.device(self.device).type == "cuda"

    @property
    def _width(self) -> int:
        return self.width or max(1, WIDE // self.shape[0])


def _check_device(device: torch.device | str) -> None:
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError) as error:
        raise ConfigurationError(
            f"torch knows no device {device!r}; expected one such as 'cpu' or 'cuda'"
        ) from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError(
            f"torch finds no GPU here for the device {str(device)!r}: use 'cpu'"
        )


def _copy(source: np.ndarray, target: np.ndarray, readers: Executor, parts: int) -> None:
    """Copy rows in some threads: reading a file or memory takes longer than sending."""
    edges = np.linspace(0, len(source), parts + 1).astype(int)
    copies = [
        readers.submit(np.copyto, target[a:b], source[a:b]) for a, b in itertools.pairwise(edges)
    ]
    for copy in copies:
        copy.result()


def _bits(tensor: torch.Tensor) -> np.ndarray:
    """Return a view in numpy, which has no bfloat16: that is seen as integers."""
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _stored_type(source: np.ndarray | torch.Tensor | HostBlocks) -> torch.dtype | None:
    if isinstance(source.dtype, torch.dtype):
        return source.dtype
    return getattr(torch, np.dtype(source.dtype).name, None)
