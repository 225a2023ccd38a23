"""Steps made alike: trend, spread and dependence of the errors are taken from both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso import DenseColumns, lasso_path
from causalhyper.granger.significance.dependence import estimate_dependence
from causalhyper.granger.significance.screened.parts import (
    HeldOutPart,
    held_out,
    times_of,
)
from causalhyper.granger.significance.screened.whitening import remaining_dependence, whiten
from causalhyper.granger.significance.shifts.stationary import Remainder, spread_ratio

DOUBT = 0.01
"""P-value of remaining dependence, below which the level is not vouched for."""
WIDER = 2.0
"""Ratio of spreads above which it is not vouched for."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Steps to test on, and what was taken from them.

    Attributes
    ----------
    part : HeldOutPart
    taken : str
        What was taken, as a sentence.
    doubts : tuple of str
        What is left that speaks against the level.
    """

    part: HeldOutPart
    taken: str
    doubts: tuple[str, ...]


def screening_response(remainder: Remainder, rows: Codes, edges: Codes, prewhiten: bool) -> Array:
    """Return what columns are multiplied by in order to pick them.

    The products of raw columns with it are those of generalised least squares in these steps.

    Parameters
    ----------
    remainder : Remainder
        Of the response.
    rows : ndarray of int
        Steps to screen on.
    edges : ndarray of int
        Rows where trainings begin, and T.
    prewhiten : bool
        Whether the dependence of the response is taken away.

    Returns
    -------
    ndarray, shape (T,)
        Zero at other steps.
    """
    part = part_of(np.empty((len(rows), 0)), remainder, rows, edges)
    left = part.y
    if prewhiten:
        dependence = estimate_dependence(part.trend, part.y, part.times)
        # the transpose of the filter: filter the identity, once
        inverse, _ = dependence.whiten(np.eye(len(rows)), part.times)
        left = inverse.T @ whiten(part, dependence).y
    found = np.zeros(len(remainder.weights))
    found[rows] = remainder.weights[rows] * left
    return found


def part_of(values: Array, remainder: Remainder, rows: Codes, edges: Codes) -> HeldOutPart:
    """Return some steps, divided by the spread and without the trend.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Columns at these steps.
    remainder : Remainder
        Of the response.
    rows : ndarray of int, shape (n,)
    edges : ndarray of int

    Returns
    -------
    HeldOutPart
    """
    weights = remainder.weights[rows]
    return held_out(
        weights[:, None] * values,
        remainder.values[rows],
        times_of(rows, edges),
        remainder.basis[rows],
    )


def prepare(part: HeldOutPart, seen: HeldOutPart, prewhiten: bool) -> Prepared:
    """Take the dependence of the errors away, and look at what is left.

    Parameters
    ----------
    part : HeldOutPart
        Steps to test on.
    seen : HeldOutPart
        The steps screened on: where columns are many, these say which enter the regression whose
        errors are looked at.
    prewhiten : bool

    Returns
    -------
    Prepared
    """
    few = _first_columns(seen, len(part.y) // 4)
    taken = "errors as they are"
    if prewhiten:
        fixed = np.column_stack([part.trend, part.x[:, few]])
        fixed = fixed[:, independent_columns(fixed)]
        dependence = estimate_dependence(fixed, part.y, part.times)
        part = whiten(part, dependence)
        taken = (
            f"autocorrelation of the errors {dependence.share * dependence.decay:.2f}, times "
            f"{dependence.decay:.2f} a further lag"
        )
    looked_at = HeldOutPart(part.x[:, few], part.y, part.times, part.trend)
    return Prepared(part, taken, _doubts(looked_at))


def independent_columns(x: Array) -> Codes:
    """Return the first columns that are not combinations of those before.

    Parameters
    ----------
    x : ndarray, shape (n, k)

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0], [0.0, 0.0, 3.0]])
    >>> independent_columns(x).tolist()
    [0, 2]
    """
    sizes = np.abs(np.diag(np.linalg.qr(x / np.linalg.norm(x, axis=0), mode="r")))
    return np.flatnonzero(sizes > 1e-7).astype(np.intp)


def _first_columns(seen: HeldOutPart, most: int) -> Codes:
    """Columns that enter a lasso of other steps first; all where they are few."""
    count = seen.x.shape[1]
    if count <= most:
        return np.arange(count, dtype=np.intp)
    path = lasso_path(DenseColumns(seen.x), seen.y, lambdas=30, ratio=0.05, tolerance=1e-4)
    sizes = np.array([len(members) for members in path.columns])
    return path.columns[int(np.flatnonzero(sizes <= max(most, 1))[-1])]


def _doubts(part: HeldOutPart) -> tuple[str, ...]:
    found = []
    autocorrelation, p = remaining_dependence(part)
    if p < DOUBT:
        found.append(
            f"errors are still dependent (autocorrelation {autocorrelation:.2f}, p = {p:.1g}): "
            "the level may be exceeded"
        )
    stretches = np.array([0, len(part.y)])
    basis = np.linalg.qr(np.column_stack([part.trend, part.x]))[0]
    ratio = spread_ratio(part.y - basis @ (basis.T @ part.y), stretches)
    if not 1 / WIDER < ratio < WIDER:
        found.append(
            f"errors spread {ratio:.2g} times as wide in the first third as in the last: the "
            "level may be exceeded"
        )
    return tuple(found)
