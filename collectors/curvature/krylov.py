"""Block Lanczos with full re-orthogonalisation: spaces that grow until the caller has enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from collectors.orthogonality import outside

Rows = Callable[[Tensor], Tensor]
"""Maps rows (b, p) to A of each row."""
BREAKDOWN = 100
"""A direction below so many machine epsilons of the matrix's norm is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Ritz:
    """Approximate eigenpairs from one space.

    Attributes
    ----------
    values : ndarray, shape (m,)
        Ritz values, largest first.
    coordinates : ndarray, shape (m, m)
        Column j holds Ritz vector j in the basis.
    residuals : ndarray, shape (m,)
        ``|A v - value v|`` of the unit Ritz vectors: an eigenvalue lies within this distance.
    """

    values: np.ndarray
    coordinates: np.ndarray
    residuals: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Krylov:
    """A space with what the matrix does on it.

    Attributes
    ----------
    basis : Tensor, shape (m, p)
        Orthonormal rows Q.
    projected : ndarray, shape (m, m)
        T = Q A Q', in float64.
    remainder : ndarray, shape (r, b)
        What A times the last b rows has outside the space, in r orthonormal directions.
    opened : int
        The row at which the last start stands: 0 but after an invariant space was found.
    finite : bool
        Whether all products were finite.
    starts : int
        Rows of the first block.
    """

    basis: Tensor
    projected: np.ndarray
    remainder: np.ndarray
    opened: int
    finite: bool
    starts: int

    @property
    def invariant(self) -> bool:
        """Whether A maps the space into itself, up to rounding: Ritz values are eigenvalues."""
        return self.remainder.shape[0] == 0

    def ritz(self, first: int = 0) -> Ritz:
        """Eigenpairs of the matrix projected on the rows from `first` on, with residuals."""
        values, coordinates = np.linalg.eigh(self.projected[first:, first:])
        values, coordinates = values[::-1], coordinates[:, ::-1]
        last = coordinates[-self.remainder.shape[1] :]
        return Ritz(values, coordinates, np.linalg.norm(self.remainder @ last, axis=0))

    def vectors(self, coordinates: np.ndarray) -> Tensor:
        """Take columns of coordinates (m, k) to unit vectors, shape (p, k)."""
        weights = torch.as_tensor(coordinates.copy(), dtype=self.basis.dtype)
        found = self.basis.T @ weights.to(self.basis.device)
        return found / found.norm(dim=0, keepdim=True)

    def outside(self, rows: Tensor) -> Tensor:
        """Project rows (k, p) on the orthogonal complement of the space."""
        return outside(rows, self.basis)


def krylov_spaces(product: Rows, start: Tensor, draw: Callable[[], Tensor]) -> Iterator[Krylov]:
    r"""Grow a Krylov space, block by block.

    .. math:: \mathcal K = \mathrm{span}\{S, A S, A^2 S, \dots\}

    Parameters
    ----------
    product : callable
        Maps rows (b, p) to A of each row; A symmetric.
    start : Tensor, shape (b, p)
        Start rows S, linearly independent: with b rows up to b copies of an eigenvalue are seen
        at once, with one row only one.
    draw : callable
        Gives fresh start rows (b, p) when the space has become invariant (breakdown), so that
        what is left, such as further copies of an eigenvalue, is searched too.

    Yields
    ------
    Krylov
        After each block of products. Its basis is a view into a buffer that later spaces share.
        Ends with the whole of R^p, or where a product is not finite.

    Notes
    -----
    Cost: b products a step, and 8 m p flops a row for re-orthogonalisation (twice); memory m p.
    Source: Golub and Van Loan, Matrix Computations, sections 10.1 and 10.3.6.

    Examples
    --------
    >>> A = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    >>> spaces = krylov_spaces(lambda rows: rows @ A, torch.ones(1, 3), lambda: torch.ones(1, 3))
    >>> [len(space.basis) for space in spaces]
    [1, 2, 3]
    """
    p = start.shape[1]
    buffer, filled, opened = start.new_empty((min(p, 32), p)), 0, 0
    projected = np.zeros((0, 0))
    starts = len(start)
    block, size = _orthonormal(start, None, 0.0)[0], 0.0
    while len(block):
        block = block[: p - filled]
        buffer = _with_room(buffer, filled + len(block))
        buffer[filled : filled + len(block)] = block
        basis = buffer[: filled + len(block)]
        images = product(block)
        coefficients = images @ basis.T
        finite = bool(torch.isfinite(coefficients).all())
        projected = _bordered(projected, _numpy(coefficients))
        filled += len(block)
        if not finite:
            yield Krylov(basis, projected, np.full((1, len(block)), np.nan), opened, False, starts)
            return
        size = max(size, float(np.linalg.norm(_numpy(coefficients), axis=1).max()))
        floor = BREAKDOWN * torch.finfo(start.dtype).eps * size
        following, remainder = _orthonormal(outside(images, basis), basis, floor)
        if filled == p:
            following, remainder = following[:0], remainder[:0]
        yield Krylov(basis, projected, remainder, opened, True, starts)
        if not len(following) and filled < p:
            opened = filled
            following = _orthonormal(outside(draw(), basis), basis, 0.0)[0]
        block = following


def _orthonormal(rows: Tensor, basis: Tensor | None, floor: float) -> tuple[Tensor, np.ndarray]:
    """Orthonormal rows N and R with rows' = N' R, without directions of length up to the floor."""
    Q, R = torch.linalg.qr(rows.T)
    U, lengths, V = torch.linalg.svd(R)
    kept = int((lengths > floor).sum())
    found = (Q @ U[:, :kept]).T.contiguous()
    if basis is not None and len(rows) > 1:
        Q, R = torch.linalg.qr(outside(found, basis).T)
        found = (Q * R.diagonal().sign()).T.contiguous()
    return found, _numpy(lengths[:kept, None] * V[:kept])


def _with_room(buffer: Tensor, rows: int) -> Tensor:
    """Return the buffer, or one of twice its size with the same content."""
    if rows <= len(buffer):
        return buffer
    wider = buffer.new_empty((min(max(rows, 2 * len(buffer)), buffer.shape[1]), buffer.shape[1]))
    wider[: len(buffer)] = buffer
    return wider


def _bordered(projected: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Append rows of a symmetric matrix: coefficients (b, m + b) of the last b."""
    b, m = coefficients.shape
    grown = np.zeros((m, m))
    grown[: m - b, : m - b] = projected
    grown[m - b :] = coefficients
    grown[:, m - b :] = coefficients.T
    corner = coefficients[:, m - b :]
    grown[m - b :, m - b :] = (corner + corner.T) / 2
    return grown


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()
