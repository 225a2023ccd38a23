"""How many parameters a network has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from torch import nn

from causalhyper.notebook import Shown
from collectors.parameters import layer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class LayerCount:
    """Numbers of parameters of one layer.

    Attributes
    ----------
    layer : str
        Dotted name of the layer.
    total, trainable, nonzero : int
        All, those that require a gradient, and those that are not exactly zero.
    """

    layer: str
    total: int
    trainable: int
    nonzero: int


@dataclass(frozen=True, slots=True)
class ParameterCounts(Shown):
    """Numbers of parameters by layer and in all; a shared parameter counts once.

    Attributes
    ----------
    layers : tuple of LayerCount
        In the network's order.
    """

    layers: tuple[LayerCount, ...]

    @property
    def total(self) -> int:
        """Number of parameters."""
        return sum(x.total for x in self.layers)

    @property
    def trainable(self) -> int:
        """Number of those that require a gradient."""
        return sum(x.trainable for x in self.layers)

    @property
    def nonzero(self) -> int:
        """Number of those that are not exactly zero."""
        return sum(x.nonzero for x in self.layers)

    def summary(self) -> str:
        """Say how many parameters there are, in all and by layer."""
        lines = [f"{self.total} parameters: {self.trainable} trainable, {self.nonzero} not zero"]
        return "\n".join(lines + [f"{x.layer}: {x.total}" for x in self.layers])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the number of parameters of each layer."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame().rename(columns={"layer": "label", "total": "value"})
        return plot_dots(frame, xlabel="parameters", log=True, ax=ax)

    def to_frame(self) -> pd.DataFrame:
        """Tidy frame, a row a layer: layer, total, trainable, nonzero."""
        return pd.DataFrame(
            [(x.layer, x.total, x.trainable, x.nonzero) for x in self.layers],
            columns=["layer", "total", "trainable", "nonzero"],
        )


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Count a network's parameters.

    Parameters
    ----------
    model : Module
        The network.

    Returns
    -------
    ParameterCounts
        By layer and in all; buffers, as the running means of batch normalisation, do not count.

    Notes
    -----
    Exact, no gradient evaluated. A pruned parameter kept as a mask times an original counts the
    original's numbers.

    Examples
    --------
    >>> counts = count_parameters(nn.Linear(3, 2))
    >>> counts.total, counts.trainable
    (8, 8)
    """
    layers: dict[str, list[int]] = {}
    for name, p in model.named_parameters():
        found = layers.setdefault(layer_of(name), [0, 0, 0])
        found[0] += p.numel()
        found[1] += p.numel() if p.requires_grad else 0
        found[2] += int(p.detach().count_nonzero())
    return ParameterCounts(tuple(LayerCount(layer, *n) for layer, n in layers.items()))
