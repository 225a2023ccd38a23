"""The parameters of a network in one row, so that a stack of networks is one matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.pruning.tasks import prunable_parameters


@dataclass(frozen=True, slots=True)
class FlatLayout:
    """Where each parameter stands in a row.

    Attributes
    ----------
    shapes : dict of str to tuple of int
        Of every parameter, in the network's order.
    prunable : tuple of str
        Those that may be pruned, in the network's order.
    """

    shapes: Mapping[str, tuple[int, ...]]
    prunable: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def entries(self) -> int:
        """Number of parameters that may be pruned."""
        return sum(math.prod(self.shapes[name]) for name in self.prunable)

    def places(self) -> dict[str, slice]:
        """Return the columns of every parameter."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            found[name] = slice(start, start + math.prod(shape))
            start = found[name].stop
        return found

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the parameters of some networks, each of shape (rows, ...), without copying."""
        return {
            name: rows[:, place].unflatten(1, self.shapes[name])
            for name, place in self.places().items()
        }

    def row(self, state: Mapping[str, Tensor]) -> Tensor:
        """Return one network's parameters as a row, shape (p,)."""
        return torch.cat([state[name].detach().flatten() for name in self.shapes])

    def state(self, row: Tensor) -> dict[str, Tensor]:
        """Return a row as a state dict; copies."""
        return {name: view[0].clone() for name, view in self.views(row[None]).items()}

    def masks(self, row: Tensor) -> Masks:
        """Return a row of truth values, shape (p,), as masks of what may be pruned."""
        host = row.cpu().numpy()
        places = self.places()
        return Masks({n: host[places[n]].reshape(self.shapes[n]).copy() for n in self.prunable})

    def mask_row(self, masks: Masks, device: torch.device) -> Tensor:
        """Return masks as a row of truth values; what is not prunable is kept."""
        row = torch.ones(self.width, dtype=torch.bool)
        for name, place in self.places().items():
            if name in masks.kept:
                row[place] = torch.from_numpy(masks.kept[name].ravel())
        return row.to(device)


def layout_of(model: nn.Module, layers: str | Sequence[str] | None = None) -> FlatLayout:
    """Lay out the parameters of a network.

    Parameters
    ----------
    model : Module
        Without buffers, dropout and frozen parameters.
    layers : str or sequence of str, optional
        What may be pruned, see `collectors.pruning.prunable_parameters`.

    Returns
    -------
    FlatLayout

    Raises
    ------
    ConfigurationError
        If the network has what a stack cannot train as if each member were alone.

    Examples
    --------
    >>> layout = layout_of(nn.Linear(3, 2))
    >>> layout.width, layout.entries, layout.places()["bias"]
    (8, 6, slice(6, 8, None))
    """
    kinds = (_BatchNorm, _DropoutNd)
    if odd := [name for name, module in model.named_modules() if isinstance(module, kinds)]:
        raise ConfigurationError(
            f"{odd[0]!r} acts otherwise in training than in evaluation: networks with batch "
            "normalisation or dropout are pruned one at a time, by prune_many"
        )
    if buffers := [name for name, _ in model.named_buffers()]:
        raise ConfigurationError(f"the network has the buffer {buffers[0]!r}: use prune_many")
    if frozen := [name for name, p in model.named_parameters() if not p.requires_grad]:
        raise ConfigurationError(f"{frozen[0]!r} is frozen: use prune_many, or let it train")
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return FlatLayout(shapes, tuple(prunable_parameters(model, layers)))
