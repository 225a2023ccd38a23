"""Remove units from a network, so that a smaller one computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from causalhyper.notebook import Shown
from collectors.calls import call
from collectors.model_state import measuring
from collectors.pruning.couplings import (
    Link,
    largest_difference,
    layers_of,
    links,
    own_followers,
    trace,
    whole_group,
    zero,
)
from collectors.pruning.owners import owners, unwrapped
from collectors.pruning.torch_masks import copy_masked, make_permanent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOLERANCE = 1e-3
"""Largest relative difference from the masked network that is put down to rounding; in half
precision the root of its precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Removal(Shown):
    """Which units can be removed from a network.

    Attributes
    ----------
    kept : Masks
        By layer, of shape (units,): what stays, held units among them.
    held : mapping of str to mapping of int to str
        By layer: units that masks prune and that have to stay as zeros, with the reason.
    """

    kept: Masks
    held: Mapping[str, Mapping[int, str]]

    def to_frame(self) -> pd.DataFrame:
        """One row a layer: layer, units, removed, held."""
        counts = self.kept.counts().rename(columns={"entries": "units"})
        counts["removed"] = counts["units"] - counts["kept"]
        counts["held"] = [len(self.held.get(name, {})) for name in counts["layer"]]
        return counts[["layer", "units", "removed", "held"]]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how many units of each layer can go, and how many have to stay as zeros."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame().melt("layer", ["removed", "held"], "series")
        names = {"removed": "removed", "held": "pruned, but held as zeros"}
        drawn = frame.assign(label=frame["layer"], series=frame["series"].map(names))
        return plot_dots(drawn, xlabel="units", ax=ax)

    def summary(self) -> str:
        """Say how many units of each layer go, and which stay for the sake of others."""
        lines = []
        for row in self.to_frame().itertuples():
            lines.append(f"{row.layer}: {row.removed} of {row.units} units removed")
            reasons: dict[str, list[int]] = {}
            for unit, reason in self.held.get(str(row.layer), {}).items():
                reasons.setdefault(reason, []).append(unit)
            lines += [f"  held, {why}: {', '.join(map(str, u))}" for why, u in reasons.items()]
        return "\n".join(lines)


def mask_units(model: nn.Module, unit_masks: Masks, example_inputs: Any) -> nn.Module:
    """Return a copy of a network in which the units that masks prune give exactly zero.

    Zeroed are a unit's weights and its bias, and its scale, shift and running mean in every batch
    or instance normalisation that it alone goes through.

    Parameters
    ----------
    model : Module
        The network; left as it is. Masks of `torch.nn.utils.prune` become zeros of the copy.
    unit_masks : Masks
        Of shape (units,), by weight, such as ``conv1.weight``.
    example_inputs : Tensor, or tuple, list or mapping of tensors
        What the network can be called with.

    Returns
    -------
    Module
        Of the same shapes.

    Raises
    ------
    ConfigurationError
        If a layer or its units are not there, or Torch-Pruning is not installed.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU(), nn.Linear(2, 1))
    >>> masks = Masks({"0.weight": np.array([True, False])})
    >>> masked = mask_units(model, masks, torch.ones(3, 2)).eval()
    >>> masked[1](masked[0](torch.ones(1, 2)))[0, 1].item()
    0.0
    """
    return _prepared(model, unit_masks, example_inputs).model


def plan_removal(model: nn.Module, unit_masks: Masks, example_inputs: Any) -> Removal:
    """Find which of the units that masks prune can be removed, without removing any.

    Parameters
    ----------
    model : Module
        The network; left as it is.
    unit_masks : Masks
        Of shape (units,), by weight, such as ``conv1.weight``.
    example_inputs : Tensor, or tuple, list or mapping of tensors
        What the network can be called with.

    Returns
    -------
    Removal
        A unit is held, that is, it stays as zeros, where a unit that it is coupled with (by a
        sum, such as a residual connection) stays; where
        it is an output of the network; or where a layer mixes it with others (layer and group
        normalisation, grouped convolutions, attention, recurrent layers, parameters that are used
        outside a layer).

    Raises
    ------
    ConfigurationError
        If a layer or its units are not there, or Torch-Pruning is not installed.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> masks = Masks({"0.weight": np.array([True, False, True])})
    >>> print(plan_removal(model, masks, torch.ones(1, 2)).summary())
    0.weight: 1 of 3 units removed
    """
    return _prepared(model, unit_masks, example_inputs).removal


