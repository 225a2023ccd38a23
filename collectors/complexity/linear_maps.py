"""The linear maps that a network's layers are, with the shapes of input that they meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vjp
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from collectors.batches import Data, Inputs, first_inputs
from collectors.calls import call
from collectors.model_state import measuring


@dataclass(frozen=True, slots=True)
class LinearCall:
    """One call of a layer that is linear in its input, its bias apart.

    Attributes
    ----------
    name : str
        Dotted name of the layer.
    layer : Module
        Linear, convolution, or batch normalisation by running statistics.
    shape : tuple of int
        Shape of one example's input.
    """

    name: str
    layer: nn.Module
    shape: tuple[int, ...]

    def dense(self) -> Tensor | None:
        """Return the matrix of a linear layer in float64, None for others."""
        if isinstance(self.layer, nn.Linear):
            return self.layer.weight.detach().double()
        return None

    def scales(self) -> Tensor | None:
        """Return the diagonal of a batch normalisation in float64, None for others."""
        if not isinstance(self.layer, _BatchNorm) or self.layer.running_var is None:
            return None
        scale = (self.layer.running_var.double() + self.layer.eps).rsqrt()
        return scale if self.layer.weight is None else scale * self.layer.weight.detach().double()

    def apply(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Apply a convolution, without its bias, to one example in float64."""
        layer: Any = self.layer
        kernel = layer.weight.detach().double() if weight is None else weight
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            return layer._conv_forward(x[None], kernel, None)[0]
        transposed = {
            1: nn.functional.conv_transpose1d,
            2: nn.functional.conv_transpose2d,
            3: nn.functional.conv_transpose3d,
        }[len(layer.kernel_size)]
        return transposed(
            x[None],
            kernel,
            None,
            layer.stride,
            layer.padding,
            layer.output_padding,
            layer.groups,
            layer.dilation,
        )[0]

    def transpose(self, y: Tensor) -> Tensor:
        """Apply the convolution's transpose."""
        zero = torch.zeros(self.shape, dtype=torch.float64, device=y.device)
        found: Tensor = vjp(self.apply, zero)[1](y)[0]
        return found


def linear_calls(model: nn.Module, data: Data | Inputs) -> tuple[list[LinearCall], list[str]]:
    """Find the linear layers that a forward pass in eval mode calls.

    Parameters
    ----------
    model : Module
        The network.
    data : tuple (inputs, targets), or iterable of such, or the inputs
        One example or more; only the shape of the first batch is used. A tensor or a mapping is
        the inputs themselves.

    Returns
    -------
    calls : list of LinearCall
        In the order of calls; a layer that is called twice comes twice.
    left_out : list of str
        Layers with parameters that were called but are not linear in their input (such as layer
        normalisation, attention or an embedding), or whose parameters were used unseen.

    Examples
    --------
    >>> calls, left_out = linear_calls(nn.Sequential(nn.Linear(2, 2)), torch.ones(1, 2))
    >>> [c.name for c in calls], left_out
    (['0'], [])
    """
    calls: list[LinearCall] = []
    with measuring(model, "eval"), torch.no_grad(), _watching(model, calls):
        call(model, first_inputs(data, model))
    known = {c.name for c in calls}
    names = dict(model.named_modules(remove_duplicate=True))
    owners = [n for n, m in names.items() if any(True for _ in m.parameters(recurse=False))]
    return calls, [name or "the network" for name in owners if name not in known]


@contextmanager
def _watching(model: nn.Module, calls: list[LinearCall]) -> Iterator[None]:
    def watch(name: str, layer: nn.Module) -> Any:
        def record(_: nn.Module, args: tuple[Tensor, ...], __: Any) -> None:
            calls.append(LinearCall(name, layer, tuple(args[0].shape[1:])))

        return layer.register_forward_hook(record)

    hooks = [watch(name, m) for name, m in model.named_modules() if _is_linear(m)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _is_linear(layer: nn.Module) -> bool:
    if isinstance(layer, _BatchNorm):
        return layer.running_var is not None
    return type(layer) is nn.Linear or isinstance(layer, _ConvNd)
