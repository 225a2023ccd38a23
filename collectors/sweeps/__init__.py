"""Sweeps: many runs by a design, each durable, on one machine or a cluster."""

from causalhyper.parallel import EngineError
from collectors.sweeps.configuration import Configuration
from collectors.sweeps.design import Design, factorial
from collectors.sweeps.protocols import (
    LearningRate,
    Protocol,
    equal_epochs,
    equal_updates,
    fixed_rate,
    scaled_rate,
    tuned_rate,
)
from collectors.sweeps.running import RunFailedError, RunFailedWarning, sweep

__all__ = [
    "Configuration",
    "Design",
    "EngineError",
    "LearningRate",
    "Protocol",
    "RunFailedError",
    "RunFailedWarning",
    "equal_epochs",
    "equal_updates",
    "factorial",
    "fixed_rate",
    "scaled_rate",
    "sweep",
    "tuned_rate",
]
