"""Products with fixed sparse matrices that can be differentiated as often as wanted."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Operator:
    """A fixed sparse matrix with its transpose.

    Attributes
    ----------
    matrix, transposed : Tensor
        In CSR, of shapes (rows, columns) and (columns, rows).
    """

    matrix: Tensor
    transposed: Tensor

    @classmethod
    def of(cls, matrix: csr_matrix, device: torch.device | str) -> Operator:
        """Take a scipy matrix to a device, in float32."""
        return cls(_tensor(matrix, device), _tensor(matrix.T.tocsr(), device))

    def __matmul__(self, x: Tensor) -> Tensor:
        """Multiply by a dense matrix of shape (columns, any)."""
        product: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return product


@dataclass(frozen=True, slots=True)
class Incidence:
    """Which row each of a list of arcs belongs to.

    Attributes
    ----------
    index : Tensor of int64, shape (arcs,)
        The rows.
    matrix : Tensor
        CSR, shape (rows, arcs): a one for every arc in its row.
    """

    index: Tensor
    matrix: Tensor

    @classmethod
    def of(cls, index: np.ndarray, rows: int, device: torch.device | str) -> Incidence:
        """Make it of the rows of the arcs."""
        ones = np.ones(len(index), np.float32)
        matrix = csr_matrix((ones, (index, np.arange(len(index)))), shape=(rows, len(index)))
        return cls(torch.as_tensor(index, device=device), _tensor(matrix, device))

    def gather(self, x: Tensor) -> Tensor:
        """Take the row of each arc: (rows, any) to (arcs, any)."""
        taken: Tensor = _Gather.apply(x, self)  # type: ignore[no-untyped-call]
        return taken

    def total(self, x: Tensor) -> Tensor:
        """Sum over the arcs of each row: (arcs, any) to (rows, any)."""
        sums: Tensor = _Total.apply(x, self)  # type: ignore[no-untyped-call]
        return sums


def _tensor(matrix: csr_matrix, device: torch.device | str) -> Tensor:
    matrix.sort_indices()
    parts = (
        torch.as_tensor(matrix.indptr.astype(np.int32)),
        torch.as_tensor(matrix.indices.astype(np.int32)),
        torch.as_tensor(matrix.data.astype(np.float32)),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        made = torch.sparse_csr_tensor(*parts, size=matrix.shape, check_invariants=True)
        moved: Tensor = made.to(device)
    return moved


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, operator: Operator) -> Tensor:
        ctx.operator = operator
        return operator.matrix @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        turned = Operator(ctx.operator.transposed, ctx.operator.matrix)
        return turned @ gradient.contiguous(), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Incidence) -> Tensor:
        ctx.rows = rows
        return x.index_select(0, rows.index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.rows.total(gradient.contiguous()), None


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Incidence) -> Tensor:
        ctx.rows = rows
        return rows.matrix @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.rows.gather(gradient), None
