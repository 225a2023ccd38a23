"""The columns of a steps frame that the library knows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from causalhyper.frames.columns import Column, column

_COLUMNS = (
    column("run_id", "identifier", "name of the run"),
    column("step", "count", "number of the optimiser step, unique in its run", "steps"),
    column("epoch", "nonnegative", "passes over the training set so far", "epochs"),
    column("loss", "number", "loss of the step's minibatch before the step"),
    column("loss_after", "number", "loss of the same minibatch after the step"),
    column("grad_norm", "nonnegative", "Euclidean norm of the minibatch gradient"),
    column("grad_noise", "nonnegative", "trace of the covariance of the minibatch gradient"),
    column("update_norm", "nonnegative", "Euclidean norm of the parameters' change"),
    column("learning_rate", "nonnegative", "learning rate of the step"),
    column("nonfinite", "count", "parameters whose change is not finite"),
)

STEP_COLUMNS: Mapping[str, Column] = MappingProxyType({c.name: c for c in _COLUMNS})
"""The known columns of the steps frame by name; a frame may have any others beside them."""
