"""Columns that enter a fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.backend import Block
from causalhyper.granger.lasso.columns import ColumnBlocks


@dataclass(frozen=True, slots=True)
class ColumnGroups:
    """Columns side by side, cut into groups.

    Attributes
    ----------
    edges : ndarray of int, shape (G + 1,)
        Group g has the columns ``edges[g]`` to ``edges[g + 1] - 1``.

    Examples
    --------
    >>> ColumnGroups.of(3, width=6).edges.tolist()
    [0, 3, 6]
    """

    edges: Codes

    @classmethod
    def of(cls, groups: int | Sequence[int] | Codes, width: int) -> ColumnGroups:
        """Read columns a group, or increasing edges from 0 to the number of columns.

        Raises
        ------
        ConfigurationError
            If they do not cut `width` columns into groups.
        """
        if isinstance(groups, (int, np.integer)) and not isinstance(groups, bool):
            if groups < 1 or width % groups:
                raise ConfigurationError(
                    f"groups of {groups} do not divide {width} columns: give a divisor, or edges"
                )
            return cls(np.arange(0, width + 1, groups))
        try:
            edges = np.asarray(groups)
        except ValueError:  # lists of several lengths
            edges = np.empty(0)
        whole = edges.ndim == 1 and len(edges) > 1 and np.issubdtype(edges.dtype, np.integer)
        if not whole or edges[0] != 0 or edges[-1] != width or (np.diff(edges) < 1).any():
            raise ConfigurationError(
                f"edges of groups must be whole numbers that increase from 0 to {width}, the "
                f"number of columns; got {groups!r:.60}"
            )
        return cls(edges.astype(np.intp))

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def roots(self) -> Array:
        """Square roots of the numbers of columns, shape (G,)."""
        return np.sqrt(np.diff(self.edges))

    def numbers(self, columns: Codes) -> Codes:
        """Group of each column."""
        return np.searchsorted(self.edges, columns, side="right") - 1


def whole_groups(columns: ColumnBlocks, groups: ColumnGroups) -> Iterator[tuple[int, int, Block]]:
    """Read a design once, no group cut in two.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    groups : ColumnGroups
        Of its columns.

    Yields
    ------
    group : int
        The first group.
    start : int
        Its first column.
    block : array, shape (T, w)
        Columns of whole groups, where the design's blocks are; what a group has in two of those
        is copied.
    """
    edges, parts, group = groups.edges, list[Block](), 0
    for start, block in columns.blocks():
        end = start + block.shape[1]
        if edges[group + 1] > end:
            parts.append(_copied(block))
            continue
        at = start
        if parts:
            at = int(edges[group + 1])
            parts.append(block[:, : at - start])
            yield group, int(edges[group]), array_namespace(block).concat(parts, axis=1)
            parts, group = [], group + 1
        last = int(np.searchsorted(edges, end, side="right")) - 1
        if last > group:
            yield group, at, block[:, at - start : edges[last] - start]
            group, at = last, int(edges[last])
        if at < end:
            parts.append(_copied(block[:, at - start :]))


def _copied(block: Block) -> Block:
    return array_namespace(block).asarray(block, copy=True)
