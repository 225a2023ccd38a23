"""What the layers of a network cost: parameters, operations and bytes, dense and pruned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

from causalhyper.granger.masks import Masks
from collectors.calls import call
from collectors.model_state import measuring
from collectors.pruning.owners import Owner, kept_array, owners, owners_of, unwrapped

COLUMNS = "layer kind parameters kept flops kept_flops bytes bitmask_bytes csr_bytes".split()
NORMALISATIONS = (_BatchNorm, _InstanceNorm, nn.LayerNorm, nn.GroupNorm)
INDEX_BYTES = 4
"""Of a column number, or of the place where a row begins, in compressed sparse rows."""


def network_costs(
    model: nn.Module, example_inputs: Any, masks: Masks | None = None
) -> pd.DataFrame:
    """Count what each layer of a network costs, dense and with its masks.

    Parameters
    ----------
    model : Module
        The network; measured in eval mode and left as it is.
    example_inputs : Tensor, or tuple, list or mapping of tensors
        Operations are counted for these: give one example for the cost of one.
    masks : Masks, optional
        By parameter, such as ``fc1.weight``. Without it those of `torch.nn.utils.prune`, and if
        there are none, everything is kept.

    Returns
    -------
    pandas.DataFrame
        A row a layer with parameters of its own, in the network's order:

        - ``layer``, ``kind``: dotted name, and class;
        - ``parameters``, ``kept``: numbers, weights and biases; a parameter that layers share
          counts in the first of them;
        - ``flops``, ``kept_flops``: floating-point operations, a multiply-add as two, of all
          weights, and of the kept ones alone;
        - ``bytes``: of the parameters, dense;
        - ``bitmask_bytes``: of the kept values and one bit for each masked parameter;
        - ``csr_bytes``: of the kept values with their column numbers, in compressed sparse rows
          by first axis, four bytes an index.

    Raises
    ------
    ConfigurationError
        If the masks are not of this network.

    Notes
    -----
    ``kept_flops`` is what a program would need that skips every pruned weight. Dense kernels do
    not: unstructured sparsity by itself makes nothing faster, and the file no smaller unless it is
    written sparsely. `remove_units` makes a network smaller for every program; `measure_speed`
    says what that gives.

    Counted are linear layers and convolutions (positions times weights, padding included, the sums
    with biases left out, as `torch.utils.flop_counter` counts), and normalisations at two an
    element, their scale and shift (no statistics). Operations of other layers, of layers that were
    not called by themselves, as within attention, and of functions are unknown: NaN, and not part
    of a sum.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> costs = network_costs(model, torch.ones(1, 4))
    >>> costs[["layer", "parameters", "flops"]].to_dict("list")
    {'layer': ['0', '2'], 'parameters': [15, 4], 'flops': [24.0, 6.0]}
    """
    kept = _kept(model, masks)
    uses = _uses(model, example_inputs)
    by_layer: dict[str, list[tuple[Owner, int]]] = {}
    layers: dict[str, nn.Module] = {}
    for found in owners(model).values():
        for owner in found:
            layer = owner.path.rpartition(".")[0] or "the network"
            layers[layer] = owner.module
            own = by_layer.setdefault(layer, [])
            if owner is found[0]:
                own.append((owner, kept.get(id(owner.parameter), owner.parameter.numel())))
    rows = []
    for layer, own in by_layer.items():
        module = layers[layer]
        flops, kept_flops = _operations(module, uses.get(id(module), []), kept)
        sizes = [_bytes(owner, count, id(owner.parameter) in kept) for owner, count in own]
        numbers = sum(owner.parameter.numel() for owner, _ in own), sum(count for _, count in own)
        totals = (sum(size[i] for size in sizes) for i in range(3))
        rows.append((layer, type(module).__name__, *numbers, flops, kept_flops, *totals))
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True, slots=True)
class _Use:
    """Numbers of elements, and positions, of one call of a layer."""

    inputs: int
    outputs: int


def _kept(model: nn.Module, masks: Masks | None) -> dict[int, int]:
    """Return how much is kept of each masked parameter, by the parameter's identity."""
    if masks is not None:
        chosen = owners_of(model, masks)
        counts = masks.layer_counts()
        return {id(found[0].parameter): counts[name] for name, found in chosen.items()}
    every = [found[0] for found in owners(model).values()]
    return {id(o.parameter): int(kept_array(o.mask).sum()) for o in every if o.mask is not None}


def _uses(model: nn.Module, example_inputs: Any) -> dict[int, list[_Use]]:
    """Return the calls of each layer, by its identity."""
    uses: dict[int, list[_Use]] = {}
    with measuring(model, "eval"), torch.no_grad(), _watching(unwrapped(model), uses):
        call(model, example_inputs)
    return uses


@contextmanager
def _watching(model: nn.Module, uses: dict[int, list[_Use]]) -> Iterator[None]:
    def record(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        uses.setdefault(id(layer), []).append(_Use(args[0].numel(), output.numel()))

    counted = (nn.Linear, _ConvNd, *NORMALISATIONS)
    hooks = [m.register_forward_hook(record) for m in model.modules() if isinstance(m, counted)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _operations(layer: nn.Module, uses: list[_Use], kept: dict[int, int]) -> tuple[float, float]:
    """Return floating-point operations of a layer's calls, with all weights and with the kept."""
    if not uses:
        return math.nan, math.nan
    weight = next((o.parameter for o in _own(layer) if o.name == "weight"), None)
    if weight is None:
        return math.nan, math.nan
    # every weight is used once at each position
    if isinstance(layer, NORMALISATIONS):
        places = sum(use.outputs for use in uses) / weight.numel()
    elif isinstance(layer, _ConvTransposeNd):
        places = sum(use.inputs for use in uses) / layer.in_channels
    elif isinstance(layer, _ConvNd):
        places = sum(use.outputs for use in uses) / layer.out_channels
    elif isinstance(layer, nn.Linear):
        places = sum(use.outputs for use in uses) / layer.out_features
    else:
        return math.nan, math.nan
    return 2 * places * weight.numel(), 2 * places * kept.get(id(weight), weight.numel())


def _own(layer: nn.Module) -> list[Owner]:
    return [o for found in owners(layer).values() for o in found if o.module is layer]


def _bytes(owner: Owner, kept: int, masked: bool) -> tuple[int, int, int]:
    """Return bytes of a parameter: dense, as bits and values, as compressed sparse rows."""
    parameter = owner.parameter
    dense = parameter.numel() * parameter.element_size()
    if not masked:
        return dense, dense, dense
    values = kept * parameter.element_size()
    rows = len(parameter) if parameter.ndim > 1 else 1
    bits = values + -(-parameter.numel() // 8)
    return dense, bits, values + (kept + rows + 1) * INDEX_BYTES
