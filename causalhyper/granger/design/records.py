"""What was recorded of a training, on disk or in memory, as designs read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.trajectory import Layer, Trajectory, read_trajectory
from causalhyper.granger.lasso.columns import Matrix


class StepRecord(Protocol):
    """Changes of layers in steps, and the steps frame: a `Trajectory` is one."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers."""
        ...

    @property
    def n_steps(self) -> int:
        """Number of recorded steps."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What describes the run."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        ...

    @property
    def steps(self) -> pd.DataFrame:
        """The steps frame, with the column ``nonfinite``."""
        ...

    def columns(
        self,
        layer: str,
        start: int,
        stop: int,
        steps: slice = slice(None),
        *,
        out: Matrix | None = None,
    ) -> Matrix:
        """Read columns `start` to `stop` of a layer in some steps."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayTrajectory:
    """A trajectory that lies in arrays, in memory or memory-mapped.

    Parameters
    ----------
    changes : mapping of str to ndarray, shape (T, ...)
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
        If the arrays are none of these, or frame and arrays have different numbers of rows.

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
        rows = len(self.frame)
        for name, array in self.changes.items():
            if array.ndim < 1 or len(array) != rows or array.dtype not in (np.float32, np.float64):
                raise ConfigurationError(
                    f"the changes of layer {name!r} need a row a step of the frame, {rows}, of "
                    f"float32 or float64; got shape {array.shape} of {array.dtype}"
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


Recorded = StepRecord | str | Path


def open_records(recorded: Recorded | Sequence[Recorded]) -> tuple[StepRecord, ...]:
    """Return what was recorded of each training, stores opened.

    Parameters
    ----------
    recorded : Trajectory, ArrayTrajectory, path, or sequence of these

    Returns
    -------
    tuple of StepRecord
        At least one.

    Raises
    ------
    ConfigurationError
        If there is none, or a folder holds no trajectory.
    DataError
        If a store is cut off or damaged.
    """
    several = isinstance(recorded, list | tuple)
    found = list(recorded) if isinstance(recorded, list | tuple) else [recorded]
    if not found:
        raise ConfigurationError("there is no trajectory: give one at least")
    records = []
    for each in found:
        record = read_trajectory(each) if isinstance(each, str | Path) else each
        if not isinstance(record, Trajectory | ArrayTrajectory):
            raise ConfigurationError(
                "expected a trajectory, the path of its folder, or ArrayTrajectory"
                f"{' in the sequence' if several else ''}; got {type(each).__name__}"
            )
        records.append(record)
    return tuple(records)


def common_layers(records: Sequence[StepRecord]) -> tuple[Layer, ...]:
    """Return the layers of several trainings, which must be the same.

    Raises
    ------
    ConfigurationError
        If they differ.
    """
    first = records[0].layers
    for record in records[1:]:
        shapes = {layer.name: layer.shape for layer in record.layers}
        for layer in first:
            if shapes.get(layer.name) != layer.shape:
                found = shapes.get(layer.name, "no such layer")
                raise ConfigurationError(
                    f"trajectories are stacked by rows where their layers are the same; "
                    f"{name_of(records[0])!r} has {layer.name!r} of shape {layer.shape}, "
                    f"{name_of(record)!r} has {found}"
                )
        if len(shapes) > len(first):
            more = sorted(set(shapes) - {layer.name for layer in first})
            raise ConfigurationError(
                f"{name_of(record)!r} has the layer {more[0]!r}, which {name_of(records[0])!r} "
                "lacks: stack trajectories of the same layers"
            )
    return first


def name_of(record: StepRecord) -> str:
    """Return the name of a run."""
    return str(record.steps["run_id"].iloc[0]) if record.n_steps else "a run without steps"


def check_finite_changes(record: StepRecord, rows: range) -> None:
    """Refuse steps with changes that are not finite.

    Raises
    ------
    DataError
        If there are any; the message names the first.
    """
    frame = record.steps
    counts = frame["nonfinite"].to_numpy()[rows.start : rows.stop]
    bad = np.flatnonzero(counts)
    if len(bad):
        row = rows.start + int(bad[0])
        raise DataError(
            f"changes must be finite; step {frame['step'].iloc[row]} of run {name_of(record)!r} "
            f"has others: {counts[bad[0]]} (such steps: {len(bad)}): did training diverge? Take "
            f"the steps before, as in steps=slice(0, {row})"
        )
