"""Initial weights of graph networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def glorot(shape: Sequence[int], fans: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw uniformly from -a to a with a = sqrt(6 / (sum of the last two fans)).

    Parameters
    ----------
    shape : sequence of int
        Of the tensor.
    fans : tuple of int
        Widths before and after, as torch_geometric counts them.
    generator : torch.Generator
        The source of chance.

    Returns
    -------
    Tensor
        The weights.
    """
    bound = math.sqrt(6 / sum(fans[-2:]))
    return (2 * torch.rand(tuple(shape), generator=generator) - 1) * bound
