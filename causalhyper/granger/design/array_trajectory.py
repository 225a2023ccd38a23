"""A trajectory that lies in arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Layer
from causalhyper.granger.lasso.backend import as_matrix
from causalhyper.granger.lasso.columns import Matrix


@dataclass(frozen=True, slots=True, eq=False)
class ArrayTrajectory:
    """A trajectory that lies in arrays, in memory or memory-mapped.

    Parameters
    ----------
    changes : mapping of str to ndarray or DataFrame, shape (T, ...)
        Changes of each layer in T steps, all float32 or all float64, T rows in the layer's shape
        or flat.
    frame : pandas.DataFrame, shape (T, columns)
        The steps frame: ``step``, ``loss`` and whatever else the response needs; ``run_id`` and
        ``step`` are filled in where they lack.
    settings : mapping
        What describes the run, such as ``learning_rate``.

    Raises
    ------
    ConfigurationError
        If the arrays are none of these, frame and arrays have different numbers of rows, or the
        frame is not of one run in the order of its steps.

    Notes
    -----
    The arrays are read once to count what is not finite. They are copied only where they do not
    lie row by row.

    Examples
    --------
    >>> changes = {"fc": np.ones((2, 3, 4))}
    >>> found = ArrayTrajectory(changes, pd.DataFrame({"loss": [1.0, 0.5]}))
    >>> found.columns("fc", 0, 5).shape
    (2, 5)
    """

    changes: Mapping[str, Matrix]
    frame: pd.DataFrame
    settings: dict[str, Any] = field(default_factory=dict)
    layers: tuple[Layer, ...] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)
    steps: pd.DataFrame = field(init=False)
    flat: Mapping[str, Matrix] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kinds = (("changes", Mapping), ("frame", pd.DataFrame), ("settings", Mapping))
        for name, kind in kinds:
            if not isinstance(getattr(self, name), kind):
                raise ConfigurationError(
                    f"{name} must be a {kind.__name__}; got {type(getattr(self, name)).__name__}"
                )
        arrays = {name: as_matrix(array) for name, array in self.changes.items()}
        object.__setattr__(self, "changes", arrays)
        rows = len(self.frame)
        for name, array in self.changes.items():
            shape, dtype = np.shape(array), getattr(array, "dtype", type(array).__name__)
            if shape[:1] != (rows,) or dtype not in (np.float32, np.float64):
                raise ConfigurationError(
                    f"the changes of layer {name!r} need an array of numpy of float32 or float64 "
                    f"with a row a step of the frame, {rows}; got shape {tuple(shape)} of {dtype}"
                )
        dtypes = {array.dtype for array in self.changes.values()}
        if len(dtypes) != 1:
            raise ConfigurationError(
                f"expected changes of one type, of one layer at least; got "
                f"{', '.join(sorted(map(str, dtypes))) or 'none'}"
            )
        flat = {
            name: array.reshape(rows, math.prod(array.shape[1:]))
            for name, array in self.changes.items()
        }
        object.__setattr__(self, "flat", flat)
        lacking: dict[str, Any] = {"run_id": "arrays", "step": range(rows)}
        lacking = {name: value for name, value in lacking.items() if name not in self.frame}
        frame = self.frame.reset_index(drop=True).assign(**lacking, nonfinite=self._nonfinite())
        if frame["run_id"].nunique() > 1 or not frame["step"].diff().iloc[1:].gt(0).all():
            raise ConfigurationError(
                "expected the steps of one run in their order: give each run an ArrayTrajectory "
                "of its own, sorted by step"
            )
        layers = tuple(Layer(name, array.shape[1:]) for name, array in self.changes.items())
        object.__setattr__(self, "dtype", dtypes.pop())
        object.__setattr__(self, "steps", frame)
        object.__setattr__(self, "layers", layers)

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.frame)

    def columns(
        self,
        layer: str,
        start: int,
        stop: int,
        steps: slice = slice(None),
        *,
        out: Matrix | None = None,
    ) -> Matrix:
        """Copy the changes of some parameters of a layer, counted row by row (C order)."""
        found = self.flat[layer][steps, start:stop]
        if out is None:
            return found.copy()
        out[...] = found
        return out

    def _nonfinite(self) -> list[int]:
        """Count by step, reading as many rows at a time as are some megabytes."""
        counts = np.zeros(len(self.frame), np.intp)
        for flat in self.flat.values():
            many = max(1, 2**20 // max(flat.shape[1], 1))
            for row in range(0, len(flat), many):
                part = slice(row, row + many)
                counts[part] += (~np.isfinite(flat[part])).sum(axis=1)
        return counts.tolist()
