"""Extreme eigenvalues of any symmetric matrix that is given by its products."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from collectors.curvature.bounds import Which, error_bounds, places
from collectors.curvature.hidden import MISSED, hidden_share, least_share
from collectors.curvature.krylov import Krylov, Ritz, krylov_spaces

ROUNDING = 10
"""Machine epsilons of the matrix's norm below which an error is called rounding."""
LOOSE = 10
"""The residual, which needs no gap to be a bound, may exceed the tolerance so many times; and an
eigenvalue within so many tolerances of one that was found counts as the same."""
MISSED_INSIDE = 5e-2
"""Probability, over starts, that an eigenvalue behind the outermost is left out.

At 0.01, five eigenvalues of LeNet-5 took one or two products more of 20.
"""


@dataclass(frozen=True, slots=True)
class Extreme:
    """One eigenvalue.

    Attributes
    ----------
    end : {"largest", "smallest", "size"}
        From which end it was counted.
    rank : int
        1 for the outermost.
    value : float
        Ritz value, loss a squared unit of parameter; NaN where the matrix is not finite.
    residual : float
        ``|A v - value v|`` of the unit Ritz vector v.
    bound : float
        Distance within which an eigenvalue lies: the smaller of residual and residual^2 / gap, but
        not below ten machine epsilons of the largest in size, as products are rounded.
    converged : bool
        Whether the bound fell below the tolerance, the residual below ten times it, and no
        eigenvalue can have been left out but with a small probability over starts. For rank 1:
        one further out by more than the tolerance, 0.001. For rank j: a given one of the j
        outermost that is further out than the value and not within ten tolerances of it or of one
        of a smaller rank, 0.05.
    """

    end: str
    rank: int
    value: float
    residual: float
    bound: float
    converged: bool


def extremes(
    product: Callable[[Tensor], Tensor],
    draw: Callable[[], Tensor],
    *,
    k: int,
    which: Which = "largest",
    tolerance: float = 1e-3,
    absolute: float = 0.0,
    max_products: int = 300,
) -> tuple[Krylov, tuple[Extreme, ...]]:
    """Find extreme eigenvalues of any symmetric matrix given by its products.

    Parameters
    ----------
    product : callable
        Maps rows (b, p) to A of each row.
    draw : callable
        Gives random start rows, shape (b, p), of independent normal entries.
    k : int
        How many at each end.
    which : {"largest", "smallest", "both", "size"}
        Which end.
    tolerance, absolute : float
        Relative and absolute error that is small enough.
    max_products : int
        Stop before the step that would exceed it; the first step is always made.

    Returns
    -------
    Krylov
        The space reached.
    tuple of Extreme
        The eigenvalues; it does not warn where they have not converged.

    Notes
    -----
    If the j-th eigenvalue is not where the j-th value says, then one of the j outermost has been
    left out, and the start holds too little of its vector: the probability for that one is the
    stated one, for all j together at most j times that, whenever the search ends. It is that of
    hiding just outside the ten tolerances, and falls with the distance: a tenth as likely ten
    times as far. An eigenvalue is told apart once only by one start (see `krylov_spaces`). With
    several starts the bound is taken at the ends of the stretches between the values alone (see
    `hidden_share`). After an invariant space it is taken for the outermost of what was left.

    Examples
    --------
    >>> A = torch.diag(torch.tensor([3.0, -7.0, 1.0]))
    >>> _, found = extremes(lambda rows: rows @ A, lambda: torch.ones(1, 3), k=1, which="size")
    >>> round(found[0].value, 4)
    -7.0
    """
    start = draw()
    rounding = ROUNDING * torch.finfo(start.dtype).eps
    closed: np.ndarray | None = None
    for space in krylov_spaces(product, start, draw):
        if not space.finite:
            return space, _unknown(k, which)
        ritz = space.ritz()
        limits = (tolerance, absolute, rounding * float(np.abs(ritz.values).max()))
        found = _judged(space, ritz, k, which, limits)
        values = np.array([each.value for each in found])
        m, p = space.basis.shape
        enough = m == p or (m > k and all(each.converged for each in found))
        if space.opened and m < p:
            newest = _judged(space, space.ritz(space.opened), 1, which, limits)
            enough &= _same(values, closed, rounding) and all(e.converged for e in newest)
        if space.invariant and m < p:
            enough &= _same(values, closed, rounding)
            closed = values
        if enough or m + space.remainder.shape[0] > max_products or m >= max_products:
            break
    return space, found


