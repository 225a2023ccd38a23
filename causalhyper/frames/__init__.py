"""The only doorway for data: columns, roles, validation, readers and writers."""

from causalhyper.frames.columns import KNOWN, Column
from causalhyper.frames.conditions import select_runs
from causalhyper.frames.reading import checksum, read_runs
from causalhyper.frames.role import Role
from causalhyper.frames.roles import Roles
from causalhyper.frames.validation import validate_runs
from causalhyper.frames.writing import append_run, write_atomic, write_frame, write_together

__all__ = [
    "KNOWN",
    "Column",
    "Role",
    "Roles",
    "append_run",
    "checksum",
    "read_runs",
    "select_runs",
    "validate_runs",
    "write_atomic",
    "write_frame",
    "write_together",
]
