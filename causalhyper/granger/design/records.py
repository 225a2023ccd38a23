"""What was recorded of trainings, as designs read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.trajectory import Layer, Trajectory, read_trajectory
from causalhyper.granger.design.array_trajectory import ArrayTrajectory
from causalhyper.granger.design.rotated import RotatedTrajectory
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
        if not isinstance(record, Trajectory | ArrayTrajectory | RotatedTrajectory):
            raise ConfigurationError(
                "expected a trajectory, the path of its folder, or ArrayTrajectory"
                f"{' in the sequence' if several else ''}; got {type(each).__name__}"
            )
        records.append(record)
    return tuple(records)


def common_layers(records: Sequence[StepRecord]) -> tuple[Layer, ...]:
    """Return the layers of several trainings, which must be the same.

    Parameters
    ----------
    records : sequence of StepRecord
        The trainings.

    Returns
    -------
    tuple of Layer
        In the order of the first.

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

    Parameters
    ----------
    record : StepRecord
        The training.
    rows : range
        Rows of its steps frame that are looked at, one after another.

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
