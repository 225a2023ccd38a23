"""Recording trainings: what every step changed, and what it did to the loss."""

from collectors.recording.accumulators import StepAccumulators
from collectors.recording.factors import FactorRecorder, LayerFactors, record_factors
from collectors.recording.recorder import Recorder
from collectors.recording.recording import record
from collectors.recording.sinks import Sink

__all__ = [
    "FactorRecorder",
    "LayerFactors",
    "Recorder",
    "Sink",
    "StepAccumulators",
    "record",
    "record_factors",
]
