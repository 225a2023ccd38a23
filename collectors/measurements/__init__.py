"""Rows of the runs frame: a trained network, measured by name under known columns."""

from collectors.measurements.known import MEASUREMENTS
from collectors.measurements.measurement import Measurement, Row
from collectors.measurements.rows import measure_run
from collectors.measurements.trained import Trained

__all__ = ["MEASUREMENTS", "Measurement", "Row", "Trained", "measure_run"]
