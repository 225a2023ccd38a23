"""Writing files whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from causalhyper.errors import ConfigurationError, DataError


def write_atomic(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    Parameters
    ----------
    path : str or Path
        The file; folders above it are made, an old file is replaced.
    data : bytes
        The whole content.

    Raises
    ------
    ConfigurationError
        If `path` is a folder, or the disk refuses; the old file is then as it was, and no other
        file is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomic(Path(folder, "results", "a.json"), b"{}")
    ...     Path(folder, "results", "a.json").read_bytes()
    b'{}'
    """
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files, each whole or not at all, and none if any cannot be written.

    All contents are on disk under passing names before the first file takes its place.

    Parameters
    ----------
    files : mapping of Path to bytes
        The files with their contents; folders above them are made, old files are replaced.

    Raises
    ------
    ConfigurationError
        If a file is a folder, two are the same, or the disk refuses; old files are then as they
        were, and no other file is left.
    """
    if len({path.resolve() for path in files}) < len(files):
        raise ConfigurationError("two of the files to write are the same: name different ones")
    for path in files:
        if path.is_dir():
            raise ConfigurationError(f"{str(path)!r} is a folder; expected the name of a file")
    drafts: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            drafts[path] = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
            _write_draft(drafts[path], data)
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(path)!r} ({error.strerror or error}): name a place that you may "
            "write to"
        ) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _write_draft(draft: Path, data: bytes) -> None:
    with draft.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def write_frame(path: str | Path, frame: pd.DataFrame) -> None:
    r"""Write a frame atomically.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.parquet``, ``.csv`` or ``.csv.gz``.
    frame : pandas.DataFrame
        The frame; its index is not written.

    Raises
    ------
    ConfigurationError
        If the suffix is another.
    DataError
        If the format cannot hold the frame, for example a column of numbers and text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_frame(Path(folder, "runs.csv"), pd.DataFrame({"run_id": ["a"], "seed": [1]}))
    ...     Path(folder, "runs.csv").read_text()
    'run_id,seed\na,1\n'
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith((".parquet", ".csv", ".csv.gz")):
        raise ConfigurationError(
            f"cannot tell the format of {str(path)!r}; expected a name that ends in .parquet, "
            ".csv or .csv.gz"
        )
    if name.endswith(".parquet"):
        write_atomic(path, _parquet(path, frame))
        return
    text = frame.to_csv(index=False, lineterminator="\n").encode()
    write_atomic(path, gzip.compress(text, mtime=0) if name.endswith(".gz") else text)


def append_run(path: str | Path, row: Mapping[str, object]) -> None:
    """Append one run to a Parquet runs frame, atomically.

    A run that is interrupted leaves the frame as it was. Two writers at once are not
    coordinated: give each its own file.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.parquet``; it is made when missing.
    row : mapping of str to object
        One value a column, ``run_id`` among them; None where nothing was measured.

    Raises
    ------
    ConfigurationError
        If the suffix is another.
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
    if path.exists():
        old = _table(path)
        _check_row(path, old, row)
        table = _join(path, old, table)
    stream = io.BytesIO()
    pq.write_table(table, stream)
    write_atomic(path, stream.getvalue())


def _parquet(path: Path, frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    try:
        frame.to_parquet(stream, engine="pyarrow", index=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise DataError(
            f"cannot write {str(path)!r}: {error}: give each column one name and one type"
        ) from error
    return stream.getvalue()


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


def _table(path: Path) -> pa.Table:
    """Read the frame as a table, its categorical columns as plain ones."""
    try:
        table = pq.read_table(io.BytesIO(path.read_bytes()))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}: move it away first") from error
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, plain)
    return table.replace_schema_metadata(None)


def _check_row(path: Path, old: pa.Table, row: Mapping[str, object]) -> None:
    """Refuse a run that is there already, or whose columns differ from the frame's."""
    there = old.column_names
    lacking = [name for name in there if name not in row]
    extra = [name for name in row if name not in there]
    if lacking or extra:
        parts = [f"it lacks {', '.join(lacking)}"] if lacking else []
        parts += [f"the frame lacks {', '.join(extra)}"] if extra else []
        raise DataError(
            f"the run {row['run_id']!r} has other columns than {str(path)!r}: "
            f"{'; '.join(parts)}: give None where nothing was measured, or start a new file"
        )
    if row["run_id"] in old.column("run_id").to_pylist():
        raise DataError(
            f"the run {row['run_id']!r} is in {str(path)!r} already: skip it, or rename it"
        )


def _join(path: Path, old: pa.Table, new: pa.Table) -> pa.Table:
    """Join two tables of the same columns, widening whole numbers to real ones."""
    try:
        ordered = new.select(old.column_names)
        return pa.concat_tables([old, ordered], promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(
            f"the run's values do not fit the columns of {str(path)!r}: {error}: give each "
            "column one type"
        ) from error
