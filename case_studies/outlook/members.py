"""Many small networks trained side by side: a member a seed, arm and learning rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.nn.functional import cross_entropy

from case_studies.outlook.images import Images, perceptron
from collectors.ensembles.beginnings import initial_model, minibatch_orders
from collectors.ensembles.stacked_gradients import StackedGradients
from collectors.ensembles.stacked_optimizers import Stacked

BATCH = 128


@dataclass(frozen=True, slots=True)
class Member:
    """What is trained: members of one seed have the same minibatches."""

    seed: int
    arm: str
    rate: float


def begin(width: Sequence[int], seeds: Sequence[int], device: str) -> tuple[nn.Module, Stacked]:
    """Make the networks of some seeds.

    Returns
    -------
    tuple of Module and dict
        The architecture, and the initial parameters by name, each of shape (seeds, ...).
    """
    models = [initial_model(lambda: perceptron(*width), seed) for seed in seeds]
    stacked, _ = stack_module_state(models)
    return models[0].to(device), {k: p.detach().to(device) for k, p in stacked.items()}


def minibatches(
    images: Images, seeds: Sequence[int], updates: int, *, repeats: int = 1
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the minibatches of every seed, for `repeats` members of a seed side by side."""
    inputs, classes = images.train
    for order in minibatch_orders(seeds, len(inputs), BATCH, updates):
        rows = order.to(inputs.device).repeat_interleave(repeats, 0)
        yield inputs[rows], classes[rows]


def gradients_at(model: nn.Module, batch: tuple[Tensor, Tensor]) -> StackedGradients:
    """Return what computes gradients and losses of all members at one minibatch."""
    return StackedGradients(model, _loss, {}, {}, batch)


def losses_at(model: nn.Module, parameters: Stacked, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Compute the losses of all members at one minibatch, shape (members,)."""

    def one(own: Stacked, *tensors: Tensor) -> Tensor:
        return _loss(lambda x: torch.func.functional_call(model, own, (x,)), *tensors)

    with torch.no_grad():
        return torch.func.vmap(one)(parameters, *batch)


def descend(parameters: Stacked, gradients: Stacked, rates: float | Tensor) -> None:
    """Take a step of plain gradient descent, in place; rates are one number, or one a member."""
    for name, value in parameters.items():
        shape = (-1, *[1] * (value.ndim - 1))
        factors = rates.view(shape) if isinstance(rates, Tensor) else rates
        value.sub_(gradients[name] * factors)


def score(
    model: nn.Module, parameters: Stacked, members: Sequence[Member], images: Images, updates: int
) -> pd.DataFrame:
    """Evaluate every member on every part: loss, and accuracy with its number of examples."""
    columns: dict[str, list[float]] = {}
    for part, (inputs, classes) in images.parts.items():
        loss, right = 0.0, 0.0
        for some, wanted in zip(inputs.split(500), classes.split(500), strict=True):
            outputs = _outputs(model, parameters, some)
            repeated = wanted.expand(len(members), -1)
            losses = cross_entropy(outputs.transpose(1, 2), repeated, reduction="none")
            loss = loss + losses.double().sum(1)
            right = right + (outputs.argmax(-1) == wanted).double().sum(1)
        columns[f"{part}_loss"] = (loss / len(inputs)).tolist()
        columns[f"{part}_accuracy"] = (right / len(inputs)).tolist()
    frame = pd.DataFrame([{"seed": m.seed, "arm": m.arm, "rate": m.rate} for m in members])
    return frame.assign(updates=updates, **columns)


def _outputs(model: nn.Module, parameters: Stacked, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.func.vmap(lambda own: torch.func.functional_call(model, own, (inputs,)))(
            parameters
        )


def _loss(network, inputs: Tensor, classes: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    return cross_entropy(network(inputs), classes)
