"""Sharpness-aware minimisation: descend by the gradient at the worst point nearby."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from causalhyper.errors import ConfigurationError


class SAM(torch.optim.Optimizer):
    r"""Wrap an optimiser so that it descends by the gradient at the ascended point.

    .. math:: \epsilon = \rho \, \frac{g}{\|g\|_2}, \qquad
              g' = \nabla L(\theta + \epsilon), \qquad
              \theta \leftarrow \mathrm{base}(\theta, g')

    and with ``adaptive``, :math:`\epsilon = \rho\,T^2 g / \|T g\|_2` with
    :math:`T = |\theta|`, which does not change when weights are scaled.

    Parameters
    ----------
    parameters : iterable
        Tensors, or groups of them as torch's optimisers take; the norm is over all groups.
    base : callable
        Makes the wrapped optimiser of the parameters, as ``torch.optim.SGD`` does.
    rho : float
        Radius of the ascent, in units of a parameter (without a unit if adaptive); with 0 the
        step is the wrapped optimiser's.
    adaptive : bool
        Whether the radius is relative to each weight.
    model : nn.Module, optional
        Its batch normalisation is kept from updating running statistics at the ascended point.
    **options : object
        For `base`, such as ``lr``.

    Raises
    ------
    ConfigurationError
        If rho is negative or not finite, or `base` is an optimiser and not what makes one.

    Notes
    -----
    Cost: two gradients a step. The ascent uses the gradient of the loss alone, without the weight
    decay that the wrapped optimiser adds. After the ascent the parameters are put back from a
    copy, so not a bit of them is lost. Dropout draws a new mask at the ascended point.

    Source: Foret et al. 2021, "Sharpness-aware minimization for efficiently improving
    generalization", equations 2 and 3; adaptive: Kwon et al. 2021, "ASAM", equation 7.

    Examples
    --------
    With L = w^2 at w = 1 the gradient is 2; the ascent leads to 1.5, where it is 3:

    >>> w = torch.ones(1, requires_grad=True)
    >>> sam = SAM([w], torch.optim.SGD, rho=0.5, lr=0.1)
    >>> def closure():
    ...     sam.zero_grad()
    ...     loss = (w**2).sum()
    ...     loss.backward()
    ...     return loss
    >>> float(sam.step(closure)), round(w.item(), 6)
    (1.0, 0.7)
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        base: Callable[..., torch.optim.Optimizer],
        *,
        rho: float = 0.05,
        adaptive: bool = False,
        model: nn.Module | None = None,
        **options: object,
    ) -> None:
        if not 0 <= rho < math.inf:
            raise ConfigurationError(f"rho must be finite and at least 0; got {rho}")
        if not callable(base):
            raise ConfigurationError(
                "base must make an optimiser, as torch.optim.SGD does; got the "
                f"{type(base).__name__} itself: SAM(model.parameters(), torch.optim.SGD, lr=0.1)"
            )
        self.base = base(parameters, **options)
        super().__init__(self.base.param_groups, self.base.defaults)
        self.param_groups = self.base.param_groups
        self.state = self.base.state
        self.rho, self.adaptive, self._model = rho, adaptive, model

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor:  # type: ignore[override]
        """Make one step.

        Parameters
        ----------
        closure : callable
            Clears the gradients, computes the loss, runs its backward pass, and returns it; it
            is called twice, and must use the same minibatch both times.

        Returns
        -------
        Tensor
            The loss before the step, at the parameters as they were.

        Raises
        ------
        ConfigurationError
            If there is no closure.
        """
        if closure is None:
            raise ConfigurationError(
                "a step of SAM needs the gradient at two points: give step() a closure that "
                "clears the gradients, computes the loss, calls backward() and returns the loss"
            )
        with torch.enable_grad():
            loss = closure()
        with torch.no_grad():
            kept = self._ascend()
        with torch.enable_grad(), _running_statistics_kept(self._model):
            closure()
        with torch.no_grad():
            for parameter, value in kept:
                parameter.copy_(value)
        self.base.step()
        return loss.detach()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another: that of the wrapped optimiser.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        self.base.load_state_dict(state_dict)
        self.param_groups, self.state = self.base.param_groups, self.base.state

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : dict
            As torch's optimisers take it.
        """
        if not any(group is param_group for group in self.base.param_groups):
            self.base.add_param_group(param_group)

    def _ascend(self) -> list[tuple[Tensor, Tensor]]:
        """Move to the worst point nearby; return the parameters with their values before."""
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        if self.rho == 0 or not moved:
            return []
        scale = [p.abs() if self.adaptive else torch.ones_like(p) for p in moved]
        parts = [torch.linalg.vector_norm(t * p.grad) for p, t in zip(moved, scale, strict=True)]
        norm = math.hypot(*(float(part) for part in parts))
        kept = [(p, p.clone()) for p in moved]
        if norm != 0:
            for p, t in zip(moved, scale, strict=True):
                p.add_(t * t * p.grad, alpha=self.rho / norm)
        return kept


@contextmanager
def _running_statistics_kept(model: nn.Module | None) -> Iterator[None]:
    """Let batch normalisation use the minibatch's statistics without remembering them."""
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)] if model else []
    kept = [(buffer, buffer.clone()) for layer in layers for buffer in layer.buffers()]
    try:
        yield
    finally:
        for buffer, value in kept:
            buffer.copy_(value)
