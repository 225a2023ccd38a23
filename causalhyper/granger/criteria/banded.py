"""Columns that are also read row by row, some steps at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from causalhyper.granger.design.columns import ChangeColumns
from causalhyper.granger.lasso.columns import Matrix


@dataclass(slots=True, eq=False)
class BandedColumns:
    """Columns of one training, not centred, of which a band of rows is held.

    Descent goes through the rows again and again in their order; a design of all of them need not
    fit in memory.

    Parameters
    ----------
    columns : ChangeColumns
        Of one training.
    band : int
        Rows that are read together.
    """

    columns: ChangeColumns
    band: int = 32
    _first: int = field(default=-1, init=False)
    _held: Matrix = field(init=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.columns.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return self.columns.dtype

    @property
    def unit(self) -> float:
        """What the values are to be multiplied by to be in the design's unit."""
        return self.columns.unit

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the columns block by block."""
        return self.columns.blocks()

    def row(self, t: int) -> Matrix:
        """Return one row, in the unit of the blocks, shape (p,)."""
        first = t // self.band * self.band
        if first != self._first:
            self._held, self._first = self._read(first), first
        return self._held[t - first]

    def _read(self, first: int) -> Matrix:
        (run,) = self.columns.runs
        part = slice(first, first + self.band)
        some = replace(run, rows=run.rows[part])
        columns = replace(self.columns, runs=(some,), factors=self.columns.factors[part])
        held = np.empty(columns.shape, columns.dtype)
        for start, block in columns.blocks():
            held[:, start : start + block.shape[1]] = block
        return held
