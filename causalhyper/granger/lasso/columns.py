"""Designs that are read a block of columns at a time, and never need to fit in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_whole, real_numbers
from causalhyper.granger.lasso.backend import (
    Block,
    as_matrix,
    beside,
    computed_dtype,
    default_width,
    on_host_if_near,
    to_host,
)

Matrix = NDArray[np.floating[Any]]


class ColumnBlocks(Protocol):
    """A design of T rows and p columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """T and p."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: the type of the blocks, and what products are computed in."""
        ...

    @property
    def unit(self) -> float:
        """What the values of a block are to be multiplied by to be in the design's unit."""
        ...

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield the number of the first column and the columns, shape (T, w), left to right.

        Blocks are arrays of numpy, or tensors of torch, all on one device. They are done with
        when the next is asked for, and may then be overwritten. On a GPU they should be wide: a
        few hundred MB each.
        """
        ...


@dataclass(frozen=True, slots=True)
class DenseColumns:
    """A matrix in memory, memory-mapped, or on a device.

    Parameters
    ----------
    matrix : ndarray, DataFrame or torch.Tensor, shape (T, p)
        float32 or float64, or float16 or bfloat16, which are computed with in float32; T >= 1,
        p >= 1. It stays where it is.
    width : int, optional
        Columns a block; 1024 on a processor, 2**27 / T on an accelerator.

    Raises
    ------
    ConfigurationError
        If it is no such matrix.

    Examples
    --------
    >>> [start for start, _ in DenseColumns(np.ones((3, 5)), width=2).blocks()]
    [0, 2, 4]
    """

    matrix: Block
    width: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", as_matrix(self.matrix))
        computed_dtype(self.matrix)
        check_width(self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return _shape(self.matrix)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return computed_dtype(self.matrix)

    @property
    def unit(self) -> float:
        """One: the values stand for themselves."""
        return 1.0

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield the columns block by block."""
        for start, block in _slices(self.matrix, self.width):
            xp = array_namespace(block)
            yield start, xp.astype(block, getattr(xp, self.dtype.name), copy=False)


@dataclass(frozen=True, slots=True)
class SquaredChanges:
    """Squared parameter changes, from the changes themselves.

    A change of 1e-9 has a square of 1e-18; to keep squares clear of the smallest numbers they
    are computed in units of the square of a power of two near the largest change of the first
    block that is not all zero.

    Parameters
    ----------
    changes : ndarray, torch.Tensor, or ColumnBlocks; of shape (T, p)
        Changes of p parameters in T steps, in memory, memory-mapped, on a device, or coming in
        blocks, which stay as wide as they are. They are float32 or float64, or float16 or
        bfloat16, whose squares are computed in float32.
    width : int, optional
        Columns a block; 1024 on a processor, 2**27 / T on an accelerator.
    scales : array_like, shape (T,), optional
        What the values of each step are to be multiplied by, where changes are stored as scaled
        float16.

    Raises
    ------
    ConfigurationError
        If it is no such matrix, or a scale is not above zero and finite.

    Examples
    --------
    >>> columns = SquaredChanges(np.array([[3e-9], [-5e-9]], dtype=np.float32))
    >>> [f"{x:.3g}" for x in (next(columns.blocks())[1] * columns.unit).ravel()]
    ['9e-18', '2.5e-17']
    """

    changes: Block | ColumnBlocks
    width: int | None = None
    scales: Array | None = None
    _scale: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_width(self.width)
        if not hasattr(self.changes, "blocks"):
            object.__setattr__(self, "changes", as_matrix(self.changes))
            computed_dtype(self.changes)
        if self.scales is not None:
            _check_scales(self.scales, self.shape[0])
        object.__setattr__(self, "_scale", self._power_of_two())

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and parameters."""
        return _shape(self.changes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        if hasattr(self.changes, "blocks"):
            return np.dtype(self.changes.dtype)
        return computed_dtype(self.changes)

    @property
    def unit(self) -> float:
        """Squares in a block are so many times too large."""
        return float(getattr(self.changes, "unit", 1.0)) ** 2 * self._scale**-2.0

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield the squares block by block."""
        for start, block in self._scaled(self._scale):
            block *= block
            yield start, block

    def _scaled(self, scale: float) -> Iterator[tuple[int, Block]]:
        """Yield new blocks of changes times a number, in the precision of products."""
        steps = np.ones(1) if self.scales is None else np.asarray(self.scales, dtype=np.float64)
        factors = (steps * scale).astype(self.dtype)[:, None]
        pieces = (
            self.changes.blocks()
            if hasattr(self.changes, "blocks")
            else _slices(self.changes, self.width)
        )
        for start, block in pieces:
            # a product with float32 is computed in float32
            yield start, block * beside(factors, block)

    def _power_of_two(self) -> float:
        for _, block in self._scaled(1.0):
            largest = float(abs(block).max())
            if largest > 0:
                return 2.0 ** -math.frexp(largest)[1] if math.isfinite(largest) else 1.0
        return 1.0


def check_columns(columns: object) -> None:
    """Refuse what cannot be read in blocks, and say what can.

    Parameters
    ----------
    columns : object
        What was given as a design.

    Raises
    ------
    ConfigurationError
        If it is no `ColumnBlocks`.
    """
    if all(hasattr(columns, name) for name in ("shape", "dtype", "unit", "blocks")):
        return
    raise ConfigurationError(
        "expected columns that are read in blocks: DenseColumns(matrix), SquaredChanges(changes), "
        f"or the attribute columns of a GrangerDesign; got {type(columns).__name__}"
    )


def host_blocks(columns: ColumnBlocks) -> Iterator[tuple[int, Matrix]]:
    """Yield the blocks of a design in a processor's memory, wherever they come from."""
    for start, block in columns.blocks():
        yield start, to_host(block)


def _shape(matrix: Block) -> tuple[int, int]:
    rows, columns = matrix.shape
    return int(rows), int(columns)


def _slices(matrix: Block, width: int | None) -> Iterator[tuple[int, Block]]:
    width = width or default_width(matrix)
    for start in range(0, matrix.shape[1], width):
        yield start, on_host_if_near(matrix[:, start : start + width])


def check_width(width: object) -> None:
    """Refuse a number of columns a block that is none.

    Parameters
    ----------
    width : object

    Raises
    ------
    ConfigurationError
        If it is neither a whole number of 1 or more nor None.

    Examples
    --------
    >>> check_width(1024)
    """
    if width is None:
        return
    check_whole(width=width)
    if not width >= 1:  # type: ignore[operator]
        raise ConfigurationError(f"a block has one column at least; got width {width}")


def _check_scales(scales: Array, rows: int) -> None:
    values = real_numbers("scales", scales)
    if values.shape != (rows,) or not (np.isfinite(values) & (values > 0)).all():
        raise ConfigurationError(
            f"expected a scale above zero and finite for each of {rows} steps; got shape "
            f"{values.shape} with smallest {values.min(initial=np.inf):g} and largest "
            f"{values.max(initial=-np.inf):g}"
        )
