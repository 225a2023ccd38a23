"""Parameters of all members in one array, and the steps that change them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Layout:
    """Names and shapes of the parameters of one member, laid out in a row.

    Attributes
    ----------
    shapes : mapping of str to tuple of int
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def sizes(self) -> list[int]:
        """Numbers a parameter."""
        return [math.prod(shape) for shape in self.shapes.values()]

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of an array of shape (..., p) by name, each of shape (..., *shape)."""
        parts = flat.split(self.sizes, -1)
        return {
            name: part.unflatten(-1, shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def flat(self, named: Mapping[str, Tensor]) -> Tensor:
        """The parameters of one member, in a row."""
        return torch.cat([named[name].reshape(-1) for name in self.shapes])


class Adam:
    """Adam of many members, each with its own rate, as ``torch.optim.Adam`` has it.

    Parameters
    ----------
    rates : sequence of float
        One a member of each seed.
    weight_decay : float
        Added to the gradient, times the parameter.
    like : Tensor, shape (seeds, members, p)
        The parameters.
    """

    def __init__(self, rates: Sequence[float], weight_decay: float, like: Tensor) -> None:
        self.rates = torch.tensor(rates, device=like.device).view(1, -1, 1)
        self.weight_decay = weight_decay
        self.steps = 0
        self.first, self.second = torch.zeros_like(like), torch.zeros_like(like)

    def descend(self, parameters: Tensor, gradients: Tensor) -> None:
        """Change the parameters in place; the gradients are used up."""
        self.steps += 1
        gradients.add_(parameters, alpha=self.weight_decay)
        self.first.lerp_(gradients, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradients, gradients, value=1 - BETAS[1])
        unbias = [1 - beta**self.steps for beta in BETAS]
        root = torch.sqrt(self.second, out=gradients)
        root.div_(math.sqrt(unbias[1])).add_(EPSILON)
        change = torch.div(self.first, root, out=root)
        parameters.sub_(change.mul_(self.rates / unbias[0]))

    def keep(self, places: Sequence[int]) -> None:
        """Go on with some of the members."""
        self.rates = self.rates[:, places]
        self.first, self.second = self.first[:, places], self.second[:, places]


def ascended(parameters: Tensor, gradients: Tensor, rho: float) -> Tensor:
    """The point of each member at distance rho along its gradient."""
    norms = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
    return torch.addcmul(parameters, gradients, torch.where(norms == 0, 0.0, rho / norms))
