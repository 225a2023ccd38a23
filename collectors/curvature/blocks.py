"""Whether the Hessian and the Gauss-Newton matrix agree within every layer."""

from __future__ import annotations

import torch
from torch import Tensor

from collectors.curvature.operator import Curvature

SLACK = 100
"""Machine epsilons by which two equal blocks may differ from rounding."""


def layers(operator: Curvature) -> list[slice]:
    """Find the ranges of the vector that belong to one module each.

    Parameters
    ----------
    operator : Curvature
        Gives the network and the parameters chosen.

    Returns
    -------
    list of slice
        Consecutive parameters of one module together, in order; they cover the vector.
    """
    names = {id(p): name.rpartition(".")[0] for name, p in operator.model.named_parameters()}
    found: list[slice] = []
    owner: str | None = None
    at = 0
    for p, size in zip(operator.parameters, operator.sizes, strict=True):
        if found and names[id(p)] == owner:
            found[-1] = slice(found[-1].start, at + size)
        else:
            found.append(slice(at, at + size))
        owner, at = names[id(p)], at + size
    return found


def same_blocks(first: Curvature, second: Curvature, groups: list[slice], vector: Tensor) -> bool:
    """Compare the diagonal blocks of two matrices, each on one random vector.

    Parameters
    ----------
    first, second : Curvature
        Matrices A and B on the same vectors.
    groups : list of slice
        The blocks.
    vector : Tensor, shape (p,)
        Drawn from a continuous distribution: blocks that differ give different images with
        probability one.

    Returns
    -------
    bool
        Whether all agree up to rounding; it stops at the first that does not, at the cost of a
        product of each matrix for each block compared.
    """
    slack = SLACK * torch.finfo(vector.dtype).eps
    for group in groups:
        part = torch.zeros_like(vector)
        part[group] = vector[group]
        a, b = first(part)[group], second(part)[group]
        if not bool((a - b).norm() <= slack * torch.maximum(a.norm(), b.norm())):
            return False
    return True
