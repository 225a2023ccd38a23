"""Lanczos processes of many symmetric matrices at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from torch import Tensor

from collectors.curvature.hidden import none_above

ROUNDING = 10
"""Machine epsilons of the matrix's size, as seen so far, below which a residual is rounding."""
DENSE = 24
"""Tridiagonal matrices up to this are decomposed whole, all members at once."""


@dataclass(frozen=True, slots=True, eq=False)
class StackedEigenvalues:
    """The largest eigenvalue of each member's matrix, with what certifies it; all on the CPU.

    Attributes
    ----------
    values : Tensor of float64, shape (members,)
        Ritz values; NaN where the loss or the matrix is not finite.
    residuals : Tensor of float64, shape (members,)
        ``|A v - value v|`` of the unit Ritz vectors v: an eigenvalue lies within it, up to
        rounding.
    products : Tensor of int64, shape (members,)
        Matrix-vector products that the member's value rests on.
    converged : Tensor of bool, shape (members,)
        Whether the residual fell below the tolerance, and no larger eigenvalue can be hidden but
        with probability 0.001.
    """

    values: Tensor
    residuals: Tensor
    products: Tensor
    converged: Tensor

    def only(self, finite: Tensor) -> StackedEigenvalues:
        """Take back the values of members that are not finite, shape (members,)."""
        kept = finite.cpu()
        values, residuals = (torch.where(kept, x, math.nan) for x in (self.values, self.residuals))
        return StackedEigenvalues(values, residuals, self.products, self.converged & kept)


def stacked_lanczos(
    product: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    tolerance: float,
    max_products: int,
    growth: float = 1.0,
) -> StackedEigenvalues:
    """Find the algebraically largest eigenvalue of each of many matrices, each in its own space.

    Parameters
    ----------
    product : callable
        Maps vectors (members, p) to each member's symmetric matrix times its own.
    start : Tensor, shape (members, p)
        Start vectors, none zero, of directions drawn uniformly.
    tolerance : float
        A member has converged when its Ritz residual is below the tolerance times its Ritz
        value's size, or below rounding, and no eigenvalue is larger by more than that, or when
        its space is invariant or all of R^p.
    max_products : int
        Stop after so many.
    growth : float
        Judge the members after each product (1), or when there are so many times as many as at
        the last judgement, which saves the decompositions where products are cheap.

    Returns
    -------
    StackedEigenvalues
        A member's values are those of when it converged; it does not warn where one has not.

    Notes
    -----
    Full re-orthogonalisation by modified Gram-Schmidt, twice. A member that has converged is
    carried on without effect until all have.

    A small residual alone tells of *an* eigenvalue. That none is larger holds with probability
    0.999 over start vectors of uniform direction (`collectors.curvature.hidden.none_above`).

    Source: Golub and Van Loan, Matrix Computations, section 10.1; van Dorsselaer, Hochstenbach and
    van der Vorst 2001, "Computing probabilistic bounds for extreme eigenvalues of symmetric
    matrices with the Lanczos method".

    Examples
    --------
    >>> diagonals = torch.tensor([[3.0, -7.0, 1.0], [-2.0, -4.0, -6.0]])
    >>> found = stacked_lanczos(
    ...     lambda v: diagonals * v, torch.ones(2, 3), tolerance=1e-4, max_products=9
    ... )
    >>> [round(value, 4) for value in found.values.tolist()]
    [3.0, -2.0]
    """
    spaces = _Spaces(start, max_products, tolerance, growth)
    basis = [start / torch.linalg.vector_norm(start, dim=1, keepdim=True)]
    while True:
        image = product(basis[-1])
        alphas = torch.linalg.vecdot(image, basis[-1])
        image = _outside(image, basis)
        betas = torch.linalg.vector_norm(image, dim=1, dtype=torch.float64)
        spaces.extend(*torch.stack([alphas.double(), betas]).cpu().numpy())
        if spaces.ended:
            return spaces.result()
        basis.append(image.div_(torch.where(betas > 0, betas, 1.0).to(image.dtype)[:, None]))


def _outside(rows: Tensor, basis: Sequence[Tensor]) -> Tensor:
    """Make each member's row orthogonal to its basis."""
    rows = rows.clone()
    for _ in range(2):
        for held in basis:
            rows.addcmul_(held, torch.linalg.vecdot(rows, held)[:, None], value=-1)
    return rows


class _Spaces:
    """The tridiagonal matrices of all members, and what each member's result is so far."""

    def __init__(self, start: Tensor, max_products: int, tolerance: float, growth: float) -> None:
        members, size = start.shape
        self._limit, self._whole = min(max_products, size), max_products >= size
        self._tolerance, self._rounding = tolerance, ROUNDING * torch.finfo(start.dtype).eps
        self._growth, self._due, self._size = growth, 1, size
        self._alphas, self._betas = np.zeros((2, members, self._limit))
        self._steps = 0
        self._open = np.ones(members, dtype=bool)
        self._values, self._residuals = np.full((2, members), np.nan)
        self._products = np.zeros(members, dtype=np.int64)
        self._converged = np.zeros(members, dtype=bool)

    @property
    def ended(self) -> bool:
        """Whether no member needs another product, or none may have one."""
        return self._steps == self._limit or not self._open.any()

    def extend(self, alphas: np.ndarray, betas: np.ndarray) -> None:
        """Add a row to each matrix, and judge the members that have not ended if it is due."""
        self._alphas[:, self._steps], self._betas[:, self._steps] = alphas, betas
        self._steps += 1
        self._products[self._open] = self._steps
        lost = self._open & ~(np.isfinite(alphas) & np.isfinite(betas))
        self._values[lost] = self._residuals[lost] = np.nan
        self._open &= ~lost
        places = np.flatnonzero(self._open)
        closed = betas[places] <= self._rounding * np.abs(self._alphas[places]).max(1)
        if self._steps >= min(self._due, self._limit) or closed.any():
            self._judge(places)
            self._due = max(self._steps + 1, math.ceil(self._growth * self._steps))

    def result(self) -> StackedEigenvalues:
        """What has been found."""
        found = (self._values, self._residuals, self._products, self._converged)
        return StackedEigenvalues(*map(torch.from_numpy, found))

    def _judge(self, places: np.ndarray) -> None:
        k = self._steps
        alphas, betas = self._alphas[places, :k], self._betas[places, :k]
        top, last = _top_pairs(alphas, betas[:, :-1])
        residuals = np.abs(betas[:, -1] * last)
        rounding = self._rounding * np.maximum(np.abs(top), np.abs(alphas).max(axis=1))
        allowed = np.maximum(self._tolerance * np.abs(top), rounding)
        seen = none_above(alphas, betas, top + allowed, self._size) | (betas[:, -1] <= rounding)
        good = (residuals <= allowed) & seen | (self._whole and k == self._limit)
        self._values[places], self._residuals[places] = top, residuals
        self._converged[places], self._open[places] = good, ~good


def _top_pairs(diagonals: np.ndarray, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues of tridiagonal matrices, and the last entries of their vectors."""
    count, k = diagonals.shape
    if k > DENSE:
        pairs = [
            eigh_tridiagonal(d, b, select="i", select_range=(k - 1, k - 1))
            for d, b in zip(diagonals, beside, strict=True)
        ]
        return np.array([v[0] for v, _ in pairs]), np.array([u[-1, 0] for _, u in pairs])
    T, places = np.zeros((count, k, k)), np.arange(k)
    T[:, places, places], T[:, places[1:], places[:-1]] = diagonals, beside
    values, vectors = np.linalg.eigh(T)  # it reads the lower half
    return values[:, -1], vectors[:, -1, -1]
