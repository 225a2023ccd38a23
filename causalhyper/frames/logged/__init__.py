"""Reading what loggers wrote: runs and steps frames from MLflow, TensorBoard and others."""

from causalhyper.frames.logged.logged import Logged
from causalhyper.frames.logged.reading import read_logged

__all__ = ["Logged", "read_logged"]
