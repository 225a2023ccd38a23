"""The only doorway for data: columns, roles, validation, readers and writers."""

from causalhyper.frames.appending import append_run, finish_runs
from causalhyper.frames.columns import KNOWN, Column
from causalhyper.frames.conditions import select_runs
from causalhyper.frames.reading import checksum, read_runs
from causalhyper.frames.role import Role
from causalhyper.frames.roles import Roles
from causalhyper.frames.step_columns import STEP_COLUMNS
from causalhyper.frames.step_sums import LayerSums, StepSums, merge_sums
from causalhyper.frames.steps import read_steps, validate_steps
from causalhyper.frames.sums_files import read_sums, write_sums
from causalhyper.frames.validation import validate_runs
from causalhyper.frames.writing import write_atomic, write_frame, write_together

__all__ = [
    "KNOWN",
    "STEP_COLUMNS",
    "Column",
    "LayerSums",
    "Role",
    "Roles",
    "StepSums",
    "append_run",
    "checksum",
    "finish_runs",
    "merge_sums",
    "read_runs",
    "read_steps",
    "read_sums",
    "select_runs",
    "validate_runs",
    "validate_steps",
    "write_atomic",
    "write_frame",
    "write_sums",
    "write_together",
]
