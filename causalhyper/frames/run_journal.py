"""The journal beside a Parquet runs frame: runs that were appended and wait to be folded in.

A frame is rewritten as a whole, which is cheap while it is small. A run appended to a larger one
goes as a sealed line to ``runs.parquet.journal``, and the journal is folded into the frame
whenever it has grown to half of it. The first line says which frame it belongs to.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from causalhyper.errors import DataError
from causalhyper.frames.sealed import seal, unseal


def journal_of(path: Path) -> Path:
    """Return where the journal of a frame is, if it has one."""
    return path.with_name(f"{path.name}.journal")


@dataclass(frozen=True, slots=True)
class RunJournal:
    """The runs that wait beside a frame.

    Parameters
    ----------
    rows : tuple of pyarrow.Table
        One row each, in the order of appending.
    length : int
        Bytes of the journal that are whole; 0 where it is missing, or is that of a frame that
        was folded or rewritten since.
    """

    rows: tuple[pa.Table, ...]
    length: int


def header(data: bytes) -> bytes:
    """Return the first line of a journal: the frame's length and CRC-32."""
    return seal(json.dumps({"size": len(data), "crc32": f"{zlib.crc32(data):08x}"}).encode())


def row_line(table: pa.Table) -> bytes:
    """Return the line of a run: a table of one row as an Arrow stream."""
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return seal(base64.b64encode(stream.getvalue()))


def read_table(path: Path, data: bytes) -> pa.Table:
    """Read a frame as a table, its categorical columns as plain ones.

    Parameters
    ----------
    path : Path
        The frame's file, for messages.
    data : bytes
        Its content.

    Returns
    -------
    pyarrow.Table
        Without metadata.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}: move it away first") from error
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, plain)
    return table.replace_schema_metadata(None)


def read_journal(path: Path, data: bytes, known: set[object] | None = None) -> RunJournal:
    """Read the journal of a frame.

    Parameters
    ----------
    path : Path
        The frame's file.
    data : bytes
        The frame's content.
    known : set, optional
        The frame's run_ids, where they were read already.

    Returns
    -------
    RunJournal
        What waits. A last line that was cut short does not count.

    Raises
    ------
    DataError
        If a line is damaged, or the journal has runs of another frame.
    """
    place = journal_of(path)
    if not place.exists():
        return RunJournal((), 0)
    lines = unseal(place.read_bytes())
    if lines.damaged is not None:
        raise DataError(
            f"{str(place)!r} is damaged in line {lines.damaged + 1}: the checksum differs: "
            "restore it from a copy, or delete it and train the runs that the frame lacks again"
        )
    rows = tuple(pa.ipc.open_stream(base64.b64decode(p)).read_all() for p in lines.payloads[1:])
    if lines.payloads and seal(lines.payloads[0]) == header(data):
        return RunJournal(rows, lines.length)
    if known is None and rows:
        known = set(read_table(path, data).column("run_id").to_pylist())
    lacking = [
        run for row in rows if (run := row.column("run_id")[0].as_py()) not in (known or ())
    ]
    if lacking:
        raise DataError(
            f"{str(place)!r} has {len(lacking)} runs, such as {lacking[0]!r}, appended to another "
            f"state of {str(path)!r}: restore that, or delete the journal to give them up"
        )
    return RunJournal((), 0)


def settle(path: Path, data: bytes) -> bytes:
    """Return a frame's content with the runs that wait in its journal.

    Parameters
    ----------
    path : Path
        The frame's file.
    data : bytes
        Its content.

    Returns
    -------
    bytes
        The very content where nothing waits.
    """
    waiting = read_journal(path, data).rows
    return write_table(join(path, [read_table(path, data), *waiting])) if waiting else data


def write_table(table: pa.Table) -> bytes:
    """Return a table as the content of a Parquet file."""
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def join(path: Path, tables: list[pa.Table]) -> pa.Table:
    """Join tables of the same columns, widening whole numbers to real ones.

    Parameters
    ----------
    path : Path
        The frame's file, for messages.
    tables : list of pyarrow.Table
        The first one gives the order of the columns.

    Returns
    -------
    pyarrow.Table
        All rows.

    Raises
    ------
    DataError
        If a column has values of several types.
    """
    names = tables[0].column_names
    try:
        ordered = [table.select(names) for table in tables]
        return pa.concat_tables(ordered, promote_options="permissive").combine_chunks()
    except pa.ArrowException as error:
        raise DataError(
            f"the run's values do not fit the columns of {str(path)!r}: {error}: give each "
            "column one type"
        ) from error