def remove_units(model: nn.Module, unit_masks: Masks, example_inputs: Any) -> nn.Module:
    """Return a smaller network, without the units that masks prune, that computes the same.

    The same as what `mask_units` returns, up to rounding: so the same as the network itself if
    the units were zero there, weights, bias and normalisation.

    Parameters
    ----------
    model : Module
        The network; left as it is. Masks of `torch.nn.utils.prune` become zeros of the copy.
    unit_masks : Masks
        Of shape (units,), by weight, such as ``conv1.weight``. Units that `plan_removal` holds
        stay as zeros.
    example_inputs : Tensor, or tuple, list or mapping of tensors
        What the network can be called with; on these the two are compared, in eval mode, so give
        examples, not zeros.

    Returns
    -------
    Module
        Of the same class, with fewer channels; without wrappers.

    Raises
    ------
    ConfigurationError
        If a layer or its units are not there; if no unit of a layer would be left; if the smaller
        network cannot be called, or computes something else on the example inputs, because it
        turns zero into something else on the way (sigmoid, softplus, padding with a number) or
        counts on its old shapes; if Torch-Pruning is not installed.

    Notes
    -----
    Coupled layers are found by Torch-Pruning: Fang, Ma, Song, Mi and Wang 2023, "DepGraph:
    towards any structural pruning".

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> masks = Masks({"0.weight": np.array([True, False, True])})
    >>> remove_units(model, masks, torch.ones(1, 2))
    Sequential(
      (0): Linear(in_features=2, out_features=2, bias=True)
      (1): ReLU()
      (2): Linear(in_features=2, out_features=1, bias=True)
    )
    """
    prepared = _prepared(model, unit_masks, example_inputs)
    wanted = _outputs(prepared.model, example_inputs)
    for name, kept in prepared.removal.kept.kept.items():
        if not kept.any():
            raise ConfigurationError(
                f"all {kept.size} units of {name!r} are to be removed, and nothing would pass: "
                "keep one at least"
            )
    _remove(prepared, example_inputs)
    try:
        found = _outputs(prepared.model, example_inputs)
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(
            f"the smaller network cannot be called ({error}): a shape is written into its "
            "forward; take it from the tensors there, or leave that layer's units out"
        ) from error
    gap = largest_difference(found, wanted)
    precision = max((torch.finfo(t.dtype).eps for t in wanted if t.is_floating_point()), default=0)
    if not gap <= max(TOLERANCE, precision**0.5):
        raise ConfigurationError(
            f"the smaller network computes something else than the masked one (relative "
            f"difference {gap:.2g}): an operation turns zero into something else (sigmoid, "
            "softplus, padding with a number), or Torch-Pruning misreads one; leave the units in "
            "front of it out"
        )
    return prepared.model


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A masked copy of a network, and what can be removed from it."""

    model: nn.Module
    removal: Removal
    layers: Mapping[str, nn.Module]


def _prepared(model: nn.Module, unit_masks: Masks, example_inputs: Any) -> _Prepared:
    twin = unwrapped(copy_masked(model))
    if any(found[0].mask is not None for found in owners(twin).values()):
        make_permanent(twin)
    layers = layers_of(twin, unit_masks)
    graph = trace(twin, example_inputs)
    going = {
        (layer, int(unit))
        for name, layer in layers.items()
        for unit in np.flatnonzero(~unit_masks.kept[name])
    }
    kept = {}
    held: dict[str, dict[int, str]] = {}
    for name, layer in layers.items():
        mask = unit_masks.kept[name].copy()
        reasons: dict[int, str] = {}
        coupled, own = links(graph, layer), own_followers(graph, layer)
        for unit in np.flatnonzero(~mask).tolist():
            reason = _reason(coupled, unit, going)
            zero(layer, [unit])
            for link in coupled:
                if link.role != "blocker" and (reason is None or link.module in own):
                    zero(link.module, link.units.get(unit, []))
            if reason is not None:
                mask[unit], reasons[unit] = True, reason
        kept[name] = mask
        held |= {name: reasons} if reasons else {}
    return _Prepared(twin, Removal(Masks(kept), held), layers)


def _reason(coupled: list[Link], unit: int, going: set[tuple[nn.Module, int]]) -> str | None:
    """Say why a unit has to stay, None if it can go."""
    for link in coupled:
        if unit not in link.units:
            continue
        if link.role == "output":
            return "an output of the network"
        if link.role == "blocker":
            return f"mixed with others by {link.name}"
        if link.role == "source" and any((link.module, u) not in going for u in link.units[unit]):
            return f"coupled with what {link.name} keeps"
    return None


def _remove(prepared: _Prepared, example_inputs: Any) -> None:
    """Remove the units of every layer, with all that are coupled to them, in place."""
    graph = trace(prepared.model, example_inputs)
    coupled = {layer: links(graph, layer) for layer in prepared.layers.values()}
    trained = {n: p.requires_grad for n, p in prepared.model.named_parameters()}
    gone: dict[nn.Module, set[int]] = {}
    for name, layer in prepared.layers.items():
        before = gone.get(layer, set())
        going = set(np.flatnonzero(~prepared.removal.kept.kept[name]).tolist()) - before
        if not going:
            continue
        # units have moved up into the places of those that went with another layer's
        now = [unit - sum(other < unit for other in before) for unit in sorted(going)]
        whole_group(graph, layer, now).prune()
        for link in coupled[layer]:
            units = {u for unit in going for u in link.units.get(unit, [])}
            gone.setdefault(link.module, set()).update(units)
    for name, p in prepared.model.named_parameters():
        p.requires_grad_(trained[name])  # Torch-Pruning makes new parameters, which all do


def _outputs(model: nn.Module, example_inputs: Any) -> list[Tensor]:
    with measuring(model, "eval"), torch.no_grad():
        leaves = pytree.tree_leaves(call(model, example_inputs))
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]
