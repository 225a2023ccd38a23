"""Writing files whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.run_journal import journal_of


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
        If `path` is a folder, a device or a pipe, or the disk refuses; the old file is then as it
        was, and no other file is left.

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
        If a file is a folder, a device or a pipe, two are the same, or the disk refuses; old files
        are then as they were, and no other file is left.
    """
    if len({path.resolve() for path in files}) < len(files):
        raise ConfigurationError("two of the files to write are the same: name different ones")
    for path in files:
        if path.is_dir():
            raise ConfigurationError(f"{str(path)!r} is a folder; expected the name of a file")
        if path.exists() and not path.is_file():
            raise ConfigurationError(
                f"{str(path)!r} is a device or a pipe, which a file would replace; expected the "
                "name of a file"
            )
    drafts: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            drafts[path] = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
            _write_draft(drafts[path], data)
        for path, draft in drafts.items():
            draft.replace(path)
        for folder in {path.parent for path in files}:
            _sync_folder(folder)
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


def _sync_folder(folder: Path) -> None:
    """Wait until new names are on the disk, where the system knows how to."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
        journal_of(path).unlink(missing_ok=True)
        return
    text = frame.to_csv(index=False, lineterminator="\n").encode()
    write_atomic(path, gzip.compress(text, mtime=0) if name.endswith(".gz") else text)


def _parquet(path: Path, frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    try:
        frame.to_parquet(stream, engine="pyarrow", index=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise DataError(
            f"cannot write {str(path)!r}: {error}: give each column one name and one type"
        ) from error
    return stream.getvalue()
