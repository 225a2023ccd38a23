"""What a mask of a layer means for the parameters of a network, singly or by units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from causalhyper.granger.masks.units import expand_units, units_of
from collectors.batches import first_inputs
from collectors.calls import call
from collectors.model_state import measuring
from collectors.pruning.tasks import PruningTask, prunable_parameters

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class MaskPlan:
    """The layers that are pruned, and what follows them.

    Attributes
    ----------
    structured : bool
        Whether masks are of units, the first axis of each layer.
    start : Masks
        Of parameters: what is kept at the beginning.
    followers : mapping of str to tuple of str
        By layer, the parameters of shape (units,) that go with its units: its bias, and weight
        and bias of the batch normalisation that its output goes into. Empty for single
        parameters.
    """

    structured: bool
    start: Masks
    followers: Names

    @property
    def first_masks(self) -> Masks:
        """The masks before the first iteration: of parameters, or of units."""
        return units_of(self.start) if self.structured else self.start

    def parameter_masks(self, masks: Masks) -> Masks:
        """Return masks of the layers' parameters."""
        if not self.structured:
            return masks
        wide = expand_units(masks, self.start.shapes)
        return Masks({name: mask & self.start.kept[name] for name, mask in wide.kept.items()})

    def training_masks(self, masks: Masks) -> Masks:
        """Return masks of all parameters that are held at zero in part."""
        kept = dict(self.parameter_masks(masks).kept)
        for name, others in self.followers.items():
            kept |= dict.fromkeys(others, masks.kept[name])
        return Masks(kept)


def mask_plan(
    model: nn.Module, task: PruningTask, *, structured: bool, keep_zeros: bool
) -> MaskPlan:
    """Find the layers that are pruned.

    Parameters
    ----------
    model : Module
        The network as it begins.
    task : PruningTask
        Names the layers.
    structured : bool
        Whether units are pruned. The layer that the network's output comes from is then left
        out, and what shares its weight: its units are the outputs.
    keep_zeros : bool
        Whether zeros count as pruned.

    Returns
    -------
    MaskPlan

    Raises
    ------
    ConfigurationError
        If nothing is left to prune, or a layer has no units along its first axis.
    """
    found = prunable_parameters(model, task.layers)
    followers: Names = {}
    if structured:
        found = _with_units(model, task, found)
        followers = _followers(model, task, found)
    kept = {}
    for name, parameter in found.items():
        zero = (parameter.detach() == 0).cpu().numpy()
        pruned = zero if keep_zeros and not zero.all() else np.zeros_like(zero)
        kept[name] = ~pruned
    return MaskPlan(structured, Masks(kept), followers)


@torch.no_grad()
def mask_weights(weights: Mapping[str, Tensor], masks: Masks) -> dict[str, Tensor]:
    """Return a state dict with zeros where masks keep nothing; others are not copied.

    Parameters
    ----------
    weights : mapping of str to Tensor
        The state dict.
    masks : Masks
        By name, in the shape of the tensor.

    Returns
    -------
    dict of str to Tensor
    """
    pruned = {name: ~torch.from_numpy(mask) for name, mask in masks.kept.items()}
    return {
        name: tensor.masked_fill(pruned[name].to(tensor.device), 0.0) if name in pruned else tensor
        for name, tensor in weights.items()
    }


def _with_units(
    model: nn.Module, task: PruningTask, found: dict[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    """Return the layers whose first axis are units that can be left out."""
    owners = _owners(model, found)
    transposed = {
        name: any(getattr(module, "transposed", False) for module in modules)
        for name, modules in owners.items()
    }
    for name in found:
        if task.layers is not None and (transposed[name] or found[name].ndim < 2):
            raise ConfigurationError(
                f"{name!r} has no output units along its first axis: leave it out (layers=), or "
                "prune single parameters (structured=False)"
            )
    calls = _calls(model, task, set().union(*owners.values()))
    last, called = calls[-1][0], {module for module, _, _ in calls}
    uncalled = [name for name, modules in owners.items() if not called.issuperset(modules)]
    if task.layers is not None and uncalled:
        raise ConfigurationError(
            f"the network reads {uncalled[0]!r} without calling its layer, so that what follows "
            "its units is not known: leave it out (layers=), or prune single parameters "
            "(structured=False)"
        )
    kept = {
        name: p
        for name, p in found.items()
        if (called - {last}).issuperset(owners[name]) and not transposed[name]
    }
    if not kept:
        raise ConfigurationError(
            "no units can be pruned: beside the layer of the network's output there is none"
        )
    return kept


def _followers(
    model: nn.Module, task: PruningTask, found: dict[str, nn.Parameter]
) -> dict[str, tuple[str, ...]]:
    names = {id(p): name for name, p in model.named_parameters()}
    owners = _owners(model, found)
    wanted = {m for m in model.modules() if isinstance(m, _BatchNorm)}.union(*owners.values())
    calls = _calls(model, task, wanted)
    followers = {}
    for name, modules in owners.items():
        outputs = [result for module, _, result in calls if module in modules]
        norms = {
            module
            for module, given, _ in calls
            if isinstance(module, _BatchNorm) and any(given is result for result in outputs)
        }
        own = [getattr(module, "bias", None) for module in modules]
        own += [p for norm in norms for p in (norm.weight, norm.bias)]
        own_names = (names[id(p)] for p in own if p is not None)
        followers[name] = tuple(dict.fromkeys(own_names))
    return followers


def _owners(model: nn.Module, found: Mapping[str, nn.Parameter]) -> dict[str, list[nn.Module]]:
    """Return the modules of each parameter, in the network's order: several where it is shared."""
    return {
        name: [m for m in model.modules() if any(p is q for q in m.parameters(recurse=False))]
        for name, p in found.items()
    }


def _calls(
    model: nn.Module, task: PruningTask, modules: set[nn.Module]
) -> list[tuple[nn.Module, object, object]]:
    """Return the calls of modules in one pass: module, first input and output, in their order."""
    calls: list[tuple[nn.Module, object, object]] = []

    def note(module: nn.Module, given: tuple[object, ...], result: object) -> None:
        calls.append((module, given[0] if given else None, result))

    hooks = [module.register_forward_hook(note) for module in modules]
    try:
        with measuring(model, "eval"), torch.no_grad():
            call(model, first_inputs(task.train, model))
    finally:
        for hook in hooks:
            hook.remove()
    if not calls:
        raise ConfigurationError("none of the layers to be pruned is called by the network")
    return calls
