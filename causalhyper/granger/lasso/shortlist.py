"""The columns of largest score, kept while a design is read once."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from causalhyper.arrays import Codes
from causalhyper.granger.lasso.backend import Block, largest, to_host
from causalhyper.granger.lasso.columns import Matrix


class Shortlist:
    """Keep the `size` columns of largest score, with their values, where the blocks are.

    Parameters
    ----------
    size : int
        Columns kept at most.
    rows : int
        Length of a column.
    dtype : dtype
        Of the values.

    Examples
    --------
    >>> best = Shortlist(1, rows=2, dtype=np.dtype(float))
    >>> best.offer(0, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.7]))
    >>> best.columns()
    (array([1]), array([[2., 4.]]))
    """

    def __init__(self, size: int, rows: int, dtype: np.dtype[Any]) -> None:
        self._size, self._rows, self._dtype = size, rows, dtype
        self._count = 0
        self._least = 0.0
        self._full = False
        # numbers, scores and values of what is kept: on the device of the first block
        self._arrays: tuple[Block, Block, Block] | None = None

    def __len__(self) -> int:
        """Columns held: of more than `size` some will go."""
        return self._count

    @property
    def overflowed(self) -> bool:
        """Whether a column of positive score had to be left away, or will have to be."""
        return self._full or self._count > self._size

    def offer(self, start: int, block: Block, scores: Block) -> None:
        """Take from a block what scores above zero and above what is kept.

        Parameters
        ----------
        start : int
            Number of the block's first column.
        block : array, shape (rows, w)
        scores : array, shape (w,)
            A column with a score of zero or less is never kept.
        """
        xp = array_namespace(block)
        chosen = xp.nonzero(scores > self._least)[0]
        if len(chosen) > self._size:
            chosen, self._full = chosen[largest(scores[chosen], self._size)], True
        if self._count + len(chosen) > 2 * self._size:
            self._shrink()
        place = slice(self._count, self._count + len(chosen))
        indices, kept, values = self._arrays = self._arrays or self._room(block, scores)
        indices[place] = chosen + start
        kept[place] = scores[chosen]
        values[place] = block[:, chosen].T
        self._count = place.stop

    def columns(self) -> tuple[Codes, Matrix]:
        """Return the numbers, increasing, and the values, a row each, of what is kept."""
        self._shrink()
        if self._arrays is None:
            return np.empty(0, np.intp), np.empty((0, self._rows), self._dtype)
        indices, _, values = (array[: self._count] for array in self._arrays)
        order = array_namespace(indices).argsort(indices)
        return to_host(indices[order]), to_host(values[order])

    def _room(self, block: Block, scores: Block) -> tuple[Block, Block, Block]:
        xp, where = array_namespace(block), device(block)
        most = 2 * self._size
        return (
            xp.empty(most, dtype=xp.int64, device=where),
            xp.empty(most, dtype=scores.dtype, device=where),
            xp.empty((most, self._rows), dtype=block.dtype, device=where),
        )

    def _shrink(self) -> None:
        if self._count <= self._size or self._arrays is None:
            return
        scores = self._arrays[1]
        best = largest(scores[: self._count], self._size)
        for array in self._arrays:
            array[: self._size] = array[best]
        self._count, self._full = self._size, True
        self._least = float(scores[: self._size].min())
