"""What stands in the columns of the designs that are tested, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.response import checked_response, varies

Designs = GrangerDesign | ColumnBlocks | Mapping[str, GrangerDesign] | Mapping[str, ColumnBlocks]
"""One design, or one a layer."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Columns that are read together.

    Attributes
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    names : tuple of str
        Layers, from left to right.
    edges : ndarray of int, shape (layers + 1,)
        Columns where they begin, and p.
    each : int
        Columns of an entry, side by side; the first is its squared change.
    """

    columns: ColumnBlocks
    names: tuple[str, ...]
    edges: Codes
    each: int


def sources_of(
    designs: Designs, y: ArrayLike | None, edges: ArrayLike | None = None
) -> tuple[tuple[Source, ...], Array, Codes]:
    """Take designs apart.

    Parameters
    ----------
    designs : GrangerDesign, ColumnBlocks, or a mapping of either by layer
        All of the same rows. Columns alone are the layer "design".
    y : array_like, shape (T,), or None
        Loss changes; needed with columns alone, and not to be given with `GrangerDesign`.
    edges : array_like of int, optional
        Rows where trainings begin, and T; known of a `GrangerDesign`, otherwise one training.

    Returns
    -------
    sources : tuple of Source
    y : ndarray, shape (T,)
    edges : ndarray of int, shape (trainings + 1,)

    Raises
    ------
    ConfigurationError
        If there is no design, y or edges are missing or given twice, or designs have different
        rows.
    DataError
        If y is not finite.
    """
    by_layer = designs if isinstance(designs, Mapping) else {"": designs}
    if not by_layer:
        raise ConfigurationError("there is no design: pass one at least")
    found = [_source(name, design) for name, design in by_layer.items()]
    own = [d for d in by_layer.values() if isinstance(d, GrangerDesign)]
    twice = bool(own) and edges is not None
    if bool(own) == (y is not None) or (own and len(own) < len(found)) or twice:
        raise ConfigurationError(
            "give y with columns, and no y with designs, which have their own, as edges; got "
            f"{len(own)} designs of {len(found)}, {'a' if y is not None else 'no'} y and "
            f"{'no edges' if edges is None else 'edges'}"
        )
    response = own[0].y if own else y
    assert response is not None
    rows = found[0].columns.shape[0]
    same = all(
        np.array_equal(d.y, own[0].y) and np.array_equal(d.edges, own[0].edges) for d in own
    )
    if not same or any(source.columns.shape[0] != rows for source in found):
        raise ConfigurationError(
            "designs tested together have the same rows and loss changes: make them with one call "
            "of granger_design"
        )
    target = checked_response(response, rows)
    if not varies(target):
        raise ConfigurationError("y does not vary: there is nothing to be explained")
    ends = own[0].edges if own else checked_edges(edges, rows)
    return tuple(found), target, ends


def checked_edges(edges: ArrayLike | None, rows: int) -> Codes:
    """Return the edges of trainings, or say what is wrong with them.

    Parameters
    ----------
    edges : array_like of int, or None
        None is one training.
    rows : int
        T.

    Returns
    -------
    ndarray of int, shape (trainings + 1,)

    Raises
    ------
    ConfigurationError
        If they do not increase from 0 to T.
    """
    found = np.array([0, rows]) if edges is None else np.asarray(edges)
    good = found.ndim == 1 and len(found) > 1 and found.dtype.kind in "iu"
    if not good or found[0] != 0 or found[-1] != rows or (np.diff(found) < 1).any():
        raise ConfigurationError(
            f"edges are rows where trainings begin, from 0 up to {rows}; got {found.tolist()}"
        )
    return found.astype(np.intp)


def _source(name: str, design: GrangerDesign | ColumnBlocks) -> Source:
    if isinstance(design, GrangerDesign):
        names = design.layers if not name or len(design.layers) > 1 else (name,)
        edges = design.groups * np.cumsum([0, *design.sizes])
        return Source(design.columns, names, edges, design.groups)
    return Source(design, (name or "design",), np.array([0, design.shape[1]]), 1)
