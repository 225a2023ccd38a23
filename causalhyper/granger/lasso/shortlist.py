"""The columns of largest score, kept while a design is read once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Codes
from causalhyper.granger.lasso.columns import Matrix


class Shortlist:
    """Keep the `size` columns of largest score, with their values.

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
        self._size = size
        self._count = 0
        self._least = 0.0
        self._full = False
        self._indices = np.empty(2 * size, np.intp)
        self._scores = np.empty(2 * size)
        self._values = np.empty((2 * size, rows), dtype)

    @property
    def overflowed(self) -> bool:
        """Whether a column of positive score had to be left away."""
        return self._full

    def offer(self, start: int, block: Matrix, scores: NDArray[np.floating[Any]]) -> None:
        """Take from a block what scores above zero and above what is kept.

        Parameters
        ----------
        start : int
            Number of the block's first column.
        block : ndarray, shape (rows, w)
        scores : ndarray, shape (w,)
            A column with a score of zero or less is never kept.
        """
        chosen = np.flatnonzero(scores > self._least)
        if len(chosen) > self._size:
            order = np.argpartition(-scores[chosen], self._size)
            chosen, self._full = chosen[order[: self._size]], True
        if self._count + len(chosen) > len(self._indices):
            self._shrink()
        end = self._count + len(chosen)
        self._indices[self._count : end] = chosen + start
        self._scores[self._count : end] = scores[chosen]
        self._values[self._count : end] = block[:, chosen].T
        self._count = end

    def columns(self) -> tuple[Codes, Matrix]:
        """Return the numbers, increasing, and the values, a row each, of what is kept."""
        self._shrink()
        order = np.argsort(self._indices[: self._count])
        return self._indices[order], self._values[order]

    def _shrink(self) -> None:
        if self._count <= self._size:
            return
        best = np.argpartition(-self._scores[: self._count], self._size - 1)[: self._size]
        for array in (self._indices, self._scores, self._values):
            array[: self._size] = array[best]
        self._count, self._full = self._size, True
        self._least = float(self._scores[: self._size].min())
