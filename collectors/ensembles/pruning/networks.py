"""Networks of one seed side by side: one pass of all of them over the same minibatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning.blocks import BLOCKS
from collectors.ensembles.pruning.convolutions import ENGINES, features_of
from collectors.ensembles.pruning.fused import fused_features
from collectors.ensembles.pruning.layout import FlatLayout, layout_of
from collectors.networks import LeNet
from collectors.pruning.tasks import PruningTask

Precision = Literal["float32", "tf32", "bfloat16"]
Forward = Callable[[Mapping[str, Tensor], Tensor], Tensor]
"""From parameters of shape (rows, ...) and shared inputs to outputs (rows, n, classes)."""

LENET_ENGINES = (*ENGINES, *BLOCKS)
"""Ways to compute the convolutions of `LeNet`."""


@dataclass(frozen=True, slots=True, eq=False)
class StackedNetwork:
    """One architecture, of which many networks are trained at once.

    Attributes
    ----------
    layout : FlatLayout
        Of a network's parameters.
    forward : callable
        Of all networks.
    loss : callable
        Losses of examples, as the task has it.
    """

    layout: FlatLayout
    forward: Forward
    loss: Callable[[Tensor, Tensor], Tensor]

    def outputs(self, rows: Tensor, inputs: Tensor, precision: Precision) -> Tensor:
        """Return outputs in float32 or better, shape (rows, n, classes)."""
        with arithmetic(precision, inputs.device):
            found = self.forward(self.layout.views(rows), inputs)
        return found.float() if found.dtype.itemsize < 4 else found

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the losses of the examples, shape (rows, n)."""
        again = targets.expand(len(outputs), *targets.shape).flatten(0, 1)
        return self.loss(outputs.flatten(0, 1), again).unflatten(0, outputs.shape[:2])

    @torch.no_grad()
    def mean_losses(
        self, rows: Tensor, inputs: Tensor, targets: Tensor, precision: Precision
    ) -> Tensor:
        """Return the mean losses over a minibatch, shape (rows,)."""
        return self.losses(self.outputs(rows, inputs, precision), targets).mean(1)

    def gradients(
        self, rows: Tensor, inputs: Tensor, targets: Tensor, precision: Precision
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Differentiate the mean loss of each network.

        Parameters
        ----------
        rows : Tensor, shape (R, p)
            Parameters.
        inputs, targets : Tensor
            One minibatch of n examples for all.
        precision : {"float32", "tf32", "bfloat16"}
            Of the products.

        Returns
        -------
        gradients : Tensor, shape (R, p)
        losses : Tensor, shape (R, n)
        outputs : Tensor, shape (R, n, classes)
        """
        views = {
            name: view.detach().requires_grad_() for name, view in self.layout.views(rows).items()
        }
        with arithmetic(precision, inputs.device):
            outputs = self.forward(views, inputs)
            outputs = outputs.float() if outputs.dtype.itemsize < 4 else outputs
            losses = self.losses(outputs, targets)
            found = torch.autograd.grad(losses.mean(1).sum(), list(views.values()))
        flat = torch.cat([gradient.flatten(1) for gradient in found], dim=1)
        return flat, losses.detach(), outputs.detach()


def stacked_network(task: PruningTask, engine: str = "vmap") -> StackedNetwork:
    """Make what trains many networks of a task at once.

    Parameters
    ----------
    task : PruningTask
        Its network, loss and layers.
    engine : str
        How convolutions are computed: "vmap" for any network, or one of `LENET_ENGINES`.

    Returns
    -------
    StackedNetwork

    Raises
    ------
    ConfigurationError
        If the network cannot be stacked, or not by this engine.
    """
    model = task.new_model()
    layout = layout_of(model, task.layers)
    if engine == "vmap":
        return StackedNetwork(layout, _vectorised(model), task.loss)
    if engine not in LENET_ENGINES or not isinstance(model, LeNet):
        known = ", ".join(["vmap", *LENET_ENGINES])
        raise ConfigurationError(
            f"expected the engine vmap, or for LeNet one of {known}; got {engine!r} for "
            f"{type(model).__name__}"
        )
    return StackedNetwork(layout, lenet_forward(engine), task.loss)


def lenet_forward(engine: str) -> Forward:
    """Return the forward pass of many `LeNet`.

    Pooling comes before bias and rectifier, which gives the same with a quarter of the work.

    Parameters
    ----------
    engine : str
        Of both convolutions, such as "conv-loop".

    Returns
    -------
    callable
        From parameters, each of shape (members, ...), and images to logits.
    """
    features = partial(fused_features if engine in BLOCKS else features_of, engine=engine)

    def forward(p: Mapping[str, Tensor], images: Tensor) -> Tensor:
        x = features(p, images)
        x = torch.baddbmm(p["fc1.bias"][:, None], x, p["fc1.weight"].transpose(1, 2)).relu()
        return torch.baddbmm(p["fc2.bias"][:, None], x, p["fc2.weight"].transpose(1, 2))

    return forward


@contextmanager
def arithmetic(precision: Precision, device: torch.device) -> Iterator[None]:
    """Set how products are computed on a device while the block runs.

    Parameters
    ----------
    precision : {"float32", "tf32", "bfloat16"}
        In full; with factors rounded to 11 bits (of CUDA alone); in bfloat16 by autocast, with
        parameters, losses and sums in float32.
    device : device
        Whose.

    Yields
    ------
    None
    """
    if precision not in get_args(Precision):
        raise ConfigurationError(
            f"precision must be one of {', '.join(get_args(Precision))}; got {precision!r}"
        )
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = precision != "float32"
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def _vectorised(model: nn.Module) -> Forward:
    def alone(parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
        found: Tensor = functional_call(model, parameters, (inputs,))
        return found

    every = vmap(alone, in_dims=(0, None))
    return lambda parameters, inputs: every(dict(parameters), inputs)
