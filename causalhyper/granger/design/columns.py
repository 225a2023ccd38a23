"""Columns of a design, computed from parameter changes as they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.frames.trajectory import Layer
from causalhyper.granger.design.features import (
    NAMES,
    Features,
    square,
    take_means,
    write_momentum,
)
from causalhyper.granger.design.mapping import Fill, open_layer
from causalhyper.granger.design.rows import RunRows
from causalhyper.granger.lasso.columns import ColumnBlocks, Matrix

CACHED = 2**21
"""Bytes of a block: what a processor's cache holds."""
SAMPLE = 8192
"""Columns whose largest change sets the unit."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangeColumns:
    """Features of the changes of layers, side by side, read from where they were recorded.

    `change_columns` makes them.

    Parameters
    ----------
    runs : tuple of RunRows
        Trainings, whose rows stand one after another.
    layers : tuple of Layer
        The layers, from left to right.
    features : {"squares", "momentum"}
        One column a parameter, or three.
    factors : ndarray, shape (T,)
        What the changes of each row are multiplied by before they are squared.
    unit : float
        What the values of a block are multiplied by to be in the design's unit.
    centred : bool
        Whether each training's mean is taken from each column.
    """

    runs: tuple[RunRows, ...]
    layers: tuple[Layer, ...]
    features: Features
    factors: Array
    unit: float
    centred: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        parameters = sum(layer.size for layer in self.layers)
        return len(self.factors), len(NAMES[self.features]) * parameters

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return np.result_type(*(run.record.dtype for run in self.runs))

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the columns block by block; every block is an array of its own."""
        rows, each = self.shape[0], len(NAMES[self.features])
        factors = self.factors.astype(self.dtype)[:, None]
        width = max(64, CACHED // (rows * each * self.dtype.itemsize) // 64 * 64)
        first = 0
        for layer in self.layers:
            fills = [open_layer(run.record, layer.name) for run in self.runs]
            for start in range(0, layer.size, width):
                stop = min(start + width, layer.size)
                yield each * (first + start), self._block(fills, factors, start, stop)
            first += layer.size

    def _block(self, fills: Sequence[Fill], factors: Matrix, start: int, stop: int) -> Matrix:
        """Compute the features of some parameters of a layer."""
        each = len(NAMES[self.features])
        block = np.empty((self.shape[0], each * (stop - start)), self.dtype)
        first = 0
        for run, fill in zip(self.runs, fills, strict=True):
            part, scales = (each_[first : first + len(run)] for each_ in (block, factors))
            if self.features == "squares":
                fill(part, run.rows, start, stop)
                square(part, scales)
            else:
                read = np.empty((len(run.span), stop - start), self.dtype)
                fill(read, run.span, start, stop)
                write_momentum(run.now(read), run.before(read), scales, part)
            if self.centred:
                take_means(part)
            first += len(run)
        return block


def change_columns(
    runs: Sequence[RunRows],
    layers: Sequence[Layer],
    *,
    features: Features,
    rates: Array | None,
    centred: bool = False,
) -> ChangeColumns:
    """Make columns, in a unit that keeps squares clear of the smallest numbers.

    Parameters
    ----------
    runs : sequence of RunRows
    layers : sequence of Layer
    features : {"squares", "momentum"}
    rates : ndarray, shape (T,), or None
        What the features of each row are divided by; above zero.
    centred : bool

    Returns
    -------
    ChangeColumns
        Its unit is the square of a power of two near the largest change among the first columns
        of each layer that are not all zero; these are read.
    """
    rows = sum(map(len, runs))
    factors = np.ones(rows) if rates is None else 1 / np.sqrt(rates)
    largest = max(_largest(runs, layer, factors) for layer in layers)
    scale = 2.0 ** -math.frexp(largest)[1] if largest > 0 else 1.0
    made = tuple(runs), tuple(layers), features, factors * scale, scale**-2
    return ChangeColumns(*made, centred)


def _largest(runs: Sequence[RunRows], layer: Layer, factors: Array) -> float:
    """Return the largest change times factor in the first columns that are not all zero."""
    edges: Codes = np.cumsum([0, *map(len, runs)])
    for start in range(0, layer.size, SAMPLE):
        stop = min(start + SAMPLE, layer.size)
        largest = 0.0
        for run, first in zip(runs, edges, strict=False):
            there = slice(run.rows.start, run.rows.stop, run.rows.step)
            read = run.record.columns(layer.name, start, stop, there)
            peaks = np.maximum(read.max(axis=1), -read.min(axis=1)).astype(np.float64)
            largest = max(largest, float((peaks * factors[first : first + len(run)]).max()))
        if largest > 0:
            return largest
    return 0.0


@dataclass(frozen=True, slots=True, eq=False)
class HeldColumns:
    """Columns that were read once and are held in memory, block by block.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    dtype : dtype
        Of the values.
    unit : float
        What they are multiplied by to be in the design's unit.
    held : tuple of (int, ndarray)
        Number of the first column of each block, and the block.

    Examples
    --------
    >>> from causalhyper.granger.lasso import SquaredChanges
    >>> held = HeldColumns.of(SquaredChanges(np.full((2, 3), 0.5)))
    >>> [(start, (block * held.unit).tolist()) for start, block in held.blocks()]
    [(0, [[0.25, 0.25, 0.25], [0.25, 0.25, 0.25]])]
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    unit: float
    held: tuple[tuple[int, Matrix], ...]

    @classmethod
    def of(cls, columns: ColumnBlocks) -> HeldColumns:
        """Read columns once."""
        return cls(columns.shape, columns.dtype, columns.unit, tuple(columns.blocks()))

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the blocks."""
        yield from self.held
