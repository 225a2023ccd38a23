"""Recording trainings: what every step changed, and what it did to the loss."""

from collectors.recording.accumulators import StepAccumulators
from collectors.recording.recorder import Recorder
from collectors.recording.recording import record
from collectors.recording.sinks import Sink

__all__ = ["Recorder", "Sink", "StepAccumulators", "record"]
