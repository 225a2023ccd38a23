"""Designs read step by step: one row over all columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import ColumnBlocks, DenseColumns, SquaredChanges
from causalhyper.granger.lasso.columns import Matrix, host_blocks

RowReader = Callable[[int], Array]
"""Row t of a design in its unit, in float64, shape (p,)."""


def row_reader(columns: ColumnBlocks, memory: int) -> RowReader:
    """Return what reads one row of a design.

    A matrix in memory or memory-mapped in rows is read where it lies, and so is a design that has
    a method ``row(t)`` (in the unit of its blocks); of others a copy is held.

    Parameters
    ----------
    columns : ColumnBlocks
    memory : int
        Bytes that a copy may take.

    Returns
    -------
    callable

    Raises
    ------
    ConfigurationError
        If a copy would take more.
    """
    own = getattr(columns, "row", None)
    if callable(own):
        return lambda t: np.asarray(own(t), dtype=np.float64) * columns.unit
    if isinstance(columns, DenseColumns) and isinstance(columns.matrix, np.ndarray):
        matrix = columns.matrix
        return lambda t: np.asarray(matrix[t], dtype=np.float64)
    if isinstance(columns, SquaredChanges) and isinstance(columns.changes, np.ndarray):
        changes = columns.changes
        scales = np.ones(len(changes)) if columns.scales is None else columns.scales
        return lambda t: np.square(scales[t] * changes[t].astype(np.float64))
    held = _copy(columns, memory)
    return lambda t: held[t].astype(np.float64) * columns.unit


def largest_norm(columns: ColumnBlocks) -> float:
    """Return the largest squared norm of a row, in one reading of the columns."""
    norms = np.zeros(columns.shape[0])
    with np.errstate(over="ignore", invalid="ignore"):
        for _, block in host_blocks(columns):
            values = block.astype(np.float64) * columns.unit
            norms += np.einsum("ij,ij->i", values, values)
    bad = np.flatnonzero(~np.isfinite(norms))
    if len(bad):
        raise DataError(
            f"the design must hold finite numbers whose squares are finite; row {bad[0]} does "
            "not: did training diverge? Leave that step out"
        )
    return float(norms.max())


def _copy(columns: ColumnBlocks, memory: int) -> Matrix:
    rows, count = columns.shape
    size = rows * count * columns.dtype.itemsize
    if size > memory:
        raise ConfigurationError(
            f"the joint form reads rows, and a copy of this design takes {size / 1e9:.1f} GB of "
            f"the {memory / 1e9:.1f} allowed: raise memory, give a design with a method row(t), "
            "or use form='decoupled'"
        )
    held = np.empty((rows, count), columns.dtype)
    for start, block in host_blocks(columns):
        held[:, start : start + block.shape[1]] = block
    return held
