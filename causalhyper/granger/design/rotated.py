"""A trajectory with its losses rotated in time: what a control is computed from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Layer, Trajectory
from causalhyper.granger.design.array_trajectory import ArrayTrajectory
from causalhyper.granger.lasso.columns import Matrix

LOSSES = ("loss", "loss_after")
"""Columns of the steps frame that are rotated."""


@dataclass(frozen=True, slots=True, eq=False)
class RotatedTrajectory:
    """A trajectory whose losses are those of other steps: its loss of step t comes to t + shift.

    Parameters
    ----------
    record : Trajectory or ArrayTrajectory
        The training.
    shift : int
        Steps; the last ones come to the beginning.

    Raises
    ------
    ConfigurationError
        If there are not more steps than that, or the shift is none.

    Examples
    --------
    >>> frame = pd.DataFrame({"loss": [3.0, 2.0, 1.0], "loss_after": [2.5, 1.5, 0.5]})
    >>> run = ArrayTrajectory({"fc": np.ones((3, 1))}, frame)
    >>> RotatedTrajectory(run, 1).steps["loss"].tolist()
    [1.0, 3.0, 2.0]
    """

    record: Trajectory | ArrayTrajectory
    shift: int
    steps: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.shift < self.record.n_steps:
            raise ConfigurationError(
                f"losses of {self.record.n_steps} steps are rotated by 1 step at least and by "
                f"fewer than there are; got {self.shift}"
            )
        frame = self.record.steps
        moved = {
            name: np.roll(frame[name].to_numpy(), self.shift)
            for name in LOSSES
            if name in frame.columns
        }
        object.__setattr__(self, "steps", frame.assign(**moved))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers."""
        return self.record.layers

    @property
    def n_steps(self) -> int:
        """Number of recorded steps."""
        return self.record.n_steps

    @property
    def settings(self) -> dict[str, Any]:
        """What describes the run."""
        return self.record.settings

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.record.dtype

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
        return self.record.columns(layer, start, stop, steps, out=out)
