"""Appending runs to a frame, each durable when it is appended, at a cost that does not grow."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.run_journal import (
    header,
    join,
    journal_of,
    read_journal,
    read_table,
    row_line,
    settle,
    write_table,
)
from causalhyper.frames.writing import write_atomic

SMALL = 256
"""Rows up to which a frame is rewritten for each run."""
REMEMBERED = 16
"""Frames whose run_ids are kept in memory between calls."""


def append_run(path: str | Path, row: Mapping[str, object]) -> None:
    """Append one run to a Parquet runs frame, atomically.

    A run that is interrupted leaves the frame as it was. Beyond 256 rows, runs wait in a journal
    beside the frame, ``runs.parquet.journal``, which is folded into it as it grows, so that the
    cost of a run does not depend on their number; `read_runs` reads both, and `finish_runs`
    leaves the plain frame. Two writers at once are not coordinated: give each its own file.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.parquet``; it is made when missing.
    row : mapping of str to object
        One value a column, ``run_id`` among them; None where nothing was measured.

    Raises
    ------
    ConfigurationError
        If the suffix is another, or the disk refuses.
    DataError
        If the row has no ``run_id`` or one that is there already, has other columns than the
        frame, or values of another type; or if the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "runs.parquet")
    ...     append_run(path, {"run_id": "a", "batch_size": 16})
    ...     append_run(path, {"run_id": "b", "batch_size": 32})
    ...     pd.read_parquet(path)["batch_size"].tolist()
    [16, 32]
    """
    path = Path(path)
    if path.suffix.lower() != ".parquet":
        raise ConfigurationError(f"cannot append to {str(path)!r}; expected a .parquet file")
    table = _row_table(row)
    if not path.exists():
        _refuse_orphans(path)
        write_atomic(path, write_table(table))
        return
    frame = _frame(path)
    _check_row(path, frame, row)
    schema = join(path, [frame.schema.empty_table(), table]).schema
    if frame.rows < SMALL:
        old = read_table(path, path.read_bytes())
        write_atomic(path, write_table(join(path, [old, table])))
        _FRAMES.pop(path.resolve(), None)
        return
    _extend(path, frame, row_line(table))
    frame.schema = schema
    frame.run_ids.add(row["run_id"])
    frame.waiting += 1
    frame.stamp = _stamp(path)
    if frame.waiting * 2 >= frame.rows:
        finish_runs(path)


def finish_runs(path: str | Path) -> None:
    """Fold the runs that wait beside a frame into it, and leave the plain frame alone.

    Parameters
    ----------
    path : str or Path
        The frame; nothing is done where no run waits.

    Raises
    ------
    ConfigurationError
        If the disk refuses.
    DataError
        If frame or journal cannot be read, or do not belong together.
    """
    path = Path(path)
    journal = journal_of(path)
    if not path.exists():
        _refuse_orphans(path)
    elif journal.exists():
        data = path.read_bytes()
        if (settled := settle(path, data)) is not data:
            write_atomic(path, settled)
        journal.unlink(missing_ok=True)
    _FRAMES.pop(path.resolve(), None)


@dataclass(slots=True)
class _Frame:
    """What must be known of a frame to append to it.

    Parameters
    ----------
    rows : int
        Rows of the Parquet file.
    waiting, length : int
        Rows of the journal, and its bytes.
    schema : pyarrow.Schema
        Columns and types of both together.
    run_ids : set
        The runs of both.
    stamp : tuple
        The state of both files when this was read.
    """

    rows: int
    waiting: int
    length: int
    schema: pa.Schema
    run_ids: set[object]
    stamp: tuple[object, ...]
    first: bytes


_FRAMES: OrderedDict[Path, _Frame] = OrderedDict()


def _frame(path: Path) -> _Frame:
    """Return what is known of a frame, read anew where its files have changed."""
    key = path.resolve()
    frame = _FRAMES.get(key)
    if frame is None or frame.stamp != _stamp(path):
        frame = _read_frame(path)
    _FRAMES[key] = frame
    _FRAMES.move_to_end(key)
    while len(_FRAMES) > REMEMBERED:
        _FRAMES.popitem(last=False)
    return frame


def _read_frame(path: Path) -> _Frame:
    stamp = _stamp(path)
    data = path.read_bytes()
    table = read_table(path, data)
    ids = set(table.column("run_id").to_pylist()) if "run_id" in table.column_names else set()
    journal = read_journal(path, data, ids)
    joined = join(path, [table.slice(0, 0), *journal.rows])
    ids |= {row.column("run_id")[0].as_py() for row in journal.rows}
    waiting = len(journal.rows)
    return _Frame(len(table), waiting, journal.length, joined.schema, ids, stamp, header(data))


def _stamp(path: Path) -> tuple[object, ...]:
    """Return what tells two states of a frame's files apart."""
    found: list[object] = []
    for file in (path, journal_of(path)):
        try:
            status = file.stat()
            found += [status.st_ino, status.st_size, status.st_mtime_ns]
        except FileNotFoundError:
            found.append(None)
    return tuple(found)


def _extend(path: Path, frame: _Frame, line: bytes) -> None:
    """Add a line to the journal, over what an interrupted one left, and wait for the disk."""
    place = journal_of(path)
    if not frame.length:
        write_atomic(place, frame.first + line)
        frame.length = len(frame.first) + len(line)
        return
    try:
        with place.open("r+b") as stream:
            stream.truncate(frame.length)
            stream.seek(frame.length)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(place)!r} ({error.strerror or error}): the runs before it are "
            "stored; put the disk right and append the run again"
        ) from error
    frame.length += len(line)


def _refuse_orphans(path: Path) -> None:
    """Refuse a frame that is gone while runs wait for it."""
    if journal_of(path).exists():
        raise DataError(
            f"{str(journal_of(path))!r} has runs for {str(path)!r}, which is gone: restore it, or "
            "delete the journal"
        )


def _row_table(row: Mapping[str, object]) -> pa.Table:
    """Return a table of one row."""
    run_id = row.get("run_id")
    nameless = pd.Series([run_id], dtype=object).isna().iloc[0]
    if nameless or (isinstance(run_id, str) and not run_id.strip()):
        raise DataError(f"the run has no run_id; got the columns {', '.join(row) or 'none'}")
    try:
        return pa.Table.from_pylist([dict(row)])
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise DataError(
            f"cannot store the run {run_id!r}: {error}: give numbers, text, booleans or None"
        ) from error


def _check_row(path: Path, frame: _Frame, row: Mapping[str, object]) -> None:
    """Refuse a run that is there already, or whose columns differ from the frame's."""
    there = frame.schema.names
    lacking = [name for name in there if name not in row]
    extra = [name for name in row if name not in there]
    if lacking or extra:
        parts = [f"it lacks {', '.join(lacking)}"] if lacking else []
        parts += [f"the frame lacks {', '.join(extra)}"] if extra else []
        raise DataError(
            f"the run {row['run_id']!r} has other columns than {str(path)!r}: "
            f"{'; '.join(parts)}: give None where nothing was measured, or start a new file"
        )
    if row["run_id"] in frame.run_ids:
        raise DataError(
            f"the run {row['run_id']!r} is in {str(path)!r} already: skip it, or rename it"
        )
