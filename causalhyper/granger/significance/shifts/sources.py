"""The columns tested: which designs and layers, in tiles that no block width changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso.columns import ColumnBlocks, Matrix, host_blocks
from causalhyper.granger.lasso.response import checked_response

Designs = GrangerDesign | ColumnBlocks | Mapping[str, GrangerDesign] | Mapping[str, ColumnBlocks]
"""A design with its response and layers, columns alone, or columns by layer."""
CACHED = 2**20
"""Bytes of a tile: what a processor's cache holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Some entries of one layer, which are not written to.

    Attributes
    ----------
    first : int
        Number of the first entry, counted over all layers.
    layer : int
        Number of the layer.
    offset : int
        Number of the first entry in its layer.
    unit : float
        What values are multiplied by to be in the design's unit.
    values : ndarray, shape (T, entries * groups)
        In the precision of the design.
    """

    first: int
    layer: int
    offset: int
    unit: float
    values: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Both sides of the regressions.

    Attributes
    ----------
    parts : tuple of (ColumnBlocks, tuple of int)
        Columns, and the entries of each of their layers, from left to right.
    layers : tuple of str
        Names of all layers.
    groups : int
        Columns of an entry, side by side.
    y : ndarray, shape (T,)
    edges : ndarray of int
        Rows where trainings begin, and T.
    """

    parts: tuple[tuple[ColumnBlocks, tuple[int, ...]], ...]
    layers: tuple[str, ...]
    groups: int
    y: Array
    edges: Codes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Entries of each layer."""
        return tuple(size for _, sizes in self.parts for size in sizes)

    def tiles(self) -> Iterator[Tile]:
        """Yield all entries, in tiles of a width that depends on the rows and the layers only."""
        first = layer = 0
        for columns, sizes in self.parts:
            entry = columns.shape[0] * columns.dtype.itemsize * self.groups
            width = max(1, CACHED // entry)
            cuts = [
                (layer + k, offset, min(width, size - offset))
                for k, size in enumerate(sizes)
                for offset in range(0, size, width)
            ]
            widths = [count * self.groups for _, _, count in cuts]
            for (at, offset, count), values in zip(cuts, _recut(columns, widths), strict=True):
                yield Tile(first, at, offset, columns.unit, values)
                first += count
            layer += len(sizes)


def find_sources(
    design: Designs, y: ArrayLike | None, groups: int | None, edges: ArrayLike | None
) -> Sources:
    """Return what is tested, checked.

    Parameters
    ----------
    design : GrangerDesign, ColumnBlocks, or mapping of str to either
    y : array_like, shape (T,), optional
        The response; that of a GrangerDesign unless given.
    groups : int, optional
        Columns of an entry; known of a GrangerDesign, otherwise 1.
    edges : array_like of int, optional
        Rows where trainings begin, and T; known of a GrangerDesign, otherwise one training.

    Returns
    -------
    Sources

    Raises
    ------
    ConfigurationError
        If shapes do not belong together, or no response is given.
    DataError
        If the response is not finite.
    """
    known = _known(design)
    if known:
        if groups is not None or edges is not None:
            raise ConfigurationError("a GrangerDesign knows its groups and edges: leave them out")
        first, response = (
            known[0],
            checked_response(known[0].y if y is None else y, len(known[0].y)),
        )
        parts = tuple((each.columns, each.sizes) for each in known)
        layers = tuple(layer for each in known for layer in each.layers)
        return Sources(parts, layers, first.groups, response, first.edges)
    named = cast(
        dict[str, ColumnBlocks],
        dict(design) if isinstance(design, Mapping) else {"design": design},
    )
    if not named or y is None:
        raise ConfigurationError("give columns of one layer at least, and their response y")
    count = 1 if groups is None else groups
    rows = next(iter(named.values())).shape[0]
    for name, columns in named.items():
        if columns.shape[0] != rows or count < 1 or columns.shape[1] % count:
            raise ConfigurationError(
                f"design {name!r} has shape {columns.shape}; expected {rows} rows and columns in "
                f"groups of {count}"
            )
    found = tuple((columns, (columns.shape[1] // count,)) for columns in named.values())
    return Sources(found, tuple(named), count, checked_response(y, rows), _edges(edges, rows))


def _known(design: Designs) -> tuple[GrangerDesign, ...]:
    """Return the designs that know their response, if that is what is given."""
    given = list(design.values()) if isinstance(design, Mapping) else [design]
    found = tuple(each for each in given if isinstance(each, GrangerDesign))
    if found and len(found) < len(given):
        raise ConfigurationError(
            "give a GrangerDesign for every layer, or columns for every layer"
        )
    for each in found[1:]:
        alike = np.array_equal(each.y, found[0].y) and np.array_equal(each.edges, found[0].edges)
        if not alike or each.groups != found[0].groups:
            raise ConfigurationError(
                f"the designs of {found[0].layers[0]!r} and {each.layers[0]!r} have other steps, "
                "responses or features: make them in one call of granger_design"
            )
    return found


def _edges(edges: ArrayLike | None, rows: int) -> Codes:
    given = np.array([0, rows]) if edges is None else np.asarray(edges, dtype=np.intp)
    if given.ndim != 1 or len(given) < 2 or given[0] or given[-1] != rows:
        raise ConfigurationError(f"edges begin with 0 and end with {rows}; got {given.tolist()}")
    if (np.diff(given) < 3).any():
        raise ConfigurationError(
            f"a training that is rotated has three steps at least; got edges {given.tolist()}"
        )
    return given


def _recut(columns: ColumnBlocks, widths: list[int]) -> Iterator[Matrix]:
    """Cut columns in tiles of these widths, whatever the blocks are; views where one holds all."""
    wanted = iter(widths)
    rows, dtype = columns.shape[0], columns.dtype
    tile = np.empty((rows, next(wanted, 0)), dtype)
    filled = 0
    for _, block in host_blocks(columns):
        taken = 0
        while taken < block.shape[1]:
            if not filled and block.shape[1] - taken >= tile.shape[1] > 0:
                yield block[:, taken : taken + tile.shape[1]]
                taken += tile.shape[1]
                tile = np.empty((rows, next(wanted, 0)), dtype)
                continue
            some = min(block.shape[1] - taken, tile.shape[1] - filled)
            tile[:, filled : filled + some] = block[:, taken : taken + some]
            taken, filled = taken + some, filled + some
            if filled == tile.shape[1]:
                yield tile
                tile, filled = np.empty((rows, next(wanted, 0)), dtype), 0
