"""Extreme eigenvalues of any symmetric matrix that is given by its products."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from collectors.curvature.bounds import Which, error_bounds, places
from collectors.curvature.krylov import Krylov, Ritz, krylov_spaces

ROUNDING = 10
"""Machine epsilons of the matrix's norm below which an error is called rounding."""
LOOSE = 10
"""The residual, which needs no gap to be a bound, may exceed the tolerance so many times."""


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
        Whether the bound fell below the tolerance, and the residual below ten times it.
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
        Gives random start rows, shape (b, p).
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
        found = _judged(ritz, k, which, *limits)
        values = np.array([each.value for each in found])
        m, p = space.basis.shape
        enough = m == p or (m > k and all(each.converged for each in found))
        if space.opened and m < p:
            newest = _judged(space.ritz(space.opened), 1, which, *limits)
            enough &= _same(values, closed, rounding) and all(e.converged for e in newest)
        if space.invariant and m < p:
            enough &= _same(values, closed, rounding)
            closed = values
        if enough or m + space.remainder.shape[0] > max_products or m >= max_products:
            break
    return space, found


def _judged(
    ritz: Ritz, k: int, which: Which, tolerance: float, absolute: float, rounding: float
) -> tuple[Extreme, ...]:
    # residual^2 / gap may be 1e-36, which products rounded at eps * |A| cannot vouch for
    bounds = np.maximum(error_bounds(ritz.values, ritz.residuals), rounding)
    ranks: dict[str, int] = {}
    found = []
    for end, i in places(ritz.values, k, which):
        ranks[end] = ranks.get(end, 0) + 1
        value, bound = float(ritz.values[i]), float(bounds[i])
        residual = float(ritz.residuals[i])
        allowed = max(tolerance * abs(value), absolute, rounding)
        good = bound <= allowed and residual <= LOOSE * allowed
        found.append(Extreme(end, ranks[end], value, residual, bound, good))
    return tuple(found)


def _same(values: np.ndarray, closed: np.ndarray | None, rounding: float) -> bool:
    """Whether a fresh start added nothing to what the last invariant space gave."""
    if closed is None or len(values) != len(closed):
        return False
    return bool(np.abs(values - closed).max() <= 10 * rounding * np.abs(values).max())


def _unknown(k: int, which: Which) -> tuple[Extreme, ...]:
    ends = ["largest", "smallest"] if which == "both" else [which]
    nan = math.nan
    return tuple(Extreme(e, i + 1, nan, nan, nan, False) for e in ends for i in range(k))
