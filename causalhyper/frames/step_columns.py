"""The columns of a steps frame that the library knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from causalhyper.frames.columns import Column, Kind


def _column(name: str, kind: Kind, description: str, unit: str = "") -> Column:
    low = -math.inf if kind in ("identifier", "number") else 0.0
    return Column(name, kind, low, math.inf, unit, description)


_COLUMNS = (
    _column("run_id", "identifier", "name of the run"),
    _column("step", "count", "number of the optimiser step, unique in its run", "steps"),
    _column("epoch", "nonnegative", "passes over the training set so far", "epochs"),
    _column("loss", "number", "loss of the step's minibatch before the step"),
    _column("loss_after", "number", "loss of the same minibatch after the step"),
    _column("grad_norm", "nonnegative", "Euclidean norm of the minibatch gradient"),
    _column("grad_noise", "nonnegative", "trace of the covariance of the minibatch gradient"),
    _column("update_norm", "nonnegative", "Euclidean norm of the parameters' change"),
    _column("learning_rate", "nonnegative", "learning rate of the step"),
    _column("nonfinite", "count", "parameters whose change is not finite"),
)

STEP_COLUMNS: Mapping[str, Column] = MappingProxyType({c.name: c for c in _COLUMNS})
"""The known columns of the steps frame by name; a frame may have any others beside them."""
