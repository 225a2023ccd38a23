"""Does a larger model predict later steps better than one nested in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes
from causalhyper.errors import DataError
from causalhyper.granger.choice.folds import Folds, Scheme, blocked_folds
from causalhyper.granger.ridge.dual import blocked_error
from causalhyper.granger.ridge.spectrum import predicted
from causalhyper.granger.significance.layers.long_run import (
    choose_bandwidth,
    degrees_of,
    smoother,
)

GRID = np.concatenate([[np.inf], np.geomspace(1e2, 1e-6, 25)])
"""Penalties, in units of the Gram matrix's trace over T; infinity leaves the base alone."""


@dataclass(frozen=True, slots=True)
class MeanTest:
    """Test that the mean of a dependent series is at most zero.

    Attributes
    ----------
    mean, se : float
    degrees : float
        Of Student's t.
    """

    mean: float
    se: float
    degrees: float

    @property
    def statistic(self) -> float:
        """Mean over standard error; 0 where the series is zero."""
        return self.mean / self.se if self.se > 0 else 0.0

    @property
    def p_value(self) -> float:
        """One-sided: small where the mean is above zero."""
        return float(special.stdtr(self.degrees, -self.statistic)) if self.se > 0 else 1.0

    def interval(self, level: float) -> tuple[float, float]:
        """Two-sided interval of the mean."""
        half = float(special.stdtrit(self.degrees, (1 + level) / 2)) * self.se
        return self.mean - half, self.mean + half


def mean_test(series: Array, edges: Codes | None = None) -> MeanTest:
    """Test a mean with the cosine long-run variance (Lazarus, Lewis, Stock and Watson 2018).

    Parameters
    ----------
    series : ndarray, shape (T,)
    edges : ndarray of int, optional
        Rows where trainings begin, and T; one training unless given.

    Returns
    -------
    MeanTest
    """
    mean, rows = float(series.mean()), len(series)
    ends = np.array([0, rows]) if edges is None else edges
    away = series - mean
    count = choose_bandwidth(away[:, None], "cosine", edges=ends)
    variance = float(away @ smoother("cosine", count, ends) @ away) / rows
    se = float(np.sqrt(max(variance, 0.0) / rows))
    return MeanTest(mean, se, degrees_of("cosine", count, ends))


def clark_west(y: Array, small: Array, large: Array, edges: Codes | None = None) -> MeanTest:
    r"""Compare predictions of nested models.

    Under the hypothesis the larger model's extra coefficients are zero and only add noise to its
    predictions; the statistic takes that noise out:
    :math:`e_1^2 - (e_2^2 - (\hat y_1 - \hat y_2)^2)`.

    Parameters
    ----------
    y, small, large : ndarray, shape (n,)
        What came, and the predictions.
    edges : ndarray of int, optional
        As in `mean_test`.

    Returns
    -------
    MeanTest

    Notes
    -----
    Source: Clark and West 2007, "Approximately normal tests for equal predictive accuracy in
    nested models".
    """
    return mean_test((y - small) ** 2 - (y - large) ** 2 + (small - large) ** 2, edges)


def diebold_mariano(y: Array, small: Array, large: Array, edges: Codes | None = None) -> MeanTest:
    """Compare squared errors of predictions (Diebold and Mariano 1995).

    Parameters
    ----------
    y, small, large : ndarray, shape (n,)
        What came, and the predictions.
    edges : ndarray of int, optional
        As in `mean_test`.

    Returns
    -------
    MeanTest
        Of the smaller model's squared error less the larger one's.
    """
    return mean_test((y - small) ** 2 - (y - large) ** 2, edges)


def training_folds(edges: Codes, count: int, *, scheme: Scheme = "forward") -> Folds:
    """Cut every training into blocks; a fold predicts one block of each.

    Parameters
    ----------
    edges : ndarray of int, shape (trainings + 1,)
    count : int
        Folds.
    scheme : {"forward", "left_out"}
        Learn from the steps before the block in every training, or from those before and after.

    Returns
    -------
    sequence of pairs of ndarray of int
        Rows to learn from and rows to predict, each increasing.

    Raises
    ------
    ConfigurationError
        If a training is too short for so many blocks.

    Examples
    --------
    >>> [(a.tolist(), b.tolist()) for a, b in training_folds(np.array([0, 6, 12]), 2)][0]
    ([0, 1, 6, 7], [2, 3, 8, 9])
    """
    each = [
        [
            (start + learn, start + ahead)
            for learn, ahead in blocked_folds(rows, count, scheme=scheme)
        ]
        for start, rows in zip(edges[:-1], np.diff(edges), strict=True)
    ]
    return [
        (np.concatenate([learn for learn, _ in fold]), np.concatenate([a for _, a in fold]))
        for fold in zip(*each, strict=True)
    ]


def forward_predictions(
    gram: Array, y: Array, base: Array, folds: Folds, inner: int, edges: Codes | None = None
) -> Array:
    """Predict each block from the steps before it, the penalty chosen within these.

    Parameters
    ----------
    gram : ndarray, shape (T, T)
        Of the penalised columns.
    y : ndarray, shape (T, B)
        Responses, each with penalties of its own.
    base : ndarray, shape (T, r)
        Columns that are not penalised.
    folds : sequence of pairs of ndarray of int
        Rows to learn from and rows to predict.
    inner : int
        Blocks of the rows to learn from, each left out once, that choose the penalty.
    edges : ndarray of int, optional
        Rows where trainings begin, and T; one training unless given.

    Returns
    -------
    ndarray, shape (2, n, B)
        Predictions of the n rows of the folds by the base, and by the base and the columns. They
        are the same where no penalty predicts better than the base alone.

    Raises
    ------
    DataError
        If a fit has fewer rows to learn from than twice the columns of the base.
    """
    found = []
    ends = np.array([0, len(y)]) if edges is None else edges
    for learn, ahead in folds:
        within = training_folds(np.searchsorted(learn, ends), inner, scheme="left_out")
        least = min(len(rows) for rows, _ in within)
        if least < 2 * base.shape[1]:
            raise DataError(
                f"the first fit would learn {base.shape[1]} coefficients from {least} steps: "
                "take fewer folds, one coefficient for the network, or more steps"
            )
        part = gram[np.ix_(learn, learn)]
        grid = GRID * max(np.trace(part) / len(learn), np.finfo(float).tiny)
        chosen = blocked_error(part, y[learn], base[learn], within, grid).argmin(axis=0)
        all_ = predicted(gram, y, base, learn, ahead, grid)
        found.append(np.stack([all_[0], all_[chosen, :, np.arange(y.shape[1])].T]))
    return np.concatenate(found, axis=1)
