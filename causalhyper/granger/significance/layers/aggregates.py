"""A few numbers a row of each layer, from one reading of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.columns import host_blocks
from causalhyper.granger.ridge.gram import checked_block, prepared
from causalhyper.granger.significance.layers.inputs import Source

WIDEST = 4096
"""Units of a layer that are held at most, each with T numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerRows:
    """What is known of a layer at each step.

    Attributes
    ----------
    name : str
    size : int
        Entries: parameters or units.
    totals : ndarray, shape (T,)
        Total movement: the sum of the squared changes of all entries.
    gram : ndarray, shape (T, T), or None
        X X' of its columns, centred (and standardised where asked for).
    units : ndarray, shape (T, size), or None
        The squared change of each entry.
    """

    name: str
    size: int
    totals: Array
    gram: Array | None
    units: Array | None


@dataclass(slots=True, eq=False)
class _Sums:
    """Sums of a layer so far."""

    name: str
    rows: int
    size: int
    gram: Array | None
    totals: Array = field(init=False)
    units: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.totals = np.zeros(self.rows)


def read_layers(
    source: Source, *, gram: bool = False, standardise: bool = False, units: bool = False
) -> tuple[LayerRows, ...]:
    """Read the columns of layers once, and keep sums of each.

    Parameters
    ----------
    source : Source
    gram : bool
        Whether products of rows are wanted.
    standardise : bool
        Whether columns are divided by their standard deviations for these.
    units : bool
        Whether the squared change of each entry is wanted.

    Returns
    -------
    tuple of LayerRows

    Raises
    ------
    ConfigurationError
        If a layer has more units than can be held.
    DataError
        If a value is not finite.
    """
    rows = source.columns.shape[0]
    sizes = np.diff(source.edges) // source.each
    if units and sizes.max() > WIDEST:
        at = int(sizes.argmax())
        raise ConfigurationError(
            f"layer {source.names[at]!r} has {sizes[at]} entries, and at most {WIDEST} are tested "
            "one by one: make the design with share='output', or test layers"
        )
    named = zip(source.names, sizes, strict=True)
    sums = [
        _Sums(name, rows, int(n), np.zeros((rows, rows)) if gram else None) for name, n in named
    ]
    for layer, start, values in _pieces(source):
        kept = sums[layer]
        squares = values[:, -start % source.each :: source.each]
        kept.totals += squares.sum(axis=1)
        if units:
            kept.units.append(squares)
        if kept.gram is not None:
            columns, _ = prepared(values, standardise=standardise, intercept=True)
            kept.gram += columns @ columns.T
    return tuple(
        LayerRows(s.name, s.size, s.totals, s.gram, np.hstack(s.units) if units else None)
        for s in sums
    )


def _pieces(source: Source) -> Iterator[tuple[int, int, Array]]:
    """Yield parts of blocks that belong to one layer: layer, first column in it, columns."""
    for start, block in host_blocks(source.columns):
        values = checked_block(block, source.columns.unit, start)
        stop = start + values.shape[1]
        first = int(np.searchsorted(source.edges, start, side="right")) - 1
        for layer in range(first, len(source.names)):
            low, high = (int(edge) for edge in source.edges[layer : layer + 2])
            if low >= stop:
                break
            part = values[:, max(low, start) - start : min(high, stop) - start]
            yield layer, max(low, start) - low, part


def leading_components(layer: LayerRows, count: int) -> Array:
    """Return the leading principal components of the columns of a layer.

    Parameters
    ----------
    layer : LayerRows
        With its Gram matrix.
    count : int

    Returns
    -------
    ndarray, shape (T, at most count)
        Orthonormal, in the order of the variance that they hold; those without any left out.
    """
    assert layer.gram is not None
    values, vectors = np.linalg.eigh(layer.gram)
    order = np.argsort(values)[::-1][:count]
    held = values[order] > len(values) * np.finfo(float).eps * max(values[-1], 0.0)
    return np.asarray(vectors[:, order[held]])
