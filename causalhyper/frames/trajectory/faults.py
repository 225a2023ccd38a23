"""What is said when a store cannot be written, or is not what it should be."""

from __future__ import annotations

from pathlib import Path

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.trajectory.layout import Cells, StoreLayout

RESTORE = "restore the file from a copy, or record the run again"


def cannot_write(folder: Path, durable: int, error: BaseException) -> ConfigurationError:
    """Say that the disk refused, and what is safe."""
    reason = (getattr(error, "strerror", None) or str(error)) or type(error).__name__
    name = getattr(error, "filename", None)
    place = f" at {Path(name).name!r}" if isinstance(name, str | Path) else ""
    steps = "1 step" if durable == 1 else f"{durable} steps"
    return ConfigurationError(
        f"cannot write the trajectory {str(folder)!r} ({reason}{place}): {steps} are stored and "
        "can be read; put the disk right, then go on with TrajectoryWriter.resume"
    )


def missing_file(path: Path) -> DataError:
    """Say that a file of a store is not there."""
    return DataError(f"the trajectory's file {str(path)!r} is missing: {RESTORE}")


def truncated(path: Path, layout: StoreLayout, size: int, length: int, expected: int) -> DataError:
    """Say where a layer's file ends too early."""
    rows = layout.block_steps
    block = length // max(rows * size * layout.itemsize, 1)
    return DataError(
        f"{str(path)!r} is cut off in block {block} (rows {block * rows} to "
        f"{block * rows + rows - 1}): it has {length} bytes; expected {expected}: {RESTORE}"
    )


def describe(cells: Cells, layout: StoreLayout, row: int) -> str:
    """Put the place of a damaged cell in words."""
    return (
        f"block {cells.row // layout.block_steps} of the steps, block {cells.block} of the "
        f"columns (row {row}, columns {cells.start} to {cells.stop - 1})"
    )


def damaged(path: Path, place: str) -> DataError:
    """Say which block of a file does not have its checksum."""
    return DataError(f"{str(path)!r} is damaged in {place}: the checksum differs: {RESTORE}")


def damaged_index(path: Path) -> DataError:
    """Say that the index of a store is not the one that was made of its journal."""
    return DataError(
        f"{str(path)!r} is damaged or gone: TrajectoryWriter.resume(folder).close() makes it "
        "again from the journal"
    )


def damaged_journal(path: Path, whole: int) -> DataError:
    """Say which line of a journal does not have its checksum."""
    return DataError(
        f"{str(path)!r} is damaged in line {whole + 1}: {RESTORE}; or drop what follows with "
        f"TrajectoryWriter.resume(folder, keep={whole}), which keeps the steps before it"
    )
