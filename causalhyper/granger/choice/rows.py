"""Some rows of a design, read in the blocks of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.backend import Block, beside
from causalhyper.granger.lasso.columns import ColumnBlocks


@dataclass(frozen=True, slots=True)
class RowsOf:
    """A design of some steps of another one, which is read as it is and never copied.

    Parameters
    ----------
    columns : ColumnBlocks
        Of T rows.
    rows : ndarray of int, shape (k,)
        Which, increasing.

    Raises
    ------
    ConfigurationError
        If there are none, they do not increase, or the design has no such row.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> part = RowsOf(DenseColumns(np.arange(12.0).reshape(4, 3)), np.array([1, 3]))
    >>> part.shape, next(part.blocks())[1][:, 0].tolist()
    ((2, 3), [3.0, 9.0])
    """

    columns: ColumnBlocks
    rows: Codes

    def __post_init__(self) -> None:
        count, rows = self.columns.shape[0], self.rows
        good = len(rows) > 0 and rows[0] >= 0 and rows[-1] < count and (np.diff(rows) > 0).all()
        if not good:
            raise ConfigurationError(
                f"expected increasing numbers of rows from 0 to {count - 1}; got {rows.tolist()}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows taken, and all columns."""
        return len(self.rows), self.columns.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the whole."""
        return self.columns.dtype

    @property
    def unit(self) -> float:
        """That of the whole."""
        return self.columns.unit

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield the rows of each block; a view where the rows lie together."""
        first, last = int(self.rows[0]), int(self.rows[-1])
        together = last - first + 1 == len(self.rows)
        chosen = slice(first, last + 1)
        for start, block in self.columns.blocks():
            yield start, block[chosen if together else beside(self.rows, block)]
