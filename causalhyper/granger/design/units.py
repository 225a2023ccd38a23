"""Structural units of layers: the parameters of an output channel, filter or neuron."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Layer
from causalhyper.granger.design.columns import ChangeColumns
from causalhyper.granger.design.features import NAMES, take_means
from causalhyper.granger.lasso.columns import Matrix

Share = Literal["output", "input"] | Mapping[str, ArrayLike]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Which unit each parameter of a layer belongs to.

    Parameters
    ----------
    count : int
        Number of units.
    inner : int
        Parameter i belongs to unit ``i // inner % count``, unless there are labels.
    labels : ndarray of int, shape (p,), or None
        Unit of each parameter.

    Examples
    --------
    >>> Units(2, 3).of(0, 8).tolist()
    [0, 0, 0, 1, 1, 1, 0, 0]
    """

    count: int
    inner: int = 1
    labels: Codes | None = None

    def of(self, start: int, stop: int) -> Codes:
        """Return the units of some parameters."""
        if self.labels is not None:
            return self.labels[start:stop]
        return np.arange(start, stop) // self.inner % self.count


def units_of(layer: Layer, share: Share) -> Units:
    """Return the units of a layer.

    Parameters
    ----------
    layer : Layer
    share : {"output", "input"} or mapping of str to array_like of int
        Units by the first axis of the layer (output channels, filters, neurons), by the second
        (input channels), or the unit of each parameter, counted from 0, by layer.

    Returns
    -------
    Units

    Raises
    ------
    ConfigurationError
        If the layer has no such axis, or labels do not fit.
    """
    if isinstance(share, Mapping):
        return _labelled(layer, share)
    if not isinstance(share, str) or share not in ("output", "input"):
        raise ConfigurationError(
            f"share must be 'output', 'input' or labels by layer; got {share!r}"
        )
    axis = ("output", "input").index(share)
    if len(layer.shape) <= axis:
        raise ConfigurationError(
            f"layer {layer.name!r} of shape {layer.shape} has no {share} axis: leave it out by "
            "layers=, or give labels"
        )
    return Units(layer.shape[axis], math.prod(layer.shape[axis + 1 :]))


def _labelled(layer: Layer, share: Mapping[str, ArrayLike]) -> Units:
    if layer.name not in share:
        raise ConfigurationError(f"share has no labels for layer {layer.name!r}: give some")
    labels = np.asarray(share[layer.name])
    if labels.size != layer.size or not np.issubdtype(labels.dtype, np.integer):
        raise ConfigurationError(
            f"the labels of layer {layer.name!r} must be whole numbers, one a parameter of shape "
            f"{layer.shape}; got {labels.dtype} of shape {labels.shape}"
        )
    flat = labels.reshape(-1).astype(np.intp)
    found = np.unique(flat)
    if not np.array_equal(found, np.arange(len(found))):
        raise ConfigurationError(
            f"units are counted from 0 without gaps; the labels of layer {layer.name!r} are "
            f"{len(found)} numbers from {found[0]} to {found[-1]}"
        )
    return Units(len(found), labels=flat)


def joint_units(name: str, layers: Sequence[Layer], share: Share) -> tuple[Units, ...]:
    """Return the units of layers that share them, such as a weight and its bias.

    Parameters
    ----------
    name : str
        Of the set of layers.
    layers : sequence of Layer
        The layers.
    share : {"output", "input"} or mapping of str to array_like of int
        As `units_of` takes it.

    Returns
    -------
    tuple of Units
        One a layer, all of one number of units.

    Raises
    ------
    ConfigurationError
        If one has another number of units than the first.
    """
    found = tuple(units_of(layer, share) for layer in layers)
    for layer, units in zip(layers, found, strict=True):
        if units.count != found[0].count:
            raise ConfigurationError(
                f"layers of {name!r} are to share their units, and {layers[0].name!r} has "
                f"{found[0].count}, {layer.name!r} {units.count}"
            )
    return found


def unit_sums(
    parts: Sequence[ChangeColumns], units: Sequence[Units], *, runs: Sequence[int] | None = None
) -> Array:
    """Sum the features of each unit over its parameters.

    Parameters
    ----------
    parts : sequence of ChangeColumns
        A layer each, not centred, with the same rows and features; each is read once.
    units : sequence of Units
        Of each layer.
    runs : sequence of int, optional
        Rows of each training, whose means are then taken from the columns.

    Returns
    -------
    ndarray, shape (T, F U)
        F features of U units, those of a unit side by side, in the design's unit.
    """
    each = len(NAMES[parts[0].features])
    total = np.zeros((parts[0].shape[0], units[0].count, each))
    for columns, rule in zip(parts, units, strict=True):
        for start, block in columns.blocks():
            first = start // each
            labels = rule.of(first, first + block.shape[1] // each)
            order = np.argsort(labels, kind="stable")
            edges = np.flatnonzero(np.diff(labels[order], prepend=-1))
            which = labels[order[edges]]
            for feature in range(each):
                sums = _sums(block[:, feature::each], order, edges)
                total[:, which, feature] += sums * columns.unit
    matrix = total.reshape(len(total), -1)
    first = 0
    for rows in runs or ():
        take_means(matrix[first : first + rows])
        first += rows
    return matrix


def _sums(values: Matrix, order: Codes, edges: Codes) -> Array:
    """Sum columns, put in order, between edges."""
    sorted_ = (np.diff(order) == 1).all()
    there = values if sorted_ else values[:, order]
    return np.add.reduceat(there, edges, axis=1, dtype=np.float64)
