"""Whether anything flows through a network whose weights are masks, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils import _pytree as pytree

from causalhyper.errors import ConfigurationError
from collectors.calls import call
from collectors.complexity.linear_maps import LinearCall
from collectors.complexity.path_rules import Paths, PathsUndefined
from collectors.pruning.owners import kept_array


@dataclass(slots=True)
class Watch:
    """What a layer took and gave at each call, and whether its outputs were read.

    Attributes
    ----------
    name : str
        Dotted name of the layer.
    layer : Module
        A convolution or linear layer whose weights are a mask.
    direct : bool
        Whether it sends ones back although nothing reads it.
    inputs, outputs : list of Tensor
        By call: not zero where a path from an input comes.
    read : dict of int to Tensor
        By call: whether a path goes on to an output.
    """

    name: str
    layer: nn.Module
    direct: bool
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    read: dict[int, Tensor] = field(default_factory=dict)

    @property
    def gradients(self) -> list[Tensor]:
        """Whether the outputs were read, by call; nothing was where no gradient came."""
        return [
            self.read.get(i, torch.zeros_like(y, dtype=torch.bool))
            for i, y in enumerate(self.outputs)
        ]

    def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Outputs with whether they were read, by call."""
        return zip(self.outputs, self.gradients, strict=True)

    def units(self, calls: list[Tensor]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether each unit has it at any position of any call."""
        axis = -1 if isinstance(self.layer, nn.Linear) else -1 - len(self.layer.kernel_size)  # type: ignore[arg-type]
        wide = [x.movedim(axis, 0).flatten(1).any(1) for x in calls]
        return kept_array(torch.stack(wide).any(0))

    def effective(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether each weight is on a path: the gradient of the paths through it."""
        weight: Tensor = self.layer.weight.detach()  # type: ignore[operator]
        found = torch.zeros_like(weight)
        for x, (_, g) in zip(self.inputs, self.pairs(), strict=True):
            given, read = (x != 0).double(), g.double()
            if isinstance(self.layer, nn.Linear):
                found += read.flatten(0, -2).T @ given.flatten(0, -2)
                continue
            ones = torch.ones_like(weight, requires_grad=True)
            with torch.enable_grad():
                y = LinearCall(self.name, self.layer, tuple(given.shape[1:])).apply(given[0], ones)
            found += torch.autograd.grad(y, ones, read[0])[0]
        return kept_array(found * weight)


class _Signs(torch.autograd.Function):
    """Keeps of numbers, and of their gradients, only whether they are zero."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, watch: Watch, number: int) -> Tensor:
        ctx.watch, ctx.number = watch, number
        return (y != 0).to(y.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        read = gradients[0] != 0
        ctx.watch.read[ctx.number] = read
        passed = torch.ones_like(gradients[0]) if ctx.watch.direct else read.to(torch.float64)
        return passed, None, None


def flow(model: nn.Module, inputs: Any, *, direct: bool) -> dict[str, Watch]:
    """Send ones through a network of masks, and back.

    Parameters
    ----------
    model : Module
        The network, its weights masks, in float64 and eval mode.
    inputs : tensors
        Of one example.
    direct : bool
        Let every layer send ones back, whether it is read or not, so that a unit's gradient tells
        of its own readers alone.

    Returns
    -------
    dict of str to Watch
        By layer, in the order of first calls.

    Raises
    ------
    ConfigurationError
        If the outputs do not depend on the inputs.
    PathsUndefined
        If an operation has no paths.
    """
    with torch.enable_grad(), _watching(model, direct) as watched:
        outputs = call(model, pytree.tree_map(_ones, inputs))
        leaves = [x for x in pytree.tree_leaves(outputs) if isinstance(x, Paths)]
        if not leaves:
            raise ConfigurationError("the network's outputs do not depend on its inputs")
        plain = [leaf.as_subclass(Tensor) for leaf in leaves]
        torch.autograd.backward(plain, [torch.ones_like(x) for x in plain])
    return watched


@contextmanager
def _watching(model: nn.Module, direct: bool) -> Iterator[dict[str, Watch]]:
    watched: dict[str, Watch] = {}

    def hook_of(name: str, layer: nn.Module) -> Any:
        def record(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            watch = watched.setdefault(name, Watch(name, layer, direct))
            y: Tensor = _Signs.apply(  # type: ignore[no-untyped-call]
                output.as_subclass(Tensor), watch, len(watch.outputs)
            )
            watch.inputs.append(args[0].as_subclass(Tensor).detach().clone())
            watch.outputs.append(y.detach().clone())
            return y.as_subclass(Paths)

        return layer.register_forward_hook(record)

    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, (_ConvNd, nn.Linear))]
    hooks = [hook_of(name or "the network", layer) for name, layer in layers]
    try:
        yield watched
    finally:
        for hook in hooks:
            hook.remove()


def _ones(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    if not x.is_floating_point():
        raise PathsUndefined(f"inputs of type {x.dtype}, which are indices")
    ones = torch.ones(x.shape, dtype=torch.float64, device=x.device, requires_grad=True)
    return ones.as_subclass(Paths)
