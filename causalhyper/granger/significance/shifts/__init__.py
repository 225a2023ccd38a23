"""Tests against a response rotated in time."""

from causalhyper.granger.significance.shifts.layer import LayerShifts
from causalhyper.granger.significance.shifts.reading import Reading
from causalhyper.granger.significance.shifts.result import ShiftTest
from causalhyper.granger.significance.shifts.selection import ShiftFailedError, shifted_selection
from causalhyper.granger.significance.shifts.selection_result import ShiftedSelection
from causalhyper.granger.significance.shifts.testing import shift_test

__all__ = [
    "LayerShifts",
    "Reading",
    "ShiftFailedError",
    "ShiftTest",
    "ShiftedSelection",
    "shift_test",
    "shifted_selection",
]
