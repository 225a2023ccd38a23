"""Vectors made orthogonal to others."""

from __future__ import annotations

from torch import Tensor


def outside(rows: Tensor, basis: Tensor) -> Tensor:
    """Project on the orthogonal complement of a space, up to rounding.

    Parameters
    ----------
    rows : Tensor, shape (p,) or (k, p)
        What to project.
    basis : Tensor, shape (m, p)
        Orthonormal rows; m may be 0.

    Returns
    -------
    Tensor
        Of the shape of `rows`.

    Notes
    -----
    Projected twice, which is enough. Source: Parlett 1998, The Symmetric Eigenvalue Problem,
    section 6.9.

    Examples
    --------
    >>> import torch
    >>> outside(torch.tensor([3.0, 4.0]), torch.tensor([[1.0, 0.0]])).tolist()
    [0.0, 4.0]
    """
    for _ in range(2):
        rows = rows - (rows @ basis.T) @ basis
    return rows
