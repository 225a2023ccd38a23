"""Blocks of columns, the penalty on them, and its dual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from causalhyper.arrays import Array, Codes

Kind = TypeVar("Kind", np.float64, np.bool_)

SINGLE = 1e-2 / float(np.finfo(np.float32).eps)
"""A curvature of smaller trace, where the identity is added to it, is precise enough in float32:
it makes Newton steps, and what they lead to is measured in float64."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Columns over their weights, in blocks that enter together.

    Attributes
    ----------
    values : ndarray, shape (n, T)
        A column each.
    starts : ndarray of int, shape (b,)
        First column of each block.
    bounds : ndarray, shape (b,)
        v_b, what lambda is multiplied by.
    """

    values: Array
    starts: Codes
    bounds: Array

    @property
    def rows(self) -> int:
        """T."""
        return self.values.shape[1]

    @property
    def sizes(self) -> Codes:
        """Columns of each block."""
        return np.diff(self.starts, append=len(self.values))

    @property
    def single(self) -> bool:
        """Whether each block is one column."""
        return len(self.starts) == len(self.values)

    def norms(self, x: Array) -> Array:
        """Length of each block of a vector over the columns, shape (b,)."""
        return np.abs(x) if self.single else np.sqrt(np.add.reduceat(x * x, self.starts))

    def spread(self, x: NDArray[Kind]) -> NDArray[Kind]:
        """Value of its block for each column, shape (n,)."""
        return x if self.single else np.repeat(x, self.sizes)


@dataclass(frozen=True, slots=True)
class Level:
    r"""The penalty ``strength sum_b v_b |h_b| + ridge |h|^2 / 2``."""

    strength: float
    ridge: float

    def cost(self, blocks: Blocks, h: Array) -> float:
        """Of some coefficients."""
        lengths = blocks.norms(h) @ blocks.bounds if len(h) else 0.0
        return self.strength * float(lengths) + self.ridge / 2 * float(h @ h)


def dual(y: Array, residual: Array, level: Level, lengths: Array, bounds: Array) -> float:
    r"""Lower bound of the objective from a residual, best of those that cost nothing.

    With :math:`n_b = |C_b' r| / T` the multiple :math:`a r` of a residual yields

    .. math:: \frac{|y|^2 - |y - a r|^2}{2T} - \sum_b \frac{(a n_b - \lambda v_b)_+^2}{2 \rho}

    where the ridge :math:`\rho` is above zero (the conjugate of the penalty is the squared excess
    over twice the ridge); without a ridge a must leave no excess. Both a = 1 and the largest a
    without an excess are tried.
    """
    rows, limits = len(y), level.strength * bounds
    fits = 1 / max(1.0, float((lengths / limits).max(initial=0.0)))

    def bound(share: float) -> float:
        kept = share * residual
        value = float(kept @ (2 * y - kept)) / (2 * rows)
        over = np.maximum(share * lengths - limits, 0) if share > fits else np.zeros(0)
        return value - float(over @ over) / (2 * level.ridge) if len(over) else value

    return max(bound(fits), bound(1.0)) if level.ridge > 0 else bound(fits)


@dataclass(frozen=True, slots=True)
class Minimum:
    """What was found, with its relative duality gap among these blocks, and the steps taken."""

    coefficients: Array
    residual: Array
    gap: float
    steps: int


def measure(
    blocks: Blocks, y: Array, level: Level, h: Array, residual: Array, slopes: Array
) -> float:
    """Duality gap among these blocks over the objective without columns; `slopes` is C'r / T."""
    rows = len(y)
    primal = float(residual @ residual) / (2 * rows) + level.cost(blocks, h)
    low = dual(y, residual, level, blocks.norms(slopes), blocks.bounds)
    return (primal - low) / (float(y @ y) / (2 * rows))