def _judged(
    space: Krylov, ritz: Ritz, k: int, which: Which, limits: tuple[float, float, float]
) -> tuple[Extreme, ...]:
    """Take the k of an end, of Ritz pairs of the last rows of the space."""
    tolerance, absolute, rounding = limits
    # residual^2 / gap may be 1e-36, which products rounded at eps * |A| cannot vouch for
    bounds = np.maximum(error_bounds(ritz.values, ritz.residuals), rounding)
    allowed = np.maximum(np.maximum(tolerance * np.abs(ritz.values), absolute), rounding)
    good = (bounds <= allowed) & (ritz.residuals <= LOOSE * allowed)
    chosen = places(ritz.values, k, which)
    found = []
    for end in dict.fromkeys(end for end, _ in chosen):
        at = [i for each, i in chosen if each == end]
        complete = _complete(space, len(ritz.values), end, ritz.values[at], allowed[at], good[at])
        for rank, (i, sure) in enumerate(zip(at, complete, strict=True), start=1):
            value, residual = float(ritz.values[i]), float(ritz.residuals[i])
            found.append(Extreme(end, rank, value, residual, float(bounds[i]), sure))
    return tuple(found)


def _complete(
    space: Krylov, rows: int, end: str, values: np.ndarray, allowed: np.ndarray, good: np.ndarray
) -> list[bool]:
    """Which values of an end, outermost first, are good with none left out further out."""
    m, p = space.basis.shape
    if space.invariant or m == p or rows != m - space.opened:
        return good.tolist()
    starts, size = min(space.starts, rows), p - space.opened
    projected = space.projected[-rows:, -rows:]

    @functools.cache
    def share(height: float) -> float:
        return hidden_share(projected, space.remainder, starts, height)

    complete = []
    for rank in range(1, len(values) + 1):
        reach = allowed[:rank] * (1 if rank == 1 else LOOSE)
        seldom = least_share(size, starts, MISSED if rank == 1 else MISSED_INSIDE)
        heights = _edges(values[:rank], reach, end)
        complete.append(bool(good[rank - 1]) and all(share(x) <= seldom for x in heights))
    return complete


def _edges(values: np.ndarray, reach: np.ndarray, end: str) -> list[float]:
    """Ends of the stretches, further out than the last value, that lie in reach of none.

    Values are the outermost of an end in their order; the last one's reach is kept off as well.
    """

    def outward(x: np.ndarray) -> np.ndarray:
        return {"largest": x, "smallest": -x, "size": np.abs(x)}[end]

    bar = outward(values[-1]) + reach[-1]
    bars = {"largest": [bar], "smallest": [-bar], "size": [bar, -bar]}[end]
    edges = np.concatenate([bars, (values - reach)[:-1], (values + reach)[:-1]])
    sides = np.concatenate(
        [np.full(len(bars), len(values) - 1), *[np.arange(len(values) - 1)] * 2]
    )
    apart = np.abs(edges[:, None] - values) >= reach
    apart[np.arange(len(edges)), sides.astype(int)] = True  # its own, whatever the rounding
    return edges[apart.all(axis=1) & (outward(edges) >= bar)].tolist()


def _same(values: np.ndarray, closed: np.ndarray | None, rounding: float) -> bool:
    """Whether a fresh start added nothing to what the last invariant space gave."""
    if closed is None or len(values) != len(closed):
        return False
    return bool(np.abs(values - closed).max() <= 10 * rounding * np.abs(values).max())


def _unknown(k: int, which: Which) -> tuple[Extreme, ...]:
    ends = ["largest", "smallest"] if which == "both" else [which]
    nan = math.nan
    return tuple(Extreme(e, i + 1, nan, nan, nan, False) for e in ends for i in range(k))
