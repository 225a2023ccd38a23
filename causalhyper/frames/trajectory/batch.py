"""Rows that wait to be written, and how many of them a buffer holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory.codec import CODECS
from causalhyper.frames.trajectory.journal import Scalar
from causalhyper.frames.trajectory.layout import StoreLayout

BUFFER = 32 * 2**20
"""Bytes that a buffer takes, unless a single row needs more."""


@dataclass(slots=True)
class Batch:
    """Consecutive rows of one block of steps.

    Parameters
    ----------
    values : ndarray of float, shape (capacity, columns of all layers)
        The rows, layer after layer.
    row : int
        Row of the store at which the batch begins.
    room : int
        How many rows it may hold, so that it ends with its block of steps.
    frames : list of mapping
        Rows of the steps frame: as many as there are rows.
    """

    values: NDArray[np.floating[Any]]
    row: int = 0
    room: int = 0
    frames: list[Mapping[str, Scalar]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether no further row fits."""
        return len(self.frames) >= self.room

    def begin(self, row: int, layout: StoreLayout) -> None:
        """Empty the batch for rows from `row` on."""
        left = layout.block_steps - row % layout.block_steps
        self.row, self.room, self.frames = row, min(left, len(self.values)), []


def make_batch(layout: StoreLayout) -> Batch:
    """Return an empty batch of at most a block of steps, and at most `BUFFER` bytes if it can."""
    values = CODECS[layout.dtype].values
    rows = BUFFER // max(layout.columns * values.itemsize, 1)
    capacity = max(1, min(layout.block_steps, rows))
    return Batch(np.empty((capacity, layout.columns), values))


def layer_edges(layout: StoreLayout) -> list[int]:
    """Return where each layer begins in a row of a batch, and where the last one ends."""
    return [0, *accumulate(layer.size for layer in layout.layers)]


def check_changes(changes: Mapping[str, object], layout: StoreLayout) -> list[NDArray[Any]]:
    """Return the layers' changes as flat arrays, in the order of the layers.

    Parameters
    ----------
    changes : mapping of str to array_like
        One array of real numbers a layer, with as many entries as the layer.
    layout : StoreLayout
        The store's.

    Returns
    -------
    list of ndarray, each of shape (size,)
        Views where the array allows it.

    Raises
    ------
    ConfigurationError
        If a layer is missing or unknown, or an array has another size or is not of real numbers.
    """
    names = [layer.name for layer in layout.layers]
    lacking = [name for name in names if name not in changes]
    if lacking or len(changes) > len(names):
        odd = [f"lacks {name!r}" for name in lacking[:3]]
        odd += [f"has the unknown {name!r}" for name in list(set(changes) - set(names))[:3]]
        raise ConfigurationError(
            f"the step's changes do not fit the trajectory's {len(names)} layers: it "
            f"{', '.join(odd)}: give one array a layer"
        )
    return [_flat(changes[layer.name], layer.name, layer.size) for layer in layout.layers]


def check_factors(factor: float | Mapping[str, float], layout: StoreLayout) -> list[float]:
    """Return a factor for each layer; refuse a mapping that lacks one."""
    names = [layer.name for layer in layout.layers]
    if not isinstance(factor, Mapping):
        return [float(factor)] * len(names)
    for name in names:
        if name not in factor:
            raise ConfigurationError(
                f"there is no factor for the layer {name!r}: give one a layer"
            )
    return [float(factor[name]) for name in names]


def _flat(values: object, name: str, size: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ConfigurationError(
            f"the change of {name!r} must be real numbers; got {array.dtype}: convert it"
        )
    if array.size != size:
        raise ConfigurationError(
            f"the change of {name!r} has {array.size} entries (shape {array.shape}); expected "
            f"{size}"
        )
    return array.reshape(-1)
