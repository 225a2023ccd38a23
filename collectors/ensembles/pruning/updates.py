"""Updates of many networks at once, held at zero where they are pruned."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from collectors.ensembles.pruning.launching import BLOCK, grid_of, has_kernels


class SgdUpdate:
    """Plain gradient descent, as ``torch.optim.SGD`` has it.

    Parameters
    ----------
    rate : float
        Learning rate.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def __call__(self, rows: Tensor, gradients: Tensor, pruned: Tensor) -> None:
        """Move the parameters in place; the gradients become the changes."""
        if has_kernels(rows) and rows.dtype == torch.float32:
            from collectors.ensembles.pruning.row_kernels import descent_kernel

            args = rows, gradients, pruned, rows.shape[1], self._rate
            descent_kernel[grid_of(rows)](*args, block=BLOCK)
            return
        rows.add_(gradients.masked_fill_(pruned, 0.0).mul_(-self._rate))

    def keep(self, chosen: Tensor) -> None:
        """Go on with some of the rows."""


class AdamUpdate:
    """Adam, as ``torch.optim.Adam`` has it, with a learning rate of each row.

    Parameters
    ----------
    rates : Tensor, shape (R,)
        Learning rates.
    like : Tensor, shape (R, p)
        The parameters.
    betas : tuple of float
        Decays of the moments.
    eps : float
        Added to the root of the second moment.
    """

    def __init__(
        self,
        rates: Tensor,
        like: Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self._rates, self._betas, self._eps = rates, betas, eps
        self._first, self._second = torch.zeros_like(like), torch.zeros_like(like)
        self._steps = 0

    def __call__(self, rows: Tensor, gradients: Tensor, pruned: Tensor) -> None:
        """Move the parameters in place; the gradients may change."""
        self._steps += 1
        one, two = self._betas
        unbias = math.sqrt(1 - two**self._steps)
        scales = self._rates * (-unbias / (1 - one**self._steps))
        if has_kernels(rows) and rows.dtype == torch.float32:
            from collectors.ensembles.pruning.row_kernels import adam_kernel

            moments = self._first, self._second
            numbers = rows.shape[1], 1 - one, 1 - two, self._eps * unbias
            args = rows, gradients, pruned, *moments, scales, *numbers
            adam_kernel[grid_of(rows)](*args, block=BLOCK)
            return
        gradients.masked_fill_(pruned, 0.0)
        self._first.lerp_(gradients, 1 - one)
        self._second.mul_(two).addcmul_(gradients, gradients, value=1 - two)
        root = self._second.sqrt().add_(self._eps * unbias)
        changes = torch.div(self._first, root, out=root)
        rows.add_(changes.mul_(scales[:, None]))

    def keep(self, chosen: Tensor) -> None:
        """Go on with some of the rows."""
        self._rates = self._rates[chosen]
        self._first, self._second = self._first[chosen], self._second[chosen]


Update = SgdUpdate | AdamUpdate
