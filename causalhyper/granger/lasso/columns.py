"""Designs that are read a block of columns at a time, and never need to fit in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError

Matrix = NDArray[np.floating[Any]]

WIDTH = 1024
"""Columns a block: 500 rows of them in float32 are 2 MB, which a processor's cache holds."""


class ColumnBlocks(Protocol):
    """A design of T rows and p columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """T and p."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: what products are computed in."""
        ...

    @property
    def unit(self) -> float:
        """What the values of a block are to be multiplied by to be in the design's unit."""
        ...

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the number of the first column and the columns, shape (T, w), left to right."""
        ...


@dataclass(frozen=True, slots=True)
class DenseColumns:
    """A matrix in memory or memory-mapped.

    Parameters
    ----------
    matrix : ndarray, shape (T, p)
        float32 or float64; T >= 1, p >= 1.
    width : int
        Columns a block.

    Raises
    ------
    ConfigurationError
        If it is no such matrix.

    Examples
    --------
    >>> [start for start, _ in DenseColumns(np.ones((3, 5)), width=2).blocks()]
    [0, 2, 4]
    """

    matrix: Matrix
    width: int = WIDTH

    def __post_init__(self) -> None:
        _check(self.matrix, self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return self.matrix.dtype

    @property
    def unit(self) -> float:
        """One: the values stand for themselves."""
        return 1.0

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the columns block by block."""
        for start in range(0, self.shape[1], self.width):
            yield start, self.matrix[:, start : start + self.width]


@dataclass(frozen=True, slots=True)
class SquaredChanges:
    """Squared parameter changes, from the changes themselves.

    A change of 1e-9 has a square of 1e-18; to keep squares clear of the smallest numbers they
    are computed in units of the square of a power of two near the largest change of the first
    block that is not all zero.

    Parameters
    ----------
    changes : ndarray, shape (T, p)
        Changes of p parameters in T steps, float32 or float64, in memory or memory-mapped.
    width : int
        Columns a block.

    Raises
    ------
    ConfigurationError
        If it is no such matrix.

    Examples
    --------
    >>> columns = SquaredChanges(np.array([[3e-9], [-5e-9]], dtype=np.float32))
    >>> [f"{x:.3g}" for x in (next(columns.blocks())[1] * columns.unit).ravel()]
    ['9e-18', '2.5e-17']
    """

    changes: Matrix
    width: int = WIDTH

    def __post_init__(self) -> None:
        _check(self.changes, self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and parameters."""
        return self.changes.shape[0], self.changes.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return self.changes.dtype

    @property
    def unit(self) -> float:
        """Squares in a block are so many times too large."""
        return self._scale() ** -2.0

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the squares block by block."""
        scale = self.dtype.type(self._scale())
        for start in range(0, self.shape[1], self.width):
            block = self.changes[:, start : start + self.width] * scale
            block *= block
            yield start, block

    def _scale(self) -> float:
        for start in range(0, self.shape[1], self.width):
            largest = float(np.abs(self.changes[:, start : start + self.width]).max())
            if largest > 0:
                return 2.0 ** -math.frexp(largest)[1] if math.isfinite(largest) else 1.0
        return 1.0


def _check(matrix: Matrix, width: int) -> None:
    if matrix.ndim != 2 or not matrix.size or matrix.dtype not in (np.float32, np.float64):
        raise ConfigurationError(
            "expected a matrix of float32 or float64 with a row and a column at least; got shape "
            f"{matrix.shape} of {matrix.dtype}"
        )
    if width < 1:
        raise ConfigurationError(f"a block has one column at least; got width {width}")
