"""Units that no path from the inputs to the outputs goes through, once weights are pruned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from causalhyper.notebook import Shown
from collectors.batches import Data, Inputs, first_inputs, take
from collectors.complexity.path_rules import PathsUndefined
from collectors.pruning.flow import flow
from collectors.pruning.owners import kept_array, mask_tensor, owners, owners_of, unwrapped
from collectors.pruning.torch_masks import copy_masked, make_permanent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class DeadUnits(Shown):
    """What still flows through a network whose weights are pruned.

    Attributes
    ----------
    live : Masks
        Units, by layer: a path from an input to an output goes through the unit.
    reached, read : Masks
        Units, by layer: a path from an input comes to the unit; one from it goes to an output.
    pruned_in, pruned_out : Masks
        Units, by layer: all weights into the unit are pruned; all weights that read it are.
    kept : mapping of str to int
        By layer: weights that the masks keep.
    effective : Masks
        Weights, by layer, that are kept and lie on a path from an input to an output.
    """

    live: Masks
    reached: Masks
    read: Masks
    pruned_in: Masks
    pruned_out: Masks
    kept: Mapping[str, int]
    effective: Masks

    @property
    def connected(self) -> bool:
        """Whether any path goes from an input to an output."""
        return any(self.effective.layer_counts().values())

    def to_frame(self) -> pd.DataFrame:
        """One row a layer.

        Columns: layer, units, pruned_in, pruned_out, unreached, unread, dead, collapsed (no unit
        lives), kept, effective.
        """
        sizes = np.array([mask.size for mask in self.live.kept.values()])

        def counts(masks: Masks) -> np.ndarray[Any, np.dtype[np.int64]]:
            return np.array(list(masks.layer_counts().values()))

        live = counts(self.live)
        return pd.DataFrame(
            {
                "layer": list(self.live.kept),
                "units": sizes,
                "pruned_in": counts(self.pruned_in),
                "pruned_out": counts(self.pruned_out),
                "unreached": sizes - counts(self.reached),
                "unread": sizes - counts(self.read),
                "dead": sizes - live,
                "collapsed": live == 0,
                "kept": list(self.kept.values()),
                "effective": counts(self.effective),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of each layer's units that is dead, and of its kept weights."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame()
        idle = 1 - frame["effective"] / frame["kept"].where(frame["kept"] > 0)
        parts = {"units that are dead": frame["dead"] / frame["units"],
                 "kept weights without effect": idle}  # fmt: skip
        drawn = [
            pd.DataFrame({"label": frame["layer"], "value": values, "series": name})
            for name, values in parts.items()
        ]
        return plot_dots(pd.concat(drawn), xlabel="share of the layer", ax=ax)

    def summary(self) -> str:
        """Say how many units of each layer are dead, and whether anything flows."""
        frame = self.to_frame()
        lines = [
            f"{row.layer}: {row.dead} of {row.units} units dead ({row.unreached} unreached, "
            f"{row.unread} unread), {row.effective} of {row.kept} kept weights effective"
            for row in frame.itertuples()
        ]
        if not self.connected:
            lines.append("no path goes from the inputs to the outputs")
        return "\n".join(lines)


def find_dead_units(model: nn.Module, masks: Masks, data: Data | Inputs) -> DeadUnits:
    """Find the units through which nothing flows, by masks and shapes alone.

    Parameters
    ----------
    model : Module
        A network of linear layers, convolutions, batch normalisations, rectifiers, pooling, sums
        and reshapes; left as it is. The values of its weights do not count.
    masks : Masks
        By parameter, such as ``fc1.weight``. What they do not name is kept.
    data : tuple (inputs, targets), or iterable of such, or the inputs
        Only the shape of the first example is used.

    Returns
    -------
    DeadUnits
        By convolution and linear layer that is called, in the order of calls.

    Raises
    ------
    ConfigurationError
        If the masks are not of this network, or an operation or layer has no paths; the message
        names it.

    Notes
    -----
    A unit that is not reached computes a constant from its bias; one that is not read changes
    nothing. Both are counted dead, though only the second can be removed without more ado. A
    dead unit's kept weights are of no effect: Vysogorets and Kempe 2023, "Connectivity matters:
    neural network pruning through the lens of effective sparsity".

    Ones go forward through the masks and backward again; after every layer only whether a number
    is zero is kept, so that no depth overflows. A convolution's unit has many positions; a path
    has to go through one of them, and kernel entries that only ever meet padding have no effect.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> first = np.array([[True, False], [False, False], [True, True]])
    >>> masks = Masks({"0.weight": first, "2.weight": np.array([[False, True, True]])})
    >>> print(find_dead_units(model, masks, torch.ones(1, 2)).summary())
    0: 2 of 3 units dead (1 unreached, 1 unread), 2 of 3 kept weights effective
    2: 0 of 1 units dead (0 unreached, 0 unread), 1 of 2 kept weights effective
    """
    twin = _of_masks(model, masks)
    try:
        inputs = take(first_inputs(data, twin), 0, 1)
        paths = flow(twin, inputs, direct=False)
        readers = flow(twin, inputs, direct=True)
    except PathsUndefined as error:
        raise ConfigurationError(
            f"dead units are not defined behind {error}: they need linear layers, convolutions, "
            "batch normalisation, rectifiers, pooling and sums"
        ) from None
    layers = {name: watch.layer for name, watch in paths.items()}
    return DeadUnits(
        Masks({n: w.units([(y != 0) & g for y, g in w.pairs()]) for n, w in paths.items()}),
        Masks({n: w.units([y != 0 for y in w.outputs]) for n, w in paths.items()}),
        Masks({n: w.units(w.gradients) for n, w in paths.items()}),
        Masks({n: ~kept_array(_fan_in(layer)) for n, layer in layers.items()}),
        Masks({n: ~w.units(w.gradients) for n, w in readers.items()}),
        {n: int(layer.weight.count_nonzero()) for n, layer in layers.items()},  # type: ignore[operator]
        Masks({n: w.effective() for n, w in paths.items()}),
    )


def _of_masks(model: nn.Module, masks: Masks) -> nn.Module:
    """Return a copy whose weights are the masks, without biases, in float64 and eval mode."""
    owners_of(model, masks)
    twin = unwrapped(copy_masked(model))
    if any(found[0].mask is not None for found in owners(twin).values()):
        make_permanent(twin)
    twin = twin.cpu().double().eval()
    chosen = {id(found[0].parameter): name for name, found in owners_of(twin, masks).items()}
    for name, found in owners(twin).items():
        owner = found[0]
        if not isinstance(owner.module, (_ConvNd, nn.Linear, _BatchNorm)):
            raise ConfigurationError(
                f"dead units are not defined for the parameter {name!r} of a "
                f"{type(owner.module).__name__}: they need linear layers, convolutions and batch "
                "normalisation"
            )
        values = torch.full_like(owner.parameter, owner.name == "weight")
        if id(owner.parameter) in chosen and owner.name == "weight":
            values = mask_tensor(masks.kept[chosen[id(owner.parameter)]], values)
        owner.parameter.data = values
    for module in twin.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = torch.zeros(module.num_features, dtype=torch.float64)
            module.running_var = torch.ones(module.num_features, dtype=torch.float64)
    return twin


def _fan_in(layer: nn.Module) -> Tensor:
    """Return how many weights of each unit are kept."""
    weight: Tensor = layer.weight.detach()  # type: ignore[operator]
    if not isinstance(layer, _ConvTransposeNd):
        return weight.flatten(1).sum(1)
    inputs, outputs = weight.shape[:2]
    grouped = weight.reshape(layer.groups, inputs // layer.groups, outputs, -1)
    return grouped.sum((1, 3)).flatten()
