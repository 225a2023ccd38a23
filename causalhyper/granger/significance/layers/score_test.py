"""Do many columns together explain what a few leave, in sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.ridge.spectrum import orthonormal
from causalhyper.granger.significance.layers.wald import dependent_weights

Null = Literal["rotation", "wild"]


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """A global test of the coefficients of many columns.

    Attributes
    ----------
    statistic : float
        r' K r / r' r over its mean under the null.
    p_value : float
    null : {"rotation", "wild"}
    draws : int
    """

    statistic: float
    p_value: float
    null: Null
    draws: int


def score_test(
    gram: Array,
    y: Array,
    base: Array,
    *,
    null: Null,
    draws: int,
    block: int,
    rng: np.random.Generator,
    edges: Codes | None = None,
) -> ScoreTest:
    """Hold the residuals of a base regression against many columns at once.

    The statistic is the score of a common variance of all coefficients (Goeman, van de Geer and
    van Houwelingen 2006). The null turns the residuals in time, all T - 1 rotations, or multiplies
    them by dependent weights; either way they are then regressed on the base again.

    Parameters
    ----------
    gram : ndarray, shape (T, T)
        Of the columns.
    y : ndarray, shape (T,)
    base : ndarray, shape (T, r)
        Columns of the hypothesis.
    null : {"rotation", "wild"}
    draws, block : int
        Of the weights.
    rng : Generator
        For the weights.
    edges : ndarray of int, optional
        Rows where trainings begin, and T: weights of two trainings are independent.

    Returns
    -------
    ScoreTest
    """
    basis = orthonormal(base)
    left = y - basis @ (basis.T @ y)
    rows = len(y)
    if null == "rotation":
        turned = left[np.subtract.outer(np.arange(rows), np.arange(1, rows)) % rows]
    else:
        turned = left[:, None] * dependent_weights(
            rows if edges is None else edges, block, draws, rng
        )
    series = np.column_stack([left, turned - basis @ (basis.T @ turned)])
    squares = np.einsum("tb,tb->b", series, series)
    values = np.einsum("tb,tb->b", series, gram @ series) / np.where(squares > 0, squares, 1.0)
    larger = int((values[1:] >= values[0] * (1 - 1e-12)).sum())
    mean = float(values[1:].mean())
    count = len(values) - 1
    return ScoreTest(
        float(values[0]) / mean if mean > 0 else 0.0, (1 + larger) / (1 + count), null, count
    )
