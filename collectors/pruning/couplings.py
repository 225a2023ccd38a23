"""Which units of a network go together, by the dependency graph of Torch-Pruning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.pruning.extras import needed
from collectors.pruning.owners import bare_name

Role = Literal["source", "follower", "output", "blocker"]
"""Computes units; carries them on, one by one; is what the network returns; mixes them."""


@dataclass(frozen=True, slots=True)
class Link:
    """A module whose units stand or fall with those of another.

    Attributes
    ----------
    module : Module
        The other module.
    name : str
        Its dotted name, or of a function that is no module, its description.
    role : {"source", "follower", "output", "blocker"}
        What it is to the units.
    units : dict of int to list of int
        Units of this module by unit of the one asked about.
    """

    module: nn.Module
    name: str
    role: Role
    units: Mapping[int, list[int]]


def trace(model: nn.Module, example_inputs: Any) -> Any:
    """Return Torch-Pruning's dependency graph of a network.

    Parameters
    ----------
    model : Module
        The network; its modes and flags are left as they are.
    example_inputs : Tensor, or tuple, list or mapping of tensors
        What it can be called with.

    Returns
    -------
    torch_pruning.DependencyGraph
        Of every layer that the call uses.

    Raises
    ------
    ConfigurationError
        If Torch-Pruning is not installed.
    """
    pruning = needed("torch_pruning", "torch-pruning", "removing units")
    # without its tuple a tensor would be taken apart along its batch
    given = (example_inputs,) if isinstance(example_inputs, Tensor) else example_inputs
    with torch.enable_grad(), _differentiable(model):
        return pruning.DependencyGraph().build_dependency(model, given, verbose=False)


def layers_of(model: nn.Module, units: Masks) -> dict[str, nn.Module]:
    """Find the layers whose units masks name.

    Parameters
    ----------
    model : Module
        The network itself, not wrapped.
    units : Masks
        Of shape (units,), by weight, such as ``conv1.weight``, or by layer, such as ``conv1``.

    Returns
    -------
    dict of str to Module
        By the masks' names.

    Raises
    ------
    ConfigurationError
        If the network has no such convolution or linear layer, or one of other units.
    """
    known = {n: m for n, m in model.named_modules() if isinstance(m, (_ConvNd, nn.Linear))}
    found: dict[str, nn.Module] = {}
    for name, mask in units.kept.items():
        layer = known.get(bare_name(name).removesuffix("weight").removesuffix("."))
        if layer is None:
            raise ConfigurationError(
                f"the network has no convolution or linear layer {name!r}; it has "
                f"{', '.join(known)}"
            )
        if mask.shape != (unit_count(layer),):
            raise ConfigurationError(
                f"the unit mask of {name!r} has shape {mask.shape}; expected "
                f"{(unit_count(layer),)}, one entry a unit"
            )
        found[name] = layer
    return found


def unit_count(layer: nn.Module) -> int:
    """Return how many units (output channels, neurons) a layer has.

    Parameters
    ----------
    layer : Module
        Linear, or a convolution.

    Returns
    -------
    int
    """
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)  # type: ignore[arg-type]


def links(graph: Any, layer: nn.Module) -> list[Link]:
    """Find everything that has to be removed when units of a layer are.

    Parameters
    ----------
    graph : torch_pruning.DependencyGraph
        Of the network.
    layer : Module
        One of its convolutions or linear layers.

    Returns
    -------
    list of Link
        The layer itself first; layers that only read the units are left out.
    """
    found = []
    for item in whole_group(graph, layer, range(unit_count(layer))):
        node = item.dep.target
        writes = graph.is_out_channel_pruning_fn(item.dep.handler)
        role = _role(node.module, writes)
        if writes and not node.outputs:
            role = "output"
        if role is not None:
            units: dict[int, list[int]] = {}
            for root, index in zip(item.root_idxs, item.idxs, strict=True):
                units.setdefault(root, []).append(index)
            if role != "blocker" and _outside(node.module, units):
                role = "blocker"
            name = graph._module2name.get(node.module) or type(node.module).__name__
            found.append(Link(node.module, name, role, units))
    return found


def _outside(module: nn.Module, units: Mapping[int, list[int]]) -> bool:
    """Whether Torch-Pruning names units that a layer has not, as after some splits."""
    if not isinstance(module, (_ConvNd, nn.Linear, _BatchNorm, _InstanceNorm)):
        return False
    if isinstance(module, (_BatchNorm, _InstanceNorm)):
        count = module.num_features
    else:
        count = unit_count(module)
    return any(unit >= count for each in units.values() for unit in each)


def whole_group(graph: Any, layer: nn.Module, units: Any) -> Any:
    """Return Torch-Pruning's group of these units of a layer.

    Parameters
    ----------
    graph : DependencyGraph
        Of the network.
    layer : Module
        Whose units they are.
    units : iterable of int
        Their numbers.

    Returns
    -------
    Group
        Of Torch-Pruning: what goes with the units.

    Raises
    ------
    ConfigurationError
        If the graph does not have the layer.
    """
    if layer not in graph.module2node:
        raise ConfigurationError(
            f"the layer {graph._module2name.get(layer)!r} was not used by the example inputs: "
            "leave its units out"
        )
    prune = graph.get_pruner_of_module(layer).prune_out_channels
    return graph.get_pruning_group(layer, prune, list(units))


def own_followers(graph: Any, layer: nn.Module) -> set[nn.Module]:
    """Return the modules that carry on units of this layer alone, before any sum.

    Parameters
    ----------
    graph : DependencyGraph
        Of the network.
    layer : Module
        Whose units they are.

    Returns
    -------
    set of Module
        Normalisations, depthwise convolutions and the like.
    """
    found: set[nn.Module] = set()
    waiting = list(graph.module2node[layer].outputs)
    while waiting:
        node = waiting.pop()
        source = isinstance(node.module, (_ConvNd, nn.Linear)) and not depthwise(node.module)
        if len(node.inputs) == 1 and not source and node.module not in found:
            found.add(node.module)
            waiting.extend(node.outputs)
    return found


def depthwise(layer: nn.Module) -> bool:
    """Say whether a convolution reads one channel for each that it writes.

    Parameters
    ----------
    layer : Module
        Any.

    Returns
    -------
    bool
    """
    return isinstance(layer, _ConvNd) and layer.groups == layer.in_channels == layer.out_channels


@torch.no_grad()
def zero(module: nn.Module, units: list[int]) -> None:
    """Let units of a layer or a normalisation give zero, in place.

    Parameters
    ----------
    module : Module
        A convolution, linear layer, or batch or instance normalisation; of others nothing is
        changed.
    units : list of int
        Their numbers.
    """
    if not isinstance(module, (_ConvNd, nn.Linear, _BatchNorm, _InstanceNorm)):
        return
    if isinstance(module, (_BatchNorm, _InstanceNorm)) and module.running_mean is not None:
        module.running_mean[units] = 0
    for p in (module.weight, module.bias):
        if p is None:
            continue
        if isinstance(module, _ConvTransposeNd) and p is module.weight and not depthwise(module):
            p[:, units] = 0
        else:
            p[units] = 0


def _role(module: nn.Module, writes: bool) -> Role | None:
    """Return what a module is to the units of a group, None if it only reads them."""
    if isinstance(module, _ConvNd) and module.groups > 1:
        return "follower" if depthwise(module) else "blocker"
    if isinstance(module, (_ConvNd, nn.Linear)):
        return "source" if writes else None
    if isinstance(module, (nn.LayerNorm, nn.GroupNorm)):
        return "blocker"
    carries = isinstance(module, (_BatchNorm, _InstanceNorm, nn.PReLU))
    bare = not isinstance(module, nn.Module) or any(True for _ in module.parameters())
    return "follower" if carries or not bare else "blocker"


@contextmanager
def _differentiable(model: nn.Module) -> Iterator[None]:
    """Let every parameter require a gradient, by which Torch-Pruning traces."""
    flags = [(p, p.requires_grad) for p in model.parameters()]
    modes = [(m, m.training) for m in model.modules()]
    for p, _ in flags:
        if p.is_floating_point():
            p.requires_grad_(True)
    try:
        yield
    finally:
        for p, flag in flags:
            p.requires_grad_(flag)
        for m, mode in modes:
            m.training = mode


def largest_difference(found: list[Tensor], wanted: list[Tensor]) -> float:
    """Return the largest difference of outputs, over the largest output.

    Parameters
    ----------
    found, wanted : list of Tensor
        Outputs of two networks.

    Returns
    -------
    float
        Infinite where shapes differ.
    """
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return math.inf
    scale = max((t.abs().max().item() for t in wanted if t.numel()), default=0.0)
    gap = max(((a - b).abs().max().item() for a, b in zip(found, wanted, strict=True)), default=0)
    return gap / scale if scale else gap
