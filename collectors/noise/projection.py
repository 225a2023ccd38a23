"""The part of each example's gradient along one direction, without forming the gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from collectors.calls import Loss, call_with, example_losses
from collectors.parameters import chosen_parameters


def project(
    model: nn.Module,
    loss: Loss,
    inputs: Any,
    targets: Any,
    direction: dict[str, Tensor],
    *,
    forward: bool = True,
) -> Tensor:
    """Inner products of the per-example gradients with a direction.

    Parameters
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        Per-example losses from outputs and targets.
    inputs, targets : tensors
        One batch, examples first.
    direction : dict of str to Tensor
        By trainable parameter, of its shape and type.
    forward : bool
        Whether to differentiate forwards, at about one gradient's cost, where torch can; else by
        two backward passes, at about three.

    Returns
    -------
    Tensor, shape (n,)
        ``g_i . d``.

    Notes
    -----
    The two differ where the backward pass gives something else than the derivative, as for the
    padding of an embedding that shares its table; two backward passes follow autograd's gradient.

    Examples
    --------
    >>> model, loss = nn.Linear(2, 1), lambda outputs, targets: outputs[:, 0]
    >>> direction = {"weight": torch.tensor([[1.0, 0.0]]), "bias": torch.zeros(1)}
    >>> project(model, loss, torch.tensor([[3.0, 4.0]]), None, direction).tolist()
    [3.0]
    """
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second derivative
        if forward:
            try:
                return _forwards(model, loss, inputs, targets, direction)
            except (NotImplementedError, RuntimeError):
                pass
        return _backwards(model, loss, inputs, targets, direction)


def _forwards(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, direction: dict[str, Tensor]
) -> Tensor:
    values = {k: p.detach() for k, p in chosen_parameters(model).items()}

    def losses(parameters: dict[str, Tensor]) -> Tensor:
        return loss(call_with(model, parameters, inputs), targets)

    with torch.no_grad():
        found: Tensor = jvp(losses, (values,), (direction,))[1]
    return found


def _backwards(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, direction: dict[str, Tensor]
) -> Tensor:
    """Differentiate ``sum_i w_i g_i . d`` by the weights w."""
    parameters = chosen_parameters(model)
    with torch.enable_grad():
        losses = example_losses(model, loss, inputs, targets)
        weights = torch.ones_like(losses, requires_grad=True)
        rows = torch.autograd.grad(
            weights @ losses, list(parameters.values()), create_graph=True, allow_unused=True
        )
        pairs = zip(rows, parameters, strict=True)
        along = [(row * direction[k]).sum() for row, k in pairs if row is not None]
        if not along:
            return torch.zeros_like(losses)
        return torch.autograd.grad(torch.stack(along).sum(), weights)[0]
