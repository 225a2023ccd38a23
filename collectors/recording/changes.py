"""The vector of all changes of one step, taken around the optimiser's update."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.recording.layers import Layer, new_changes
from collectors.recording.update_rules import UpdateRule


class Changes:
    """What the update of the present step does to the recorded layers.

    Parameters
    ----------
    optimizer : Optimizer
        The optimiser of torch.
    layers : tuple of Layer
        The layers that are recorded.
    rule : UpdateRule
        How their changes are taken.

    Attributes
    ----------
    flat : Tensor, shape (p,)
        The changes of the last recorded step; the next one overwrites them.
    places : dict of str to (int, int, Size)
        Of each layer: first column, last column plus one, shape.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, layers: tuple[Layer, ...], rule: UpdateRule
    ) -> None:
        self._optimizer = optimizer
        self._layers = layers
        self._rule = rule
        self.flat = new_changes(layers)
        self.places = {
            layer.name: (layer.start, layer.stop, layer.parameter.shape) for layer in layers
        }
        self._views = [layer.view(self.flat) for layer in layers]
        self._moving: list[tuple[Tensor, dict[str, Any], Tensor]] = []
        # those that train from the beginning, recorded or left out on purpose
        self._known = {id(p) for p, _ in self._parameters() if p.requires_grad}

    def has_gradient(self) -> bool:
        """Whether any parameter has one; without, an update moves nothing."""
        return any(p.grad is not None for p, _ in self._parameters())

    def before(self, step: int) -> Tensor:
        """Take what the update overwrites; return the norm of the gradient that it uses."""
        self._warn_of_late(step)
        groups = {id(p): group for p, group in self._parameters()}
        scale = getattr(self._optimizer, "grad_scale", None)
        self._moving = []
        for layer, out in zip(self._layers, self._views, strict=True):
            parameter = layer.parameter
            gradient = parameter.grad
            if gradient is None:
                out.zero_()
                continue
            _refuse_sparse(layer, gradient)
            group = groups[id(parameter)]
            self._moving.append((parameter, group, out))
            self._rule.before(parameter, scale, group, out)
        gradients = [p.grad for p, _, _ in self._moving if p.grad is not None]
        norm = _norm(gradients, self.flat)
        return norm if scale is None else norm / scale.to(norm)

    def after(self) -> Tensor:
        """Complete the changes after the update; return their norm."""
        for parameter, group, out in self._moving:
            self._rule.after(parameter, group, self._optimizer.state[parameter], out)
        return _norm([self.flat], self.flat)

    def _parameters(self) -> list[tuple[Tensor, dict[str, Any]]]:
        """List all parameters of the optimiser, each with its group at this time."""
        return [(p, group) for group in self._optimizer.param_groups for p in group["params"]]

    def _warn_of_late(self, step: int) -> None:
        """Warn, once, of parameters that were frozen or missing when the recording began."""
        late = {id(p) for p, _ in self._parameters() if p.grad is not None} - self._known
        if late:
            self._known |= late
            warnings.warn(
                f"from step {step} on the optimiser trains parameters that were frozen or missing "
                "when the recording began; they are not recorded: begin a new recording where "
                "they are unfrozen",
                RuntimeWarning,
                stacklevel=7,
            )


def _refuse_sparse(layer: Layer, gradient: Tensor) -> None:
    if gradient.layout is not torch.strided:
        raise ConfigurationError(
            f"the gradient of {layer.name!r} is sparse; its changes cannot be recorded: make the "
            "layer with sparse=False, or leave it out by layers="
        )


def _norm(tensors: list[Tensor], like: Tensor) -> Tensor:
    """Return the Euclidean norm of all entries; on the device, nothing is waited for."""
    if not tensors:
        return like.new_zeros(())
    norms = [torch.linalg.vector_norm(t, dtype=like.dtype) for t in tensors]
    return torch.linalg.vector_norm(torch.stack(norms))
