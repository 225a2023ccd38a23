"""Updates of stacked parameters, each member at its own learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import torch
from torch import Tensor

from collectors.ensembles.stacked_optimizers import Stacked


class StackedAdamW:
    """`torch.optim.AdamW`, element by element, so each member's update is as if it were alone.

    Parameters
    ----------
    parameters : dict of str to Tensor
        Each of shape (members, ...); changed in place by every step.
    rates : sequence of float
        The learning rate of each member; neighbours of one rate are updated together.
    breaks : sequence of int
        Numbers of members at which the stack may be shortened.
    weight_decay : float
        Decoupled.
    """

    def __init__(
        self,
        parameters: Stacked,
        rates: Sequence[float],
        *,
        breaks: Sequence[int] = (),
        weight_decay: float,
    ) -> None:
        self._parts = _runs(rates, breaks)
        self._held = [
            [p.detach()[part].view(-1) for p in parameters.values()] for part in self._parts
        ]
        groups = [
            {"params": held, "lr": rates[part.start]}
            for held, part in zip(self._held, self._parts, strict=True)
        ]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay, fused=True)

    def step(self, gradients: Stacked) -> None:
        """Update the first members, as many as the gradients have; the others stay."""
        members = len(next(iter(gradients.values())))
        for held, part in zip(self._held, self._parts, strict=True):
            for parameter, gradient in zip(held, gradients.values(), strict=True):
                parameter.grad = gradient[part].reshape(-1) if part.stop <= members else None
        self._optimizer.step()


def ascended(parameters: Stacked, gradients: Stacked, rho: float) -> Stacked:
    """Move each member by rho along its own gradient: the first half of SAM's update.

    Source: Foret et al. 2021, "Sharpness-aware minimization", equation 2.
    """
    squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients.values()]).sum(0)
    reach = torch.where(squares > 0, rho / squares.sqrt(), 0.0)
    return {
        k: torch.addcmul(p, gradients[k], reach.view(-1, *[1] * (p.ndim - 1)))
        for k, p in parameters.items()
    }


def update(
    parameters: Stacked,
    gradients: Callable[[Stacked], tuple[Stacked, Tensor]],
    optimizer: StackedAdamW,
    rho: float | None,
) -> Tensor:
    """Make one update in place, by SAM where there is a rho; return the losses before it."""
    found, losses = gradients(parameters)
    if rho is not None:
        found, _ = gradients(ascended(parameters, found, rho))
    optimizer.step(found)
    return losses


def _runs(rates: Sequence[float], breaks: Sequence[int]) -> list[slice]:
    """Neighbours of one rate, cut at the breaks."""
    cuts = sorted({0, len(rates), *breaks})
    return [
        slice(begin + places[0], begin + places[-1] + 1)
        for begin, end in pairwise(cuts)
        for _, group in groupby(range(end - begin), key=lambda i, b=begin: rates[b + i])
        if (places := list(group))
    ]
