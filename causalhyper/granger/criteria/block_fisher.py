"""The empirical Fisher information of blocks of parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Array, Flags
from causalhyper.granger.lasso.columns import Matrix

WORK = 2**22
"""Numbers that are worked with at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class FisherBlocks:
    r"""Blocks of :math:`\lambda I + \frac1n G'G` along the parameters of one layer.

    Attributes
    ----------
    gradients : ndarray, shape (n, p)
        G: minibatch gradients, zero for parameters that are pruned.
    size : int
        Parameters a block; the last has what is left.
    damping : float
        :math:`\lambda`, above zero.
    """

    gradients: Matrix
    size: int
    damping: float

    def parts(self) -> Iterator[tuple[slice, Array]]:
        """Yield neighbouring blocks together: their parameters, and G as (blocks, n, size).

        The last is filled up with zeros, which change nothing of the others.
        """
        count, width = self.gradients.shape
        size = min(self.size, width)
        step = max(1, WORK // (size * (count + size))) * size
        for start in range(0, width, step):
            part = self.gradients[:, start : start + step].astype(np.float64)
            full = np.zeros((count, -(-part.shape[1] // size) * size))
            full[:, : part.shape[1]] = part
            there = slice(start, start + part.shape[1])
            yield there, full.reshape(count, -1, size).transpose(1, 0, 2)

    def inverse_diagonal(self) -> Array:
        r"""Diagonal of the inverse of each block, shape (p,).

        By Woodbury's identity in the space of the gradients where they are fewer than the
        parameters of a block; the inverse itself otherwise.
        """
        found = np.empty(self.gradients.shape[1])
        for there, g in self.parts():
            diagonal = self._dual(g) if g.shape[1] < g.shape[2] else self._direct(g)
            found[there] = diagonal.reshape(-1)[: there.stop - there.start]
        return found

    def compensation(self, weights: Array, removed: Flags, kept: Flags) -> Array:
        r"""Change of the weights kept that makes up best for those removed, shape (p,).

        It minimises :math:`\delta' F \delta` of each block with
        :math:`\delta = -\theta` where a weight is removed: optimal brain surgeon for all of them
        at once.

        Parameters
        ----------
        weights : ndarray, shape (p,)
        removed, kept : ndarray of bool, shape (p,)
            Removed now; kept. A weight may be neither, removed before.
        """
        found = np.zeros(len(weights))
        for there, g in self.parts():
            blocks, _, size = g.shape
            stays, goes, theta = (
                _filled(values[there], blocks, size) for values in (kept, removed, weights)
            )
            fisher = self._fisher(g)
            pull = fisher @ np.where(goes, theta, 0.0)[:, :, None]
            both = (stays[:, :, None] & stays[:, None, :]) | np.eye(size, dtype=bool)
            solved = np.linalg.solve(
                np.where(both, fisher, 0.0), np.where(stays[:, :, None], pull, 0.0)
            )[:, :, 0]
            change = np.where(goes, -theta, solved)
            found[there] = change.reshape(-1)[: there.stop - there.start]
        return found

    def _fisher(self, g: Array) -> Array:
        fisher = g.transpose(0, 2, 1) @ g / g.shape[1]
        fisher += self.damping * np.eye(g.shape[2])
        return np.asarray(fisher)

    def _direct(self, g: Array) -> Array:
        return np.asarray(np.linalg.inv(self._fisher(g)).diagonal(axis1=1, axis2=2))

    def _dual(self, g: Array) -> Array:
        count = g.shape[1]
        gram = g @ g.transpose(0, 2, 1) + count * self.damping * np.eye(count)
        explained = (g * np.linalg.solve(gram, g)).sum(axis=1)
        # no diagonal of an inverse is below the inverse of the diagonal; rounding may be
        least = 1 / (self.damping + (g**2).mean(axis=1))
        return np.maximum((1 - explained) / self.damping, least)


def _filled(values: NDArray[Any], blocks: int, size: int) -> NDArray[Any]:
    """Fill up with zeros to whole blocks."""
    full = np.zeros(blocks * size, dtype=values.dtype)
    full[: len(values)] = values
    return full.reshape(blocks, size)
