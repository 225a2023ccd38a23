"""Optimiser steps on the stacked parameters of many networks, each as if it were alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError

Stacked = dict[str, Tensor]
"""Tensors by name, each of shape (members, ...)."""
State = dict[str, Stacked]
Gradients = Callable[[Stacked], tuple[Stacked, Tensor]]
"""From parameters to their gradients and the losses, shape (members,)."""


@dataclass(frozen=True, slots=True)
class Sgd:
    """Stochastic gradient descent as ``torch.optim.SGD`` has it.

    Attributes
    ----------
    momentum : float
        At least 0.
    weight_decay : float
        Added to the gradient, times the parameter.
    nesterov : bool
        Whether the momentum is Nesterov's.

    Raises
    ------
    ConfigurationError
        If a value is negative or not finite, or Nesterov's momentum is 0.
    """

    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        _check_values(momentum=self.momentum, weight_decay=self.weight_decay)
        if self.nesterov and self.momentum == 0:
            raise ConfigurationError("Nesterov's momentum must be above 0; got 0")

    def descend(
        self, parameters: Stacked, gradients: Stacked, state: State, step: int, rate: float
    ) -> None:
        """Change the parameters by given gradients, in place.

        Parameters
        ----------
        parameters, gradients : dict of Tensor
            Each of shape (members, ...).
        state : dict
            Empty before the first step.
        step : int
            Its number, from 1.
        rate : float
            Learning rate.
        """
        velocity = state.setdefault("velocity", {})
        for name, parameter in parameters.items():
            change = _decayed(gradients[name], parameter, self.weight_decay)
            if self.momentum:
                if name in velocity:
                    velocity[name].mul_(self.momentum).add_(change)
                else:
                    velocity[name] = change.clone()
                held = velocity[name]
                change = change.add(held, alpha=self.momentum) if self.nesterov else held
            parameter.add_(change, alpha=-rate)


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam as ``torch.optim.Adam`` has it.

    Attributes
    ----------
    betas : tuple of float
        Decays of the first and the second moment, from 0 to below 1.
    eps : float
        Added to the root of the second moment.
    weight_decay : float
        Added to the gradient, times the parameter; or, if decoupled (``torch.optim.AdamW``),
        subtracted from the parameter, times the learning rate.
    decoupled : bool
        Whether the weight decay is decoupled.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        _check_values(eps=self.eps, weight_decay=self.weight_decay)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigurationError(f"betas must be from 0 to below 1; got {self.betas}")

    def descend(
        self, parameters: Stacked, gradients: Stacked, state: State, step: int, rate: float
    ) -> None:
        """Change the parameters by given gradients, in place.

        Parameters
        ----------
        parameters, gradients : dict of Tensor
            Each of shape (members, ...).
        state : dict
            Empty before the first step.
        step : int
            Its number, from 1.
        rate : float
            Learning rate.
        """
        first, second = state.setdefault("first", {}), state.setdefault("second", {})
        unbias = [1 - beta**step for beta in self.betas]
        for name, parameter in parameters.items():
            gradient = gradients[name]
            if self.decoupled:
                parameter.mul_(1 - rate * self.weight_decay)
            else:
                gradient = _decayed(gradient, parameter, self.weight_decay)
            if name not in first:
                first[name], second[name] = (torch.zeros_like(parameter) for _ in range(2))
            m, v = first[name], second[name]
            m.lerp_(gradient, 1 - self.betas[0])
            v.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1 - self.betas[1])
            root = (v.sqrt() / math.sqrt(unbias[1])).add_(self.eps)
            parameter.addcdiv_(m, root, value=-rate / unbias[0])


@dataclass(frozen=True, slots=True)
class Sam:
    """Sharpness-aware minimisation, each member with its own norm (see `collectors.sam.SAM`).

    Attributes
    ----------
    base : Sgd or Adam
        Descends by the gradient at the ascended point.
    rho : float
        Radius of the ascent.
    adaptive : bool
        Whether the radius is relative to each weight.

    Raises
    ------
    ConfigurationError
        If rho is negative or not finite.
    """

    base: Sgd | Adam
    rho: float = 0.05
    adaptive: bool = False

    def __post_init__(self) -> None:
        _check_values(rho=self.rho)


StackedOptimizer = Sgd | Adam | Sam


def advance(
    optimizer: StackedOptimizer,
    parameters: Stacked,
    gradients: Gradients,
    state: State,
    step: int,
    rate: float,
) -> Tensor:
    """Make one step in place.

    Parameters
    ----------
    optimizer : Sgd, Adam or Sam
        How.
    parameters : dict of Tensor
        Each of shape (members, ...); changed.
    gradients : callable
        From parameters to their gradients and the losses; SAM calls it twice.
    state : dict
        Of the optimiser, empty before the first step; changed.
    step : int
        Its number, from 1.
    rate : float
        Learning rate.

    Returns
    -------
    Tensor, shape (members,)
        The losses at the parameters as they were.
    """
    found, losses = gradients(parameters)
    if isinstance(optimizer, Sam):
        found, _ = gradients(_ascended(parameters, found, optimizer))
        optimizer = optimizer.base
    optimizer.descend(parameters, found, state, step, rate)
    return losses


def _ascended(parameters: Stacked, gradients: Stacked, sam: Sam) -> Stacked:
    """The worst point near each member, to first order."""
    scale = {k: p.abs() if sam.adaptive else torch.ones_like(p) for k, p in parameters.items()}
    squares = [(scale[k] * g).square().flatten(1).sum(1) for k, g in gradients.items()]
    norm = torch.stack(squares).sum(0).sqrt()
    radius = torch.where(norm == 0, 0.0, sam.rho / norm)
    return {
        k: p + scale[k] ** 2 * gradients[k] * radius.view(-1, *[1] * (p.ndim - 1))
        for k, p in parameters.items()
    }


def _decayed(gradient: Tensor, parameter: Tensor, weight_decay: float) -> Tensor:
    return gradient.add(parameter, alpha=weight_decay) if weight_decay else gradient


def _check_values(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ConfigurationError(f"{name} must be finite and at least 0; got {value}")
